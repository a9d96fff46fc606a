"""What docs/protocol.md says of messages, limits and URLs is what the code does."""

import re
from pathlib import Path

import pytest

from bootwave import limits
from bootwave.http.target import DocumentKind, target_from
from bootwave.sip.effects import Endpoint, Local, LookUp, SendDatagram
from bootwave.sip.pnp import PnpCore
from bootwave.sip.transaction import (
    TIMER_E_SECONDS,
    TIMER_F_SECONDS,
    TIMER_J_SECONDS,
    TIMER_K_SECONDS,
)

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "protocol.md").read_text()
CAPTURE = ROOT / "tests" / "captures" / "snom370-8.7.5.48.txt"
MAC = 0x0004132E08B4
PHONE = Endpoint("192.168.12.155", 1053)
HERE = Local("192.168.12.1", 2)
URL = "http://192.168.12.1:8080/{mac}.xml"

GENERAL_SETTINGS = DocumentKind.GENERAL_SETTINGS
KINDS = {
    "settings of that phone": (DocumentKind.SETTINGS, MAC),
    "list of files of that phone": (DocumentKind.FILES, MAC),
    "list of files for everybody": (DocumentKind.GENERAL_FILES, 0),
    "settings for everybody": (GENERAL_SETTINGS, 0),
    "firmware": (DocumentKind.FIRMWARE, 0),
    "phone book of that phone": (DocumentKind.PHONE_BOOK, MAC),
}
NEEDS_GRANT = {
    DocumentKind.SETTINGS,
    DocumentKind.FILES,
    DocumentKind.PHONE_BOOK,
}


def messages() -> list[bytes]:
    blocks = re.findall(r"^```sip\n(.*?)^```$", PAGE, re.M | re.S)
    return [block.replace("\n", "\r\n").encode() for block in blocks]


def rows(first_cell: str) -> list[list[str]]:
    """Return the rows of the table that begins with *first_cell*."""
    table = PAGE.partition(f"| {first_cell} ")[2].partition("\n\n")[0]
    lines = table.splitlines()[2:]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def test_the_question_is_a_real_one() -> None:
    assert messages()[0] == CAPTURE.read_bytes()


def test_the_answer_is_what_the_code_sends() -> None:
    core = PnpCore(secret=b"0123456789abcdef", port=5060)
    (lookup,) = core.receive_datagram(CAPTURE.read_bytes(), PHONE, HERE, 0.0)
    assert isinstance(lookup, LookUp)
    sent = [
        effect.data
        for effect in core.answer(lookup, URL, 0.0)
        if isinstance(effect, SendDatagram)
    ]
    _, ok, notify = messages()
    assert sent == [ok, notify.removesuffix(b"\r\n")]


def test_the_timers_are_those_of_the_code() -> None:
    documented = {row[0]: row[1] for row in rows("timer")}
    assert documented["E"] == "{:g}, {:g}, {:g}, then {:g}".format(*TIMER_E_SECONDS)
    assert float(documented["F"]) == TIMER_F_SECONDS
    assert float(documented["J"]) == TIMER_J_SECONDS
    assert float(documented["K"]) == TIMER_K_SECONDS


def test_the_limits_are_those_of_the_code() -> None:
    table = rows("name")
    assert len(table) > 10
    for name, value, _ in table:
        assert value == str(getattr(limits, name.strip("`")))


def test_every_limit_on_phones_is_documented() -> None:
    documented = {row[0].strip("`") for row in rows("name")}
    named = {
        name
        for name in vars(limits)
        if re.match(r"(MAX_)?(SIP|HTTP|PENDING|PROVEN|NOTIFY|OFF)_", name)
    }
    assert named <= documented


@pytest.mark.parametrize("row", rows("URL, below any prefix"), ids=lambda row: row[0])
def test_the_urls_name_the_documents_of_the_table(row: list[str]) -> None:
    shown, document, grant = row
    if document == "404":
        return
    kind, mac = KINDS[document.partition(":")[0]]
    assert (grant == "yes") == (kind in NEEDS_GRANT)
    names = re.findall(r"`([^`]+)`", shown)
    if names[0].startswith("?"):
        assert target_from("/prov/x", names[0][1:]) is not None
        return
    stem = re.sub(r"\.(xml|htm|html)$", "", names[0])
    for name in names:
        if name.startswith("?"):
            continue
        if name.startswith("."):
            name = stem + name
        target = target_from(
            "/prov/" + name.replace("%7B", "{").replace("%7D", "}"), ""
        )
        assert target is not None, name
        assert (target.kind, target.mac) == (kind, mac), name
    if "nothing" in shown:
        target = target_from("/" + stem, "")
        assert target is not None
        assert (target.kind, target.mac) == (kind, mac)


def test_a_url_that_names_nothing_is_no_document() -> None:
    assert target_from("/nothing", "") is None
