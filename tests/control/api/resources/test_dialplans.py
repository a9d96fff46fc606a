"""Dial plans of domains."""

import httpx
import pytest

from tests.control.api.conftest import A, B, Served, problem

PATH = f"/api/v1/domains/{A}/dialplan"
RULES = f"{PATH}/rules"


def test_rules_are_set_tried_and_taken_back(admin: httpx.Client) -> None:
    assert admin.get(PATH).json() == {"told": False, "rules": [], "taken": None}
    for rule in ({"match": "."}, {"match": "0,*", "timeout": 5, "user": "Phone"}):
        done = admin.post(RULES, json=rule)
        assert done.status_code == 200, done.text
    shown = admin.get(PATH, params={"dialled": "0123"}).json()
    assert [one["match"] for one in shown["rules"]] == [".", "0,*"]
    assert shown["taken"]["timeout"] == 5
    assert admin.delete(RULES, params={"match": "."}).status_code == 204
    assert problem(admin.delete(RULES, params={"match": "."})) == "not-found"
    assert problem(admin.delete(RULES)) == "invalid"
    assert admin.delete(PATH).json() == {"rules": 1, "told": True}
    assert admin.get(PATH).json()["told"]
    assert not admin.delete(PATH, params={"forget": True}).json()["told"]
    assert problem(admin.delete(PATH)) == "not-found"


def test_a_rule_is_set_once_for_one_key(api: Served, admin: httpx.Client) -> None:
    for _ in range(2):
        answer = admin.post(
            RULES, json={"match": "1"}, headers={"Idempotency-Key": "one"}
        )
        assert answer.status_code == 200
    noted = [row["action"] for row in api.notes()]
    assert noted.count("dialplan.set") == 1


@pytest.mark.parametrize(
    "rule", [{"match": "a b"}, {"match": "1", "timeout": 61}, {"match": "1", "x": 1}]
)
def test_what_is_no_rule_is_refused(
    admin: httpx.Client, rule: dict[str, object]
) -> None:
    assert problem(admin.post(RULES, json=rule)) == "invalid"


def test_a_plan_of_others_is_not_there(api: Served) -> None:
    theirs = api.token("read", "write", domains=[B])
    assert problem(theirs.get(PATH)) == "not-found"
    assert problem(theirs.post(RULES, json={"match": "1"})) == "not-found"
