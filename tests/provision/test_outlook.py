"""What a phone would be given, by what decides for phones, with nothing happening."""

from pathlib import Path
from typing import Any

import pytest

from bootwave.options import Options, PairingOptions
from bootwave.pairing.decisions import Refuse
from bootwave.provision.looks import Looks
from bootwave.provision.outlook import WAYS, Outlook, _told
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.service import policy_of
from bootwave.provision.tokens import TokenGate
from bootwave.sightings import Reason
from bootwave.store.administration import Administration
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.reader import Reader
from tests.store.clock import Clock
from tests.store.listed import windows_of

MAC = 0x0004132E08B4
ACCOUNT = "401@pbx.example.com"


class Site:
    """A store, who administers it, and what is told of its phones."""

    def __init__(self, directory: Path) -> None:
        path = directory / "bootwave.db"
        create(path)
        keyring = KeyRing.create(directory / "bootwave.key")
        self.clock = Clock()
        self.admin = Administration(
            connect(path),
            keyring,
            PairingOptions(),
            now=self.clock,
            committed=lambda changes: None,
        )
        self.reader = Reader(path)
        self.looks = Looks(self.reader, RevocationPage(), self.clock)
        self.tokens = TokenGate(keyring)
        self.trust_factory(True)
        self.admin.domain_add("pbx.example.com")
        self.admin.account_add(ACCOUNT, password="s3cret-canary", mac=f"{MAC:012X}")

    def trust_factory(self, trusts: bool) -> None:
        """Have some CA trusted to have signed phones, or none."""
        self.outlook = Outlook(
            self.looks, self.tokens, policy_of(Options()), trusts_factory=trusts
        )

    def of(self, source: str = "192.168.1.7", **how: Any) -> dict[str, str]:
        """By what each way is served, or the reason why it is not."""
        told = self.outlook.of(MAC, source, **how)
        assert "canary" not in str(told)
        assert told["served"] == any(way["served"] for way in told["ways"])
        assert [way["way"] for way in told["ways"]] == [way.name for way in WAYS]
        return {way["way"]: way["by"] or way["reason"] for way in told["ways"]}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_closed_account_is_for_who_proves_to_be_the_phone(site: Site) -> None:
    assert site.of() == {
        "https with its certificate": "certificate",
        "https with its credentials": "credentials",
        "https": "CLOSED",
        "http with its credentials": "credentials",
        "http": "CLOSED",
    }
    public = site.of("198.51.100.7")
    assert public["http with its credentials"] == "CLEAR_HTTP_PUBLIC"
    assert public["https"] == "CLOSED"


def test_an_open_window_is_told_and_not_used_up(site: Site) -> None:
    site.admin.window_open([ACCOUNT])
    for _ in range(2):
        assert set(site.of().values()) == {"window"}
    assert windows_of(site.admin)[0]["state"] == "open"
    site.clock.pass_seconds(601)
    assert site.of()["https"] == "CLOSED"


def test_an_unknown_phone_would_claim_what_is_open(site: Site) -> None:
    site.admin.account_unbind(ACCOUNT)
    assert site.of()["https"] == "UNBOUND"
    site.admin.account_bind(ACCOUNT, "*")
    site.admin.window_open([ACCOUNT])
    assert site.of()["http"] == "wildcard"
    assert site.admin.account_show(ACCOUNT)["wildcard"] == "*"


def test_a_domain_that_requires_a_token_refuses_who_has_none(site: Site) -> None:
    token = site.admin.token_make("pbx.example.com", required=True)["token"]
    assert set(site.of().values()) == {"TOKEN_WRONG"}
    assert site.of(token=token)["https with its certificate"] == "certificate"
    assert site.of(token=None) == site.of(token=token)


def test_no_token_is_good_for_a_phone_that_is_bound_nowhere(site: Site) -> None:
    site.admin.token_make("pbx.example.com", required=True)
    site.admin.account_bind(ACCOUNT, "*")
    site.admin.window_open([ACCOUNT])
    assert site.of(token=None)["http"] == "UNBOUND"


def test_a_blocked_certificate_denies_its_way(site: Site) -> None:
    told = site.of(is_blocked=True)
    assert told["https with its certificate"] == "CERTIFICATE_BLOCKED"
    assert told["https with its credentials"] == "credentials"


def test_without_a_factory_ca_no_certificate_helps(site: Site) -> None:
    site.trust_factory(False)
    for is_blocked in (False, True):
        told = site.outlook.of(MAC, "192.168.1.7", is_blocked=is_blocked)["ways"][0]
        assert (told["served"], told["reason"]) == (False, "CLOSED")
        assert "without https.factory_cas" in told["sentence"]
        assert told["advice"].startswith("name the CAs of its factory in https.factory")
        assert "or open it: bootwave window open" in told["advice"]
    site.admin.window_open([ACCOUNT])
    assert set(site.of().values()) == {"window"}


def test_it_is_told_as_what_would_be(site: Site) -> None:
    for way in site.outlook.of(MAC, "192.168.1.7")["ways"]:
        if way["served"]:
            assert way["sentence"].startswith("it would be given its settings ")
    clear = site.outlook.of(MAC, "198.51.100.7")["ways"][-2]
    assert clear["reason"] == "CLEAR_HTTP_PUBLIC"
    assert clear["sentence"] == "it would ask over clear HTTP from a public address"


@pytest.mark.parametrize("reason", Reason)
def test_only_how_a_sentence_begins_is_told_as_what_would_be(reason: Reason) -> None:
    said = _told(Refuse(reason))["sentence"]
    if reason.sentence.startswith("it asked "):
        assert said == "it would ask " + reason.sentence[len("it asked ") :]
    else:
        assert said == reason.sentence
