"""Layers in, documents out: one plan per shape, slot bytes per phone.

Most of a document is the same for all phones of a domain and model.  What differs are
the fields of the accounts, the values that account and device layers add, and when the
phone comes again; these are slots.  The *shape* of a phone is what decides the markup:
which identities are in use, and which settings and keys its accounts' and its own
layer name.  Phones of one shape, domain, model and base URL share one plan, and only
the packed values of the slots are made for each.

A phone's *values* are one flat list: the refresh timer; the user name and password that
it authenticates with here, if it has some; for each binding in the order
of identities its account's fields and password, then the values and the labels and
values of keys in the account's layer; at last those of the device's layer.  ``_merge``
numbers slots, and ``_values`` lists values, in this order.
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
    Permission,
)
from bootwave.native.xml import Plan
from bootwave.settings.catalogue import IDENTITIES
from bootwave.settings.document import settings_document
from bootwave.settings.functionkeys import expanded
from bootwave.settings.identities import (
    FIELDS,
    identity_lines,
    unused_lines,
    values_of,
)
from bootwave.settings.layers import (
    ENGINE_LAYER,
    Line,
    Merged,
    Slot,
    bootstrap,
    general,
    key_of,
    known_model,
    lines_of,
    locale,
    refresh_seconds,
)

# Plans kept: at 8 KB some eight thousand shapes.  A fleet where every phone has a
# shape of its own compiles at each miss, which costs time, not memory.
MAX_PLAN_BYTES: Final = 64 * 1024 * 1024
_PLAN_OVERHEAD_BYTES: Final = 2048  # the key, the holes and the ends of the pieces
_MAX_VERSIONS: Final = 16_384  # of domains, and of models: peers name those

# What a phone authenticates with as a client of HTTP.
CLIENT_FIELDS: Final = ("http_client_user", "http_client_pass")

_SettingShape = tuple[str, int | None, Permission]
_KeyShape = tuple[int, str, Permission]
_LayerShape = tuple[tuple[_SettingShape, ...], tuple[_KeyShape, ...]] | None


class _Versions:
    """Small numbers for contents that are costly to hash.

    One content of one name keeps its number while it is the latest seen; another
    content gets a number never used before.  The same object is recognised at once,
    an equal one by comparison.
    """

    def __init__(self) -> None:
        self._numbers = count()
        self._latest: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()

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
        number = next(self._numbers)
        self._latest[name] = content, number
        if len(self._latest) > _MAX_VERSIONS:
            self._latest.popitem(last=False)
        return number


class SettingsCompiler:
    """Makes the settings documents of phones; keeps the plans they share.

    For one thread.  Nothing needs to be told when something stored changes: plans are
    found by the content of the records handed in.
    """

    def __init__(
        self, engine_layer: Layer = ENGINE_LAYER, *, plan_bytes: int = MAX_PLAN_BYTES
    ) -> None:
        """Start without plans; they will take *plan_bytes* bytes at most."""
        self._engine_layer = engine_layer
        self._plan_bytes = plan_bytes
        self._domains = _Versions()
        self._models = _Versions()
        self._plans: OrderedDict[Hashable, Plan] = OrderedDict()
        self._kept_bytes = 0
        self._latest: tuple[Domain, Layer, str, tuple[int, int, str]] | None = None

    @property
    def plans(self) -> int:
        """How many plans are kept."""
        return len(self._plans)

    def specific(
        self,
        device: Device,
        *,
        model: str,
        model_layer: Layer,
        passwords: Mapping[int, str] | None,
        base_url: str,
        setting_server: str | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> tuple[Plan, bytes]:
        """Return the plan of *device*'s own document and the packed bytes to fill it.

        The caller leaves out bindings that have expired.  *passwords* holds the SIP
        password of each bound account by the account's id; with None the document says
        nothing of passwords.  *base_url* is where the phone reaches this server, and
        *model* is "" while unknown; *setting_server* is what the phone is told to come
        back to, where that is not the same for all.  *credentials* are the user name
        and password by which it authenticates there.

        Raises SettingError for what XML cannot carry, KeyError for a missing password
        and ValueError for a device without domain or with an identity that is out of
        range or given twice.
        """
        domain = device.domain
        if domain is None:
            raise ValueError("a device without domain has no settings of its own")
        model = known_model(model)
        bindings: Sequence[Binding] = device.bindings
        if len(bindings) > 1:
            bindings = sorted(bindings, key=lambda binding: binding.identity)
        key = (
            self._shared(domain, model, model_layer, base_url),
            passwords is None,
            setting_server is None,
            credentials is not None,
            _layer_shape(device.layer),
            tuple([(b.identity, _layer_shape(b.account.layer)) for b in bindings]),
        )
        plan = self._plans.get(key)
        if plan is None:
            merged = self._merge(
                device,
                domain,
                bindings,
                model,
                model_layer,
                base_url,
                with_passwords=passwords is not None,
                own_server=setting_server is not None,
                has_credentials=credentials is not None,
            )
            plan = settings_document(merged)
            self._keep(key, plan)
        else:
            self._plans.move_to_end(key)
        return plan, plan.fill(
            _values(
                device, domain, bindings, passwords, setting_server, credentials or ()
            )
        )

    def _shared(
        self, domain: Domain, model: str, model_layer: Layer, base_url: str
    ) -> tuple[int, int, str]:
        """Return what a plan's key begins with; mostly it is the one before."""
        latest = self._latest
        if latest is not None and (
            latest[0] is domain
            and latest[1] is model_layer
            and latest[2] == model
            and latest[3][2] == base_url
        ):
            return latest[3]
        numbers = (
            self._domains.number(domain.id, domain),
            self._models.number(model, model_layer),
            base_url,
        )
        self._latest = domain, model_layer, model, numbers
        return numbers

    def general(self, *, model: str, model_layer: Layer, base_url: str) -> bytes:
        """Return the document that phones of *model* may read without any proof.

        It brings them back here and holds neither secrets nor identities; see
        ``layers.general``.  Raises SettingError for what XML cannot carry.
        """
        merged = Merged()
        for lines in (
            bootstrap(base_url, known_model(model)),
            lines_of(self._engine_layer.settings),
            lines_of(model_layer.settings),
        ):
            merged.say(general(lines))
        return settings_document(merged).assemble(b"")

    def _keep(self, key: Hashable, plan: Plan) -> None:
        self._plans[key] = plan
        self._kept_bytes += _PLAN_OVERHEAD_BYTES + plan.baked_bytes
        while self._kept_bytes > self._plan_bytes and self._plans:
            _key, oldest = self._plans.popitem(last=False)
            self._kept_bytes -= _PLAN_OVERHEAD_BYTES + oldest.baked_bytes

    def _merge(
        self,
        device: Device,
        domain: Domain,
        bindings: Sequence[Binding],
        model: str,
        model_layer: Layer,
        base_url: str,
        *,
        with_passwords: bool,
        own_server: bool,
        has_credentials: bool,
    ) -> Merged:
        used = [binding.identity for binding in bindings]
        if len(set(used)) < len(used) or not set(used) <= set(range(1, IDENTITIES + 1)):
            raise ValueError(f"identities are 1 to {IDENTITIES}, once each: {used}")
        merged = Merged(used)
        numbers = count()
        timer = Line("settings_refresh_timer", Slot(next(numbers)))
        merged.say([*bootstrap(base_url, model), timer, *unused_lines(used)])
        if own_server:
            merged.say([Line("setting_server", Slot(next(numbers)), permission="RW")])
        own = [Slot(next(numbers)) for _ in CLIENT_FIELDS] if has_credentials else []
        for layer in (self._engine_layer, model_layer):
            _say_shared(merged, layer, domain)
        merged.say(locale(domain))
        _say_shared(merged, domain.layer, domain)
        # Slots are numbered in the order of identities, but the lowest identity is
        # told last and so wins (layers).
        told = []
        for binding in bindings:
            fields = [Slot(next(numbers)) for _ in FIELDS]
            password = Slot(next(numbers)) if with_passwords else None
            slots = _slots(binding.account.layer, numbers)
            told.append((binding, fields, password, slots))
        for binding, fields, password, slots in reversed(told):
            identity = binding.identity
            merged.say(identity_lines(domain, fields), (identity,))
            if password is not None:
                merged.say_secret("user_pass", identity, password)
            _say_slots(merged, binding.account.layer, slots, (identity,))
        _say_slots(merged, device.layer, _slots(device.layer, numbers), used)
        for name, slot in zip(CLIENT_FIELDS, own, strict=False):
            merged.say_secret(name, None, slot)
        return merged


def _layer_shape(layer: Layer) -> _LayerShape:
    if layer is EMPTY or not (layer.settings or layer.keys):
        return None
    return (
        tuple([(s.name, s.index, s.permission) for s in layer.settings]),
        tuple([(k.index, k.context, k.permission) for k in layer.keys]),
    )


def _say_shared(merged: Merged, layer: Layer, domain: Domain) -> None:
    merged.say(lines_of(layer.settings))
    for key in layer.keys:
        content = expanded(key.value, domain.name)
        merged.say_key(key.index, key_of(key, content, key.label))


def _slots(layer: Layer, numbers: "count[int]") -> list[Slot]:
    """Number the values of *layer*: one per setting, then label and value per key."""
    return [
        Slot(next(numbers)) for _ in range(len(layer.settings) + 2 * len(layer.keys))
    ]


def _say_slots(
    merged: Merged, layer: Layer, slots: Sequence[Slot], identities: Sequence[int]
) -> None:
    given = iter(slots)
    merged.say(
        [Line(s.name, next(given), s.index, s.permission) for s in layer.settings],
        identities,
    )
    for key in layer.keys:
        label = next(given)
        merged.say_key(key.index, key_of(key, next(given), label))


def _values(
    device: Device,
    domain: Domain,
    bindings: Sequence[Binding],
    passwords: Mapping[int, str] | None,
    setting_server: str | None,
    credentials: Sequence[str],
) -> list[str]:
    """Return what the slots numbered by ``_merge`` stand for, in the same order."""
    values = [str(refresh_seconds(device.mac))]
    if setting_server is not None:
        values.append(setting_server)
    values += credentials
    for binding in bindings:
        account = binding.account
        values += values_of(account)
        if passwords is not None:
            values.append(passwords[account.id])
        _add_values(values, account.layer, domain)
    _add_values(values, device.layer, domain)
    return values


def _add_values(values: list[str], layer: Layer, domain: Domain) -> None:
    if layer is EMPTY:
        return
    values += [setting.value for setting in layer.settings]
    for key in layer.keys:
        values += (key.label, expanded(key.value, domain.name))
