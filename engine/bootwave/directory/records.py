"""Frozen records of what is stored.

Instants that decide (``opened``, ``deadline``, ``pairing_end``, ``expires``) are
seconds of CLOCK_BOOTTIME within the boot named by ``boot_id``: a wall clock that jumps
cannot stretch them, and after a reboot they hold for nobody.
"""

from typing import Literal

from bootwave.directory.record import record

Permission = Literal["R", "RW", "!"]


@record
class Setting:
    """One phone setting; ``index`` is the identity (1..12) or None."""

    name: str
    value: str
    index: int | None = None
    permission: Permission = "R"

    def __repr__(self) -> str:
        """Return which setting it is without its value, which may be a password."""
        return f"Setting({self.name!r}, {self.index})"


@record
class FunctionKey:
    """One function key.

    ``index`` counts from 0 (P1); ``context`` is "active" or an identity, "1" to "12".
    ``attributes`` are those that only newer firmware has, sorted by name.
    """

    index: int
    value: str
    label: str = ""
    context: str = "active"
    permission: Permission = "R"
    attributes: tuple[tuple[str, str], ...] = ()


@record
class Contact:
    """One number of a phone book.

    ``number_type`` is "" when nobody said it; ``category`` is one of the phones' own.
    """

    name: str
    number: str
    number_type: str = ""
    category: str = "none"


@record
class Layer:
    """What one layer says: a model's, a profile's, a device's and so on.

    ``book`` are the entries of a domain's or an account's phone book in order, None
    when it has none and phones keep theirs.
    """

    settings: tuple[Setting, ...] = ()
    keys: tuple[FunctionKey, ...] = ()
    book: tuple[Contact, ...] | None = None


EMPTY = Layer()


@record
class NamedLayer:
    """A layer with where it was said, in words: ``model snom370``."""

    origin: str
    layer: Layer


@record
class Profile:
    """A button profile of a domain: what the accounts that have it say in common."""

    id: int
    name: str
    layer: Layer = EMPTY


@record
class DialTemplate:
    """One rule of a dial plan: what is dialled, and when and how it is sent.

    ``timeout`` is in seconds; ``user`` is "Phone", "IP" or "" for neither; an empty
    ``rewrite`` sends what was dialled.
    """

    match: str
    timeout: int = 0
    user: str = ""
    rewrite: str = ""


@record
class LanguageFile:
    """Where phones find a language: of the display ("gui") or their web page ("web").

    ``model`` is "" for all models; the URL may hold ``{model}`` and ``{firmware}``.
    """

    kind: Literal["gui", "web"]
    name: str
    url: str
    model: str = ""


@record
class Extras:
    """What the phones of a domain are told beside settings and keys.

    ``certificates`` are CA certificates that phones shall trust, DER in base64;
    ``dialplan`` is None when phones keep theirs.
    """

    certificates: tuple[str, ...] = ()
    dialplan: tuple[DialTemplate, ...] | None = None
    languages: tuple[LanguageFile, ...] = ()


NO_EXTRAS = Extras()


@record
class Domain:
    """A tenant: a SIP domain with its registrar and locale; "" means not set."""

    id: int
    name: str
    registrar: str = ""
    outbound_proxy: str = ""
    language: str = ""
    timezone: str = ""
    tone_scheme: str = ""
    wildcard_subnet: str = ""
    layer: Layer = EMPTY
    extras: Extras = NO_EXTRAS


@record
class Window:
    """The latest window of an account.

    ``consumed_mac`` is 0 while unconsumed; ``consumed_source`` is the pin (an IPv4
    address, or an IPv6 /64 as ``2001:db8:1:2::/64``).
    """

    id: int
    account_id: int
    boot_id: str
    opened: float
    deadline: float
    consumed_mac: int = 0
    consumed_source: str = ""
    pairing_end: float = 0.0
    closed: bool = False


@record
class Account:
    """An extension of a domain; ``sealed_password`` is encrypted (store.secrets).

    With ``has_book`` it has a phone book, which is not in its layer before it is read
    for a document (provision.documents).
    """

    id: int
    domain_id: int
    number: str
    display_name: str
    auth_user: str
    sealed_password: bytes
    mailbox: str = ""
    wildcard: Literal["", "*", "?"] = ""
    layer: Layer = EMPTY
    window: Window | None = None
    profile: Profile | None = None
    has_book: bool = False

    def __repr__(self) -> str:
        """Return the account's name without its secret."""
        return f"Account({self.number!r}, domain {self.domain_id})"


@record
class Binding:
    """Account on a device under an identity index (1..12).

    ``expires`` is None unless the binding came from the ``?`` wildcard; then it ends at
    that instant, or with the boot named by ``boot_id``.
    """

    identity: int
    account: Account
    expires: float | None = None
    boot_id: str = ""


@record
class Token:
    """A token in URLs, sealed (store.secrets), and the one before it, b"" without.

    The one before is good until the present one was *used*.  With *required* the
    phones of its domain are refused without a right one.
    """

    sealed: bytes
    sealed_previous: bytes
    used: bool
    required: bool = False

    def __repr__(self) -> str:
        """Return nothing of it."""
        return "Token(...)"


@record
class DeviceCredentials:
    """The user name and password that a phone was given; passwords are encrypted.

    The previous pair ("" and empty without one) is good until the present one is
    ``used``.
    """

    user: str
    sealed_password: bytes
    previous_user: str = ""
    sealed_previous: bytes = b""
    used: bool = False

    def __repr__(self) -> str:
        """Return no name and no secret."""
        return f"DeviceCredentials(used={self.used})"


@record
class Device:
    """One MAC we know, with its domain (None while unbound) and its bindings.

    ``token`` is that of the URL it is told to come back to, None when there is none.
    ``provisioned_at`` is when it was first given its passwords since they changed or
    it was opened, in wall-clock seconds; None before.  ``group_id`` is that of the
    group it is in, None for none.
    """

    mac: int
    domain: Domain | None
    bindings: tuple[Binding, ...] = ()
    layer: Layer = EMPTY
    owns_certificate: bool = False
    model: str = ""
    provisioned_at: float | None = None
    token: Token | None = None
    credentials: DeviceCredentials | None = None
    group_id: int | None = None


@record
class Opening:
    """Which unknown phones the windows of one command are for; empty is no bound.

    At most ``most_claims`` of them (0: any number), of which ``claims`` have come; of
    the blocks ``ouis`` (the first 24 bits of a MAC), from ``subnet``, of ``models``,
    spelled in small letters.
    """

    most_claims: int = 0
    claims: int = 0
    ouis: tuple[int, ...] = ()
    subnet: str = ""
    models: tuple[str, ...] = ()


@record
class WildcardAccount:
    """An account an unknown phone may claim, with its domain's subnet ("" = any).

    A ``?`` account that a phone holds now says so: it is free again from
    ``claimed_until`` on, or when the boot named by ``claimed_boot_id`` is over.
    ``opening`` is that of its window, None when it bounds nothing.
    """

    account: Account
    domain_name: str
    subnet: str
    claimed_until: float = 0.0
    claimed_boot_id: str = ""
    opening: Opening | None = None
