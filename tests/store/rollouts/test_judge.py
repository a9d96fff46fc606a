"""Who may be told to load what a roll-out rolls out."""

from collections.abc import Callable

import pytest

from bootwave.firmware.decision import Running
from bootwave.firmware.definitions import Definition
from bootwave.options import PairingOptions
from bootwave.phone.firmware import FirmwareVersion as V
from bootwave.store.firmware.firmware import Allowed
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.firmware.rows import Place
from bootwave.store.rollouts.judge import THERE, Judge, Verdict
from bootwave.store.rollouts.target import Target
from bootwave.store.work import Work
from tests.store.staged import AT, DOMAIN, MAC, MODEL, NEW, OLD, OTHER, Staged, text

HOSTS = frozenset({"downloads.snom.com"})
WANTED = Definition(MODEL, V(8, 5, 36), f"{AT}{MODEL}-{NEW}.bin")


@pytest.fixture
def judged(staged: Staged) -> Callable[..., Verdict]:
    def verdict(
        number: int = 1,
        version: str = OLD,
        *,
        place: Place | None = None,
        hosts: frozenset[str] = HOSTS,
        model: str = MODEL,
    ) -> Verdict:
        work = Work(staged.connection, staged.keyring, PairingOptions(), staged.clock())
        target = Target("whom", place or Place("domain", 1), WANTED)
        judge = Judge(work, Allowed(hosts, ImageFolder(staged.images)), target)
        found = judge.verdict(MAC + number, Running(model, V.from_text(version)))
        assert found == judge.verdict(
            MAC + number, Running(model, V.from_text(version))
        )
        return found

    return verdict


def test_a_phone_that_would_be_told_it_is_told_it(
    judged: Callable[..., Verdict],
) -> None:
    assert judged() == Verdict("", way=(WANTED,))
    assert judged(place=Place("engine", 0)).why == (
        "8.5.20 is defined for it, its group or its domain"
    )
    assert judged(place=Place("device", MAC + 1)).why == ""


def test_steps_are_on_its_way(staged: Staged, judged: Callable[..., Verdict]) -> None:
    assert judged(version="7.3.30").why == "no way leads there from what it runs"
    staged.define("8.4", step=True)
    assert [str(one.version) for one in judged(version="7.3.30").way] == [
        *("8.4.0", NEW)
    ]


def test_what_it_runs_counts(judged: Callable[..., Verdict]) -> None:
    assert judged(version=NEW) is THERE
    assert judged(version="").why == "it did not say which version it runs"
    assert judged(model="").why == "it did not say which model it is"
    assert judged(model="snom320").why == "it says that it is a snom320"


def test_what_is_said_for_it_counts(
    staged: Staged, judged: Callable[..., Verdict]
) -> None:
    staged.admin.group_add(DOMAIN, "early")
    staged.admin.group_assign(DOMAIN, "early", [text(1)])
    staged.define(NEW, "group", f"early@{DOMAIN}")
    assert judged().why == "snom370 8.5.36 is defined for it already"
    assert judged(2).why == ""
    staged.admin.firmware_pin("device", text(2), "8.5.36", model=MODEL)
    assert judged(2).why == ""
    staged.admin.firmware_pin("device", text(2), OLD, model=MODEL)
    assert judged(2).why == "it is pinned to 8.5.20"
    staged.admin.firmware_pin("domain", DOMAIN, "keep", model=MODEL)
    assert judged(3).why == "it is pinned to what it runs"
    staged.admin.firmware_unpin("domain", DOMAIN, model=MODEL)
    staged.admin.firmware_forbid("engine", "", MODEL, NEW)
    assert judged(3).why == "the version is forbidden"


def test_where_it_is_counts(staged: Staged, judged: Callable[..., Verdict]) -> None:
    staged.admin.account_unbind(f"401@{DOMAIN}")
    staged.bind(1, OTHER)
    assert judged().why == "it is none of whom any more"


def test_an_image_that_is_not_there_is_loaded_by_nobody(
    judged: Callable[..., Verdict],
) -> None:
    assert judged(hosts=frozenset()).why == (
        "the image is not there, or its host is not allowed"
    )
