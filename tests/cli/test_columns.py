"""Tables that fit a terminal, whatever stands in them."""

from collections.abc import Sequence

import pytest

from bootwave.cli import columns
from bootwave.cli.columns import width_of

HEAD = ("mac", "domain", "accounts", "model", "last seen", "from", "what happened")
SENTENCE = "its SUBSCRIBE was answered with the settings URL"
ROW = (
    *("0004132E08B4", "example.com", "401, 402", "snom370"),
    *("2026-03-02 09:14:07", "10.1.2.7", SENTENCE),
)
BACK = ("phone", "state", "the service says", "tried", "again")
TROUBLED = (
    *("0004132E08B4", "of another user", "Error:owned_by_other_user"),
    *("2026-03-02 09:13:58", "2026-03-02 14:52:31"),
)

CONTACT = """\
mac           domain       accounts  model    firmware  last seen       from
    what happened
0004132E08B4  example.com  401       snom370  8.4.35    2026-03-02      10.1.2.7
                                                        09:14:07
    it has its settings"""
WINDOWS = """\
account      state   left   used by       from   opened by   at           closed
                                                                          by
401@pbx.     used    9 min  0004132E08B4  127.   command:    2026-03-02
example.com          59 s                 0.0.1  root        09:14:07
401@pbx.     used    9 min  0004132E08B4  127.   command:    2026-03-02
example.com          59 s                 0.0.1  root        09:14:07
403@pbx.     closed                              command:    2026-03-02   anna
example.com                                      root        09:14:07"""


def lines_of(rows: list[tuple[str, ...]], room: int) -> list[str]:
    return [*columns.lines_of(rows, room)]


def test_what_fits_has_a_line_for_each_row_and_is_no_wider_than_it_must_be() -> None:
    rows = [("name", "n"), ("anna", "1"), ("b", "")]
    expected = ["name  n", "anna  1", "b"]
    assert lines_of(rows, 7) == lines_of(rows, 200) == expected


def test_without_a_width_no_line_is_broken() -> None:
    lines = lines_of([HEAD, ROW], 0)
    assert [width_of(line) for line in lines] == [90, 125]
    assert lines[1].endswith(SENTENCE)


def test_the_widest_column_is_broken_first_and_at_blanks() -> None:
    rows = [("phone", "it says"), ("0004132E08B4", "another user has it now")]
    assert lines_of(rows, 30) == [
        "phone         it says",
        "0004132E08B4  another user has",
        "              it now",
    ]


def test_prose_at_the_end_stands_below_its_row_where_it_would_be_a_strip() -> None:
    assert lines_of([HEAD, ROW], 80) == [
        "mac           domain       accounts  model    last seen            from",
        "    what happened",
        "0004132E08B4  example.com  401, 402  snom370  2026-03-02 09:14:07  10.1.2.7",
        f"    {SENTENCE}",
    ]


def test_a_short_last_column_stands_below_its_row_where_it_would_be_a_strip() -> None:
    head = (*HEAD[:4], "firmware", *HEAD[4:])
    row = (*ROW[:2], "401", "snom370", "8.4.35", *ROW[4:6], "it has its settings")
    assert "\n".join(lines_of([head, row], 80)) == CONTACT


def test_columns_are_broken_so_that_rows_take_few_lines() -> None:
    head = (
        *("account", "state", "left", "used by", "from"),
        *("opened by", "at", "closed by"),
    )
    opened = ("command:root", "2026-03-02 09:14:07")
    used = ("401@pbx.example.com", "used", "9 min 59 s", "0004132E08B4", "127.0.0.1")
    closed = ("403@pbx.example.com", "closed", "", "", "")
    lines = lines_of(
        [head, *2 * [(*used, *opened, "")], (*closed, *opened, "anna")], 80
    )
    assert "\n".join(lines) == WINDOWS


def test_names_are_broken_behind_their_signs_where_blanks_are_not_enough() -> None:
    rows = [("account", "of"), ("401@pbx.example.com", "a b")]
    assert lines_of(rows, 23) == [
        "account              of",
        "401@pbx.example.com  a",
        "                     b",
    ]
    assert lines_of(rows, 20) == [
        "account          of",
        "401@pbx.         a b",
        "example.com",
    ]


@pytest.mark.parametrize("room", [80, 100, 120])
@pytest.mark.parametrize("rows", [[HEAD, ROW], [BACK, TROUBLED]])
def test_lists_of_the_program_fit_a_terminal(
    rows: list[tuple[str, ...]], room: int
) -> None:
    lines = lines_of([*rows, rows[1]], room)
    assert max(map(width_of, lines)) <= room
    assert sum(line.startswith("0004132E08B4  ") for line in lines) == 2
    said = "".join("".join(lines).split())
    assert sorted(said) == sorted("".join("".join([*rows[0], *2 * rows[1]]).split()))


@pytest.mark.parametrize("period", range(2, 11))
def test_long_cells_are_seen_at_whatever_regular_places_they_stand(period: int) -> None:
    prose = " ".join(["word"] * 20)
    usual, other = ("a few words", prose), (prose, "a few words")
    few = [*(period - 1) * [usual], other]
    lines = len(lines_of([("first", "then"), *few * 4], 80)) - 1
    for times in (50 // period + 1, 50, 100):
        rows = [("first", "then"), *few * times]
        assert 4 * (len(lines_of(rows, 80)) - 1) <= times * lines


@pytest.mark.parametrize("room", [200, 400])
def test_a_table_that_is_much_too_wide_takes_few_looks_at_its_columns(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    heights = columns._heights

    def counted(cells: Sequence[str], width: int) -> list[int]:
        nonlocal looks
        looks += 1
        return heights(cells, width)

    monkeypatch.setattr(columns, "_heights", counted)
    rows = [tuple("abcdefgh"), 8 * ("a few words, " * 80,)]
    lines = lines_of(rows, room)
    assert max(map(width_of, lines)) <= room
    assert len(lines) == 9_600 // room
    assert looks < 800


def test_a_word_of_combining_signs_is_whole_where_it_has_room() -> None:
    word = "e\u0301" * 20
    rows = [("name", "n"), (f"anna {word}", "1")]
    assert lines_of(rows, 23)[1:] == ["anna                  1", word]


def test_wide_characters_count_twice() -> None:
    lines = lines_of([("name", "n"), ("日本 日本 日本", "1")], 12)
    assert lines == ["name       n", "日本 日本  1", "日本"]


def test_what_cannot_be_broken_is_whole_and_wider() -> None:
    rows = [("mac", "n"), ("0004132E08B4", "x" * 20)]
    assert lines_of(rows, 20)[1] == "0004132E08B4  " + "x" * 20


def test_what_is_very_long_is_cut_before_others_are_broken() -> None:
    rows = [("option", "value"), ("server.workers", "0" * 64), ("store.key", '"k"')]
    assert lines_of(rows, 60) == [
        "option          value",
        "server.workers  " + "0" * 44,
        "                " + "0" * 20,
        'store.key       "k"',
    ]


@pytest.mark.parametrize("room", range(1, 9))
def test_a_narrow_terminal_shows_all_of_a_word_with_combining_signs(room: int) -> None:
    word = "e\u0301" * 20
    lines = lines_of([("mac", "name"), ("0004132E08B4", f"{word} {word}")], room)
    assert "".join(lines).replace(" ", "").endswith(word + word)
