"""/api/v1/domains/{domain}/windows"""

from typing import Any

import httpx

from tests.control.api.conftest import MAC, A, B, Served, problem

PATH = f"/api/v1/domains/{A}/windows"


def live(api: Served) -> list[dict[str, Any]]:
    page = api.call("records.page", resource="windows", filters={"state": "live"})
    found: list[dict[str, Any]] = page["rows"]
    return found


def test_a_window_is_opened_listed_and_closed(api: Served, admin: httpx.Client) -> None:
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    opened = admin.post(PATH, json={"numbers": ["400-449"], "minutes": 5})
    assert opened.status_code == 201, opened.text
    assert opened.json()["opened"] == [f"401@{A}"]
    (window,) = admin.get(PATH).json()["items"]
    assert (window["number"], window["domain"]) == ("401", A)
    assert (window["state"], window["opened_by"]) == ("open", "token:t0")
    closed = admin.delete(f"{PATH}/401")
    assert closed.json() == {"closed": [f"401@{A}"]}
    assert admin.get(PATH).json() == {"items": [], "next": ""}
    (ended,) = admin.get(PATH, params={"ended": True}).json()["items"]
    assert ended["state"] == "closed"


def test_windows_are_found_by_state_and_number(
    api: Served, admin: httpx.Client
) -> None:
    for number in ("410", "411", "420"):
        api.call("account.add", account=f"{number}@{A}", password="word-of-it")
        api.call("account.bind", account=f"{number}@{A}", mac="*")
    api.call("window.open", accounts=["401", "410", "411", "420"], domain=A)
    api.call("window.close", accounts=[f"411@{A}"])

    def found(**query: object) -> list[str]:
        answer = admin.get(PATH, params=query)
        assert answer.status_code == 200, answer.text
        return [row["number"] for row in answer.json()["items"]]

    assert found(number_prefix="41") == ["410"]
    assert found(number_prefix="41", ended=True) == ["410", "411"]
    assert found(state="closed") == ["411"]
    assert found(state="open,closed", descending=True) == ["420", "411", "410", "401"]
    assert found(state="live", number_prefix="42") == ["420"]
    assert problem(admin.get(PATH, params={"state": "ajar"})) == "invalid"
    for state in (",", "open,", ",open", "open,,used"):
        refused = admin.get(PATH, params={"state": state})
        assert problem(refused) == "invalid", state
        assert "no state of windows" in refused.json()["detail"]
    both = admin.get(PATH, params={"state": "open", "ended": "true"})
    assert problem(both) == "invalid"
    assert both.json()["errors"][0]["at"] == "query/ended"


def test_all_of_a_domain_are_opened_only_when_that_is_said(
    api: Served, admin: httpx.Client
) -> None:
    assert problem(admin.post(PATH, json={})) == "invalid"
    both = {"numbers": ["401"], "all": True}
    assert problem(admin.post(PATH, json=both)) == "invalid"
    assert admin.post(PATH, json={"all": True}).json()["opened"] == [f"401@{A}"]
    api.call("window.open", accounts=[f"401@{B}"])
    assert admin.delete(PATH).json() == {"closed": [f"401@{A}"]}
    assert [row["account"] for row in live(api)] == [f"401@{B}"]


def test_a_window_of_another_domain_cannot_be_named(
    api: Served, admin: httpx.Client
) -> None:
    answer = admin.post(PATH, json={"numbers": [f"401@{B}"]})
    assert problem(answer) == "invalid"
    assert problem(admin.post(PATH, json={"numbers": ["999"]})) == "not-found"
    assert problem(admin.delete(f"{PATH}/999")) == "not-found"
    assert live(api) == []
