"""Accounts of a domain by their numbers, and by ranges of them (``400-449``).

Read by the index of numbers, and each account once however often it is named: phones
wait with what they write while an administrator writes.
"""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from bootwave.errors import StoreNotFound
from bootwave.store.names import checked_range
from bootwave.store.work import ACCOUNT_ROWS, AccountRow, Work

_NAMED = """
SELECT a.id, a.domain_id, a.number, d.name, a.display_name, a.auth_user, a.mailbox,
  a.wildcard
FROM json_each(:numbers) j
CROSS JOIN accounts a ON a.domain_id = :domain_id AND a.number = j.value
CROSS JOIN domains d ON d.id = a.domain_id
"""
# Of numbers of the same length the order of texts is that of what they count.
_RANGE = (
    ACCOUNT_ROWS
    + """
WHERE a.domain_id = :domain_id AND a.number >= :first AND a.number <= :last
  AND length(a.number) = :digits
"""
)

Range = tuple[int, int]


def accounts_within(
    work: Work, domain: str, numbers: Sequence[str]
) -> list[AccountRow]:
    """Return the accounts of *domain* that *numbers* name, by number.

    Each is a number or a range, whose numbers have as many digits as its ends.  Raises
    SettingError for what is neither, StoreNotFound for one that no account has.
    """
    domain_id = work.domain_id(domain)
    named: dict[str, str] = {}
    ranges: dict[int, dict[Range, str]] = {}  # by the number of digits
    for text in numbers:
        wanted = checked_range(text)
        if isinstance(wanted, str):
            named[wanted] = text
        else:
            first, last, digits = wanted
            ranges.setdefault(digits, {})[first, last] = text
    asked = {"domain_id": domain_id, "numbers": json.dumps([*named])}
    rows = work.connection.execute(_NAMED, asked).fetchall()
    found = {row[2]: AccountRow(*row) for row in rows}
    _require(domain, (named[number] for number in named if number not in found))
    for digits, texts in ranges.items():
        there: dict[str, AccountRow] = {}
        for first, last in _joined(texts):
            rows = work.connection.execute(
                _RANGE,
                {
                    "domain_id": domain_id,
                    "digits": digits,
                    "first": f"{first:0{digits}}",
                    "last": f"{last:0{digits}}",
                },
            ).fetchall()
            there |= {row[2]: AccountRow(*row) for row in rows if row[2].isdecimal()}
        values = sorted(map(int, there))
        _require(
            domain,
            (
                text
                for (first, last), text in texts.items()
                if bisect_left(values, first) == bisect_right(values, last)
            ),
        )
        found |= there
    return [found[number] for number in sorted(found)]


def _require(domain: str, missing: Iterator[str]) -> None:
    for text in missing:
        raise StoreNotFound(
            f"The domain {domain} has no account in {text}: see bootwave account list."
        )


def _joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """Yield what is in any of *ranges*, nothing of it twice."""
    begin, end = 0, -1
    for first, last in sorted(ranges):
        if first > end + 1:
            if end >= begin:
                yield begin, end
            begin = first
        end = max(end, last)
    if end >= begin:
        yield begin, end
