"""What a phone would be given, with what the store knows of it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.control.operations import acting
from bootwave.control.outlooks import outlook_for
from bootwave.control.session import DirectSession
from bootwave.engine import local_options, make_store
from bootwave.errors import OptionError, StoreNotFound
from bootwave.options import Options
from bootwave.sightings import Reason, Sighting
from bootwave.store.proofs.credentials import issue
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.sightings import SightingLog

MAC = "0004132E08B4"
SOURCE = "192.168.1.7"


@pytest.fixture
def options(tmp_path: Path) -> Options:
    found = local_options(tmp_path)
    make_store(found)
    return found


@pytest.fixture
def session(options: Options) -> Iterator[DirectSession]:
    with DirectSession(options) as found:
        found.call("domain.add", name="pbx.example.com")
        found.call("account.add", account="401@pbx.example.com", password="word-word")
        found.call("account.bind", account="401@pbx.example.com", mac=MAC)
        yield found


def ways(session: DirectSession, options: Options, **said: str) -> dict[str, str]:
    keyring = KeyRing.load(options.store.key)
    found = outlook_for(session.administration, options, keyring, MAC, **said)
    return {way["way"]: way["by"] for way in found["ways"]}


def test_an_open_window_is_found_and_not_used(
    session: DirectSession, options: Options
) -> None:
    assert ways(session, options, source=SOURCE)["http"] == ""
    session.call("window.open", accounts=["401@pbx.example.com"])
    assert ways(session, options, source=SOURCE)["http"] == "window"
    (window,) = session.call("records.page", resource="windows")["rows"]
    assert window["state"] == "open"


def test_the_address_is_that_it_was_heard_from_last(
    session: DirectSession, options: Options
) -> None:
    with pytest.raises(OptionError, match="never heard"):
        ways(session, options)
    seen = Sighting(time.time(), int(MAC, 16), SOURCE, Reason.CLOSED, "")
    SightingLog(options.store.sightings).append([seen])
    keyring = KeyRing.load(options.store.key)
    found = outlook_for(session.administration, options, keyring, MAC)
    assert found["source"] == SOURCE
    with pytest.raises(OptionError, match="no address"):
        ways(session, options, source="home")


def test_who_does_not_reach_its_domain_is_told_nothing(
    session: DirectSession, options: Options
) -> None:
    reach = frozenset({"other.example.com"})
    with (
        acting(session.administration, actor="x", reach=reach),
        pytest.raises(StoreNotFound),
    ):
        ways(session, options, source=SOURCE)


def test_a_verdict_goes_by_what_the_phone_can_show(
    session: DirectSession, options: Options
) -> None:
    keyring = KeyRing.load(options.store.key)

    def told(mac: str, kept: Options = options) -> str:
        found = outlook_for(session.administration, kept, keyring, mac, source=SOURCE)
        verdict: str = found["verdict"]
        return verdict

    assert told("000413999999") == "unknown"
    assert told(MAC) == "refused"
    # A factory that is trusted: its certificate is enough.
    trusting = options.model_copy(
        update={"https": options.https.model_copy(update={"factory_cas": (MAC,)})}
    )
    assert told(MAC, trusting) == "served"
    with session.administration.redirection_change() as work:
        issue(work.connection, work.keyring, int(MAC, 16), work.at.wall)
    assert told(MAC) == "served"
    session.call("device.credentials.revoke", mac=MAC)
    assert told(MAC) == "refused"


def test_a_bound_phone_is_taken_to_ask_by_the_url_that_it_should_have(
    session: DirectSession, options: Options
) -> None:
    session.call("token.make", domain="pbx.example.com", required=True)
    assert ways(session, options, source=SOURCE)["http"] == ""
    session.call("window.open", accounts=["401@pbx.example.com"])
    assert ways(session, options, source=SOURCE)["http"] == "window"
    session.call("token.rotate", mac=MAC)
    assert ways(session, options, source=SOURCE)["http"] == "window"
