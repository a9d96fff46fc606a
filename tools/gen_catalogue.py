#!/usr/bin/env python3
"""Write the tables of docs/catalogue.md and docs/keys.md anew, from what is known.

``tests/test_catalogue_documented.py`` fails when a page and the data differ.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from bootwave.settings.catalogue import Dialect, Known, Topic, catalogue
from bootwave.settings.keyvalues import EVENTS, PURPOSES, TYPES
from bootwave.settings.locales import Places, languages, timezones, tones
from bootwave.settings.values import Kind

DOCS = Path(__file__).parents[1] / "docs"
BEGIN = "<!-- catalogue: made by tools/gen_catalogue.py, not by hand -->\n"
END = "<!-- end of catalogue -->\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _table(headers: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [_row(*headers), _row(*["---"] * len(headers)), *(_row(*r) for r in rows)]


def _codes(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def _index(known: Known) -> str:
    space = known.space
    return f"{space.counts} {space.least} to {space.most}" if space.counts else ""


def _remarks(name: str, known: Known) -> str:
    said = []
    if known.since:
        said.append(f"from {known.since} on")
    if known.note:
        said.append(known.note)
    said += [f"*{danger.sentence}*" for danger in catalogue().dangers.get(name, ())]
    if name in catalogue().forbidden:
        said.append(f"*never: {catalogue().forbidden[name].rstrip('.')}*")
    return "; ".join(said)


def _allowed(known: Known) -> str:
    more = ", or others" if known.type.more else ""
    return f"{known.type}{more}"


def _is_plain(name: str, known: Known) -> bool:
    return (
        known.type.kind is Kind.TEXT
        and not _remarks(name, known)
        and known.space.counts != "number"
    )


def _topic(topic: Topic) -> list[str]:
    here = {
        name: known
        for name, found in catalogue().known.items()
        for known in found
        if known.topic is topic
    }
    title = topic.value[0].upper() + topic.value[1:]
    lines = [f"### {title}", ""]
    spaces = {_index(known) for known in here.values()}
    full = [(n, k) for n, k in sorted(here.items()) if not _is_plain(n, k)]
    plain = [n for n, k in sorted(here.items()) if _is_plain(n, k)]
    if len(spaces) > 1:
        lines += _table(
            ("name", "index", "value", "remarks"),
            [(f"`{n}`", _index(k), _allowed(k), _remarks(n, k)) for n, k in full],
        )
    else:
        index = spaces.pop()
        if index:
            lines += [f"Index: {index}.", ""]
        lines += _table(
            ("name", "value", "remarks"),
            [(f"`{n}`", _allowed(k), _remarks(n, k)) for n, k in full],
        )
    if plain:
        lines += ["", f"Any text: {_codes(plain)}"]
    return [*lines, ""]


def _places(places: Places) -> list[tuple[str, ...]]:
    return [
        (f"`{place.code}`", ", ".join(place.names), place.m9)
        for place in places.by_code.values()
    ]


def settings_page() -> str:
    """Return the tables of docs/catalogue.md."""
    lines = ["", "### Time zones", ""]
    lines += _table(
        ("code", "names", "summer time", "m9"),
        [
            (code, names, "yes" if place.has_summer_time else "no", m9)
            for (code, names, m9), place in zip(
                _places(timezones()), timezones().by_code.values(), strict=True
            )
        ],
    )
    lines += ["", "### Tone schemes", ""]
    lines += _table(("code", "names", "m9"), _places(tones()))
    lines += ["", "### Languages", ""]
    lines += _table(("name on the phone", "names", "m9"), _places(languages()))
    lines += ["", "## Desk phones", ""]
    lines += [
        "Firmware below 7 reads these in the text format; what came later says so.",
        "",
    ]
    for topic in Topic:
        if topic is Topic.M9_IDENTITY:
            lines += ["## The m9 and the DECT bases", ""]
        lines += _topic(topic)
    return "\n".join(lines)


def keys_page() -> str:
    """Return the tables of docs/keys.md."""
    lines = [""]
    lines += _table(
        ("type", "argument", "what it is"),
        [
            (f"`{name}`", expected.value, PURPOSES[name])
            for name, expected in TYPES.items()
        ],
    )
    lines += ["", f"Key events: {_codes(sorted(EVENTS))}", ""]
    return "\n".join(lines)


PAGES: dict[Path, Callable[[], str]] = {
    DOCS / "catalogue.md": settings_page,
    DOCS / "keys.md": keys_page,
}


def with_tables(page: str, tables: str) -> str:
    """Return the text *page* with *tables* between its marks.

    Raises ValueError when the marks are not there, once each and in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in after:
        raise ValueError(f"the page needs the marks {BEGIN!r} and {END!r}, once each")
    return before + BEGIN + tables + END + after


if __name__ == "__main__":
    for path, made in PAGES.items():
        path.write_text(with_tables(path.read_text(), made()))
    count = len(catalogue().known)
    sys.stdout.write(f"The manual holds {count} settings of {len(Dialect)} dialects.\n")
