"""bootwave options check."""

import re
import time
from pathlib import Path

import pytest

from bootwave.cli.tlsfiles import self_signed_files
from bootwave.options import keys
from tests.cli.conftest import Command


def test_every_option_is_shown_with_value_and_origin(
    run: Command, options_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options_file.write_text("[server]\nworkers = 3\n")
    monkeypatch.setenv("BOOTWAVE_PNP__LISTEN", "127.0.0.1:15060")
    done = run("options", "check")
    assert (done.status, done.err) == (0, "")
    rows = {line.split()[0]: line.split() for line in done.out.splitlines() if line}
    assert rows["server.workers"] == ["server.workers", "3", "file"]
    assert rows["pnp.listen"][1:] == ['"127.0.0.1:15060"', "BOOTWAVE_PNP__LISTEN"]
    assert rows["pnp.bind"][1:] == ['"any"', "default"]
    assert {key.name for key in keys()} <= set(rows)
    assert f"The file is {options_file}." in done.out
    assert done.out.endswith("Nothing is wrong.\n")


def test_all_that_is_wrong_is_told_at_once(
    run: Command, options_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options_file.write_text('[server]\nworkers = 99\n[htp]\nx = 1\n[pnp]\nbind = "x"\n')
    monkeypatch.setenv("BOOTWAVE_CACHE__BITES", "1")
    done = run("options", "check")
    assert done.status == 1
    assert done.err == "bootwave: 4 things are wrong.\n"
    wrong = [line for line in done.out.splitlines() if line.startswith("Wrong: ")]
    assert len(wrong) == 4
    assert "did you mean [http]?" in "".join(wrong)
    assert "did you mean BOOTWAVE_CACHE__BYTES?" in "".join(wrong)
    assert re.search(r"^server\.workers +99 +file +WRONG$", done.out, re.M)
    assert done.out.count("WRONG") == 2


def test_the_same_as_json(run: Command, options_file: Path) -> None:
    options_file.write_text('[server]\nworkers = 99\n[http]\nsecrets = "never"\n')
    done = run("options", "check", "--json")
    assert done.status == 1
    found = done.json
    assert found["file"] == str(options_file)
    assert [option["name"] for option in found["options"]] == [k.name for k in keys()]
    workers = found["options"][0]
    assert workers["value"] == 99
    assert workers["wrong"] is True
    assert workers["default"] == 2
    assert workers["variable"] == "BOOTWAVE_SERVER__WORKERS"
    assert workers["from"] == str(options_file)
    assert [problem["key"] for problem in found["problems"]] == ["server.workers"]
    assert found["warnings"][0].startswith("http.secrets is never")


def test_without_a_file_the_defaults_are_checked(run: Command) -> None:
    done = run("options", "check")
    assert done.status == 0
    assert "There is no options file" in done.out
    missing = run("options", "check", "-o", "none.toml")
    assert missing.status == 1
    assert "There is no options file" in missing.out


def test_a_password_in_a_wrong_url_is_not_shown(
    run: Command, options_file: Path
) -> None:
    options_file.write_text(
        '[http]\nurl = "http://user:my s3cret@pbx"\nlisten = ["u:s3cret@pbx"]\n'
    )
    for form in ([], ["--json"]):
        done = run("options", "check", *form)
        assert done.status == 1
        assert "********@pbx" in done.out
        assert "s3cret" not in done.out + done.err


@pytest.mark.parametrize(
    ("text", "option"),
    [
        (
            '[control]\nlisten = "127.0.0.1:0"\ncertificates = ["own.pem"]\n',
            "control.certificates",
        ),
        (
            '[https]\nlisten = ["127.0.0.1:0"]\ncertificates = ["own.pem"]\n',
            "https.certificates",
        ),
        (
            '[https]\ncertificates = ["good.pem"]\n'
            'legacy.listen = ["127.0.0.1:0"]\nlegacy.certificates = ["own.pem"]\n',
            "https.legacy.certificates",
        ),
        (
            '[https]\nlisten = ["127.0.0.1:0"]\ncertificates = ["good.pem"]\n'
            'factory_cas = ["own.pem"]\n',
            "https.factory_cas",
        ),
    ],
)
def test_files_that_an_engine_would_refuse_at_its_start_are_wrong(
    run: Command, options_file: Path, text: str, option: str
) -> None:
    own, good = options_file.parent / "own.pem", options_file.parent / "good.pem"
    (content,) = self_signed_files((good,), time.time()).values()
    good.write_bytes(content)
    good.chmod(0o600)
    own.write_bytes(content if "factory" not in option else b"x")
    own.chmod(0o644)
    options_file.write_text(text)
    done = run("options", "check")
    assert done.status == 1
    assert "Nothing is wrong" not in done.out
    (wrong,) = (line for line in done.out.splitlines() if line.startswith("Wrong: "))
    assert f"{own} of {option}" in wrong
    assert re.search(rf"^{re.escape(option)} .* file +WRONG$", done.out, re.M)
    told = run("options", "check", "--json").json["problems"]
    assert [(one["key"], one["where"]) for one in told] == [(option, str(options_file))]
    if "factory" not in option:
        own.chmod(0o600)
        assert run("options", "check").out.endswith("Nothing is wrong.\n")


def test_a_file_that_cannot_be_looked_at_is_wrong(
    run: Command, options_file: Path
) -> None:
    loop = options_file.parent / "loop"
    loop.symlink_to(loop)
    for directory, why in (("x" * 300, "File name too long"), ("loop", "Too many")):
        names = f'["{directory}/bootwave-server.pem"]'
        options_file.write_text(f"[https]\ncertificates = {names}\n")
        done = run("options", "check")
        assert done.status == 1, done.err
        (wrong,) = (one for one in done.out.splitlines() if one.startswith("Wrong: "))
        assert f"of https.certificates cannot be read: {why}" in wrong


def test_a_value_whose_files_alone_are_wrong_is_shown_as_it_is(
    run: Command, options_file: Path
) -> None:
    names = [str(options_file.parent / "u@h" / "x.pem"), "b.pem"]
    options_file.write_text(f"[https]\ncertificates = {names}\n".replace("'", '"'))
    done = run("options", "check", "--json")
    assert done.status == 1
    (row,) = (one for one in done.json["options"] if one["wrong"])
    absolute = [names[0], str(options_file.parent / "b.pem")]
    assert (row["name"], row["value"]) == ("https.certificates", absolute)
    assert "u@h/x.pem" in done.json["problems"][0]["sentence"]
