"""What phones of other dialects fetch, over HTTP, from a store filled by command."""

import re
from pathlib import Path
from xml.etree import ElementTree

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, Answer, Program

M9, DESK, STRANGER = "000413300001", "0004132E08B4", "000413300002"
M9_AGENT = "User-Agent: Mozilla/4.0 (compatible; snom m9 9.6.2)"
DESK_AGENT = "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.7.5.35)"


def got(program: Program, path: str, *fields: str) -> Answer:
    """Return the answer to one GET with header fields."""
    client = program.client()
    client.ask(path, *fields)
    return client.answer()


def bound(program: Program, mac: str) -> None:
    program.command(
        *("account", "add", f"401@{DOMAIN}", "--name", "Anna", "--mac", mac),
        *("--password", "s3cret"),
    )
    program.command("window", "open", f"401@{DOMAIN}")


def book(program: Program, tmp_path: Path, entries: int) -> None:
    rows = "".join(f"Name {n:04},{n},mobile\n" for n in range(entries))
    (tmp_path / "book.csv").write_text(f"name,number,type\n{rows}")
    program.command(
        *("phonebook", "import", str(tmp_path / "book.csv"), "--domain", DOMAIN)
    )


def test_an_m9_goes_through_its_list_of_files(serving: Serving, tmp_path: Path) -> None:
    program = serving()
    bound(program, M9)
    book(program, tmp_path, 3)
    settings = got(program, f"/{M9}.xml", M9_AGENT)
    assert settings.status == 200
    root = ElementTree.fromstring(settings.body)
    assert root.findtext("phone-settings/user_authname") == "401"
    server = root.findtext("phone-settings/setting_server")
    assert server is not None
    assert server.endswith("/snomm9-{mac}.htm")
    listed = got(program, f"/snomm9-{M9}.htm", M9_AGENT)
    paths = [
        re.sub(r"^https?://[^/]+", "", each.attrib["url"])
        for each in ElementTree.fromstring(listed.body)
    ]
    assert paths[1:] == [f"/{M9}.xml", f"/{M9}-phonebook.xml"]
    answers = [got(program, path, M9_AGENT) for path in paths]
    assert [answer.status for answer in answers] == [200, 200, 200]
    entries = ElementTree.fromstring(answers[2].body)
    assert [each.findtext("number") for each in entries] == ["0", "1", "2"]
    again = f"If-None-Match: {answers[2].etag}"
    assert got(program, paths[2], M9_AGENT, again).status == 304


def test_old_firmware_is_led_to_its_lines_and_after_an_update_to_xml(
    serving: Serving,
) -> None:
    program = serving()
    bound(program, DESK)
    old = (
        "User-Agent: Mozilla/4.0 (compatible; snom360-SIP 6.5.20; snom360 jffs2 v3.36; "
        "snom360 linux 3.38)"
    )
    general = got(program, "/snom360.htm", old)
    assert b"\nlanguage" in general.body or b"\nsetting_server$: " in general.body
    assert b"user_" not in general.body
    listed = got(program, f"/snom360-{DESK}.htm", old).body.decode()
    (url,) = re.findall(r"^setting_server\$: (.*)$", listed, re.M)
    path = re.sub(r"^https?://[^/]+", "", url)
    for _time in range(2):  # made, and kept
        lines = got(program, path, old).body.decode().splitlines()
        assert "user_name1&: 401" in lines
        assert "user_pass1&: s3cret" in lines
    updated = got(program, path, old.replace("6.5.20", "8.7.5.35"))
    root = ElementTree.fromstring(updated.body)
    assert root.findtext("phone-settings/user_name") == "401"
    assert "user_name1&: 401" in got(program, path, old).body.decode().splitlines()


def test_a_phone_book_needs_a_grant_and_tells_nobody_who_is_known(
    serving: Serving, tmp_path: Path
) -> None:
    program = serving()
    bound(program, M9)
    book(program, tmp_path, 3)
    program.command("window", "close", f"401@{DOMAIN}")
    refused = [
        got(program, f"/{mac}-phonebook.xml", M9_AGENT) for mac in (M9, STRANGER)
    ]
    assert [answer.status for answer in refused] == [401, 401]
    assert len({answer.timeless for answer in refused}) == 1


def test_a_desk_phone_has_a_large_book_in_its_settings(
    serving: Serving, tmp_path: Path
) -> None:
    program = serving()
    bound(program, DESK)
    book(program, tmp_path, 1000)
    agents = {250: DESK_AGENT, 1000: DESK_AGENT.replace("370", "D785")}
    for room, agent in agents.items():
        for _time in range(2):  # made, and kept
            body = got(program, f"/{DESK}.xml", agent).body
            items = ElementTree.fromstring(body).findall("tbook/item")
            assert len(items) == room
    program.command("phonebook", "clear", "--domain", DOMAIN)
    root = ElementTree.fromstring(got(program, f"/{DESK}.xml", DESK_AGENT).body)
    tbook = root.find("tbook")
    assert tbook is not None
    assert len(tbook) == 0
