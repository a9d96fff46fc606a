from pathlib import Path
from typing import Any

import pytest

from bootwave.control import staging
from bootwave.control.rowtexts import Form
from bootwave.control.session import Session, open_session
from bootwave.errors import SettingError
from bootwave.options import Options, StoreOptions
from bootwave.store.create import create
from bootwave.store.secrets import KeyRing

A = "a.example.com"


@pytest.fixture
def options(tmp_path: Path) -> Options:
    store = StoreOptions(
        database=tmp_path / "bootwave.db",
        sightings=tmp_path / "sightings.db",
        key=tmp_path / "bootwave.key",
        control_socket=tmp_path / "control.sock",
    )
    create(store.database)
    KeyRing.create(store.key)
    return Options(store=store)


def pieces(count: int) -> list[bytes]:
    lines = [f"{n},pw\n".encode() for n in range(count)]
    return [b"extension,password\n", *lines]


class Counting(Session):
    """A session that remembers how many rows it was brought at once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.calls: list[tuple[str, int]] = []
        self.live = False

    def call(self, op: str, **args: Any) -> Any:
        self.calls.append((op, len(args.get("rows", ()))))
        return self._session.call(op, **args)

    def take_back(self) -> None:
        self._session.take_back()

    def close(self) -> None:
        self._session.close()


def test_rows_are_brought_in_messages_of_bounded_size(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "TOGETHER", 10)
    with Counting(open_session(options)) as session:
        session.call("domain.add", name=A)
        session.calls.clear()
        found = staging.stage(
            session, pieces(25), Form.CSV, "stage.import", domain=A, update=False
        )
        assert (found["added"], found["stored"]) == (25, True)
        assert session.calls == [
            ("stage.begin", 0),
            ("stage.add", 10),
            ("stage.add", 10),
            ("stage.add", 5),
            ("stage.import", 0),
            ("stage.import", 0),
        ]


def test_a_file_that_breaks_in_the_middle_leaves_nothing(options: Options) -> None:
    with Counting(open_session(options)) as session:
        session.call("domain.add", name=A)
        with pytest.raises(SettingError, match="not UTF-8"):
            staging.stage(
                session,
                [*pieces(2_000), b"\xff\n"],
                Form.CSV,
                "stage.import",
                domain=A,
            )
        assert session.calls[-1] == ("stage.drop", 0)
        assert session.call("records.page", resource="accounts")["rows"] == []
