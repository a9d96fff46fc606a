from types import MappingProxyType

from bootwave.settings.catalogue import Dialect
from bootwave.settings.dialects.names import Names, translated
from bootwave.settings.layers import Slot, Told

NAMES = Names(
    Dialect.M9,
    MappingProxyType(
        {
            "user_pname": ("user_authname",),
            "http_client_pass": ("http_client_password",),
            "language": ("language",),
            "vlan_qos": ("vlan_priority", "vlan_prio"),
        }
    ),
    MappingProxyType({"language": {"Deutsch": "de", "Klingon": ""}.__getitem__}),
)


def told(content: str | Slot) -> Told:
    return Told(content, "R")


def test_what_is_called_otherwise_is_renamed_and_what_is_missing_left_out() -> None:
    said = {
        ("user_name", 1): told("401"),
        ("user_pname", 1): told("a"),
        ("vlan_qos", None): told("5"),
        ("dim_timer", None): told("10"),
    }
    assert translated(said, NAMES) == {
        ("user_name", 1): told("401"),
        ("user_authname", 1): told("a"),
        ("vlan_priority", None): told("5"),
        ("vlan_prio", None): told("5"),
    }


def test_what_the_dialect_has_or_nobody_knows_is_passed_on() -> None:
    said = {("base_pin", None): told("0000"), ("brand_new", 3): told("x")}
    assert translated(said, NAMES) == said


def test_a_value_is_told_in_the_dialect_s_words_or_not_at_all() -> None:
    def language(content: str | Slot) -> dict[tuple[str, int | None], Told]:
        return translated({("language", None): told(content)}, NAMES)

    assert language("Deutsch") == {("language", None): told("de")}
    assert language("Klingon") == {}
    assert language(Slot(3)) == {("language", None): told(Slot(3))}


def test_the_dialect_s_own_name_wins_but_never_over_a_secret() -> None:
    said = {
        ("user_authname", 1): told("own"),
        ("user_pname", 1): told("desk"),
        ("http_client_password", None): told("stolen"),
        ("http_client_pass", None): told(Slot(1)),
    }
    assert translated(said, NAMES) == {
        ("user_authname", 1): told("own"),
        ("http_client_password", None): told(Slot(1)),
    }


def test_the_order_told_stays_whatever_is_renamed() -> None:
    names = ("vlan_qos", "user_name", "user_pname", "base_pin")
    said = {(name, 1): told(name) for name in names}
    assert [name for name, _index in translated(said, NAMES)] == [
        *("vlan_priority", "vlan_prio", "user_name", "user_authname", "base_pin")
    ]
