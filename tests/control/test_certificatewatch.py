"""A running engine says when certificates and revocation lists end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bootwave import log
from bootwave.control.certificatewatch import CertificateWatch
from bootwave.options import ControlOptions, HttpsOptions
from tests.certificates import factory
from tests.certificates.authorities import NOW
from tests.certificates.factory import WORLD

Notes = list[tuple[log.Event, dict[str, Any]]]


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    told: Notes = []
    monkeypatch.setattr(
        log, "note", lambda event, **values: told.append((event, values))
    )
    return told


def watched(
    https: HttpsOptions,
    notes: Notes,
    *,
    wanted: int,
    control: ControlOptions | None = None,
) -> None:
    async def scenario() -> None:
        watch = CertificateWatch(https, period=0.01, control=control)
        watch.start()
        for _ in range(500):
            await asyncio.sleep(0.01)
            if len(notes) >= wanted:
                break
        await watch.stop()
        await watch.stop()

    asyncio.run(scenario())


def test_what_is_due_is_logged_again_and_again(tmp_path: Path, notes: Notes) -> None:
    crl = tmp_path / "old.crl"
    crl.write_bytes(WORLD.root.revokes(next_update=NOW - 60))
    watched(factory.https_options(tmp_path, crls=(crl,)), notes, wanted=2)
    (event, values), *_ = notes
    assert event is log.CERTIFICATE_WARNING
    assert values["warning"].startswith(f"The revocation list {crl} of CN=factory")
    assert len(notes) >= 2


def test_a_file_that_was_broken_is_told_before_a_restart_needs_it(
    tmp_path: Path, notes: Notes
) -> None:
    https = factory.https_options(tmp_path)
    https.certificates[0].write_bytes(b"")
    watched(https, notes, wanted=1)
    assert "holds no certificate" in notes[0][1]["warning"]


def test_the_certificate_of_the_api_is_looked_at_where_phones_have_none(
    tmp_path: Path, notes: Notes
) -> None:
    control = ControlOptions(listen="[::]:1", certificates=(tmp_path / "api.pem",))
    nothing = HttpsOptions(listen=(), certificates=())
    watched(nothing, notes, wanted=1, control=control)
    assert "api.pem of control.certificates" in notes[0][1]["warning"]


def test_nothing_is_said_of_what_is_right_or_not_served(
    tmp_path: Path, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    from bootwave.certificates import report

    real = report.look

    def counted(
        https: HttpsOptions, at: float, control: ControlOptions | None
    ) -> dict[str, Any]:
        looks.append(at)
        return real(https, at, control)

    monkeypatch.setattr(report, "look", counted)

    async def scenario(https: HttpsOptions) -> None:
        watch = CertificateWatch(https, period=0.01)
        watch.start()
        await asyncio.sleep(0.3)
        await watch.stop()

    asyncio.run(scenario(factory.https_options(tmp_path)))
    assert looks
    assert notes == []
    looks.clear()
    asyncio.run(scenario(factory.https_options(tmp_path, listen=())))
    assert looks == []
