"""A domain of snom370 whose firmware is rolled out, with what workers tell its phones.

What phones ask is answered by the real thing, with its cache and its revocations.
"""

import io
import sqlite3
from pathlib import Path
from typing import Any

from bootwave.options import FirmwareOptions, Options, PairingOptions
from bootwave.provision.firmware import FirmwareAnswers, Question
from bootwave.provision.revocations import RevocationPage
from bootwave.rollout.course import Result
from bootwave.rollout.notifier import Answered
from bootwave.rollout.notify import Attempt
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.changelog import Change
from bootwave.store.connection import connect
from bootwave.store.firmware.imagefolder import ImageFolder
from bootwave.store.rollouts.steps import Errand
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.firmwarereader import FirmwareReader
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock

DOMAIN = "a.example.com"
OTHER = "b.example.com"
MODEL = "snom370"
OLD, NEW = "8.5.20", "8.5.36"
MAC = 0x0004132E0800
PHONES = 10
AT = "http://downloads.snom.com/fw/"
NOON = 720


def text(number: int) -> str:
    return f"{MAC + number:012X}"


class Staged:
    """Ten phones that run OLD, which the domain defines, and what they do."""

    def __init__(
        self, path: Path, keyring: KeyRing, firmware: FirmwareOptions | None = None
    ) -> None:
        self.firmware = firmware
        self.path = path
        self.keyring = keyring
        self.clock = Clock()
        self.off_seconds = 0.0  # how far the clock is off while a phone moves
        self.pages = RevocationPage()
        self.changes: list[list[Change]] = []
        self.log = SightingLog(
            path.parent / "sightings.db", clock=lambda: self.clock.at.wall
        )
        self.connection = connect(path)
        self.images = path.parent / "images"
        self.admin = self._opened(self.connection)
        self.answers = FirmwareAnswers(
            FirmwareReader(path), ImageFolder(self.images), self.pages, Options(), 8080
        )
        self.admin.domain_add(DOMAIN)
        self.admin.domain_add(OTHER)
        for number in range(PHONES):
            self.bind(number)
        self.define(OLD)
        for number in range(PHONES):
            self.comes(number, OLD)

    def _opened(self, connection: sqlite3.Connection) -> Administration:
        def committed(changes: list[Change]) -> None:
            self.changes.append(changes)
            self.pages.revoke(changes)

        return Administration(
            connection,
            self.keyring,
            PairingOptions(),
            now=self.clock,
            committed=committed,
            sightings=self.log,
            images=self.images,
            firmware=self.firmware,
        )

    def restart(self) -> None:
        """Go on as the next control process does, from what is stored."""
        self.admin.close()
        self.connection = connect(self.path)
        self.admin = self._opened(self.connection)

    def close(self) -> None:
        self.answers.close()
        self.admin.close()

    # What administrators do

    def bind(self, number: int, domain: str = DOMAIN) -> None:
        account = f"{400 + number}@{domain}"
        self.admin.account_add(account, password="secret-word", mac=text(number))
        self.connection.execute(
            "UPDATE devices SET model = ? WHERE mac = ?", (MODEL, MAC + number)
        )

    def move(self, number: int) -> None:
        """Give a phone to the other domain, a second later."""
        self.clock.pass_seconds(1.0)
        right = self.clock.at.wall
        self.clock.set_wall(right + self.off_seconds)
        self.admin.account_unbind(f"{400 + number}@{DOMAIN}")
        self.bind(number, OTHER)
        self.clock.set_wall(right)

    def define(
        self, version: str, scope: str = "domain", target: str = DOMAIN, **more: Any
    ) -> None:
        location = AT + f"{MODEL}-{version}.bin"
        where = {"location": location, **more}
        self.admin.firmware_set(scope, target, MODEL, version, **where)

    def upload(self, name: str, content: bytes) -> None:
        taken = ImageFolder(self.images).take(io.BytesIO(content), 1 << 20)
        self.admin.firmware_upload(taken.sha256, taken.size, name)

    def roll_out(
        self, scope: str = "domain", target: str = DOMAIN, **pace: Any
    ) -> dict[str, Any]:
        """Begin: one phone first, then half of them, then all, unless *pace* says."""
        given = {
            "location": AT + f"{MODEL}-{NEW}.bin",
            "stages": "50%",
            "rate": 100.0,
            "wait_minutes": 1.0,
            **pace,
        }
        version = given.pop("version", NEW)
        return self.admin.rollout_firmware(scope, target, MODEL, version, **given)

    def defined(self, scope: str = "domain", target: str = DOMAIN) -> list[str]:
        found = self.admin.firmware_list(scope, target)["definitions"]
        return [one["version"] for one in found]

    # What goes on

    def step(self, *answers: Answered, seconds: float = 1.0) -> list[Errand]:
        """Take a step and let time pass before it; return whom it tells."""
        self.clock.pass_seconds(seconds)
        step = self.admin.rollout_step(
            list(answers), minute=NOON, room=1_000, look=True
        )
        return [] if step is None else step.errands

    def tell(self) -> list[int]:
        """Step until somebody is told; return the numbers of those."""
        return sorted(errand.mac - MAC for errand in self.tell_by())

    def tell_by(self) -> list[Errand]:
        """Step until all are told whose turn has come; return the errands."""
        found: list[Errand] = []
        for _ in range(4):
            errands = self.step()
            if found and not errands:
                break
            found += errands
        return found

    def accepts(self, number: int, rollout: int) -> None:
        """Let a phone accept its NOTIFY."""
        self._answers(number, rollout, Result.ACCEPTED, "")

    def refuses(self, number: int, rollout: int) -> None:
        """Let a phone refuse its NOTIFY."""
        self._answers(number, rollout, Result.REFUSED, "it says 489")

    def _answers(self, number: int, rollout: int, result: Result, said: str) -> None:
        (row,) = self.connection.execute(
            "SELECT notified_at FROM rollout_phones WHERE mac = ? AND rollout_id = ?",
            (MAC + number, rollout),
        ).fetchall()
        attempt = Attempt(rollout, row[0])
        self.step(Answered(MAC + number, attempt, result, said))

    def fate(self, number: int, rollout: int = 1) -> str:
        (row,) = self.connection.execute(
            "SELECT fate FROM rollout_phones WHERE mac = ? AND rollout_id = ?",
            (MAC + number, rollout),
        ).fetchall()
        return str(row[0])

    # What phones do

    def comes(
        self,
        number: int,
        version: str,
        reason: Reason = Reason.SERVED_CREDENTIALS,
        model: str = MODEL,
        source: str = "",
    ) -> None:
        """Let a phone be given its settings while it runs *version*."""
        self.clock.pass_seconds(0.01)
        at, source = self.clock.at.wall, source or f"10.0.0.{number + 1}"
        detail = f"{model} {version}".strip()
        self.log.append([Sighting(at, MAC + number, source, reason, detail)])

    def asks(self, number: int, version: str = OLD) -> str:
        """Return which version a phone is told to load, "" for none.

        It asks by the handle that its settings tell it now.
        """
        rows = self.connection.execute(
            "SELECT COALESCE(domain_id, 0) FROM devices WHERE mac = ?", (MAC + number,)
        ).fetchall()
        handle = self.answers.handle_of(MAC + number, rows[0][0])
        question = Question(handle, MODEL, version, "http://192.168.4.1:8080")
        return self.answers.answer(question).what.rpartition(" ")[2]

    def is_told(self, version: str = OLD) -> list[int]:
        """Return the numbers of the phones that are told NEW if they run *version*."""
        found = range(PHONES)
        return [number for number in found if self.asks(number, version) == NEW]
