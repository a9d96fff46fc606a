"""What becomes of an exception that nobody expected."""

import httpx
import pytest

from bootwave import log
from bootwave.store.administration import Administration
from tests.control.api.conftest import problem


def test_a_fault_is_told_to_the_log_alone(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Administration) -> None:
        raise RuntimeError("a canary")

    noted = []
    monkeypatch.setattr(Administration, "domain_list", broken)
    monkeypatch.setattr(log, "note", lambda event, **values: noted.append(event))
    answer = admin.get("/api/v1/domains")
    assert (answer.status_code, problem(answer)) == (500, "fault")
    assert "canary" not in answer.text
    assert noted == [log.API_FAULT]
    assert answer.headers["cache-control"] == "no-store"
    assert admin.get("/health/live").status_code == 200
