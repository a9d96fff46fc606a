"""Layers in, documents out: one plan per shape, slot bytes per phone.

Most of a document is the same for all phones of a domain and model.  What differs are
the fields of the accounts, the values that account and device layers add, what has
variables in it, and when the phone comes again; these are slots.  The *shape* of a
phone is what decides the markup: which identities are in use and with which profiles,
and which settings and keys its accounts' and its own layer name.  Phones of one shape,
domain, model, firmware range and base URL share one plan, and only the packed values of
the slots are made for each (``settings.merging``).
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from itertools import count
from typing import Final

from bootwave.directory.records import (
    EMPTY,
    Binding,
    Device,
    Domain,
    Layer,
    NamedLayer,
    Permission,
    Profile,
)
from bootwave.native.xml import Plan
from bootwave.phone.models import Dialect, document_dialect, model_data
from bootwave.settings.dialects.parts import Parts, languages_of
from bootwave.settings.dialects.tbook import (
    DESK,
    M9,
    Book,
    OwnBooks,
    Share,
    book_document,
    own_items,
    share,
)
from bootwave.settings.dialects.text import is_one_line, text_document
from bootwave.settings.document import settings_document
from bootwave.settings.layers import (
    ENGINE_LAYER,
    Merged,
    Remembering,
    Slot,
    bootstrap,
    general,
    known_model,
    lines_of,
)
from bootwave.settings.merging import (
    Filled,
    Phone,
    merge,
    used_identities,
    values_for,
)
from bootwave.settings.pacing import USUAL, Pace
from bootwave.settings.variables import MARK, without_variables

# Plans kept: at 8 KB some eight thousand shapes.  A fleet where every phone has a
# shape of its own compiles at each miss, which costs time, not memory.
MAX_PLAN_BYTES: Final = 64 * 1024 * 1024
_PLAN_OVERHEAD_BYTES: Final = 2048  # the key, the holes and the ends of the pieces
_MAX_VERSIONS: Final = 16_384  # of domains, models and profiles: peers name models
_MOST_ENTRIES: Final = 250_000  # of phone books in them, as the reader keeps

_SettingShape = tuple[str, int | None, Permission, str]
_KeyShape = tuple[int, str, Permission, tuple[tuple[str, str], ...], str, str]
_LayerShape = tuple[tuple[_SettingShape, ...], tuple[_KeyShape, ...]] | None
Layers = tuple[NamedLayer, ...]


class _Versions:
    """Small numbers for contents that are costly to hash.

    One content of one name keeps its number while it is the latest seen; another
    content gets a number never used before.  The same object is recognised at once,
    an equal one by comparison.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._latest: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._entries = 0

    def number(self, name: Hashable, content: object) -> int:
        """Return the number of *content* under *name*."""
        latest = self._latest.get(name)
        if latest is not None:
            self._latest.move_to_end(name)
            if latest[0] is content:
                return latest[1]
            if latest[0] == content:
                self._latest[name] = content, latest[1]
                return latest[1]
            self._entries -= _entries_of(latest[0])
        number = next(self._numbers)
        self._latest[name] = content, number
        self._entries += _entries_of(content)
        while len(self._latest) > _MAX_VERSIONS or (
            self._entries > _MOST_ENTRIES and len(self._latest) > 1
        ):
            _name, (oldest, _number) = self._latest.popitem(last=False)
            self._entries -= _entries_of(oldest)
        return number


def _entries_of(content: object) -> int:
    """Return how many entries of phone books *content* holds."""
    return len(content.layer.book or ()) if isinstance(content, Domain) else 0


class SettingsCompiler:
    """Makes the settings documents of phones; keeps the plans they share.

    For one thread.  Nothing needs to be told when something stored changes: plans are
    found by the content of the records handed in.
    """

    def __init__(
        self,
        engine_layer: Layer = ENGINE_LAYER,
        *,
        plan_bytes: int = MAX_PLAN_BYTES,
        pace: Pace = USUAL,
    ) -> None:
        """Start without plans; they will take *plan_bytes* bytes at most.

        *pace* is that of all phones of this server.
        """
        self._pace = pace
        self._engine_layer = engine_layer
        self._plan_bytes = plan_bytes
        self._domains = _Versions()
        self._models = _Versions()
        self._profiles = _Versions()
        self._plans: OrderedDict[Hashable, tuple[Plan, tuple[Filled, ...]]] = (
            OrderedDict()
        )
        self._kept_bytes = 0
        self._latest: tuple[Domain, Layers, str, tuple[int, int, str]] | None = None

    def keep_apart(self, pace: Pace) -> bool:
        """Have phones told *pace* from now on, and return whether it is another one.

        Documents that were made before tell the last one.
        """
        if pace == self._pace:
            return False
        self._pace = pace
        self._plans.clear()
        self._kept_bytes = 0
        return True

    @property
    def plans(self) -> int:
        """How many plans are kept."""
        return len(self._plans)

    def specific(
        self,
        device: Device,
        *,
        model: str,
        firmware: str = "",
        layers: Layers,
        passwords: Mapping[int, str] | None,
        base_url: str,
        setting_server: str | None = None,
        credentials: tuple[str, str] | None = None,
        firmware_status: str | None = None,
    ) -> tuple[Plan, bytes]:
        """Return the plan of *device*'s own document and the packed bytes to fill it.

        *model* and *firmware*, "" while unknown, decide the dialect it is in.
        The caller leaves out bindings that have expired.  *layers* are those of the
        engine, the model and its firmware, the winner last.  *passwords* holds the SIP
        password of each bound account by the account's id; with None the document says
        nothing of passwords.  *base_url* is where the phone reaches this server, and
        *model* is "" while unknown; *setting_server* is what the phone is told to come
        back to, and *firmware_status* where it asks for firmware, where these are not
        the same for all.  *credentials* are the user name and password by which it
        authenticates there.

        Raises SettingError for what XML cannot carry, KeyError for a missing password
        and ValueError for a device without domain or with an identity that is out of
        range or given twice.
        """
        domain = device.domain
        if domain is None:
            raise ValueError("a device without domain has no settings of its own")
        model = known_model(model)
        dialect = document_dialect(model, firmware)
        bindings = _in_order(device)
        room = _room(domain, bindings, model) if dialect == "xml" else None
        languages = domain.extras.languages
        if languages:
            languages = languages_of(languages, model, firmware)
        told = (
            passwords is not None,
            setting_server is not None,
            credentials is not None,
            firmware_status is not None,
        )
        key = (
            self._shared(domain, model, layers, base_url),
            dialect,
            room and room.shape,
            languages,
            told,
            _layer_shape(device.layer),
            tuple(
                [
                    (
                        b.identity,
                        _layer_shape(b.account.layer),
                        self._number(b.account.profile),
                    )
                    for b in bindings
                ]
            ),
        )
        found = self._plans.get(key)
        if found is None:
            merged, filled = self._merged(
                device, bindings, model, layers, base_url, told, dialect
            )
        else:
            filled = found[1]
        values = values_for(
            device,
            domain,
            bindings,
            passwords,
            (setting_server, firmware_status),
            credentials or (),
            filled,
            self._pace,
        )
        if dialect == "text" and not all(map(is_one_line, values)):
            # What is left out depends on the values, so that the plan is the phone's
            # own and not kept: such values are few, and so are such phones.
            merged, _ = self._merged(
                device, bindings, model, layers, base_url, told, dialect
            )
            plan = text_document(merged, values)
            return plan, plan.fill(values)
        if found is None:
            parts = Parts(
                domain.extras.certificates,
                None if room is None else _book(domain, room, len(values)),
                domain.extras.dialplan,
                languages,
            )
            found = settings_document(merged, dialect, parts), filled
            self._keep(key, found)
        else:
            self._plans.move_to_end(key)
        if room is not None and room.own:
            values.append(own_items(_own_books(bindings), DESK, room))
        return found[0], found[0].fill(values)

    def phone_book(self, device: Device, *, model: str) -> tuple[Plan, bytes]:
        """Return the plan of *device*'s phone book and the packed bytes to fill it.

        The book of its domain and those of its accounts, as phones of *model* have
        them, which read it as a file of its own.  Raises SettingError and ValueError as
        ``specific`` does.
        """
        domain = device.domain
        if domain is None:
            raise ValueError("a device without domain has no phone book")
        model = known_model(model)
        bindings = _in_order(device)
        style = M9 if document_dialect(model, "") == "m9" else DESK
        room = _room(domain, bindings, model) or Share(0, 0)
        key = (style, room.shape, self._domains.number(domain.id, domain))
        found = self._plans.get(key)
        if found is None:
            found = book_document(_book(domain, room, 0), style), ()
            self._keep(key, found)
        else:
            self._plans.move_to_end(key)
        own = own_items(_own_books(bindings), style, room)
        return found[0], found[0].fill([own] if room.own else [])

    def remembered(
        self,
        device: Device,
        *,
        model: str,
        firmware: str = "",
        layers: Layers,
        passwords: Mapping[int, str] | None,
        base_url: str,
        setting_server: str | None = None,
        credentials: tuple[str, str] | None = None,
        firmware_status: str | None = None,
    ) -> tuple[Remembering, list[str]]:
        """Return what each layer says to *device*, and the values of the slots in it.

        For people who ask why; nothing is kept of it.  Arguments and errors are those
        of ``specific``.
        """
        domain = device.domain
        if domain is None:
            raise ValueError("a device without domain has no settings of its own")
        bindings = _in_order(device)
        phone = Phone(
            device,
            domain,
            bindings,
            known_model(model),
            layers,
            base_url,
            passwords is not None,
            setting_server is not None,
            credentials is not None,
            firmware_status is not None,
            document_dialect(known_model(model), firmware),
            self._pace,
        )
        merged = Remembering(used_identities(bindings))
        filled = merge(phone, self._engine_layer, merged)
        return merged, values_for(
            device,
            domain,
            bindings,
            passwords,
            (setting_server, firmware_status),
            credentials or (),
            filled,
            self._pace,
        )

    def _merged(
        self,
        device: Device,
        bindings: Sequence[Binding],
        model: str,
        layers: Layers,
        base_url: str,
        told: tuple[bool, bool, bool, bool],
        dialect: Dialect,
    ) -> tuple[Merged, tuple[Filled, ...]]:
        """Return what all layers say to *device*, and what fills it beside its fields.

        *told* is whether it is told passwords, a settings URL, credentials and a
        firmware URL of its own.
        """
        assert device.domain is not None
        phone = Phone(
            device,
            device.domain,
            bindings,
            model,
            layers,
            base_url,
            *told,
            dialect,
            self._pace,
        )
        merged = Merged(used_identities(bindings))
        return merged, merge(phone, self._engine_layer, merged)

    def _shared(
        self, domain: Domain, model: str, layers: Layers, base_url: str
    ) -> tuple[int, int, str]:
        """Return what a plan's key begins with; mostly it is the one before."""
        latest = self._latest
        if latest is not None and (
            latest[0] is domain
            and latest[1] is layers
            and latest[2] == model
            and latest[3][2] == base_url
        ):
            return latest[3]
        # By where they were said, too: phones of one model with another firmware have
        # other layers, and neither must take the number from the other.
        name = (model, *[named.origin for named in layers])
        numbers = (
            self._domains.number(domain.id, domain),
            self._models.number(name, layers),
            base_url,
        )
        self._latest = domain, layers, model, numbers
        return numbers

    def _number(self, profile: Profile | None) -> int:
        return -1 if profile is None else self._profiles.number(profile.id, profile)

    def general(
        self, *, model: str, firmware: str = "", layers: Layers, base_url: str
    ) -> bytes:
        """Return the document that phones of *model* may read without any proof.

        It brings them back here and holds neither secrets nor identities; see
        ``layers.general``.  What has variables is left out: it is of one phone.  Raises
        SettingError for what XML cannot carry.
        """
        model = known_model(model)
        dialect = document_dialect(model, firmware)
        merged = Merged()
        merged.say(general(bootstrap(base_url, model, dialect)))
        for layer in (self._engine_layer, *(named.layer for named in layers)):
            merged.say(general(lines_of(without_variables(layer.settings))))
        return settings_document(merged, dialect).assemble(b"")

    def _keep(self, key: Hashable, found: tuple[Plan, tuple[Filled, ...]]) -> None:
        self._plans[key] = found
        self._kept_bytes += _PLAN_OVERHEAD_BYTES + found[0].baked_bytes
        while self._kept_bytes > self._plan_bytes and self._plans:
            _key, (oldest, _filled) = self._plans.popitem(last=False)
            self._kept_bytes -= _PLAN_OVERHEAD_BYTES + oldest.baked_bytes


def _in_order(device: Device) -> Sequence[Binding]:
    """Return the bindings of *device* in the order of their identities."""
    bindings: Sequence[Binding] = device.bindings
    if len(bindings) > 1:
        bindings = sorted(bindings, key=lambda binding: binding.identity)
    return bindings


def _room(domain: Domain, bindings: Sequence[Binding], model: str) -> Share | None:
    """Return how much of which books a phone of *model* shows, None without any."""
    shared = domain.layer.book
    own = [binding.account.layer.book for binding in bindings]
    if shared is None and not any([book is not None for book in own]):
        return None
    return share(
        None if shared is None else len(shared),
        [None if book is None else len(book) for book in own],
        model_data(model).phone_book_entries,
    )


def _book(domain: Domain, room: Share, number: int) -> Book:
    shared = (domain.layer.book or ())[: room.shared]
    return Book(shared, Slot(number) if room.own else None)


def _own_books(bindings: Sequence[Binding]) -> OwnBooks:
    return [
        (binding.identity, binding.account.layer.book)
        for binding in bindings
        if binding.account.layer.book
    ]


def _layer_shape(layer: Layer) -> _LayerShape:
    """Return what of *layer* decides the markup, and the texts that have variables."""
    if layer is EMPTY or not (layer.settings or layer.keys):
        return None
    return (
        tuple(
            [(s.name, s.index, s.permission, _varying(s.value)) for s in layer.settings]
        ),
        tuple(
            [
                (
                    *(k.index, k.context, k.permission, k.attributes),
                    *(_varying(k.label), _varying(k.value)),
                )
                for k in layer.keys
            ]
        ),
    )


def _varying(text: str) -> str:
    return text if MARK in text else ""
