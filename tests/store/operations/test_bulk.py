"""An import that comes in parts: what is kept, for how long, and by which name."""

from collections.abc import Iterator

import pytest

from bootwave.control.operations import acting
from bootwave.errors import OptionError, StoreConflict, StoreNotFound
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.operations import bulk
from bootwave.store.operations.bulk import (
    BEGUN_SECONDS,
    MAX_LIMITED_STAGES,
    MAX_STAGES,
    MAX_STAGES_OF_DOMAIN,
    STAGE_SECONDS,
)
from tests.store.clock import Clock
from tests.store.steps import taken

DOMAIN = "a.example.com"


def row(number: object) -> dict[str, str]:
    return {"extension": str(number), "domain": DOMAIN, "password": "hunter2"}


@pytest.fixture
def domain(admin: Administration) -> None:
    admin.domain_add(DOMAIN)


def test_rows_come_in_parts(domain: None, admin: Administration) -> None:
    stage = admin.stage_begin(domain=DOMAIN)["stage"]
    assert admin.stage_add(stage, [row(401), row("x y")]) == {"right": 1, "wrong": 1}
    assert admin.stage_add(stage, [row(402), row(401)]) == {"right": 2, "wrong": 2}
    result = taken(admin.stage_import, stage)
    assert (result["added"], result["error_count"]) == (2, 2)
    assert "row 1" in result["errors"][1]["error"]
    with pytest.raises(StoreNotFound, match="begin it again"):
        admin.stage_import(stage)


def test_a_stage_that_is_left_alone_makes_room(
    domain: None, admin: Administration, clock: Clock
) -> None:
    stages = [admin.stage_begin()["stage"] for _ in range(MAX_STAGES)]
    with pytest.raises(StoreConflict, match="under way"):
        admin.stage_begin()
    clock.pass_seconds(STAGE_SECONDS)
    admin.stage_add(stages[0], [row(401)])
    clock.pass_seconds(1)
    admin.stage_begin()
    assert taken(admin.stage_import, stages[0])["added"] == 1
    for stage in stages[1:]:
        with pytest.raises(StoreNotFound):
            admin.stage_add(stage, [row(402)])
    assert admin.stage_drop(stages[1]) == {"stage": stages[1]}


def test_one_that_is_begun_may_be_left_alone_for_less(
    domain: None, admin: Administration, clock: Clock
) -> None:
    begun, waiting = (admin.stage_begin()["stage"] for _ in range(2))
    admin.stage_add(begun, [row(401)])
    assert admin.stage_import(begun, all_or_nothing=True)["more"]
    asked_at = clock.at.boottime + BEGUN_SECONDS
    clock.pass_seconds(BEGUN_SECONDS + 1)
    # What is asked for has waited for others as long as its next step may have.
    admin.stages_forgotten(asked_at)
    admin.stage_begin()
    assert admin.stage_add(waiting, [row(402)])["right"] == 1
    assert admin._stages.keys() >= {begun, waiting}
    admin.stages_forgotten(clock.at.boottime)
    with pytest.raises(StoreNotFound):
        admin.stage_import(begun)
    clock.pass_seconds(STAGE_SECONDS)
    admin.stages_forgotten(clock.at.boottime)
    assert admin.stage_add(waiting, [row(403)])["right"] == 2
    clock.pass_seconds(STAGE_SECONDS + 1)
    admin.stages_forgotten(clock.at.boottime)
    assert not admin._stages


def test_the_time_of_a_step_is_not_the_clients(
    domain: None, admin: Administration, clock: Clock
) -> None:
    stage = admin.stage_begin()["stage"]
    admin.stage_add(stage, [row(401)])

    def progress(done: int, total: int) -> None:
        clock.pass_seconds(BEGUN_SECONDS + 1)

    assert admin.stage_import(stage, all_or_nothing=True, progress=progress)["more"]
    admin.stages_forgotten(clock.at.boottime)
    assert admin.stage_import(stage)["added"] == 1


def test_one_domain_keeps_no_other_from_importing(
    domain: None, admin: Administration
) -> None:
    admin.domain_add("other.example.com")
    stages = [
        admin.stage_begin(domain=DOMAIN)["stage"] for _ in range(MAX_STAGES_OF_DOMAIN)
    ]
    with pytest.raises(StoreConflict, match=f"imports into {DOMAIN} are under way"):
        admin.stage_begin(domain=DOMAIN.upper())
    admin.stage_drop(admin.stage_begin(domain="other.example.com")["stage"])
    admin.stage_drop(stages[0])
    admin.stage_begin(domain=DOMAIN)


def test_who_has_some_domains_leaves_room_to_who_has_them_all(
    domain: None, admin: Administration
) -> None:
    names = [f"d{number}.example.com" for number in range(MAX_LIMITED_STAGES)]
    for name in names:
        admin.domain_add(name)
    with acting(admin, actor="x", reach=frozenset(names)):
        for name in names:
            admin.stage_begin(domain=name)
        with pytest.raises(StoreConflict, match="As many imports as there may be"):
            admin.stage_begin(domain=names[0])
    for _ in range(MAX_STAGES - MAX_LIMITED_STAGES):
        admin.stage_begin()
    with pytest.raises(StoreConflict, match="under way"):
        admin.stage_begin()


def test_rows_are_taken_one_by_one_from_who_makes_them(
    domain: None, admin: Administration
) -> None:
    def made() -> Iterator[dict[str, str]]:
        for number in range(1_200):
            yield row(number)

    assert admin.account_import(made())["added"] == 1_200


def test_who_had_used_a_window_is_told_that_another_is_open(
    domain: None, admin: Administration, told: list[list[Change]]
) -> None:
    rows = [row(401) | {"mac": "0004132E08B4"}, row(402)]
    admin.bulk(accounts=rows, open_minutes=5)
    told.clear()
    found = admin.bulk(accounts=rows, open_minutes=5, update=True)
    assert (found["unchanged"], found["opened"]) == (2, 2)
    (changes,) = told
    assert Change("device", 0x0004132E08B4) in changes
    assert sum(change.kind == "account" for change in changes) == 2


def test_who_has_some_domains_writes_so_many_at_once_and_no_more(
    domain: None, admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_TOGETHER", 3)
    macs = " ".join(f"{n:012X}" for n in (1, 2, 3, 4))
    rows = [row(401) | {"mac": macs}, row(402)]
    admin.reach = frozenset({DOMAIN})
    with pytest.raises(OptionError, match="2 rows with 4 MACs would be written at"):
        admin.account_import(rows, all_or_nothing=True)
    admin.reach = None
    assert admin.account_import(rows)["added"] == 2
    admin.reach = frozenset({DOMAIN})
    # What is so already is not written.
    found = admin.account_import(rows, update=True, all_or_nothing=True)
    assert found["unchanged"] == 2


def test_what_changes_very_much_is_not_compared_while_phones_wait(
    domain: None, admin: Administration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_TOGETHER", 3)
    rows = [row(number) for number in range(401, 407)]
    assert admin.account_import(rows)["added"] == 6
    admin.reach = frozenset({DOMAIN})
    rows[0] = row(401) | {"name": "Anna"}
    stage = admin.stage_begin(domain=DOMAIN, only=True)["stage"]
    admin.stage_add(stage, rows)
    how = {"update": True, "all_or_nothing": True}

    def imported() -> None:
        while admin.stage_import(stage, **how)["more"]:
            admin._connection.execute(
                "INSERT INTO changes (kind, key) VALUES ('all', 0)"
            )

    with pytest.raises(StoreConflict, match="again in a minute"):
        imported()
    assert admin.account_show(f"401@{DOMAIN}")["name"] == ""
    found = admin.account_import(rows, **how)
    assert (found["updated"], found["unchanged"]) == (1, 5)
