"""bootwave lint FILE and bootwave document MAC --lint."""

from pathlib import Path

from tests.cli.conftest import Command
from tests.cli.test_main import refused

MAC = "0004132E08B4"
BAD = b"""<settings><phone-settings>
<language perm="RW">Deutsch</language>
<phone_type perm="R">snom370</phone_type>
<hide_identity idx="1" perm="R">false</hide_identity>
</phone-settings></settings>
"""


def test_what_is_wrong_with_a_file_is_told_by_line(
    run: Command, tmp_path: Path
) -> None:
    file = tmp_path / "snom370.xml"
    file.write_bytes(BAD)
    done = run("lint", file)
    assert done.status == 1
    first, second = done.out.splitlines()
    assert first.startswith("error: line 3: phone_type: phone_type is the phone's own")
    assert second.startswith("note: line 4: hide_identity idx 1: ")
    assert done.err == "bootwave: 1 error, 1 note.\n"


def test_programs_get_the_findings_as_json(run: Command, tmp_path: Path) -> None:
    file = tmp_path / "snom370.xml"
    file.write_bytes(BAD)
    done = run("lint", file, "--json")
    assert done.status == 1
    assert done.json["file"] == str(file)
    assert done.json["findings"][0] == {
        "severity": "error",
        "rule": "dangerous",
        "element": "phone_type",
        "line": 3,
        "sentence": done.json["findings"][0]["sentence"],
    }


def test_notes_alone_are_no_failure(run: Command) -> None:
    good = BAD.replace(b'<phone_type perm="R">snom370</phone_type>\n', b"")
    done = run("lint", "-", stdin=good)
    assert (done.status, done.err) == (0, "bootwave: 1 note.\n")


def test_who_reads_it_and_what_it_is_can_be_said(run: Command, tmp_path: Path) -> None:
    file = tmp_path / "m9.xml"
    file.write_text(
        f'<settings><phone-settings><setting_server perm="RW">http://pbx/{MAC}.xml'
        "</setting_server></phone-settings></settings>"
    )
    assert (
        run("lint", file, "--dialect", "m9", "--mac", "00:04:13:2e:08:b4").status == 0
    )
    assert run("lint", file, "--shared").status == 1
    assert run("lint", file, "--mac", "0004132E08B5").status == 1
    assert "xml, text, m9, dect" in refused(run("lint", file, "--dialect", "html"), 2)
    assert "is not a MAC" in refused(run("lint", file, "--mac", "x"))


def test_a_file_that_is_not_there_is_told(run: Command, tmp_path: Path) -> None:
    message = refused(run("lint", tmp_path / "no.xml"))
    assert "cannot be read: No such file" in message


def test_the_document_a_phone_would_get_is_looked_at(store: Command) -> None:
    done = store("document", MAC, "--lint")
    assert (done.status, done.out) == (0, "")
    for kind in ("files", "general", "firmware"):
        assert store("document", MAC, "--lint", "--kind", kind).status == 0
    store("settings", "set", "filter_registrar", "on", "--device", MAC)
    store("settings", "set", "http_user", "admin", "--engine")
    store("settings", "set", "http_pass", "0000", "--engine")
    done = store("document", MAC, "--lint", "--json")
    assert done.status == 1
    assert (done.json["mac"], done.json["kind"]) == (MAC, "settings")
    assert {one["element"] for one in done.json["findings"]} == {
        "filter_registrar",
        "http_pass",
    }


def test_lint_shows_no_password(store: Command) -> None:
    assert "--reveal" in refused(store("document", MAC, "--lint", "--reveal"), 2)
