"""Whose credentials a phone is shown that challenges its NOTIFY."""

import sqlite3

from bootwave.rollout.notifier import Credentials
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.sightings.sightings import SightingLog
from tests.store.rollouts.test_rollouts import AT, DOMAIN, MAC, phones, text

assert phones  # a fixture


def test_credentials_are_the_phones_own_and_then_its_accounts(
    phones: None, admin: Administration
) -> None:
    admin.domain_set(DOMAIN, outbound_proxy="P.example.com:5070;transport=udp")
    realms = frozenset({DOMAIN, "p.example.com"})
    own = Credentials("403", "secret-word", realms)
    assert admin.rollout_credentials(MAC + 3, DOMAIN) == [own]
    admin.settings_set("domain", DOMAIN, "http_user", "admin")
    assert admin.rollout_credentials(MAC + 3, DOMAIN) == [own]
    admin.settings_set("domain", DOMAIN, "http_pass", "of the domain")
    admin.settings_set("device", text(3), "http_pass", "of the phone")
    assert admin.rollout_credentials(MAC + 3, DOMAIN) == [
        Credentials("admin", "of the phone"),
        own,
    ]
    assert admin.rollout_credentials(MAC + 4, DOMAIN)[0].password == "of the domain"
    assert "phone" not in repr(admin.rollout_credentials(MAC + 3, DOMAIN))
    assert admin.rollout_credentials(4711, DOMAIN) == []


def test_who_was_told_by_the_domain_before_is_not_shown_the_next_ones(
    phones: None, admin: Administration
) -> None:
    other = "b.example.com"
    admin.settings_set("domain", other, "http_user", "admin")
    admin.settings_set("domain", other, "http_pass", "of the domain")
    admin.account_unbind(f"403@{DOMAIN}")
    admin.account_bind(f"401@{other}", text(3), add=True)
    assert admin.rollout_credentials(MAC + 3, DOMAIN) == []
    web, own = admin.rollout_credentials(MAC + 3, other)
    assert (web.user, own.user) == ("admin", "401")


def test_the_firmware_that_it_runs_has_a_say_between_model_and_domain(
    phones: None,
    admin: Administration,
    log: SightingLog,
    connection: sqlite3.Connection,
) -> None:
    connection.execute("UPDATE devices SET model = 'snom370'")
    for scope, target, password in (
        ("model", "snom370", "of the model"),
        ("firmware", "snom370 8-", "of version 8"),
        ("firmware", "snom370 8.7-8.8", "of 8.7"),
    ):
        admin.settings_set(scope, target, "http_user", "admin")
        admin.settings_set(scope, target, "http_pass", password)

    def shown() -> str:
        return admin.rollout_credentials(MAC + 3, DOMAIN)[0].password

    assert shown() == "of the model"
    for at, version, password in (
        (AT - 9, "7.3.30", "of the model"),
        (AT - 8, "8.4.35", "of version 8"),
        (AT - 7, "8.7.5.35", "of 8.7"),
    ):
        detail = f"snom370 {version}"
        one = Sighting(at, MAC + 3, "10.0.0.4", Reason.SERVED_CREDENTIALS, detail)
        log.append([one])
        assert shown() == password
    admin.settings_set("domain", DOMAIN, "http_pass", "of the domain")
    assert shown() == "of the domain"
