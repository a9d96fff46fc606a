"""/api/v1/audit"""

import httpx

from tests.control.api.conftest import B, Served, problem

PATH = "/api/v1/audit"


def test_the_log_is_read_page_by_page_and_narrowed_down(
    api: Served, admin: httpx.Client
) -> None:
    first = admin.get(PATH, params={"limit": 2}).json()
    assert [row["seq"] for row in first["items"]] == sorted(
        (row["seq"] for row in first["items"]), reverse=True
    )
    rest = admin.get(PATH, params={"cursor": first["next"]}).json()
    assert rest["items"][0]["seq"] == first["items"][-1]["seq"] - 1
    added = admin.get(PATH, params={"action": "account.added", "subject": B}).json()
    assert [row["subject"] for row in added["items"]] == [f"401@{B}"]
    assert admin.get(PATH, params={"since": 1e11}).json()["items"] == []
    assert len(admin.get(PATH, params={"until": 1e11}).json()["items"]) > 3
    assert problem(admin.get(PATH, params={"since": "soon"})) == "invalid"


def test_the_log_is_for_who_reaches_all_domains(api: Served) -> None:
    assert problem(api.token("read", domains=[B]).get(PATH)) == "forbidden"
