from pathlib import Path

import pytest

from bootwave.cli.setuplink import SETUP_PATH, setup_url
from bootwave.control.api import installed
from bootwave.control.api.resources import sessions
from bootwave.options import ControlOptions


def test_a_set_up_token_is_sent_to_the_api() -> None:
    assert SETUP_PATH == sessions.SETUP_PATH
    clear = ControlOptions(listen="127.0.0.1:8095")
    assert setup_url(clear) == "http://127.0.0.1:8095/api/v1/setup"
    tls = ControlOptions(listen="[::1]:443", certificates=(Path("api.pem"),))
    assert setup_url(tls) == "https://[::1]:443/api/v1/setup"
    assert setup_url(ControlOptions(listen="")) == ""


def test_without_its_libraries_there_is_no_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "LIBRARIES", ("not_there",))
    assert setup_url(ControlOptions(listen="127.0.0.1:8095")) == ""
