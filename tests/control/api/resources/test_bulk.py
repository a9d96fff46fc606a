"""Imports, exports and whole states over HTTP, as a PBX sends them."""

import socket
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from functools import wraps
from typing import Any

import httpx
import pytest

from bootwave import log
from bootwave.control.rowtexts import RowDecoder, Rows
from bootwave.store.operations import bulk
from bootwave.store.work import Work
from tests.control.api.conftest import MAC, A, B, Served, problem

CSV = {"Content-Type": "text/csv"}
LINES = {"Content-Type": "application/jsonl"}
IMPORTS = f"/api/v1/domains/{A}/imports"
ACCOUNTS = f"/api/v1/domains/{A}/accounts"
EXPORT = f"/api/v1/domains/{A}/export"


def rows(count: int) -> Iterator[bytes]:
    """A file of *count* rows, in pieces that end anywhere."""
    text = "extension,password,name,mac\n" + "".join(
        f"{500 + n},pw-{n},Phone {n},{0x000413000000 + n:012X}\n" for n in range(count)
    )
    for at in range(0, len(text), 700):
        yield text[at : at + 700].encode()


def test_a_file_is_imported_while_it_comes(api: Served, admin: httpx.Client) -> None:
    done = admin.post(IMPORTS, content=rows(2_500), headers=CSV)
    assert done.status_code == 200, done.text
    assert done.json() | {"added": 2_500, "bound": 2_500, "stored": True} == done.json()
    found = admin.get("/api/v1/accounts", params={"number_prefix": "2999"}).json()
    assert [row["account"] for row in found["items"]] == [f"2999@{A}"]
    notes = api.notes(limit=1)
    assert (notes[0]["action"], notes[0]["actor"]) == ("accounts.imported", "token:t0")
    assert api.plane.administration._stages == {}


def test_every_wrong_row_is_told_and_nothing_is_stored(
    api: Served, admin: httpx.Client
) -> None:
    body = (
        b'{"extension":"500","password":"canary-word"}\n'
        b'{"extension":"5 01","password":"canary-word"}\n'
        b'{"extension":"502"}\n'
        b'{"extension":"503","domain":"b.example.com","password":"canary-word"}\n'
    )
    together = {"all_or_nothing": True}
    answer = admin.post(IMPORTS, content=body, headers=LINES, params=together)
    assert problem(answer) == "invalid"
    assert "canary" not in answer.text
    told = {error["at"]: error["detail"] for error in answer.json()["errors"]}
    assert sorted(told) == ["row/2", "row/3", "row/4"]
    assert len(admin.get(ACCOUNTS).json()["items"]) == 1
    partly = admin.post(IMPORTS, content=body, headers=LINES)
    assert partly.status_code == 200
    assert (partly.json()["added"], partly.json()["error_count"]) == (1, 3)
    assert "canary" not in partly.text
    # Of which nothing is right is not stored.
    nothing = admin.post(IMPORTS, content=body, headers=LINES)
    assert problem(nothing) == "invalid"
    assert len(nothing.json()["errors"]) == 4
    again = admin.post(
        IMPORTS, content=body, headers=LINES, params={"update": True}
    ).json()
    assert (again["unchanged"], again["updated"], again["error_count"]) == (1, 0, 3)
    dry = admin.post(
        IMPORTS, content=rows(3), headers=CSV, params={"dry_run": True}
    ).json()
    assert (dry["stored"], dry["error_count"]) == (False, 1)
    assert len(admin.get(ACCOUNTS).json()["items"]) == 2


def test_a_line_that_is_no_object_is_a_wrong_row_among_others(
    api: Served, admin: httpx.Client
) -> None:
    body = (
        b'{"extension":"701","password":"canary-word"}\n'
        b'{"extension":"702","password":"canary-word"\n'
        b'{"extension":"7 03","password":"canary-word"}\n'
        b'{"extension":"704","password":"canary-word"}'
    )
    together = {"all_or_nothing": True}
    for refused in (
        admin.post(IMPORTS, content=body, headers=LINES, params=together),
        admin.put(ACCOUNTS, content=body, headers=LINES),
    ):
        assert problem(refused) == "invalid"
        told = {error["at"]: error["detail"] for error in refused.json()["errors"]}
        assert list(told) == ["row/2", "row/3"]
        assert told["row/2"].startswith("This line is no JSON object")
        assert "canary" not in refused.text
    assert len(admin.get(ACCOUNTS).json()["items"]) == 1
    for how in ({"dry_run": True}, {}):
        done = admin.post(IMPORTS, content=body, headers=LINES, params=how).json()
        assert (done["added"], done["error_count"]) == (2, 2)
        assert [error["row"] for error in done["errors"]] == [2, 3]
    assert len(admin.get(ACCOUNTS).json()["items"]) == 3


@pytest.mark.parametrize(
    ("headers", "body", "kind"),
    [
        ({"Content-Type": "application/json"}, b"[]", "not-rows"),
        (CSV, b"", "invalid"),
        (CSV, b"colour\nred\n", "invalid"),
        (CSV, b"extension\n\xff\n", "invalid"),
        (LINES, b"[1]\n", "invalid"),
    ],
)
def test_a_body_of_something_else_is_refused(
    api: Served, admin: httpx.Client, headers: dict[str, str], body: bytes, kind: str
) -> None:
    assert problem(admin.post(IMPORTS, content=body, headers=headers)) == kind
    assert problem(admin.put(ACCOUNTS, content=body, headers=headers)) == kind
    assert api.plane.administration._stages == {}


def test_who_hangs_up_in_the_middle_leaves_nothing(
    api: Served, admin: httpx.Client
) -> None:
    def cut() -> Iterator[bytes]:
        yield from rows(1_500)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        admin.post(IMPORTS, content=cut(), headers=CSV)
    # Another request, which is answered once what was cut off is done with.
    for _ in range(200):
        if not api.plane.administration._stages:
            break
        api.call("domain.list")
    assert api.plane.administration._stages == {}
    assert len(admin.get(ACCOUNTS).json()["items"]) == 1


def test_who_has_some_domains_writes_only_so_many_rows_at_once(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MAX_TOGETHER", 3)
    theirs = api.token("write", domains=[A])
    keep, together = {"most_removed": 1}, {"all_or_nothing": True}
    for refused in (
        theirs.post(IMPORTS, content=rows(4), headers=CSV, params=together),
        theirs.put(ACCOUNTS, content=rows(4), headers=CSV, params=keep),
    ):
        assert problem(refused) == "invalid"
        assert "at most 3 at a time" in refused.json()["detail"]
    assert len(admin.get(ACCOUNTS).json()["items"]) == 1
    done = theirs.post(IMPORTS, content=rows(3), headers=CSV, params=together).json()
    assert done["added"] == 3
    # What is there already is not written.
    done = theirs.put(ACCOUNTS, content=rows(4), headers=CSV, params=keep).json()
    assert (done["added"], done["same"], done["removed"]) == (1, 3, 1)
    assert admin.put(ACCOUNTS, content=rows(9), headers=CSV).json()["added"] == 5
    update = {"update": True}
    done = theirs.post(IMPORTS, content=rows(12), headers=CSV, params=update).json()
    assert (done["added"], done["unchanged"]) == (3, 9)


def test_rows_of_who_is_revoked_while_they_come_are_not_stored(
    api: Served, admin: httpx.Client
) -> None:
    for method, path in (("POST", IMPORTS), ("PUT", ACCOUNTS)):
        secret = api.call("admin.token.add", name="pbx", scopes=["write"])["token"]

        def revoked() -> Iterator[bytes]:
            yield from rows(1_500)
            api.call("admin.token.revoke", name="pbx")

        client = api.client(secret)
        answer = client.request(method, path, content=revoked(), headers=CSV)
        assert problem(answer) == "signed-out"
        assert len(admin.get(ACCOUNTS).json()["items"]) == 1
        assert api.plane.administration._stages == {}


def test_an_import_of_who_is_revoked_in_the_middle_ends_there(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = api.call("admin.token.add", name="pbx", scopes=["write"])["token"]
    store = api.plane.administration
    step = store.stage_import

    @wraps(step)
    def revoking(stage: str, **how: Any) -> Any:
        found = step(stage, **how)
        store.admin_token_revoke("pbx")
        return found

    monkeypatch.setattr(store, "stage_import", revoking)
    answer = api.client(secret).post(IMPORTS, content=rows(1_000), headers=CSV)
    assert problem(answer) == "signed-out"
    stored = len(admin.get(ACCOUNTS, params={"limit": 1000}).json()["items"]) - 1
    assert 0 < stored < 1_000
    assert store._stages == {}
    notes = api.notes(limit=1)
    assert (notes[0]["action"], notes[0]["actor"]) == ("accounts.imported", "token:pbx")
    assert notes[0]["detail"]["added"] == stored


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", IMPORTS),
        ("POST", f"{IMPORTS}?all_or_nothing=true"),
        ("PUT", f"{ACCOUNTS}?most_removed=1"),
        ("GET", f"{EXPORT}/passwords"),
    ],
)
def test_nothing_is_done_for_who_is_revoked_before_it_comes_to_that(
    api: Served, monkeypatch: pytest.MonkeyPatch, method: str, path: str
) -> None:
    asker = api.token("write", "reveal")
    store = api.plane.administration
    change = store._change

    def late() -> AbstractContextManager[Work]:
        if store.actor.startswith("token:"):
            # Past the thread that it waited for: as another process would.
            with closing(sqlite3.connect(api.options.store.database)) as connection:
                connection.execute("DELETE FROM api_tokens")
                connection.commit()
        return change()

    monkeypatch.setattr(store, "_change", late)
    content = b"".join(rows(3)) if method != "GET" else b""
    answer = asker.request(method, path, content=content, headers=CSV)
    assert problem(answer) == "signed-out"
    assert (
        len(
            api.call("records.page", resource="accounts", filters={"domain": A})["rows"]
        )
        == 1
    )
    (newest,) = api.notes(limit=1)
    assert newest["action"] == "apitoken.added"
    assert store._stages == {}


def test_others_are_answered_while_bytes_are_made_rows(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, answered = threading.Event(), threading.Event()
    read = RowDecoder.receive_data

    def slowly(self: RowDecoder, data: bytes) -> Rows:
        began.set()
        assert answered.wait(30)
        return read(self, data)

    monkeypatch.setattr(RowDecoder, "receive_data", slowly)
    body = b"".join(rows(3))
    with ThreadPoolExecutor(1) as clients:
        importing = clients.submit(admin.post, IMPORTS, content=body, headers=CSV)
        assert began.wait(30)
        assert admin.get("/health/live").status_code == 200
        answered.set()
        assert importing.result().json()["added"] == 3


def test_others_have_their_turn_while_rows_are_written(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, turn = threading.Event(), threading.Event()
    store = api.plane.administration
    step = store.stage_import

    @wraps(step)
    def beginning(stage: str, **how: Any) -> Any:
        began.set()
        return {**step(stage, **how), "pause": 0.0 if turn.is_set() else 0.01}

    monkeypatch.setattr(store, "stage_import", beginning)
    answers: list[httpx.Response] = []
    importing = threading.Thread(
        target=lambda: answers.append(
            admin.post(IMPORTS, content=rows(5_000), headers=CSV)
        )
    )
    importing.start()
    assert began.wait(30)
    api.call("domain.add", name="while.example.com")
    turn.set()
    assert not answers  # it was added before the import was over
    importing.join()
    assert answers[0].json()["added"] == 5_000


def test_an_import_whose_rows_are_all_there_goes_on_alone(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, gone = threading.Event(), threading.Event()
    step = api.plane.administration.stage_import

    @wraps(step)
    def waiting(stage: str, **how: Any) -> Any:
        began.set()
        assert gone.wait(30)
        return step(stage, **how)

    monkeypatch.setattr(api.plane.administration, "stage_import", waiting)
    body = b"".join(rows(1_200))
    request = admin.build_request("POST", IMPORTS, content=body, headers=CSV)
    lines = [f"POST {IMPORTS} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    where = request.url.host, request.url.port or 80
    with socket.create_connection(where) as end:
        end.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        assert began.wait(30)
    gone.set()
    for _ in range(1_000):
        (newest,) = api.notes(limit=1)
        if newest["action"] == "accounts.imported":
            break
    found = admin.get("/api/v1/accounts", params={"number_prefix": "1699"}).json()
    assert len(found["items"]) == 1


def test_an_import_takes_no_idempotency_key(api: Served, admin: httpx.Client) -> None:
    headers = {**CSV, "Idempotency-Key": "mine"}
    answer = admin.post(IMPORTS, content=rows(1), headers=headers)
    assert problem(answer) == "bad-request"
    assert "update=true" in answer.json()["detail"]
    assert len(admin.get(ACCOUNTS).json()["items"]) == 1


@pytest.mark.parametrize("path", [EXPORT, f"{EXPORT}/passwords"])
def test_nothing_is_told_on_once_its_reader_is_revoked(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    admin.post(IMPORTS, content=rows(1_200), headers=CSV)
    asker = api.token("reveal")
    page = bulk.BulkOperations.account_export
    noted: list[log.Event] = []

    @wraps(page)
    def revoking(self: bulk.BulkOperations, **how: Any) -> Any:
        found = page(self, **how)
        with closing(sqlite3.connect(api.options.store.database)) as connection:
            connection.execute("DELETE FROM api_tokens")
            connection.commit()
        return found

    monkeypatch.setattr(bulk.BulkOperations, "account_export", revoking)
    monkeypatch.setattr(log, "note", lambda event, **_values: noted.append(event))
    with pytest.raises(httpx.RemoteProtocolError):
        asker.get(path)
    assert noted == []  # nothing failed


def test_a_pbx_pushes_its_whole_state(api: Served, admin: httpx.Client) -> None:
    body = (
        '{"extension":"401","name":"Anna"}\n'
        f'{{"extension":"402","password":"pw-2","mac":"{MAC}"}}\n'
    )
    first = admin.put(ACCOUNTS, content=body, headers=LINES).json()
    assert (first["added"], first["changed"], first["removed"]) == (1, 1, 0)
    again = admin.put(ACCOUNTS, content=body, headers=LINES).json()
    assert (again["same"], again["added"], again["changed"]) == (2, 0, 0)
    empty = admin.put(ACCOUNTS, content="", headers=LINES)
    assert problem(empty) == "conflict"
    assert "would remove 2 of the 2 accounts" in empty.json()["detail"]
    gone = admin.put(
        ACCOUNTS, content="", headers=LINES, params={"most_removed": 2}
    ).json()
    assert gone["removed"] == 2
    assert len(admin.get(f"/api/v1/domains/{B}/accounts").json()["items"]) == 1


@pytest.mark.parametrize(("form", "headers"), [("csv", CSV), ("jsonl", LINES)])
def test_what_is_exported_can_be_imported(
    api: Served, admin: httpx.Client, form: str, headers: dict[str, str]
) -> None:
    admin.post(IMPORTS, content=rows(1_200), headers=CSV)
    exported = admin.get(f"{EXPORT}/passwords", params={"format": form})
    assert exported.headers["content-type"].startswith(headers["Content-Type"])
    assert exported.headers["cache-control"] == "no-store"
    assert "s3cret-of-sip" in exported.text
    notes = api.notes(limit=1)
    assert (notes[0]["action"], notes[0]["actor"]) == ("accounts.exported", "token:t0")
    assert "s3cret-of-sip" not in admin.get(EXPORT, params={"format": form}).text
    back = admin.put(ACCOUNTS, content=exported.content, headers=headers).json()
    assert (back["same"], back["stored"]) == (1_201, True)


def test_passwords_are_for_who_may_reveal_them(api: Served) -> None:
    reader = api.token("read", "write")
    assert problem(reader.get(f"{EXPORT}/passwords")) == "forbidden"
    theirs = api.token("read", "reveal", domains=[B])
    assert problem(theirs.get(f"{EXPORT}/passwords")) == "not-found"
    assert problem(theirs.get(EXPORT)) == "not-found"


def test_who_reaches_one_domain_finds_its_accounts_only(api: Served) -> None:
    theirs = api.token("read", domains=[B])
    for params in ({"number_prefix": "4"}, {"name_prefix": ""}, {}):
        found = theirs.get("/api/v1/accounts", params=params).json()["items"]
        assert [row["domain"] for row in found] == [B]
