"""Tables that fit a terminal: what is too wide for a column goes on in the next line.

Columns are made narrower where that makes the fewest lines more, and of these the
widest first.  A cell is broken at its blanks; where that is not enough for the whole
table, names and addresses are broken behind the signs in them.  A last column that
would be broken stands below its row instead, where that takes fewer lines, or as many
and it would become a thin strip.
"""

import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import zip_longest

GAP = "  "
INDENT = "    "  # of what stands below its row
STRIP = 24  # columns: what is narrower is a strip
LOOKED_AT = 100  # rows: what is best for them is near the best for all
STEPS = 32  # in about as many half of what is too wide is taken
_PIECE = re.compile(r"[^@./:,_=&?]*[@./:,_=&?]+|[^@./:,_=&?]+")

Rows = Sequence[Sequence[str]]


def lines_of(rows: Rows, room: int) -> Iterator[str]:
    """Yield the lines of a table that is *room* columns wide, with 0 as it must be.

    The first of *rows*, of which there is at least one, are the headings.  Lines are
    wider where no word of a table could be broken.
    """
    natural = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    widths = _fitted(rows, natural, room)
    if widths == natural:
        for row in rows:
            yield _line(row, widths)
        return
    if widths[-1] < natural[-1] and len(natural) > 1:
        rest = _fitted([row[:-1] for row in rows], natural[:-1], room)
        beside = below = 0
        for row in _looked_at(rows):
            beside += len([*_block(row, widths)])
            below += len([*_block_above(row, rest, room)])
        if below < beside or (below == beside and widths[-1] < STRIP):
            for row in rows:
                yield from _block_above(row, rest, room)
            return
    for row in rows:
        yield from _block(row, widths)


def width_of(text: str) -> int:
    """Return how many columns *text* takes: wide characters two, combining none."""
    # Characters below U+0300 are neither wide nor combining.
    if text.isascii() or max(text) < "\u0300":
        return len(text)
    return sum(map(_width_of_character, text))


@lru_cache(maxsize=4096)
def _width_of_character(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _looked_at(rows: Rows) -> Rows:
    """Return some of *rows*, which are the same whenever these are shown.

    They stand at no regular places, where rows of one kind may stand.
    """
    if len(rows) <= LOOKED_AT:
        return rows
    return random.Random(0).sample(rows, LOOKED_AT)


def _fitted(rows: Rows, natural: Sequence[int], room: int) -> list[int]:
    """Return the widths of the columns of *rows*, *natural* ones if there is *room*."""
    spare = room - len(GAP) * (len(natural) - 1)
    if not room or sum(natural) <= spare:
        return [*natural]
    columns = [*zip(*rows, strict=True)]
    least = [max(map(_longest_word, column)) for column in columns]
    if sum(least) > spare:
        least = [
            max(
                _longest_word(heading),
                min(STRIP, max(map(_longest_piece, cells), default=0)),
            )
            for heading, *cells in columns
        ]

    seen = [*zip(*_looked_at(rows), strict=True)]
    widths = [
        min(width, max(low, spare)) for width, low in zip(natural, least, strict=True)
    ]
    lines = [_heights(*each) for each in zip(seen, widths, strict=True)]
    narrower: list[list[int]] = []  # heights, with *step* columns less
    step = 0
    while (excess := sum(widths) - spare) > 0:
        places = [at for at, low in enumerate(least) if widths[at] > low]
        if not places:
            break
        if step != (step := _step(excess)):
            narrower = [
                _heights(cells, max(low, width - step))
                for cells, width, low in zip(seen, widths, least, strict=True)
            ]
        now = _total(lines)
        choices = []
        for at in places:
            more = _total([*lines[:at], narrower[at], *lines[at + 1 :]]) - now
            taken = min(step, widths[at] - least[at])
            choices.append((more / taken, -widths[at], at))
        *_, best = min(choices)
        widths[best] = max(least[best], widths[best] - step)
        lines[best] = narrower[best]
        narrower[best] = _heights(seen[best], max(least[best], widths[best] - step))
    return widths


def _step(excess: int) -> int:
    """Return how many columns of width are taken at once where *excess* are too many.

    One by one near the end, so that all are where little is to be taken; a power of
    two, so that it seldom changes.
    """
    return 1 << max(0, (excess // STEPS).bit_length() - 1)


def _heights(cells: Sequence[str], width: int) -> list[int]:
    """Return how many lines each of *cells* takes."""
    return [len(_folded(cell, width)) for cell in cells]


def _total(heights: Sequence[Sequence[int]]) -> int:
    """Return how many lines rows take whose cells take those of each column."""
    return sum(max(row) for row in zip(*heights, strict=True))


def _block(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """Yield the lines of one row."""
    cells = [_folded(cell, width) for cell, width in zip(row, widths, strict=True)]
    for parts in zip_longest(*cells, fillvalue=""):
        yield _line(parts, widths)


def _block_above(row: Sequence[str], widths: Sequence[int], room: int) -> Iterator[str]:
    """Yield the lines of one row with its last cell below them."""
    yield from _block(row[:-1], widths)
    for part in filter(None, _folded(row[-1], room - len(INDENT))):
        yield INDENT + part


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - width_of(cell))
        for cell, width in zip(cells, widths, strict=True)
    )
    return GAP.join(padded).rstrip()


def _folded(text: str, width: int) -> list[str]:
    """Return *text* in lines of *width* columns, of which a word may take more.

    One of more than ``STRIP`` columns is cut where it is full.
    """
    width = max(1, width)  # less remains where a terminal is as narrow as the indent
    if width_of(text) <= width:
        return [text]
    lines: list[str] = []
    line, taken = "", 0
    for word in text.split(" "):
        wide = width_of(word)
        if line and taken + 1 + wide <= width:
            line, taken = f"{line} {word}", taken + 1 + wide
            continue
        if line:
            lines.append(line)
        if wide <= width:
            line, taken = word, wide
            continue
        line, taken = "", 0
        for piece in _PIECE.findall(word):
            wide = width_of(piece)
            if line and taken + wide > width:
                lines.append(line)
                line, taken = "", 0
            line, taken = line + piece, taken + wide
            while len(line) > max(width, STRIP):
                lines.append(line[:width])
                line = line[width:]
                taken = width_of(line)
    lines.append(line)
    return lines


def _longest_word(text: str) -> int:
    return max(map(width_of, text.split(" ")))


def _longest_piece(text: str) -> int:
    pieces = (piece for word in text.split(" ") for piece in _PIECE.findall(word))
    return max(map(width_of, pieces), default=0)
