"""A store with everything that the API can show: two domains, one like the other.

Each text of the first has a word that stands nowhere else, so that an answer to who
does not reach it can be searched for it.  Furnishing what is there already changes
nothing, so that it can be done again once somebody removed half of it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from bootwave.errors import EngineError

Call = Callable[..., Any]
VERSION: Final = "10.1.198.19"
PASSWORD: Final = "correct horse battery"
SCOPES: Final = ("read", "write", "reveal", "access")
STRANGER: Final = "000413771F00"
SPARE: Final = "spare.example.com"  # a domain that may go
_D785: Final = {"model": "snomD785", "version": VERSION}
_IMAGE: Final = "https://images.example.com/snomD785.bin"


class Site(NamedTuple):
    """A domain, the word in its texts, and the names of what is in it."""

    domain: str
    word: str
    macs: tuple[str, ...]
    numbers: tuple[str, ...]

    @property
    def accounts(self) -> list[str]:
        """Its accounts that have phones, as commands name them."""
        return [f"{number}@{self.domain}" for number in self.numbers]

    @property
    def profile(self) -> str:
        """The name of its button profile."""
        return f"{self.word}-profile"

    @property
    def group(self) -> str:
        """The name of its group of devices."""
        return f"{self.word}-group"


def _site(domain: str, word: str, nibble: str, numbers: Sequence[str]) -> Site:
    macs = tuple(f"00041377{nibble}0D{n:X}" for n in range(len(numbers)))
    return Site(domain, word, macs, tuple(numbers))


FIRST: Final = _site("first.example.com", "canarybird", "C", ("7701", "7702", "7703"))
OTHER: Final = _site("other.example.com", "sparrow", "B", ("401", "402", "403"))


def furnish(call: Call, *sites: Site) -> dict[str, str]:
    """Have *sites* with everything in them, by operations that *call* carries out.

    Returns what was refused, by operation, but for what is there already.
    """
    refused: dict[str, str] = {}

    def there(op: str, **args: Any) -> None:
        try:
            call(op, **args)
        except EngineError as error:
            if "already" not in str(error):
                refused[op] = str(error)

    for site in sites:
        _furnish(there, site)
    there("domain.add", name=SPARE)
    engine = {"scope": "engine", "target": ""}
    there("settings.set", **engine, name="timezone", value="GER+1")
    there("keys.set", **engine, index=5, value="speed 110")
    there("firmware.set", **engine, **_D785, location=_IMAGE)
    there("settings.set", scope="model", target="370", name="tone_scheme", value="GER")
    return refused


def _furnish(there: Call, site: Site) -> None:
    domain, word, accounts = site.domain, site.word, site.accounts
    there("domain.add", name=domain, registrar=f"{word}.example.net")
    for number, account, mac in zip(site.numbers, accounts, site.macs, strict=True):
        secret = f"{word}-secret-{number}"
        there("account.add", account=account, password=secret, name=f"{word} {number}")
        there("account.bind", account=account, mac=mac)
    there("account.add", account=f"790@{domain}", password=f"{word}-790")
    if site is FIRST:  # of two domains only one may claim any unknown phone
        there("account.bind", account=f"790@{domain}", mac="?")
    there("token.make", domain=domain)
    there("profile.add", domain=domain, name=site.profile)
    there("profile.assign", domain=domain, name=site.profile, accounts=accounts[:1])
    there("group.add", domain=domain, name=site.group)
    there("group.assign", domain=domain, name=site.group, macs=list(site.macs[:1]))
    for scope, target in (
        ("domain", domain),
        ("profile", f"{site.profile}@{domain}"),
        ("account", accounts[0]),
        ("device", site.macs[0]),
    ):
        of = {"scope": scope, "target": target}
        there("settings.set", **of, name="phone_name", value=f"{word} {scope}")
        there("keys.set", **of, index=3, value=f"speed {word}", label=word)
    for scope, target in (("domain", domain), ("account", accounts[0])):
        row = {"name": f"{word} {scope}", "number": "7999"}
        there("phonebook.import", scope=scope, target=target, rows=[row])
    for scope, target in (
        ("domain", domain),
        ("group", f"{site.group}@{domain}"),
        ("device", site.macs[0]),
    ):
        there("firmware.forbid", scope=scope, target=target, **_D785, reason=word)
    there("dialplan.set", domain=domain, match=f"0{site.numbers[0]}*")
    url = f"https://images.example.com/{word}/gui_lang_DE.xml"
    there("language.set", domain=domain, kind="gui", name="Deutsch", url=url)
    there("window.open", accounts=accounts)
    there("rollout.start", scope="domain", target=domain, hours=_never())


def people(call: Call) -> dict[str, str]:
    """Return tokens of API by who has them: operator, reader, other, and "" for nobody.

    The other is the administrator of the second domain, who may do all in it.
    """
    other = "other-admin"
    domains = [OTHER.domain]
    call("admin.add", name=other, password=PASSWORD, role="domain", domains=domains)
    call("admin.add", name=f"{FIRST.word}-admin", password=PASSWORD)

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


def _never() -> str:
    """Return hours of the day that now is not within."""
    hour = (time.localtime().tm_hour + 12) % 24
    return f"{hour:02}:00-{hour:02}:30"
