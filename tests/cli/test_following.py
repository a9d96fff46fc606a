"""A roll-out followed from the terminal, on a store whose steps the test takes."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootwave.cli.following import follow, print_rollout
from bootwave.control.operations import ProgressFunction, run
from bootwave.control.session import Session
from bootwave.optionsfile import load
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.connection import connect
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock

DOMAIN = "pbx.example.com"
MAC = 0x0004132E0800


class Stepping(Session):
    """A session whose engine takes a step of two seconds before each look.

    Phones in ``silent`` never come back.  ``interrupted`` looks end by Ctrl-C.
    """

    live = True

    def __init__(self, directory: Path) -> None:
        options = load(directory / "bootwave.toml", {}).options
        self.clock = Clock()
        self.log = SightingLog(
            options.store.sightings, clock=lambda: self.clock.at.wall
        )
        self.administration = Administration(
            connect(options.store.database),
            KeyRing.load(options.store.key),
            options.pairing,
            now=self.clock,
            committed=lambda changes: None,
            sightings=self.log,
        )
        self.silent: set[int] = set()
        self.interrupted = False

    def take_back(self) -> None: ...

    def close(self) -> None:
        self.administration.close()

    def call(
        self, op: str, *, progress: ProgressFunction | None = None, **args: Any
    ) -> Any:
        if op == "rollout.show":
            if self.interrupted:
                raise KeyboardInterrupt
            self.step()
        return run(self.administration, op, args, progress, actor="anna")

    def step(self) -> None:
        self.clock.pass_seconds(2.0)
        told = self.administration.rollout_step([], minute=0, room=99, look=True)
        self.seen(
            {errand.mac for errand in (told.errands if told else ())} - self.silent
        )

    def seen(self, macs: set[int]) -> None:
        at = self.clock.at.wall + 0.5
        self.log.append(
            [Sighting(at, mac, "10.0.0.7", Reason.SERVED_WINDOW) for mac in macs]
        )


@pytest.fixture
def session(
    made_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stepping]:
    monkeypatch.setattr("bootwave.cli.following.LOOK_SECONDS", 0.0)
    shutil.copytree(made_once, tmp_path / "place")
    with Stepping(tmp_path / "place") as opened:
        opened.call("domain.add", name=DOMAIN)
        for number in range(4):
            opened.call(
                "account.add",
                account=f"{400 + number}@{DOMAIN}",
                password="secret-word",
                mac=f"{MAC + number:012X}",
            )
        opened.seen({MAC, MAC + 1, MAC + 2})
        opened.clock.pass_seconds(1.0)
        yield opened


def start(session: Stepping) -> Any:
    return session.call("rollout.start", scope="domain", target=DOMAIN, stages="")


def test_stages_are_told_as_they_are_complete(
    session: Stepping, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = follow(session, start(session), quiet=False)
    assert print_rollout(shown) == 0
    out, err = capsys.readouterr()
    assert err == (
        "Roll-out 1 tells 3 phones in 2 stages, 10 a second, and waits up to 10 "
        "minutes for each.\n"
    )
    assert out == (
        "Stage 1 of 2: 1 of 1 phone came back.\n"
        "Roll-out 1 (resync, domain pbx.example.com) is done: 3 of 3 phones came "
        "back.\n"
        "1 phone is not told: it was never given its settings, so nobody knows where "
        "it is.\n\n"
        "phone         fate  NOTIFY       why\n"
        "0004132E0803  left  unreachable  it was never given its settings, so nobody "
        "knows where it is\n"
    )


def test_one_minute_is_no_minutes(
    session: Stepping, capsys: pytest.CaptureFixture[str]
) -> None:
    told = {"scope": "domain", "target": DOMAIN, "stages": "", "wait_minutes": 1}
    follow(session, session.call("rollout.start", **told), quiet=False)
    assert "waits up to 1 minute for each." in capsys.readouterr().err


def test_a_halt_says_why_and_what_to_do(
    session: Stepping, capsys: pytest.CaptureFixture[str]
) -> None:
    session.silent = {MAC, MAC + 1, MAC + 2}
    shown = follow(session, start(session), quiet=True)
    assert print_rollout(shown) == 1
    out, err = capsys.readouterr()
    assert "is halted: 0 of 3 phones came back (1 missing, 2 to be told)." in out
    assert "1 of the one phone of stage 1 did not come back" in out
    assert "missing  sent" in out
    assert "bootwave rollout resume 1 goes on" in err


def test_how_many_of_those_in_trouble_are_not_shown_is_told(
    session: Stepping, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(500, 620):
        session.administration.account_add(
            f"{number}@{DOMAIN}", password="s3cret", mac=f"0004132F0{number}"
        )
    print_rollout(follow(session, start(session), quiet=True))
    out, err = capsys.readouterr()
    assert (
        "121 phones are not told, each because it was never given its settings, so "
        "nobody knows where it is.\n"
    ) in out
    assert out.count("unreachable") == 100
    assert (
        "And 21 more: bootwave search rollout-phones rollout=1 lists all of its "
        "phones.\n"
    ) in err


def test_ctrl_c_ends_the_following_and_nothing_else(
    session: Stepping, capsys: pytest.CaptureFixture[str]
) -> None:
    started = start(session)
    session.interrupted = True
    assert follow(session, started, quiet=False)["state"] == "running"
    assert "It goes on without you: bootwave rollout show 1." in capsys.readouterr().err
    session.interrupted = False
    assert print_rollout(session.call("rollout.show", rollout=1)) == 0
