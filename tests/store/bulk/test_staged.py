import resource
from collections.abc import Callable
from contextlib import closing

import pytest

from bootwave.errors import SettingError, StoreUnavailable
from bootwave.store.bulk import staged
from bootwave.store.bulk.staged import Stage
from bootwave.store.names import AccountName

A = "a.example.com"


def rows(*numbers: object) -> list[dict[str, str]]:
    return [
        {"extension": str(number), "password": f"of-{number}", "mac": ""}
        for number in numbers
    ]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staged, "TOGETHER", 2)


def test_right_rows_come_back_in_their_order_and_in_chunks(small: None) -> None:
    stage = Stage(A)
    stage.add(rows(5, 4, "x y", 3))
    stage.add(rows(2, 4))
    chunks = [[row.account.number for row in chunk] for chunk in stage.chunks()]
    assert chunks == [["5", "4"], ["3", "2"]]
    ((first, _), _) = stage.chunks()
    assert (first.password, first.given) == ("of-5", ("password", "mac"))
    assert (stage.read, stage.right, stage.wrong.count) == (6, 4, 2)
    (syntax, double) = stage.wrong.told()["errors"]
    assert (syntax["row"], double["row"]) == (3, 6)
    assert double["error"] == f"4@{A} stands in row 2 already."
    stage.close()


def test_numbers_are_found() -> None:
    stage = Stage(A)
    stage.add(rows("1", "2", "3"))
    assert stage.named(A, ["1", "2", "4"]) == {"1", "2"}
    assert stage.named("b.example.com", ["1", "2"]) == set()
    stage.close()


def test_a_stage_of_one_domain_takes_no_others() -> None:
    stage = Stage(A, only=True)
    stage.add([*rows("1"), {"extension": "2", "domain": "b.example.com"}])
    assert stage.right == 1
    assert "is no account of a.example.com" in stage.wrong.told()["errors"][0]["error"]
    stage.close()
    with pytest.raises(SettingError):
        Stage("not a domain")


def test_no_password_lies_in_the_file_in_clear_text() -> None:
    stage = Stage(A)
    stage.add([{"extension": "401", "password": "hunter2-canary"}])
    dump = "\n".join(stage._connection.iterdump()).encode()
    assert b"401" in dump
    assert b"hunter2" not in dump
    assert b"hunter2".hex().encode() not in dump.lower()
    stage.close()


def test_memory_does_not_grow_with_the_rows() -> None:
    stage = Stage(A)
    stage.add({"extension": str(n), "name": "x" * 100} for n in range(20_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    stage.add({"extension": str(n), "name": "x" * 100} for n in range(20_000, 100_000))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    # 80,000 rows of at least 200 bytes would be 16 MB.
    assert grown < 8_000
    assert stage.right == 100_000
    stage.close()


def test_rows_of_many_macs_come_few_at_a_time(small: None) -> None:
    stage = Stage(A)
    macs = [f"{n:012X}" for n in range(1, 61)]
    stage.add(
        {"extension": str(n), "mac": " ".join(macs[: 30 if n < 3 else 1])}
        for n in range(1, 6)
    )
    chunks = [[row.row for row in chunk] for chunk in stage.chunks()]
    assert chunks == [[1], [2], [3, 4], [5]]
    assert stage.left() == (5, 63)
    stage.settle([1, 4])
    assert stage.left() == (3, 32)
    stage.close()


@pytest.mark.parametrize(
    "use",
    [
        lambda stage: stage.add(rows(*range(1_000, 9_000))),
        lambda stage: stage.keep_ready(
            [row._replace(account_id=1, ready=b"x" * 999) for row in stage.some(0, 999)]
        ),
    ],
)
def test_no_room_for_the_rows_is_a_sentence(use: Callable[[Stage], None]) -> None:
    stage = Stage(A)
    stage.add(rows(*range(999)))
    stage._connection.execute("PRAGMA max_page_count = 1")  # as many as there are
    with pytest.raises(StoreUnavailable, match="directory for temporary files"):
        use(stage)
    stage.close()


def test_rows_that_are_settled_may_be_written_after_all(small: None) -> None:
    with closing(Stage(A)) as stage:
        stage.add(rows("1", "2", "3"))
        stage.settle([1, 2, 3])
        assert (stage.settled, [*stage.chunks()]) == (3, [])
        one, other = AccountName("2", A), AccountName("9", A)
        assert stage.unsettle([one, other]) == [other]
        assert [row.account for row in stage.some(0, 9)] == [one]
        assert stage.unsettle([one]) == []  # it is to be written already
        assert stage.settled == 2
        stage.unsettle_all()
        assert (stage.settled, len(stage.some(0, 9))) == (0, 3)


def test_what_was_prepared_is_forgotten_with_the_plan(small: None) -> None:
    with closing(Stage(A)) as stage:
        stage.add(rows("1", "2"))
        first, second = stage.some(0, 9)
        stage.settle([1])
        stage.keep_ready([second._replace(account_id=7, ready=b"x", is_new=True)])
        stage.add_missing(["5", "4", "5"])
        assert [*stage.missing(1)] == [["4"], ["5"]]
        assert stage.count_missing() == 2
        stage.forget_plan()
        assert stage.some(0, 9) == [first, second]
        assert (stage.settled, stage.count_missing()) == (0, 0)


def test_whoever_shares_the_phone_of_a_row_is_kept_back_with_it() -> None:
    with closing(Stage(A)) as stage:
        macs = ("0004132E0001", "0004132E0001", "0004132E0002", "")
        stage.add(
            [
                {"extension": str(number), "password": "pw", "mac": mac}
                for number, mac in enumerate(macs, 1)
            ]
        )
        stage.keep_ready(
            row._replace(account_id=row.row, ready=b"x", is_new=True)
            for row in stage.some(0, 9)
        )
        stage.choose()
        assert [row[0] for some in stage.chosen() for row in some] == [1, 2, 3, 4]
        stage.keep_back([2, 4])
        assert [row[0] for some in stage.chosen() for row in some] == [3]
        assert [row.row for row in stage.some(0, 9)] == [1, 2, 4]
