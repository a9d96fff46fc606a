"""URLs with tokens, and passwords that are told for a time, by the whole program."""

import os
import re
import signal
import time

from tests.end_to_end.conftest import Serving
from tests.end_to_end.load import PHONE, QUEUED, ended_by
from tests.end_to_end.program import DOMAIN, wait_until

ACCOUNT = f"401@{DOMAIN}"


def own_url(body: bytes) -> str:
    """The path, without MAC, that a document tells the phone to come back by."""
    found = re.search(rb"<setting_server[^>]*>https?://[^/]+/(\S+?)\{mac\}", body)
    assert found is not None
    return "/" + found[1].decode()


def test_a_phone_goes_from_the_first_url_to_its_own(serving: Serving) -> None:
    program = serving()
    program.import_accounts({"401": PHONE})
    made = program.command("domain", "token", "make", DOMAIN, "--required")
    first = made["token"]
    program.command("window", "open", ACCOUNT)
    assert program.get(f"/{PHONE}.xml").status == 401
    assert program.get(f"/t{'a' * 26}/{PHONE}.xml").status == 401
    # As from DHCP option 66: a folder, to which the phone adds its names.
    general = program.get(f"/{first}/snom370.htm")
    assert f"/{first}/general/snom370.xml".encode() in general.body
    listed = program.get(f"/{first}/snom370-{PHONE}.htm")
    assert listed.status == 200
    document = program.get(f"/{first}/{PHONE}.xml")
    own = own_url(document.body)
    assert first not in own
    assert f"{own}{PHONE}.xml".encode() in listed.body
    for _ in range(2 * QUEUED):  # by every worker, at first looked at, then kept
        assert program.get(f"{own}{PHONE}.xml").body == document.body
    assert program.get(f"/{first}/{PHONE}.xml").status == 200
    assert program.get(f"/{PHONE}.xml").status == 401
    program.command("device", "token", "rotate", PHONE)
    renewed = own_url(program.get(f"{own}{PHONE}.xml").body)
    assert renewed != own
    assert program.get(f"{renewed}{PHONE}.xml").status == 200
    wait_until(
        lambda: program.get(f"{own}{PHONE}.xml").status == 401, "the old URL ends"
    )
    assert first not in program.errors()


def test_that_a_token_is_required_holds_when_the_command_returned(
    serving: Serving,
) -> None:
    program = serving()
    program.import_accounts({"401": PHONE}, minutes=10)
    program.command("domain", "token", "make", DOMAIN)
    assert program.get(f"/{PHONE}.xml").status == 200
    ended_by(program, "domain", "token", "require", DOMAIN)


def test_passwords_end_in_every_worker_at_their_time(serving: Serving) -> None:
    # Four seconds, so that a phone gets them first.
    program = serving(PAIRING__PASSWORDS_HOURS="0.00112")
    program.import_accounts({"401": PHONE}, minutes=10)
    path = f"/{PHONE}.xml"
    assert b"<user_pass" in program.get(path).body
    stopped = program.workers()[0]
    for _ in range(QUEUED):  # both hold it ready
        program.get(path)
    program.pause(stopped)
    wait_until(
        lambda: (
            program.command("device", "show", PHONE)["passwords_until"] < time.time()
        ),
        "their time passes",
    )
    waiting = [program.client() for _ in range(QUEUED)]
    for client in waiting:
        client.ask(path)
    os.kill(stopped, signal.SIGCONT)
    answers = [client.answer() for client in waiting]
    assert {answer.status for answer in answers} == {200}
    assert not [answer for answer in answers if b"<user_pass" in answer.body]
    program.command("window", "open", ACCOUNT)
    assert b"<user_pass" in program.get(path).body
