"""A store with everything that the API can show: two domains, one like the other.

Each text of the first has a word that stands nowhere else, so that an answer to who
does not reach it can be searched for it.  A third has what the examples of the API's
description name, so that each of them can be carried out as it stands.  Furnishing what
is there already changes nothing, so that it can be done again once somebody removed
half of it.
"""

import base64
import hashlib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from bootwave.errors import EngineError

Call = Callable[..., Any]
VERSION: Final = "10.1.198.19"
RUNNING: Final = "10.1.175.16"  # what phones say that they run
PASSWORD: Final = "correct horse battery"
SCOPES: Final = ("read", "write", "reveal", "access")
STRANGER: Final = "000413771F00"
SPARE: Final = "spare.example.com"  # a domain that may go
LEAVER: Final = "leaver"  # an administrator who may, and a token that may
# Who stands in the examples of the description.
ANNA: Final = "anna"
ANNAS_PASSWORD: Final = "correct horse battery staple"
AGENT: Final = f"Mozilla/4.0 (compatible; snomD785-SIP {RUNNING} 1.1.3-u)"
IMAGE: Final = "https://images.example.com/snomD785-10.1.198.19-SIP-r.bin"
WILDCARD: Final = "790"  # the number that an unknown phone may claim
RULE: Final = "0,*"
ROLLOUTS: Final = (1, 2)  # those of the two domains, as they were furnished first
_D785: Final = {"model": "D785", "version": VERSION}
_ENGINE: Final = ("engine", "")
_SETTING, _KEY = "ringer_headset_device", 5


class Site(NamedTuple):
    """A domain, the word in its texts, and the names of what is in it."""

    domain: str
    word: str
    macs: tuple[str, ...]
    numbers: tuple[str, ...]
    profile: str
    group: str

    @property
    def accounts(self) -> list[str]:
        """Its accounts that have phones, as commands name them."""
        return [f"{number}@{self.domain}" for number in self.numbers]


def _site(domain: str, word: str, nibble: str, numbers: Sequence[str]) -> Site:
    macs = tuple(f"00041377{nibble}0D{n:X}" for n in range(len(numbers)))
    return Site(domain, word, macs, tuple(numbers), f"{word}-profile", f"{word}-group")


FIRST: Final = _site("first.example.com", "canarybird", "C", ("7701", "7702", "7703"))
OTHER: Final = _site("other.example.com", "sparrow", "B", ("401", "402", "403"))
EXAMPLE: Final = Site(
    *("pbx.example.com", "wagtail", ("0004132E08B4",), ("401",), "sales", "sales")
)
SITES: Final = (FIRST, OTHER, EXAMPLE)


class Authority(NamedTuple):
    """A CA that phones are told to trust, in DER."""

    der: bytes

    @property
    def digest(self) -> str:
        """Its SHA-256, as the API names it."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def pem(self) -> str:
        """Its certificate as files have it."""
        return ssl.DER_cert_to_PEM_cert(self.der)


def furnish(
    call: Call, authority: Authority, *sites: Site, only: str = ""
) -> dict[str, str]:
    """Have the engine and *sites* with everything, by operations that *call* does.

    Or *only* with what operations of this name, or that begin so, do.  Returns what was
    refused, by operation, but for what is there already.
    """
    refused: dict[str, str] = {}

    def there(op: str, **args: Any) -> None:
        if not op.startswith(only):
            return
        try:
            call(op, **args)
        except EngineError as error:
            if "already" not in str(error):
                refused[op] = str(error)

    for site in sites:
        _furnish(there, site, authority)
    there("domain.add", name=SPARE)
    engine = {"scope": "engine", "target": ""}
    there("settings.set", **engine, name="timezone", value="GER+1")
    there("settings.set", scope="model", target="370", name="tone_scheme", value="GER")
    _set_layers(
        there,
        [_ENGINE, ("model", "D785"), ("firmware", "D785 8.4-8.7")],
        *("ringer", _SETTING, _KEY),
    )
    _set_firmware(there, [_ENGINE])
    return refused


def _furnish(there: Call, site: Site, authority: Authority) -> None:
    domain, word, accounts = site.domain, site.word, site.accounts
    there("domain.add", name=domain, registrar=f"{word}.example.net")
    for number, account, mac in zip(site.numbers, accounts, site.macs, strict=True):
        secret = f"{word}-secret-{number}"
        there("account.add", account=account, password=secret, name=f"{word} {number}")
        there("account.bind", account=account, mac=mac)
    if site is not EXAMPLE:
        there("account.add", account=f"{WILDCARD}@{domain}", password=f"{word}-790")
    if site is FIRST:  # of two domains only one may claim any unknown phone
        there("account.bind", account=f"{WILDCARD}@{domain}", mac="?")
    there("token.make", domain=domain)
    there("profile.add", domain=domain, name=site.profile)
    if site is not EXAMPLE:
        there("profile.assign", domain=domain, name=site.profile, accounts=accounts[:1])
    there("group.add", domain=domain, name=site.group)
    there("group.assign", domain=domain, name=site.group, macs=list(site.macs[:1]))
    layers = [
        *(("domain", domain), ("profile", f"{site.profile}@{domain}")),
        *(("account", accounts[0]), ("device", site.macs[0])),
    ]
    _set_layers(there, layers, word, "phone_name", 3)
    if site is EXAMPLE:
        _set_layers(there, layers, word, _SETTING, _KEY)
    for scope, target in (("domain", domain), ("account", accounts[0])):
        row = {"name": f"{word} {scope}", "number": "7999"}
        there("phonebook.import", scope=scope, target=target, rows=[row])
    _set_firmware(there, _firmware_scopes(site), word)
    there("trust.add", domain=domain, certificates=[_encoded(authority.der)])
    there("dialplan.set", domain=domain, match=f"0{site.numbers[0]}*")
    there("dialplan.set", domain=domain, match=RULE)
    url = f"https://images.example.com/{word}/gui_lang_DE.xml"
    there("language.set", domain=domain, kind="gui", name="Deutsch", url=url)
    there("window.open", accounts=accounts)
    if site is not EXAMPLE:
        there("rollout.start", scope="domain", target=domain, hours=_never())


def _set_layers(
    there: Call, layers: Sequence[tuple[str, str]], word: str, name: str, index: int
) -> None:
    for scope, target in layers:
        of = {"scope": scope, "target": target}
        there("settings.set", **of, name=name, value=f"{word} {scope}")
        there("keys.set", **of, index=index, value=f"speed {word}", label=word)


def _firmware_scopes(site: Site) -> list[tuple[str, str]]:
    group = f"{site.group}@{site.domain}"
    return [("domain", site.domain), ("group", group), ("device", site.macs[0])]


def _set_firmware(
    there: Call, scopes: Sequence[tuple[str, str]], why: str = ""
) -> None:
    for scope, target in scopes:
        of = {"scope": scope, "target": target, **_D785}
        there("firmware.set", **of, location=IMAGE)
        there("firmware.pin", **of)
        there("firmware.forbid", **of, reason=why)


def clear_firmware(call: Call, *sites: Site) -> None:
    """Say nothing of firmware for the engine and *sites*: a version can be rolled out.

    Raises nothing where nothing is said.
    """
    scopes = [of for site in sites for of in _firmware_scopes(site)]
    for scope, target in (_ENGINE, *scopes):
        of = {"scope": scope, "target": target, "model": _D785["model"]}
        for op, more in (
            ("firmware.unset", {}),
            ("firmware.unpin", {}),
            ("firmware.permit", {"version": VERSION}),
        ):
            attempt(call, op, **of, **more)


def end_rollouts(call: Call, *sites: Site) -> None:
    """Cancel the roll-outs of *sites*, and those of the engine where all are meant."""
    for one in going_on(call, *sites):
        attempt(call, "rollout.cancel", rollout=one["id"])


def going_on(call: Call, *sites: Site) -> Iterator[Mapping[str, Any]]:
    """Yield the roll-outs of *sites* that are not over, the newest first."""
    domains = {site.domain for site in sites} | ({""} if FIRST in sites else set())
    for one in call("rollout.list"):
        if one["ended_at"] is None and one["domain"] in domains:
            yield one


def attempt(call: Call, op: str, **args: Any) -> None:
    """Carry *op* out, unless the engine refuses it: it is so already."""
    with suppress(EngineError):
        call(op, **args)


def people(call: Call) -> dict[str, str]:
    """Return tokens of API by who has them: operator, reader, other, and "" for nobody.

    The other is the administrator of the second domain, who may do all in it.
    """
    other = "other-admin"
    domains = [OTHER.domain]
    call("admin.add", name=other, password=PASSWORD, role="domain", domains=domains)
    call("admin.add", name=f"{FIRST.word}-admin", password=PASSWORD)
    call("admin.add", name=ANNA, password=ANNAS_PASSWORD)

    def token(name: str, scopes: Sequence[str], **more: Any) -> str:
        made = call("admin.token.add", name=name, scopes=[*scopes], **more)
        return str(made["token"])

    token(f"{FIRST.word}-token", ["read"], domains=[FIRST.domain])
    return {
        "nobody": "",
        "operator": token("operator-own", SCOPES),
        "reader": token("reader-own", ["read"]),
        "other": token("other-own", SCOPES, administrator=other),
    }


def _encoded(der: bytes) -> str:
    return base64.b64encode(der).decode()


def _never() -> str:
    """Return hours of the day that now is not within."""
    hour = (time.localtime().tm_hour + 12) % 24
    return f"{hour:02}:00-{hour:02}:30"
