"""Rules of ``[pnp]``: whose SUBSCRIBE is answered, before anything is looked up.

A rule is ``answer`` or ``ignore`` and conditions, which must all hold:

    ignore list=other-pbx
    answer oui=000413 subnet=10.1.0.0/16
    ignore

The first rule that holds counts; where none does, the SUBSCRIBE is answered.  To be
answered means to be treated as without rules: an unbound phone meets silence all the
same.  A list has a name and MACs: ``other-pbx 0004132E08B4 00:04:13:41:AA:BB``.
"""

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Final, NamedTuple

MAX_RULES: Final = 256  # each may be compared with each SUBSCRIBE
CONDITIONS: Final = ("oui", "vendor", "subnet", "mac", "list")

_SEPARATORS = str.maketrans("", "", ":-.")
_HEX = re.compile(r"[0-9A-Fa-f]+", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_VENDOR = re.compile(r"[A-Za-z0-9._+/-]{1,48}", re.ASCII)


class Rule(NamedTuple):
    """One rule; a condition that is None always holds."""

    answer: bool
    macs: frozenset[int] | None = None
    ouis: frozenset[int] | None = None
    vendor: str | None = None
    subnet: tuple[int, int] | None = None  # address and mask

    @property
    def is_of_mac(self) -> bool:
        """Whether it looks at nothing but the MAC."""
        return self.vendor is None and self.subnet is None


class Rules:
    """Rules in their order."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Keep *rules*."""
        self._rules = tuple(rules)
        self._needs_source = any(rule.subnet is not None for rule in rules)
        self.are_of_mac = all(rule.is_of_mac for rule in rules)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._rules)

    def answer(self, mac: int, vendor: str, source: str) -> bool:
        """Whether the phone *mac* of *vendor* (in small letters) is answered.

        *source* is the IPv4 address it asks from.
        """
        address = int(IPv4Address(source)) if self._needs_source else 0
        for rule in self._rules:
            if (
                (rule.macs is None or mac in rule.macs)
                and (rule.ouis is None or mac >> 24 in rule.ouis)
                and (rule.vendor is None or rule.vendor == vendor)
                and (rule.subnet is None or address & rule.subnet[1] == rule.subnet[0])
            ):
                return rule.answer
        return True

    def answer_mac(self, mac: int) -> bool:
        """Whether the phone *mac* is answered wherever it is; False when that depends.

        Where rules look at more than the MAC it depends for every phone.
        """
        return self.are_of_mac and self.answer(mac, "", "0.0.0.0")


def rules_from_texts(rules: Iterable[str], lists: Iterable[str] = ()) -> Rules:
    """Return the rules that *rules* and *lists* spell.

    Raises ValueError with one clause that says what is expected.
    """
    named = dict(map(_list, lists))
    found = [_rule(text, named) for text in rules]
    if len(found) > MAX_RULES:
        raise ValueError(f"must be at most {MAX_RULES} rules")
    return Rules(found)


def checked_list(text: str) -> str:
    """Return the list *text*; raises ValueError when it is none."""
    _list(text)
    return text


def _list(text: str) -> tuple[str, frozenset[int]]:
    name, *macs = text.split() or [""]
    if not _NAME.fullmatch(name) or not macs:
        raise ValueError(
            "must be a name and MACs, such as other-pbx 0004132E08B4 0004132E08B5"
        )
    return name, frozenset(map(_mac, macs))


def _rule(text: str, lists: dict[str, frozenset[int]]) -> Rule:
    verb, *conditions = text.split() or [""]
    if verb not in ("answer", "ignore"):
        raise ValueError(
            "must begin with answer or ignore, such as ignore subnet=10.1.0.0/16"
        )
    rule = Rule(verb == "answer")
    given: set[str] = set()
    for condition in conditions:
        name, equals, value = condition.partition("=")
        if name not in CONDITIONS or not equals or not value:
            raise ValueError(
                f"must have conditions such as oui=000413 ({', '.join(CONDITIONS)}), "
                f"not {condition[:40]!r}"
            )
        if name in given or {name, *given} >= {"mac", "list"}:
            raise ValueError(f"must have one condition of each kind, not {text[:80]!r}")
        given.add(name)
        rule = _with(rule, name, value, lists)
    return rule


def _with(rule: Rule, name: str, value: str, lists: dict[str, frozenset[int]]) -> Rule:
    match name:
        case "oui":
            return rule._replace(ouis=frozenset((_number(value, 6, "000413"),)))
        case "mac":
            return rule._replace(macs=frozenset((_mac(value),)))
        case "list":
            if value not in lists:
                raise ValueError(
                    f"must name a list of pnp.lists, not {value[:40]!r}: there "
                    f"{'is ' + ', '.join(lists) if lists else 'is none'}"
                )
            return rule._replace(macs=lists[value])
        case "vendor":
            if not _VENDOR.fullmatch(value):
                raise ValueError("must name a vendor as vendor=snom")
            return rule._replace(vendor=value.lower())
        case _:
            try:
                network = IPv4Network(value)
            except ValueError:
                raise ValueError(
                    "must name IPv4 subnets as subnet=10.1.0.0/16, with no bit set "
                    f"behind the length, not {value[:40]!r}"
                ) from None
            mask = int(network.netmask)
            return rule._replace(subnet=(int(network.network_address), mask))


def _mac(text: str) -> int:
    return _number(text, 12, "0004132E08B4")


def _number(text: str, digits: int, example: str) -> int:
    plain = text.translate(_SEPARATORS)
    if len(plain) != digits or not _HEX.fullmatch(plain):
        raise ValueError(
            f"must have {digits} hex digits such as {example}, not {text[:40]!r}"
        )
    return int(plain, 16)
