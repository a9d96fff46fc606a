"""The API beside phones: the installed program, its processes and commands."""

import json
import os
import signal

import httpx

from bootwave.store.access.opaque import SETUP
from tests.end_to_end.conftest import Serving
from tests.end_to_end.crowd import MACS
from tests.end_to_end.program import DOMAIN, PATIENCE, Program, wait_until

PASSWORD = "correct horse battery"


def url(program: Program) -> str:
    """Return where the API is."""
    (line,) = [line for line in program.lines if line.startswith("control ")]
    return f"http://{line.removeprefix('control ')}"


def serving_api(serving: Serving) -> Program:
    return serving(CONTROL__LISTEN="127.0.0.1:0")


def token_of(program: Program, *arguments: str) -> str:
    made: str = program.command("admin", "token", "add", *arguments)["token"]
    return made


def client_of(token: str) -> httpx.Client:
    """Return a client that shows *token* to whatever it asks."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(headers=headers, timeout=PATIENCE)


def test_what_the_api_opens_phones_fetch_and_what_it_closes_they_do_not(
    serving: Serving,
) -> None:
    program = serving_api(serving)
    token = token_of(program, "pbx", "--scope", "write", "--domain", DOMAIN)
    path = f"{url(program)}/api/v1/domains/{DOMAIN}"
    with client_of(token) as client:
        new = {"number": "401", "password": "s3cret-word", "mac": MACS[0]}
        assert client.post(f"{path}/accounts", json=new).status_code == 201
        assert program.get(f"/{MACS[0]}.xml").status == 401
        opened = client.post(f"{path}/windows", json={"numbers": ["401"]})
        assert opened.status_code == 201
        answer = program.get(f"/{MACS[0]}.xml")
        assert (answer.status, b"s3cret-word" in answer.body) == (200, True)
        assert client.delete(f"{path}/windows/401").status_code == 200
        assert program.get(f"/{MACS[0]}.xml").status == 401
        program.command("admin", "token", "revoke", "pbx")
        assert client.get(path).status_code == 401


def test_it_is_there_again_after_its_process_died_and_was_rolled(
    serving: Serving,
) -> None:
    program = serving_api(serving)
    where = f"{url(program)}/health/ready"
    token = token_of(program, "pbx", "--scope", "read")
    for kill in (True, False):
        before = program.control()
        if kill:
            os.kill(before, signal.SIGKILL)
        else:
            program.signal(signal.SIGHUP)
        wait_until(lambda old=before: program.control() != old, "another is there")
        # Who connects meanwhile waits in the queue of the listener, which stays.
        with client_of(token) as client:
            assert client.get(where).json() == {"status": "ready"}
            assert client.get(f"{url(program)}/api/v1/domains").status_code == 200


def test_the_first_administrator_is_made_by_a_set_up_token(serving: Serving) -> None:
    program = serving_api(serving)
    token = program.command("admin", "link")["token"]
    assert token.startswith(SETUP)
    wanted = {"token": token, "name": "anna", "password": PASSWORD}
    made = httpx.post(f"{url(program)}/api/v1/setup", json=wanted, timeout=PATIENCE)
    assert made.status_code == 201
    assert [row["name"] for row in program.command("admin", "list")] == ["anna"]
    for secret in (token, PASSWORD):
        assert secret not in program.errors()


def test_without_an_address_there_is_no_api(serving: Serving) -> None:
    program = serving()
    assert not [line for line in program.lines if line.startswith("control ")]


def test_commands_tell_what_the_api_tells(serving: Serving) -> None:
    program = serving_api(serving)
    token = token_of(program, "watcher", "--scope", "read")
    program.import_accounts({"401": MACS[0]})
    with client_of(token) as client:
        base = url(program)
        told = client.get(f"{base}/health/would-serve/{MACS[0]}?source=127.0.0.9")
        printed = program.run(
            *("device", "would-serve", MACS[0], "--from", "127.0.0.9", "--json")
        )
        assert json.loads(printed.stdout) == told.json()
        assert (told.json()["verdict"], printed.returncode) == ("refused", 3)
        metrics = client.get(f"{base}/metrics").text
    text = program.run("metrics").stdout
    assert names(text) == names(metrics)


def names(text: str) -> set[str]:
    return {line.partition(" ")[0] for line in text.splitlines()}
