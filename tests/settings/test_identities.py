from bootwave.directory.records import Account, Domain
from bootwave.settings.identities import (
    FIELDS,
    identity_lines,
    unused_lines,
    values_of,
)
from bootwave.settings.layers import Line, Slot

SLOTS = [Slot(n) for n in range(len(FIELDS))]


def account(auth_user: str = "") -> Account:
    return Account(1, 1, "401", "Anna", auth_user, b"", "8401")


def contents(domain: Domain) -> dict[str, object]:
    return {line.name: line.content for line in identity_lines(domain, SLOTS)}


def test_an_identity_in_use_is_active_and_has_the_fields_of_its_account() -> None:
    told = contents(Domain(1, "pbx.example.com"))
    assert told["user_active"] == "on"
    assert [told[name] for name in FIELDS] == SLOTS


def test_a_domain_without_registrar_is_its_own() -> None:
    assert contents(Domain(1, "pbx.example.com"))["user_host"] == "pbx.example.com"
    domain = Domain(1, "pbx.example.com", "sip.example.com", "proxy:5061")
    assert contents(domain)["user_host"] == "sip.example.com"
    assert contents(domain)["user_outbound"] == "proxy:5061"


def test_an_outbound_proxy_of_before_is_cleared() -> None:
    assert contents(Domain(1, "pbx.example.com"))["user_outbound"] == ""


def test_the_number_is_the_user_who_authenticates_unless_told() -> None:
    assert values_of(account()) == ("Anna", "401", "401", "8401")
    assert values_of(account("auth401")) == ("Anna", "401", "auth401", "8401")


def test_unused_identities_are_switched_off_explicitly() -> None:
    lines = unused_lines((2, 12))
    assert [line.index for line in lines] == [1, *range(3, 12)]
    assert lines[0] == Line("user_active", "off", 1, "RW")
    assert unused_lines(range(1, 13)) == []
