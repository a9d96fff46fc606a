import sqlite3

import orjson
import pytest

from bootwave.control.api.problems import KINDS, TYPE_PREFIX, Problem, problem_from
from bootwave.errors import (
    EngineError,
    LimitExceeded,
    SettingError,
    StoreConflict,
    StoreNotFound,
    StoreUnavailable,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StoreNotFound("There is no x."), "not-found"),
        (StoreConflict("There is one."), "conflict"),
        (SettingError("Not so."), "invalid"),
        (EngineError("Not so."), "invalid"),
        (LimitExceeded("too long", limit=5), "too-large"),
        (StoreUnavailable("Away."), "unavailable"),
        (RuntimeError("a canary"), "fault"),
    ],
)
def test_each_error_is_a_problem_with_its_sentence(error: Exception, kind: str) -> None:
    found = problem_from(error)
    assert found.kind == kind
    assert ("canary" in found.detail) is False
    if kind != "fault":
        assert found.detail == str(error)


def test_a_full_disk_is_told_apart() -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    error = StoreUnavailable("Full.")
    error.__cause__ = full
    assert problem_from(error).status == 507
    later = problem_from(StoreUnavailable("Away.")).response()
    assert (later.status_code, later.headers["retry-after"]) == (503, "5")


def test_a_problem_is_what_rfc_9457_says() -> None:
    problem = Problem("conflict", "It is so.", headers={"X-A": "b"})
    response = problem.response()
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-a"] == "b"
    assert orjson.loads(response.body) == {
        "type": TYPE_PREFIX + "conflict",
        "title": KINDS["conflict"].title,
        "status": 409,
        "detail": "It is so.",
    }
    assert problem_from(problem) is problem
