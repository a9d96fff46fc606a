import os
import signal
from pathlib import Path

import pytest

from bootwave.errors import OperatorError
from bootwave.store.lock import EngineLock, is_served


def test_a_second_holder_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    first = EngineLock(tmp_path / "bootwave.db")
    with pytest.raises(OperatorError, match="Another engine serves"):
        EngineLock(tmp_path / "bootwave.db")
    first.release()
    EngineLock(tmp_path / "bootwave.db").release()


def test_a_child_holds_the_lock_on_when_its_parent_lets_go(tmp_path: Path) -> None:
    lock = EngineLock(tmp_path / "bootwave.db")
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        lock.release()
        with pytest.raises(OperatorError):
            EngineLock(tmp_path / "bootwave.db")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    EngineLock(tmp_path / "bootwave.db").release()


def test_the_lock_file_is_for_its_owner_only(tmp_path: Path) -> None:
    lock = EngineLock(tmp_path / "bootwave.db")
    assert (tmp_path / "bootwave.db.lock").stat().st_mode & 0o777 == 0o600
    lock.release()


def test_a_directory_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be made"):
        EngineLock(tmp_path / "none" / "bootwave.db")


def test_a_store_is_served_while_its_lock_is_held(tmp_path: Path) -> None:
    database = tmp_path / "bootwave.db"
    assert not is_served(database)
    assert not list(tmp_path.iterdir())
    lock = EngineLock(database)
    assert is_served(database)
    lock.release()
    assert not is_served(database)
