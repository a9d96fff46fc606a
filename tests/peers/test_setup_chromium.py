"""The first administrator is made in a browser, by the link and the keyboard alone."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.program import Program
from tests.peers.browser import Browser

PASSWORD = "correct horse battery"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    started = Browser(tmp_path / "profile")
    yield started
    started.stop()


def test_a_set_up_link_is_opened_and_its_form_filled_in(
    one_account: Callable[..., Program], browser: Browser
) -> None:
    program = one_account(CONTROL__LISTEN="127.0.0.1:0")
    (line,) = [line for line in program.lines if line.startswith("control ")]
    base = f"http://{line.removeprefix('control ')}"
    token = program.command("admin", "link")["token"]
    browser.open(f"{base}/setup#{token}")
    browser.wait("document.activeElement.id == 'name'")
    assert browser.value("document.getElementById('token').value") == token
    # What no name is the browser says itself.
    mismatch = (
        "(name => { const field = document.getElementById('name'); field.value = name;"
        " const wrong = field.validity.patternMismatch; field.value = '';"
        " return wrong; })"
    )
    assert browser.value(f"{mismatch}('an na')")
    assert not browser.value(f"{mismatch}('anna+a-b@example.com')")
    # Neither the history nor what is copied from the address has it any more.
    assert browser.value("location.href") == f"{base}/setup"
    for text in ("anna", PASSWORD, PASSWORD):
        browser.type(text)
        browser.press("Tab", 9)
    assert browser.value("document.activeElement.tagName") == "BUTTON"
    browser.press("Enter", 13)
    browser.wait("document.querySelector('.done') !== null")
    assert browser.value("document.querySelector('.done').innerText") == (
        "anna may do everything now."
    )
    assert not browser.value("document.documentElement.outerHTML").count(token)
    signed_in = httpx.post(
        f"{base}/api/v1/session", json={"name": "anna", "password": PASSWORD}
    )
    assert signed_in.status_code == 201
    for secret in (token, PASSWORD):
        assert secret not in program.errors()
