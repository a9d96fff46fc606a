"""How ``serve`` refuses to start; that it serves is proved in tests/end_to_end."""

from pathlib import Path
from typing import Any

import pytest

from bootwave import log
from bootwave.engine import local_options, make_store
from bootwave.errors import OperatorError, OptionError, StoreNotFound
from bootwave.options import Options
from bootwave.server.serve import serve
from bootwave.store.administration import Administration
from bootwave.store.connection import connect
from bootwave.store.keysources import key_lines, new_line, replace_file
from bootwave.store.lock import EngineLock
from bootwave.store.secrets import KeyRing
from tests.store.clock import Clock


@pytest.fixture
def options(tmp_path: Path) -> Options:
    found = local_options(tmp_path)
    make_store(found)
    return found


def said(options: Options) -> list[str]:
    lines: list[str] = []
    serve(options, say=lines.append)
    return lines


def test_without_a_database_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFound, match="bootwave init"):
        said(local_options(tmp_path))


def test_without_its_key_it_does_not_start(options: Options) -> None:
    options.store.key.unlink()
    with pytest.raises(OptionError):
        said(options)


def test_a_key_that_others_can_read_is_refused(options: Options) -> None:
    options.store.key.chmod(0o644)
    with pytest.raises(OptionError):
        said(options)


def test_a_store_that_another_engine_serves_is_refused(options: Options) -> None:
    lock = EngineLock(options.store.database)
    try:
        with pytest.raises(OperatorError, match="Another engine serves"):
            said(options)
    finally:
        lock.release()


def test_a_refused_start_lets_go_of_the_store(options: Options) -> None:
    wrong = options.model_copy(
        update={"http": options.http.model_copy(update={"listen": ("192.0.2.1:1",)})}
    )
    with pytest.raises(OptionError, match="no interface of this machine"):
        said(wrong)
    EngineLock(options.store.database).release()


def test_secrets_of_another_key_are_told_at_the_start(
    options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    administration = Administration(
        connect(options.store.database),
        KeyRing.load(options.store.key),
        options.pairing,
        now=Clock(),
        committed=lambda changes: None,
    )
    administration.domain_add("pbx.example.com")
    administration.account_add("401@pbx.example.com", password="s3cret")
    administration.close()
    (line,) = key_lines(options.store.key)
    replace_file(options.store.key, [new_line()])
    noted: list[tuple[Any, Any]] = []
    monkeypatch.setattr(log, "note", lambda event, **more: noted.append((event, more)))
    monkeypatch.setattr("bootwave.server.serve._run", lambda *arguments: 0)
    said(options)
    assert (log.KEY_MISSING, {"keys": line.split()[0]}) in noted
    replace_file(options.store.key, [new_line(), line])
    noted.clear()
    said(options)
    assert log.KEY_MISSING not in [event for event, _more in noted]
