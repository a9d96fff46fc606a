"""A fault in the log is found, whoever told it, and what is expected is none."""

import json

from perf.proofs.loglines import counted, faults


def line(level: str, **told: object) -> str:
    return json.dumps({"level": level, "logger": "bootwave.control", **told})


LINES = [
    line("info", id="server.started"),
    line("warning", id="control.trimmed", more=2),
    line("error", id="control.refused"),
    line("error", id="control.api_fault"),
    json.dumps({"level": "error", "logger": "asyncio", "event": "never retrieved"}),
    line("warning", id="control.odd", exception="Traceback"),
    "Fatal Python error",
    "",
]


def test_each_line_of_level_error_is_a_fault_unless_it_is_expected() -> None:
    text = "\n".join(LINES)
    assert faults(text, {"control.refused"}) == LINES[3:7]
    assert faults(text, ()) == LINES[2:7]


def test_events_are_counted_by_name() -> None:
    assert counted("\n".join(LINES)) == {
        "asyncio": 1,
        "control.api_fault": 1,
        "control.odd": 1,
        "control.refused": 1,
        "control.trimmed": 3,
    }
