import resource
import signal

import pytest

from bootwave.cli import waves
from bootwave.errors import OperatorError
from bootwave.wave.fleet import Wave
from bootwave.wave.phone import Outcome
from bootwave.wave.report import Reason, Report


def report(**more: object) -> Report:
    values: dict[str, object] = {
        "phones": 1000,
        "seconds": 1.5,
        "outcomes": dict.fromkeys(Outcome, 0) | {Outcome.BOOTED: 1000},
        "unfinished": 0,
        "shares": {50: 0.5, 95: 1.0, 99: 1.25, 100: 1.5},
        "reasons": [],
        "requests": 2000,
        "resends": 3,
        "strays": 0,
    }
    return Report(**(values | more))  # type: ignore[arg-type]


def test_a_report_of_a_wave_that_booted_is_three_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    waves.print_report(report())
    assert capsys.readouterr().out.splitlines() == [
        "1,000 phones in 1.50 s: 1,000 booted, 0 refused, 0 silent, 0 failed.",
        "Booted: 50 % after 0.50 s, 95 % after 1.00 s, 99 % after 1.25 s, "
        "100 % after 1.50 s.",
        "2,000 files were asked for; 3 SUBSCRIBEs were repeated.",
    ]


def test_a_report_names_why_phones_did_not_boot(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcomes = dict.fromkeys(Outcome, 0) | {Outcome.BOOTED: 1, Outcome.REFUSED: 2}
    reasons = [Reason(Outcome.REFUSED, "its window is closed", 2, "0004132E0002")]
    waves.print_report(
        report(phones=4, outcomes=outcomes, unfinished=1, reasons=reasons, strays=7)
    )
    out = capsys.readouterr().out
    assert "4 phones in 1.50 s: 1 booted, 2 refused, 0 silent, 0 failed, 1 unf" in out
    assert "Booted (of those that did): 50 % after 0.50 s" in out
    assert "7 datagrams belonged to no phone" in out
    assert "its window is closed" in out
    assert "0004132E0002" in out


def test_the_limit_of_descriptors_is_raised_to_what_a_wave_needs() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        assert waves.in_flight() == min(1000, before[1] - 128)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_wave_that_this_machine_cannot_send_is_an_operators_error() -> None:
    wave = Wave(1, ("127.0.0.1", 5060), sources=("192.0.2.1",))
    with pytest.raises(OperatorError, match="cannot be started"):
        waves.run(wave)


def test_after_a_wave_ctrl_c_is_what_it_was() -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    waves.run(Wave(1, url="ftp://127.0.0.1/"))
    after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    assert after == before
