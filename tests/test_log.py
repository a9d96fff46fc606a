"""The log: declared events, escaped lines, storms, and a reader that stopped."""

import fcntl
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bootwave
from bootwave import log
from bootwave.options import LogOptions

PACKAGE = Path(bootwave.__file__).parent


class Reader:
    """The reading end of what standard error is for a process."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()

    def lines(self) -> list[str]:
        os.set_blocking(self.reading, False)
        data = b""
        while True:
            try:
                part = os.read(self.reading, 65536)
            except BlockingIOError:
                part = b""
            if not part:
                return data.decode().splitlines()
            data += part


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(log, "_limiter", log._Limiter())
    end = Reader()
    yield end
    log.stop()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("bootwave").setLevel(logging.NOTSET)
    for descriptor in (end.reading, end.writing):
        os.close(descriptor)


def test_identifiers_and_templates_are_unique_and_name_a_package() -> None:
    events = list(log.EVENTS.values())
    assert len({event.template for event in events}) == len(events)
    for event in events:
        package, _, what = event.identifier.partition(".")
        assert re.fullmatch(r"[a-z_]+", what)
        assert (PACKAGE / package).exists() or (PACKAGE / f"{package}.py").exists()
        assert event.advice.endswith(".")


def test_two_events_cannot_share_an_identifier() -> None:
    with pytest.raises(ValueError, match="two events are called"):
        log._event("log.dropped", logging.INFO, "x", "x.")


def test_every_declared_event_is_used() -> None:
    names = [name for name, value in vars(log).items() if isinstance(value, log.Event)]
    assert len(names) == len(log.EVENTS)
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    for name in names:
        assert len(re.findall(rf"\b{name}\b", source)) > 1, f"nothing logs {name}"


def test_a_json_line_holds_identifier_message_values_and_advice(
    reader: Reader,
) -> None:
    log.start(LogOptions(format="json"), process="worker 1", descriptor=reader.writing)
    log.note(log.CONTROL_PEER_REFUSED, pid=12, uid=1000)
    log.stop()
    (line,) = map(json.loads, reader.lines())
    assert line["id"] == "control.peer_refused"
    assert line["event"] == "process 12 of user 1000 was refused on the control socket"
    assert line["logger"] == "bootwave.control"
    assert line["level"] == "warning"
    assert line["process"] == "worker 1"
    assert (line["pid"], line["uid"]) == (12, 1000)
    assert line["advice"] == log.CONTROL_PEER_REFUSED.advice
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])


def test_a_sentence_in_a_line_keeps_one_full_stop(reader: Reader) -> None:
    log.start(LogOptions(), process="control", descriptor=reader.writing)
    log.note(log.START_FAILED, error="The store cannot be read (6).")
    log.stop()
    (line,) = reader.lines()
    assert f"cannot be read (6). {log.START_FAILED.advice}" in line


def test_a_question_in_a_line_gets_no_full_stop(reader: Reader) -> None:
    log.start(LogOptions(), process="control", descriptor=reader.writing)
    log.note(log.START_FAILED, error="htp is no option; did you mean http?")
    log.stop()
    (line,) = reader.lines()
    assert f"mean http? {log.START_FAILED.advice}" in line


def test_a_console_line_ends_with_what_to_do(reader: Reader) -> None:
    log.start(LogOptions(), process="worker 1", descriptor=reader.writing)
    log.note(log.CONTROL_PEER_REFUSED, pid=12, uid=1000)
    log.stop()
    (line,) = reader.lines()
    assert "warning" in line
    assert "control socket. Run commands as root" in line


@pytest.mark.parametrize("form", ["console", "json"])
def test_text_of_a_peer_cannot_forge_or_hide_a_line(reader: Reader, form: str) -> None:
    log.start(LogOptions.model_validate({"format": form}), descriptor=reader.writing)
    evil = "a\r\nb\x1b[2Kc\u2028d\u202ee\x85f\udc80"
    log.note(log.CONTROL_OPERATION_FAILED, op=evil)
    logging.getLogger("asyncio").error("foreign %s", evil)
    log.stop()
    lines = reader.lines()
    assert len(lines) == 2
    for line in lines:
        assert line.isprintable()
        text = json.loads(line)["event"] if form == "json" else line
        assert r"a\x0d\x0ab\x1b[2Kc\u2028d\u202ee\x85f\udc80" in text


def test_long_values_are_cut() -> None:
    assert log.escaped("x" * 300) == "x" * 256 + "…"
    assert log.escaped("ä€\U0001f600 \t") == "ä€\U0001f600 \\x09"


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_stays_with_its_line(reader: Reader, form: str) -> None:
    log.start(LogOptions.model_validate({"format": form}), descriptor=reader.writing)
    try:
        raise KeyError("x\n2026-01-01 [error] forged")
    except KeyError as error:
        log.note(log.CONTROL_OPERATION_FAILED, op="x", exception=error)
    log.stop()
    lines = reader.lines()
    if form == "json":
        (line,) = lines
        assert "KeyError" in json.loads(line)["exception"]
    else:
        assert any("KeyError" in line for line in lines)
        assert all(line.startswith("    ") for line in lines[1:])


def test_what_is_less_severe_than_the_level_is_not_written(reader: Reader) -> None:
    log.start(LogOptions.model_validate({"level": "error"}), descriptor=reader.writing)
    log.note(log.CONTROL_PEER_REFUSED, pid=1, uid=1)
    log.stop()
    assert reader.lines() == []


def test_in_a_storm_a_line_stands_for_many(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(log.time, "monotonic", lambda: clock[0])
    log.start(LogOptions(format="json"), threaded=False, descriptor=reader.writing)
    for number in range(1000):
        log.note(log.CONTROL_PEER_REFUSED, pid=number, uid=1)
    clock[0] += log.PERIOD
    log.note(log.CONTROL_PEER_REFUSED, pid=1000, uid=1)
    lines = [json.loads(line) for line in reader.lines()]
    assert [line["more"] for line in lines] == [0] * log.BURST + [995]
    assert lines[-1]["event"].endswith("(stands for 995 more)")


def test_the_end_of_a_storm_is_told_without_another_event() -> None:
    limiter = log._Limiter()
    event = log.CONTROL_PEER_REFUSED
    for number in range(20):
        limiter.admit(event, {"pid": number}, 0.0)
    assert list(limiter.overdue(log.PERIOD - 0.1)) == []
    assert list(limiter.overdue(log.PERIOD)) == [(event, {"pid": 19}, 14)]
    assert list(limiter.overdue(log.PERIOD)) == []


def test_one_event_does_not_hold_back_another() -> None:
    limiter = log._Limiter()
    for _ in range(20):
        limiter.admit(log.CONTROL_PEER_REFUSED, {}, 0.0)
    assert limiter.admit(log.LOG_DROPPED, {}, 0.0) == 0


def test_a_reader_that_stopped_costs_lines_and_never_blocks(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "BURST", 1_000_000)
    monkeypatch.setattr(log, "MAX_WAITING", 50)
    fcntl.fcntl(reader.writing, fcntl.F_SETPIPE_SZ, 4096)
    lost: list[int] = []
    log.start(LogOptions(), descriptor=reader.writing, dropped=lost.append)
    for number in range(1000):  # the pipe takes about 30 lines, the queue 50
        log.note(log.CONTROL_PEER_REFUSED, pid=number, uid=1)
    assert len(lost) > 800
    os.set_blocking(reader.reading, True)
    text = b""
    while b"log lines were lost" not in text:  # as soon as somebody reads again
        text += os.read(reader.reading, 65536)
    assert f"{len(lost)} log lines were lost".encode() in text


def test_a_supervisor_gets_no_thread(reader: Reader) -> None:
    code = (
        "import threading; from bootwave import log;"
        "from bootwave.options import LogOptions;"
        "log.start(LogOptions(), threaded=False);"
        "log.note(log.CONTROL_PEER_REFUSED, pid=1, uid=1);"
        "print(threading.active_count())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    assert "process 1 of user 1" in done.stderr


def test_importing_the_log_does_not_import_structlog() -> None:
    code = "import bootwave.log, sys; print('structlog' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
