"""What is wrong with a document, told before a phone reads it.

A document that a phone accepts can still make it ask for files no server has, register
with a password in clear, or never come back.  Here a *rendered* document is looked at,
as bytes, whoever made it: for what stands in the wrong place, is dangerous,
contradicts itself or cannot be read.  Nothing is changed, and no secret is repeated.

A rule is a function from the document to findings; ``RULES`` lists them.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from bootwave.errors import SettingError
from bootwave.settings.catalogue import (
    Dialect,
    catalogue,
    checked_content,
    checked_index,
    is_forbidden,
    meanings,
)
from bootwave.settings.functionkeys import (
    MAX_KEYS,
    OWN,
    checked_attributes,
    checked_context,
)
from bootwave.settings.keyvalues import checked_value
from bootwave.settings.reading import CONTAINERS, Reading, Statement, read
from bootwave.settings.spelling import nearest


class Severity(StrEnum):
    """How bad it is: an error costs a phone its service, a note is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(NamedTuple):
    """One thing that is wrong; ``rule`` names what kind, ``line`` counts from 1."""

    severity: Severity
    rule: str
    element: str
    line: int
    sentence: str


FIRST: Final = "auto_reboot_on_setting_change"
_ON: Final = frozenset({"on", "true"})
_OFF: Final = frozenset({"off", "false"})
# perm as XML writes it (domain.md 3.2); the m9 knows R and RW only.
_PERMISSIONS: Final = frozenset({"!", "R", "RW", "$", "&", "", " "})
_M9_PERMISSIONS: Final = frozenset({"R", "RW"})
_READ_ONLY: Final = frozenset({"R", "&", " "})
# What anybody would try first; the export of a new phone has 0000.
_FACTORY_PASSWORD: Final = "0000"
_ESCAPED_MAC = re.compile(r"%7b\s*mac\s*%7d", re.IGNORECASE)
_MAC = re.compile(
    r"(?<![0-9A-Fa-f])(?:000413|00087[Bb]|1[Cc]7126)[0-9A-Fa-f]{6}(?![0-9A-Fa-f])"
)
_TLS = re.compile(r";\s*transport\s*=\s*tls\b", re.IGNORECASE)
_NAMED: Final = frozenset({"timezone", "tone_scheme", "language", "web_language"})
_ACCESS_CODE = re.compile(r"[0-9]{4}", re.ASCII)
# True of most documents, or told of by a rule of its own.
_USUAL: Final = frozenset({"user_active", "phone_type", "pnp_config"})


class _Document:
    """A document that was read, with what its rules ask for most."""

    def __init__(
        self,
        reading: Reading,
        dialect: Dialect,
        *,
        shared: bool,
        mac: str,
        phone_port: int | None,
    ) -> None:
        self.reading = reading
        self.phone_port = phone_port
        self.dialect = dialect
        self.shared = shared
        self.mac = mac.upper()

    @cached_property
    def settings(self) -> list[Statement]:
        """The settings, wherever a phone looks for them."""
        return [one for one in self.reading.statements if self._is_setting(one)]

    def _is_setting(self, one: Statement) -> bool:
        return one.container == "phone-settings"

    @cached_property
    def keys(self) -> list[Statement]:
        """The function keys of an XML document."""
        return [one for one in self.reading.statements if one.name == "fkey"]

    @cached_property
    def told(self) -> dict[tuple[str, str | None], Statement]:
        """What is said last of each name and index."""
        return {(one.name, one.index): one for one in self.settings}

    def value(self, name: str, index: str | None = None) -> str:
        """Return the last value of *name*, "" when the document says none."""
        said = self.told.get((name, index))
        return said.value if said is not None else ""

    def is_on(self, name: str, index: str | None = None) -> bool:
        """Whether *name* is switched on."""
        return self.value(name, index) in _ON

    def indexes(self, name: str) -> list[str]:
        """Return the indexes of *name*, in the order told."""
        return [index for told, index in self.told if told == name and index]


_Rule = Callable[[_Document], Iterable[Finding]]


def lint(
    document: bytes,
    *,
    dialect: Dialect | None = None,
    shared: bool = False,
    mac: str = "",
    phone_port: int | None = None,
) -> list[Finding]:
    """Return what is wrong with *document*, the worst first, then by line.

    Without *dialect* it is guessed from the names.  *shared* says that several phones
    get the document, *mac* that one does: twelve hex digits.  *phone_port* is where
    its reader is told to fetch its settings, None if nowhere.
    """
    reading = read(document)
    found: list[Finding] = []
    if reading.broken:
        where = reading.root or "document"
        found.append(
            Finding(
                Severity.ERROR,
                "unreadable",
                where,
                reading.broken_line,
                reading.broken,
            )
        )
    elif not reading.statements and not reading.containers:
        sentence = "It says nothing at all, and a phone finds nothing to do."
        found.append(Finding(Severity.NOTE, "empty", "document", 0, sentence))
    known = dialect or _guessed(reading)
    looked_at = _Document(reading, known, shared=shared, mac=mac, phone_port=phone_port)
    for rule in RULES:
        found += rule(looked_at)
    order = list(Severity)
    return sorted(found, key=lambda one: (order.index(one.severity), one.line))


def _guessed(reading: Reading) -> Dialect:
    """Return the dialect that most of the names belong to, desk phones' in doubt."""
    if reading.is_text:
        return Dialect.TEXT
    names = {one.name for one in reading.statements}
    counts = {
        dialect: sum(bool(meanings(name, dialect)) for name in names)
        for dialect in (Dialect.XML, Dialect.M9, Dialect.DECT)
    }
    return max(counts, key=lambda dialect: counts[dialect])


def _element(one: Statement) -> str:
    return f"{one.name} idx {one.index}" if one.index is not None else one.name


def _error(rule: str, one: Statement, sentence: str) -> Finding:
    return Finding(Severity.ERROR, rule, _element(one), one.line, sentence)


def _warning(rule: str, one: Statement, sentence: str) -> Finding:
    return Finding(Severity.WARNING, rule, _element(one), one.line, sentence)


def _note(rule: str, one: Statement, sentence: str) -> Finding:
    return Finding(Severity.NOTE, rule, _element(one), one.line, sentence)


def _places(document: _Document) -> Iterator[Finding]:
    """What stands where no phone looks for it."""
    reading = document.reading
    if reading.is_text or not reading.root:
        return
    if reading.root not in CONTAINERS:
        yield Finding(
            Severity.ERROR,
            "misplaced",
            reading.root,
            1,
            f"No phone knows a document of {reading.root}: it begins with settings, "
            "setting-files or one of their parts.",
        )
    for one in reading.statements:
        if one.container == "setting-files" and one.name != "file":
            yield _error(
                "misplaced",
                one,
                f"{one.name} stands in setting-files, where only file is read: it "
                "belongs in phone-settings of one of the files.",
            )
        elif one.container == "setting-files" and not one.attributes.get("url"):
            yield _error("malformed", one, "A file without url leads nowhere.")
        elif one.container in ("", "settings") and meanings(one.name):
            yield _error(
                "misplaced", one, f"{one.name} stands outside of phone-settings."
            )
        elif one.container == "functionKeys" and one.name != "fkey":
            yield _error("misplaced", one, f"{one.name} is not a function key.")
        elif one.name == "fkey" and one.container != "functionKeys":
            yield _error("misplaced", one, "A function key stands in functionKeys.")
    names = [name for name, _line in reading.containers]
    if "certificates" in names and "phone-settings" in names:
        at = names.index("certificates")
        if at > names.index("phone-settings"):
            yield Finding(
                Severity.NOTE,
                "misplaced",
                "certificates",
                reading.containers[at][1],
                "Certificates are put first, so that what follows can use them.",
            )


def _first(document: _Document) -> Iterator[Finding]:
    """``auto_reboot_on_setting_change`` works as the first element only."""
    for at, one in enumerate(document.settings):
        if one.name == FIRST and at:
            yield _error(
                "misplaced",
                one,
                f"{FIRST} does nothing unless it is the first element of "
                "phone-settings.",
            )


def _names(document: _Document) -> Iterator[Finding]:
    """Names of another dialect, of newer firmware, and of nothing."""
    for one in document.settings:
        if meanings(one.name, document.dialect):
            continue
        found = meanings(one.name)
        if found and document.dialect is Dialect.TEXT and found[0].since:
            yield _warning(
                "other-dialect",
                one,
                f"{one.name} came with firmware {found[0].since}, and phones that "
                "read the text format are older.",
            )
        elif found:
            topic = found[0].topic.value
            yield _warning(
                "other-dialect",
                one,
                f"{one.name} is of another kind of phone ({topic}), and this is a "
                f"document for {_PHONES[document.dialect]}.",
            )
        else:
            meant = nearest(one.name, catalogue().known)
            sentence = f"{one.name} is not a setting this version knows"
            if meant:
                yield _warning("unknown", one, f"{sentence}; did you mean {meant}?")
            else:
                yield _note("unknown", one, f"{sentence}.")


_PHONES: Final = {
    Dialect.XML: "desk phones",
    Dialect.TEXT: "desk phones below firmware 7",
    Dialect.M9: "an m9",
    Dialect.DECT: "a DECT base",
}


def _indexes(document: _Document) -> Iterator[Finding]:
    """Indexes that a setting does not have, or must have."""
    for one in document.settings:
        known = meanings(one.name, document.dialect)
        if not known:
            continue
        counted = any(meaning.space.counts for meaning in known)
        if one.index is None:
            if all(meaning.space.counts == "identity" for meaning in known):
                yield _error(
                    "malformed", one, f"{one.name} needs the idx of an identity."
                )
        elif not counted:
            yield _warning("malformed", one, f"{one.name} has no idx.")
        elif not one.index.isdecimal() or not one.index.isascii():
            yield _error("malformed", one, f"{one.index!r} is not an idx: a number is.")
        else:
            try:
                checked_index(one.name, int(one.index[:9]), document.dialect)
            except SettingError as error:
                yield _error("malformed", one, str(error))


def _values(document: _Document) -> Iterator[Finding]:
    """Values that the catalogue rules out, or doubts."""
    for one in document.settings:
        try:
            told, doubt = checked_content(one.name, one.value, document.dialect)
        except SettingError as error:
            yield _error("malformed", one, str(error))
            continue
        if doubt:
            yield _note("unusual", one, doubt)
        elif told != one.value and one.name in _NAMED:
            yield _error(
                "malformed",
                one,
                f"{one.name} is told by the phone's own code, {told}, not by "
                f"{one.value!r}.",
            )


def _permissions(document: _Document) -> Iterator[Finding]:
    """Permissions that no phone knows, and those that are missing."""
    if document.reading.is_text:
        return
    m9 = document.dialect is Dialect.M9
    allowed = _M9_PERMISSIONS if m9 else _PERMISSIONS
    missing = []
    for one in [*document.settings, *document.keys]:
        if one.permission is None:
            missing.append(one)
        elif one.permission not in allowed:
            hint = "R or RW" if m9 else "R, RW or !"
            yield _warning(
                "malformed", one, f"{one.permission!r} is not a perm: write {hint}."
            )
    if missing and document.dialect is Dialect.XML:
        count = len(missing)
        yield _note(
            "no-permission",
            missing[0],
            f"{count} {'element has' if count == 1 else 'elements have'} no perm, "
            "the first here: what a phone does then differs from firmware to firmware.",
        )


def _dangers(document: _Document) -> Iterator[Finding]:
    """What the catalogue warns of, where the value is the one to be warned of."""
    for one in document.settings:
        if one.name == "phone_type":
            yield _error(
                "dangerous",
                one,
                "phone_type is the phone's own: an empty or wrong one makes it ask "
                "for files no server has.",
            )
        if one.name in _USUAL or is_forbidden(one.name):
            continue
        for danger in catalogue().dangers.get(one.name, ()):
            if danger.unless:
                if one.permission in _READ_ONLY:
                    yield _error("dangerous", one, f"{one.name}: {danger.sentence}.")
            elif danger.values and danger.holds(one.value, one.permission or ""):
                yield _warning("dangerous", one, f"{one.name}: {danger.sentence}.")
        if one.name == "reset_settings" and one.value:
            yield _error(
                "dangerous",
                one,
                "reset_settings takes a phone back to the factory's values whenever "
                "it reads this document.",
            )


def _setting_server(document: _Document) -> Iterator[Finding]:
    """Where a phone comes back to."""
    for one in document.settings:
        if one.name == "setting_server" and not one.value.strip():
            yield _error(
                "dangerous",
                one,
                "An empty setting_server makes phones forget where they come from.",
            )
    for one in document.reading.statements:
        for text in (one.value, one.attributes.get("url", "")):
            if _ESCAPED_MAC.search(text):
                yield _error(
                    "dangerous",
                    one,
                    "{mac} is written with %7B and %7D, which no phone replaces: "
                    "write the braces.",
                )


def _macs(document: _Document) -> Iterator[Finding]:
    """One phone's MAC in what another phone reads."""
    for one in document.reading.statements:
        for text in (one.value, one.attributes.get("url", "")):
            literal = {mac.upper() for mac in _MAC.findall(text)} - {document.mac}
            if not literal:
                continue
            if document.shared:
                yield _error(
                    "literal-mac",
                    one,
                    "A MAC stands in a document that several phones read: all of "
                    "them become that phone; write {mac}.",
                )
            elif document.mac:
                yield _error(
                    "literal-mac", one, "The MAC of another phone stands here."
                )
            elif one.name in ("setting_server", "file"):
                yield _warning(
                    "literal-mac",
                    one,
                    "A MAC stands here: every phone that reads this comes back as "
                    "that phone, so write {mac} unless one phone only does.",
                )


def _twice(document: _Document) -> Iterator[Finding]:
    """One name and index with two values."""
    seen: dict[tuple[str, str, str | None], Statement] = {}
    for one in [*document.settings, *document.keys]:
        place = (one.container, one.name, one.index)
        before = seen.get(place)
        seen[place] = one
        if before is None:
            continue
        if (before.value, before.attributes) == (one.value, one.attributes):
            yield _note("twice", one, f"It stands on line {before.line} already.")
        else:
            yield _error(
                "contradiction",
                one,
                f"It contradicts line {before.line}: what a phone takes, the first or "
                "the last, differs from firmware to firmware.",
            )


def _identities(document: _Document) -> Iterator[Finding]:
    """Identities in use that cannot register."""
    for index in document.indexes("user_active"):
        if not document.is_on("user_active", index):
            continue
        active = document.told["user_active", index]
        if not document.value("user_name", index):
            yield _warning(
                "contradiction", active, "It is in use and has no user_name."
            )
        if document.dialect is Dialect.DECT:
            yield from _dect_extension(document, active)
        elif not document.value("user_host", index):
            yield _warning(
                "contradiction", active, "It is in use and has no user_host."
            )


def _dect_extension(document: _Document, active: Statement) -> Iterator[Finding]:
    """An extension of a DECT base is registered at one of its servers."""
    server = document.value("subscr_sip_ua_data_server_id", active.index) or "1"
    if not document.value("user_host", server):
        yield _error(
            "contradiction",
            active,
            f"It uses server {server}, which has no user_host.",
        )
    code = document.told.get(("subscr_dect_ac_code", active.index))
    if code is not None and not _ACCESS_CODE.fullmatch(code.value):
        yield _error("malformed", code, f"{code.name} is four digits.")


def _encryption(document: _Document) -> Iterator[Finding]:
    """SRTP whose keys anybody can read, and the other halves of that."""
    for name in ("user_srtp", "rtp_encryption"):
        for index in document.indexes(name):
            outbound = document.value("user_outbound", index)
            one = document.told[name, index]
            tls = _TLS.search(outbound) is not None
            if one.value in _ON and outbound and not tls:
                yield _warning(
                    "contradiction",
                    one,
                    "Calls are encrypted, but SIP is not (user_outbound without "
                    "transport=tls), and carries their keys in clear (RFC 4568).",
                )
            elif one.value in _OFF and tls:
                yield _note(
                    "contradiction",
                    one,
                    "SIP goes through TLS, and the calls are not encrypted.",
                )
            if one.value in _OFF and document.value("user_savp", index) == "mandatory":
                yield _warning(
                    "contradiction",
                    one,
                    "user_savp is mandatory, and the calls are not encrypted.",
                )


def _timers(document: _Document) -> Iterator[Finding]:
    """Two ways to come again, and ports in the wrong order."""
    timer = document.told.get(("settings_refresh_timer", None))
    if (
        timer is not None
        and timer.value.strip("0")
        and document.is_on("prov_polling_enabled")
    ):
        yield _warning(
            "contradiction",
            timer,
            "settings_refresh_timer and prov_polling_enabled both make phones come "
            "again: switch one off.",
        )
    start = document.told.get(("rtp_port_start", None))
    end = document.value("rtp_port_end")
    if start is not None and start.value.isdecimal() and end.isdecimal():
        if int(start.value) >= int(end):
            yield _error("contradiction", start, "rtp_port_end is not above it.")


def _phone_port(document: _Document) -> Iterator[Finding]:
    """A check-sync NOTIFY goes to one port, whatever the phone listens on."""
    port = document.told.get(("network_id_port", None))
    wanted = document.phone_port
    if port is None or wanted is None or port.value.strip() == str(wanted):
        return
    yield Finding(
        Severity.NOTE,
        "port",
        port.name,
        port.line,
        f"Resync, reboot and roll-outs tell phones on the LAN at the port {wanted} "
        "(waves.phone_port).",
    )


def _discovery(document: _Document) -> Iterator[Finding]:
    """A phone that has a setting server need not look for one."""
    pnp = document.told.get(("pnp_config", None))
    server = document.value("setting_server")
    if pnp is not None and pnp.value in _ON and server:
        yield _warning(
            "contradiction",
            pnp,
            "Phones are told their setting_server and go on asking the LAN for "
            "another.",
        )
    order = document.told.get(("provisioning_order", None))
    if order is not None:
        if pnp is not None and pnp.value in _OFF and "pnp:" in order.value:
            yield _note(
                "contradiction", order, "It names pnp, which pnp_config switches off."
            )
        if order.value and "stop" not in order.value:
            yield _note(
                "unusual", order, "Nothing in it stops: the last one found wins."
            )


def _network(document: _Document) -> Iterator[Finding]:
    """A phone that would have no address."""
    dhcp = document.told.get(("dhcp", None))
    if dhcp is not None and dhcp.value in _OFF:
        for name in ("ip_adr", "netmask"):
            if document.dialect is not Dialect.M9 and not document.value(name):
                yield _error(
                    "contradiction",
                    dhcp,
                    f"dhcp is off and there is no {name}: the phone has no network.",
                )


def _passwords(document: _Document) -> Iterator[Finding]:
    """The phone's own passwords, without repeating any."""
    user = document.told.get(("http_user", None))
    if user is not None and user.value and not document.value("http_pass"):
        yield _warning(
            "dangerous", user, "The phone's own web pages have a user and no password."
        )
    for name in ("admin_mode_password", "http_pass"):
        one = document.told.get((name, None))
        if one is not None and one.value == _FACTORY_PASSWORD:
            yield _warning(
                "dangerous", one, f"{name} is the one that phones come with."
            )
    confirm = document.told.get(("admin_mode_password_confirm", None))
    if confirm is not None and confirm.value != document.value("admin_mode_password"):
        yield _error(
            "contradiction", confirm, "It is not the same as admin_mode_password."
        )
    client = document.told.get(("http_client_user", None))
    desk = document.dialect in (Dialect.XML, Dialect.TEXT)
    secret = "http_client_pass" if desk else "http_client_password"
    if client is not None and client.value and not document.value(secret):
        yield _warning(
            "contradiction", client, f"It has no password: {secret} is empty."
        )


def _function_keys(document: _Document) -> Iterator[Finding]:
    """Keys that do nothing, or not what they say."""
    for one in document.keys:
        if one.index is None or not one.index.isdecimal() or not one.index.isascii():
            yield _error("malformed", one, "A function key needs an idx, from 0 on.")
        elif int(one.index[:9]) >= MAX_KEYS:
            yield _warning(
                "malformed", one, f"No phone known has keys beyond {MAX_KEYS - 1}."
            )
        try:
            _stored, doubt = checked_value(one.value) if one.value.strip() else ("", "")
            context = one.attributes.get("context", "active")
            checked_context(context)
            given = {k: v for k, v in one.attributes.items() if k not in OWN}
            _sorted, odd = checked_attributes(given)
        except SettingError as error:
            yield _error("malformed", one, str(error))
            continue
        for sentence in filter(None, (doubt, odd)):
            yield _note("unusual", one, sentence)
        used = document.told.get(("user_active", context))
        if used is not None and used.value in _OFF and one.value.strip() != "line":
            yield _warning(
                "contradiction",
                one,
                f"It belongs to identity {context}, which is not in use.",
            )


RULES: Final[tuple[_Rule, ...]] = (
    _places,
    _first,
    _names,
    _indexes,
    _values,
    _permissions,
    _dangers,
    _setting_server,
    _macs,
    _twice,
    _identities,
    _encryption,
    _timers,
    _phone_port,
    _discovery,
    _network,
    _passwords,
    _function_keys,
)
