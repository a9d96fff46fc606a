import pytest

from bootwave.control.api import installed


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed.missing() == []
    monkeypatch.setattr(installed, "LIBRARIES", ("fastapi", "not_there"))
    assert installed.missing() == ["not_there"]
