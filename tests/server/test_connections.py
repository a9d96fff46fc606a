"""Who must go when the table fills."""

from hypothesis import given
from hypothesis import strategies as st

from bootwave.server.connections import ConnectionTable


def filled(capacity: int, *sources: str) -> ConnectionTable[int]:
    """A table with connections 0, 1, 2 ... from *sources*."""
    table: ConnectionTable[int] = ConnectionTable(capacity)
    for number, source in enumerate(sources):
        table.add(number, source)
    return table


def test_nobody_goes_while_there_is_room() -> None:
    assert filled(10, *"aaaaaaa").victim() is None


def test_the_source_with_most_waiting_loses_its_oldest() -> None:
    assert filled(10, *"abbbcccc").victim() == 4
    table = filled(10, *"bbaaabcd")
    assert table.victim() == 2  # of two equal sources the one that was so first
    table.remove(2)
    table.add(8, "d")
    assert table.victim() == 0


def test_a_source_with_many_phones_may_fill_the_table_alone() -> None:
    table = filled(10, *"nnnnnnn")
    assert table.victim() is None


def test_a_lone_phone_is_never_in_the_way_of_a_flood() -> None:
    table = filled(100, *["phone", *["flood"] * 79])
    for number in range(1000, 2000):
        victim = table.victim()
        assert victim is not None
        table.remove(victim)
        table.add(number, "flood")
    assert 0 in table
    assert len(table) == 80


def test_who_is_being_answered_stays() -> None:
    table = filled(10, *"bbbbaaaa")
    for number in range(4):
        table.busy(number)
    assert table.victim() == 4
    table.waiting(0)
    table.waiting(1)
    assert table.victim() == 4


def test_waiting_again_makes_young() -> None:
    table = filled(10, *"aaaaaaaa")
    table.busy(0)
    table.waiting(0)
    assert table.victim() == 1


def test_the_proven_go_only_when_the_table_is_full_longest_waiting_first() -> None:
    table = filled(10, *"aaaaaaaa")
    for number in range(8):
        table.prove(number)
    assert table.victim() is None
    table.add(8, "b")
    assert table.victim() == 8
    table.prove(8)
    table.add(9, "b")
    table.busy(9)
    table.waiting(0)
    assert table.is_full
    assert table.victim() == 1


def test_a_full_table_of_busy_connections_gives_nobody_up() -> None:
    table = filled(10, *"aaaaaaaaaa")
    for number in range(10):
        table.busy(number)
    assert table.victim() is None
    assert table.unproven() is None


def test_the_unproven_can_be_asked_for_before_the_table_is_crowded() -> None:
    assert filled(10, *"ab").unproven() == 0
    assert filled(10).unproven() is None


def test_removing_twice_is_harmless() -> None:
    table = filled(10, "a")
    table.remove(0)
    table.remove(0)
    assert len(table) == 0


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "busy", "waiting", "prove", "victim"]),
        st.integers(0, 11),
        st.sampled_from("abc"),
    ),
    max_size=80,
)


@given(OPERATIONS)
def test_the_victim_is_what_a_plain_search_finds(
    operations: list[tuple[str, int, str]],
) -> None:
    table: ConnectionTable[int] = ConnectionTable(8)
    rows: dict[int, list[object]] = {}  # source, proven, since (None: busy)
    for clock, (operation, number, source) in enumerate(operations):
        if operation == "add" and number not in rows and not table.is_full:
            table.add(number, source)
            rows[number] = [source, False, clock]
        elif operation == "remove":
            table.remove(number)
            rows.pop(number, None)
        elif number in rows and operation in ("busy", "waiting", "prove"):
            getattr(table, operation)(number)
            if operation == "prove" and not rows[number][1]:
                rows[number][1] = True
                if rows[number][2] is not None:
                    rows[number][2] = clock
            elif operation != "prove":
                rows[number][2] = clock if operation == "waiting" else None
        waiting = [n for n, row in rows.items() if row[2] is not None]
        unproven = [n for n in waiting if not rows[n][1]]
        victim = table.victim()
        if len(rows) >= 6 and unproven:
            counts = {s: sum(rows[n][0] == s for n in unproven) for s in "abc"}
            assert victim in unproven
            own = rows[victim][0]
            assert counts[str(own)] == max(counts.values())
            assert victim == min(
                (n for n in unproven if rows[n][0] == own), key=lambda n: rows[n][2]
            )
        elif len(rows) == 8 and waiting:
            assert victim == min(waiting, key=lambda n: rows[n][2])
        else:
            assert victim is None
        assert len(table) == len(rows)
