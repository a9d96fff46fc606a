"""What lists are narrowed down by: names that people write, as the store keeps them.

A filter is carried by an index (``orders``), or it is a ``Keep``: rows are read on
until enough of them are right, within a bound (``pages``).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from bootwave.errors import OptionError, StoreNotFound
from bootwave.phone.mac import required_mac
from bootwave.phone.model import required_model
from bootwave.store.domains import groups, windows
from bootwave.store.listing.pages import Keep, Range, mac_range, text_range
from bootwave.store.listing.resources import RESOURCES
from bootwave.store.names import MAX_NAME_CHARACTERS, required_member, sort_name
from bootwave.store.rollouts.reach import is_reached, require_reached
from bootwave.store.settings import profiles
from bootwave.store.work import Work

STATES: Final = ("open", "used", "ended", "closed")

_AT = "SELECT seq, at FROM audit WHERE seq >= :seq ORDER BY seq LIMIT 1"
_ENDS = "SELECT (SELECT MIN(seq) FROM audit), (SELECT MAX(seq) FROM audit)"


class Wanted(NamedTuple):
    """What a request narrows a list down to.

    ``names`` are the filters that an index must carry, ``equal`` their values but for
    the one that ``prefix`` is the range of.  ``keep`` chooses among the rows.
    """

    names: tuple[str, ...]
    equal: dict[str, int | str]
    prefix: Range | None
    keep: Keep | None


def wanted(work: Work, resource: str, filters: Mapping[str, str]) -> Wanted:
    """Return what *filters* say for the list of a *resource*.

    Raises OptionError for one that there is not, and what looking up a name raises.
    """
    names: list[str] = []
    equal: dict[str, int | str] = {}
    prefix: Range | None = None
    given = {name: text for name, text in filters.items() if text != ""}
    for name, text in given.items():
        if name in _EQUAL:
            equal[name] = _EQUAL[name](work, text)
            names.append(name)
        elif name in _PREFIXES:
            prefix = _PREFIXES[name](text, resource)
            names.append(name)
        elif name not in KEEPS.get(resource, ()):
            raise OptionError(
                f"The list of {resource[:40]} knows no {name[:40]!r}: filters are "
                f"{', '.join(_offered(resource))}."
            )
    if resource == "audit" and {"since", "until"} & given.keys():
        prefix = _between(work, given)
        names.append("between")
    keep = _both(_keep(work, resource, given), _reached(work, resource, given))
    return Wanted(tuple(names), equal, prefix, keep)


def _offered(resource: str) -> list[str]:
    """Return the names of the filters that the list of a *resource* has."""
    orders = RESOURCES.get(resource, ())
    carried = {name for order in orders for name in (*order.equal, order.prefix)}
    known = (*_EQUAL, *_PREFIXES)
    kept = KEEPS.get(resource, ())
    return [*(name for name in known if name in carried), *kept]


# Where the name of its domain stands in a row, for who does not reach all.
_DOMAIN_AT: Final[Mapping[str, int]] = {
    "domains": 0,
    "accounts": 2,
    "wildcards": 2,
    "devices": 1,
    "bindings": 3,
    "windows": 1,
}
# These are looked up by a domain that is reached.
_OF_DOMAIN: Final = frozenset({"profiles", "groups"})


def _reached(work: Work, resource: str, given: Mapping[str, str]) -> Keep | None:
    """Return what passes over rows of domains that who asks does not reach.

    Raises StoreNotFound for a list that is of no domain.
    """
    if work.reach is None or resource in _OF_DOMAIN or "domain" in given:
        return None
    if resource == "rollouts":
        return lambda row: is_reached(work, row[2], row[-1])
    if resource == "rollout-phones" and "rollout" in given:
        return None
    if resource not in _DOMAIN_AT:
        raise StoreNotFound(f"There is no list of {resource} of one domain.")
    at = _DOMAIN_AT[resource]
    return lambda row: work.reaches(row[at])


def _both(one: Keep | None, other: Keep | None) -> Keep | None:
    if one is None or other is None:
        return one or other
    return lambda row: one(row) and other(row)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18:
        raise OptionError(f"{text[:40]!r} is no number.")
    return int(text)


def _rollout(work: Work, text: str) -> int:
    number = _whole(text)
    require_reached(work, number)
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if not abs(seconds) < 1e15:
        raise OptionError(
            f"{text[:40]!r} is no instant: write it in seconds since 1970."
        )
    return seconds


def _member(find: Callable[[Work, str, str], int]) -> Callable[[Work, str], int]:
    def found(work: Work, text: str) -> int:
        member = required_member(text, "group")
        return find(work, member.domain, member.name)

    return found


_EQUAL: Final[Mapping[str, Callable[[Work, str], int | str]]] = {
    "domain": lambda work, text: work.domain_id(text),
    "account": lambda work, text: work.account(text).id,
    "mac": lambda work, text: required_mac(text),
    "model": lambda work, text: required_model(text),
    "group": _member(groups.found),
    "profile": _member(lambda work, *name: profiles.found(work, *name)[0]),
    "opening": lambda work, text: _whole(text),
    "rollout": lambda work, text: _rollout(work, text),
}


def _text_prefix(text: str, resource: str) -> Range:
    if len(text) > MAX_NAME_CHARACTERS:
        raise OptionError(f"Names have at most {MAX_NAME_CHARACTERS} characters.")
    if resource == "accounts":
        return text_range(sort_name(text))
    return text_range(text.lower() if resource == "domains" else text)


_PREFIXES: Final[Mapping[str, Callable[[str, str], Range]]] = {
    "number_prefix": lambda text, resource: text_range(text[:MAX_NAME_CHARACTERS]),
    "name_prefix": _text_prefix,
    "mac_prefix": lambda text, resource: mac_range(text),
}

# Filters that no index carries, by the resource.
KEEPS: Final[Mapping[str, tuple[str, ...]]] = {
    "windows": ("state",),
    "audit": ("since", "until", "actor", "action", "subject"),
}


def _keep(work: Work, resource: str, given: Mapping[str, str]) -> Keep | None:
    if resource == "windows":
        return _kept_windows(work, given)
    if resource == "audit":
        return _kept_notes(given)
    return None


def _kept_windows(work: Work, given: Mapping[str, str]) -> Keep | None:
    states = set(given.get("state", "").split(",")) - {""}
    if "live" in states:
        states |= set(windows.LIVE)
    if wrong := sorted(states - {*STATES, "live"}):
        raise OptionError(
            f"A window is never {wrong[0][:40]!r}: it is {', '.join(STATES)}, or live, "
            "which is open or used."
        )
    if not states and "domain" not in given:
        return None
    # Of a domain every account is a row, with a window or without.
    return lambda row: (
        row[3] is not None
        and (not states or windows.told(work, row)["state"] in states)
    )


def _kept_notes(given: Mapping[str, str]) -> Keep | None:
    tests: list[Keep] = []
    if since := given.get("since"):
        # Where the clock was wrong for a while, rows of then are behind newer ones.
        oldest = _seconds(since)
        tests.append(lambda row: bool(row[1] >= oldest))
    if actor := given.get("actor"):
        tests.append(lambda row: bool(row[2] == actor))
    if action := given.get("action"):
        tests.append(lambda row: str(row[3]).startswith(action))
    if subject := given.get("subject", "").lower():
        tests.append(lambda row: subject in str(row[4]).lower())
    if not tests:
        return None
    return lambda row: all(test(row) for test in tests)


def _between(work: Work, given: Mapping[str, str]) -> Range:
    """Return the numbers of the audit log's rows from ``since`` to before ``until``.

    Rows are numbered as they were written, so by time, but for a clock that was set
    back.
    """
    low: int = 0
    high: int = 1 << 62
    if "since" in given:
        low = _first_at(work, _seconds(given["since"]))
    if "until" in given:
        high = _first_at(work, _seconds(given["until"]))
    return low, high


def _first_at(work: Work, at: float) -> int:
    first, last = work.connection.execute(_ENDS).fetchall()[0]
    low, high = first or 0, (last or 0) + 1
    while low < high:
        middle = (low + high) // 2
        rows: list[Any] = work.connection.execute(_AT, {"seq": middle}).fetchall()
        if not rows or rows[0][1] >= at:
            high = middle
        else:
            low = rows[0][0] + 1
    return int(low)
