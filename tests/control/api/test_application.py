"""The application as a whole: errors, headers, bodies, and what no answer tells."""

import shutil
import subprocess

import httpx
import pytest

from bootwave import log
from tests.control.api.conftest import PASSWORD, A, Served, problem


def test_an_unknown_path_and_method_are_problems(admin: httpx.Client) -> None:
    assert problem(admin.get("/api/v1/nothing")) == "not-found"
    answer = admin.put("/api/v1/domains", json={})
    assert (problem(answer), answer.headers["allow"]) == (
        "method-not-allowed",
        "GET, HEAD, POST",
    )
    assert problem(admin.get("/api/v1/domains/")) == "not-found"


def test_answers_are_kept_nowhere_and_framed_nowhere(admin: httpx.Client) -> None:
    for path in ("/api/v1/domains", "/api/v1/nothing", "/health/live"):
        headers = admin.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers


@pytest.mark.parametrize(
    ("content", "media_type", "kind"),
    [
        (b"{", "application/json", "bad-request"),
        (b'{"name": NaN}', "application/json", "bad-request"),
        (b"[" * 20_000, "application/json", "bad-request"),
        (b"[" * 100_000, "application/json", "too-large"),
        (b'{"name": "\xff"}', "application/json", "bad-request"),
        (b"name=x", "application/x-www-form-urlencoded", "not-json"),
        (b"{}", "text/plain", "not-json"),
        (b"[]", "application/json", "invalid"),
        (b"{}", "application/json", "invalid"),
        (b"", "application/json", "invalid"),
        (b'{"name": 5}', "application/json", "invalid"),
        (b'{"name": "c.example.com", "other": 1}', "application/json", "invalid"),
        (b'{"name": "' + b"x" * (1 << 20) + b'"}', "application/json", "too-large"),
    ],
)
def test_a_body_that_cannot_be_is_refused(
    admin: httpx.Client, content: bytes, media_type: str, kind: str
) -> None:
    answer = admin.post(
        "/api/v1/domains", content=content, headers={"Content-Type": media_type}
    )
    assert problem(answer) == kind


def test_a_body_without_a_length_is_bounded_too(admin: httpx.Client) -> None:
    answer = admin.post(
        "/api/v1/domains",
        content=iter([b"x" * 65_536] * 20),
        headers={"Content-Type": "application/json"},
    )
    assert problem(answer) == "too-large"


def test_nothing_of_a_wrong_body_is_told_back(admin: httpx.Client) -> None:
    answer = admin.post(
        f"/api/v1/domains/{A}/accounts",
        json={"number": "402", "password": ["canary-word"], "name": 5},
    )
    assert problem(answer) == "invalid"
    assert "canary-word" not in answer.text
    places = [each["at"] for each in answer.json()["errors"]]
    assert places == ["body/name", "body/password"]


def test_curl_understands_it(api: Served) -> None:
    made = api.call("admin.token.add", name="curl", scopes=["read"])
    curl = shutil.which("curl")
    assert curl is not None
    done = subprocess.run(
        [
            *(curl, "-sS", "-i", "-H", f"Authorization: Bearer {made['token']}"),
            f"{api.url}/api/v1/domains/{A}",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert done.stdout.startswith("HTTP/1.1 200 ")
    assert f'"name":"{A}"' in done.stdout


def test_secrets_stand_in_no_log_and_no_answer(
    api: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests may have had the same said as often as it is said at a time.
    monkeypatch.setattr(log, "_limiter", log._Limiter())
    caplog.set_level(0)
    api.call("admin.add", name="anna", password=PASSWORD)
    token = api.call("admin.token.add", name="pbx", scopes=["read", "write"])["token"]
    client = api.client(token)
    canary = "canary-of-a-sip-password"
    answers = [
        client.post(
            f"/api/v1/domains/{A}/accounts",
            json={"number": "77", "password": canary, "name": "x"},
        ),
        client.post(
            f"/api/v1/domains/{A}/accounts", json={"number": "77", "password": canary}
        ),
        client.get(f"/api/v1/domains/{A}/accounts/77"),
        client.post("/api/v1/session", json={"name": "anna", "password": PASSWORD}),
        client.post("/api/v1/session", json={"name": "anna", "password": canary * 2}),
        client.post("/api/v1/session", json={"name": canary, "password": [canary]}),
        client.post(
            "/api/v1/setup",
            json={"token": "bwl_canary", "name": "x", "password": canary},
        ),
    ]
    codes = [answer.status_code for answer in answers]
    assert codes == [201, 409, 200, 201, 401, 422, 404]
    audit = str(api.notes())
    # Without what the client logs of itself.
    logged = "\n".join(
        record.getMessage() + str(record.args) + str(record.exc_info)
        for record in caplog.records
        if record.name.startswith(("bootwave", "uvicorn", "fastapi", "asyncio"))
    )
    for text in (*(answer.text for answer in answers), logged, audit):
        for secret in (canary, PASSWORD, token, "bwl_canary"):
            assert secret not in text
    session = client.cookies["bootwave"]
    assert session not in logged + audit
    assert "tried to sign in" in logged
    assert "uvicorn" not in {record.name.split(".")[0] for record in caplog.records}
    assert token not in repr(api.plane.administration) + repr(client.headers)
