"""``bootwave phone boot`` against the fake server."""

import json
import signal
import subprocess
import sys
import time

import pytest

from bootwave.cli.main import main
from tests.wave.fakeserver import FakeServer
from tests.wave.serving import serving

MAC = "0004132E08B4"


def boot(server: FakeServer, *more: str) -> int:
    host, port = server.local
    arguments = ["phone", "boot", "--server", f"{host}:{port}", "--mac", MAC, *more]
    return main(arguments)


def test_one_phone_gives_a_sentence_and_a_time_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving() as server:
        assert boot(server, "--model", "snom370", "--firmware", "8.4.35") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{MAC} (snom370 8.4.35) booted in ")
    assert lines[0].endswith(" s as 401@pbx.example.com.")
    assert "SUBSCRIBE to 127.0.0.1:" in lines[2]
    assert lines[-1].endswith("booted")


def test_many_phones_give_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as server:
        assert boot(server, "--count", "30", "--keep-alive") == 0
    out = capsys.readouterr().out
    assert "30 booted, 0 refused, 0 silent, 0 failed." in out
    assert "Booted: 50 % after " in out


def test_json_is_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as server:
        assert boot(server, "--json") == 0
        one = json.loads(capsys.readouterr().out)
        assert boot(server, "--json", "--count", "3") == 0
        many = json.loads(capsys.readouterr().out)
    assert one["outcome"] == "booted"
    assert one["mac"] == MAC
    assert [step["what"] for step in one["steps"]][-1] == "booted"
    assert many["booted"] == 3
    assert set(many["seconds_to_percent"]) == {"50", "95", "99", "100"}


@pytest.mark.parametrize("shape", ["classic", "m700", "from-mac"])
def test_the_shape_of_the_subscribe_may_be_chosen(
    shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as server:
        assert boot(server, "--shape", shape) == 0


def test_phones_that_are_refused_make_the_status_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refusing() -> FakeServer:
        return FakeServer(lambda path: (401, b""))

    with serving(refusing) as server:
        assert boot(server) == 1
        assert "was refused: the server answered 401" in capsys.readouterr().out
        assert boot(server, "--count", "5") == 1
    out = capsys.readouterr().out
    assert "0 booted, 5 refused" in out
    assert MAC in out


def test_a_url_given_by_hand_needs_no_subscribe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving() as server:
        url = f"{server.base}/prov/"
        assert main(["phone", "boot", "--mac", MAC, "--url", url]) == 0
        assert server.subscribes == 0
        assert server.paths[:2] == ["/prov/snom370.htm", f"/prov/snom370-{MAC}.htm"]


def test_phones_may_ask_the_multicast_group(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(lambda: FakeServer(group="224.0.1.75")) as server:
        group = f"224.0.1.75:{server.local[1]}"
        arguments = ["phone", "boot", "--mac", MAC, "--multicast", "--group", group]
        assert main([*arguments, "--interface", "lo"]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--mac", "x"], "is not a MAC address"),
        (["--mac", MAC, "--server", "127.0.0.1:x"], "is no HOST:PORT"),
        (["--mac", MAC, "--server", "nosuch.invalid"], "has no IPv4 address"),
        (["--mac", MAC, "--shape", "round"], "is none of classic, m700, from-mac"),
        (["--mac", MAC, "--model", "a b"], "is no phone type"),
        (["--mac", MAC, "--firmware", "new"], "is no firmware version"),
        (["--mac", MAC, "--source", "192.0.2.1"], "cannot be started"),
        (["--mac", MAC, "--rate", "inf"], "must be numbers"),
        (["--mac", MAC, "--multicast", "--interface", "nosuch0"], "no such interface"),
        (["--mac", "FEFFFFFFFFFF", "--model", ""], "is no phone type"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phone", "boot", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@pbx/{mac}",
        "user:s3cret@pbx",
        "http://user:my s3cret@pbx/",
        "http://[user:s3cret]@pbx/",
        "http://user:s3cret@h℀/@pbx",
    ],
)
@pytest.mark.parametrize("more", [[], ["--stay", "1"]])
def test_a_password_in_a_wrong_url_is_not_repeated(
    capsys: pytest.CaptureFixture[str], url: str, more: list[str]
) -> None:
    assert main(["phone", "boot", "--mac", MAC, "--url", url, *more]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("bootwave: --url: '********@pbx")
    assert "s3cret" not in said.out + said.err


def test_ctrl_c_ends_a_wave_quietly_with_what_is_known() -> None:
    with serving(lambda: FakeServer(answers=False)) as server:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "bootwave", "phone", "boot", "--mac", MAC),
                *("--server", f"127.0.0.1:{server.local[1]}", "--count", "5"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while server.subscribes < 5 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "5 unfinished" in out
    assert err == ""


def test_a_wave_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phone", "boot", "--mac", MAC, "--count", "250001"]) == 2
    assert "250000" in capsys.readouterr().err
