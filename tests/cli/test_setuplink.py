from pathlib import Path

import pytest

from bootwave.cli.setuplink import PAGE, setup_link
from bootwave.control.api import installed
from bootwave.control.api.resources import setuppage
from bootwave.options import ControlOptions


def test_a_set_up_link_leads_to_the_page_that_takes_its_token() -> None:
    assert PAGE == setuppage.PATH
    clear = ControlOptions(listen="127.0.0.1:8095")
    assert setup_link(clear, "bwl_x") == "http://127.0.0.1:8095/setup#bwl_x"
    tls = ControlOptions(listen="[::1]:443", certificates=(Path("api.pem"),))
    assert setup_link(tls, "bwl_x") == "https://[::1]:443/setup#bwl_x"
    for everywhere in ("0.0.0.0:8095", "[::]:8095"):
        open_to_all = ControlOptions(listen=everywhere, certificates=(Path("api.pem"),))
        link = setup_link(open_to_all, "bwl_x")
        assert link == "https://localhost:8095/setup#bwl_x"
    assert setup_link(ControlOptions(listen=""), "bwl_x") == ""


def test_without_its_libraries_there_is_no_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "LIBRARIES", ("not_there",))
    assert setup_link(ControlOptions(listen="127.0.0.1:8095"), "bwl_x") == ""
