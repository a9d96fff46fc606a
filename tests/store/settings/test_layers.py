from collections.abc import Callable

import pytest

from bootwave.errors import OptionError, SettingError, StoreNotFound
from bootwave.limits import LAYER_CHARACTERS_EACH, MAX_LAYER_CHARACTERS
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, Change
from tests.store.listed import notes_of

MAC = 0x0004132E08B4
ACCOUNT = "401@a.example.com"
TARGETS = [
    ("engine", ""),
    ("model", "snom370"),
    ("firmware", "snom370 8.4-8.7"),
    ("domain", "a.example.com"),
    ("profile", "sales@a.example.com"),
    ("account", ACCOUNT),
    ("device", f"{MAC:012X}"),
]


@pytest.fixture
def account(add: Callable[..., None], admin: Administration) -> None:
    add(ACCOUNT, mac=f"{MAC:012X}")
    admin.profile_add("a.example.com", "sales")
    admin.profile_assign("a.example.com", "sales", [ACCOUNT])


@pytest.mark.parametrize(("scope", "target"), TARGETS)
def test_a_setting_is_said_said_anew_and_said_no_longer(
    account: None, admin: Administration, scope: str, target: str
) -> None:
    said = admin.settings_set(scope, target, "ring_sound", "Ringer1")
    assert said["permission"] == "R"
    admin.settings_set(scope, target, "ring_sound", "Ringer2", permission="RW")
    admin.settings_set(scope, target, "user_srtp", "on", index=3)
    admin.settings_set(scope, target, "user_srtp", "off")
    assert admin.settings_list(scope, target) == [
        {"name": "ring_sound", "index": None, "value": "Ringer2", "permission": "RW"},
        {"name": "user_srtp", "index": None, "value": "off", "permission": "R"},
        {"name": "user_srtp", "index": 3, "value": "on", "permission": "R"},
    ]
    admin.settings_unset(scope, target, "user_srtp", index=3)
    admin.settings_unset(scope, target, "ring_sound")
    assert len(admin.settings_list(scope, target)) == 1
    with pytest.raises(StoreNotFound, match="not set there"):
        admin.settings_unset(scope, target, "ring_sound")


@pytest.mark.parametrize(("scope", "target"), TARGETS)
def test_a_function_key_is_said_said_anew_and_cleared(
    account: None, admin: Administration, scope: str, target: str
) -> None:
    admin.keys_set(scope, target, 0, "line")
    shown = {"lp": "on", "icon_type": "<&>"}
    said = admin.keys_set(
        *(scope, target, 1, "blf 402|*87"),
        label="B & <C>",
        context="2",
        attributes=shown,
    )
    assert said["attributes"] == shown
    admin.keys_set(scope, target, 0, "speed 0")
    assert admin.keys_list(scope, target) == [
        {
            "index": 0,
            "context": "active",
            "value": "speed 0",
            "label": "",
            "permission": "R",
            "attributes": {},
        },
        {
            "index": 1,
            "context": "2",
            "value": "blf 402|*87",
            "label": "B & <C>",
            "permission": "R",
            "attributes": shown,
        },
    ]
    assert admin.keys_clear(scope, target, index=0)["cleared"] == [0]
    assert admin.keys_clear(scope, target)["cleared"] == [1]
    with pytest.raises(StoreNotFound, match=r"No such key|Nothing is set"):
        admin.keys_clear(scope, target)


def test_each_layer_tells_whom_it_concerns(
    account: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    for scope, target in TARGETS:
        admin.settings_set(scope, target, "language", "Deutsch")
    engine, model, firmware, domain, profile, account_, device = told
    assert engine == [EVERYTHING]
    assert [change.kind for change in model] == ["model"]
    assert firmware == model
    assert [change.kind for change in domain] == ["domain"]
    assert [change.kind for change in profile] == ["profile", "device"]
    assert Change("device", MAC) in profile
    assert Change("device", MAC) in account_
    assert device == [Change("device", MAC)]


def test_looking_changes_nothing(
    account: None, admin: Administration, told: list[list[Change]]
) -> None:
    told.clear()
    for scope, target in TARGETS:
        if scope not in ("model", "firmware"):
            assert admin.settings_list(scope, target) == []
            assert admin.keys_list(scope, target) == []
    assert told == []


def test_what_no_phone_can_be_told_is_refused(
    account: None, admin: Administration
) -> None:
    for name, value in (("no name", "x"), ("user_pass", "x"), ("language", "\x00")):
        with pytest.raises(SettingError):
            admin.settings_set("account", ACCOUNT, name, value)
    with pytest.raises(SettingError):
        admin.keys_set("account", ACCOUNT, 0, "speeed 123")
    with pytest.raises(OptionError, match="no layer 'planet'"):
        admin.settings_set("planet", "x", "language", "x")
    with pytest.raises(StoreNotFound):
        admin.settings_list("model", "snom999")
    with pytest.raises(StoreNotFound, match=r"8\.4-8\.7 of snom999"):
        admin.settings_list("firmware", "snom999 8.4-8.7")
    for target in ("snom370", "snom370 -", " "):
        with pytest.raises(SettingError):
            admin.settings_set("firmware", target, "language", "x")
    with pytest.raises(StoreNotFound, match="no profile 'nobody'"):
        admin.settings_set("profile", "nobody@a.example.com", "language", "x")
    assert admin.settings_list("account", ACCOUNT) == []


def test_a_name_nobody_knows_is_stored_with_a_warning(
    account: None, admin: Administration
) -> None:
    assert admin.settings_set("engine", "", "langauge", "Deutsch")["warning"]
    assert not admin.settings_set("engine", "", "language", "Deutsch")["warning"]


@pytest.mark.parametrize(("scope", "target"), TARGETS)
def test_what_is_said_already_touches_nothing(
    account: None,
    admin: Administration,
    told: list[list[Change]],
    scope: str,
    target: str,
) -> None:
    def say(value: str) -> None:
        admin.settings_set(scope, target, "user_srtp", value, index=3)
        admin.keys_set(scope, target, 1, f"blf {value}", label="B")

    say("on")
    told.clear()
    notes = notes_of(admin)
    say("on")
    assert told == []
    assert notes_of(admin) == notes
    say("off")
    assert len(told) == 2
    admin.settings_set(scope, target, "user_srtp", "off", index=3, permission="RW")
    admin.keys_set(scope, target, 1, "blf off", label="B", attributes={"lp": "on"})
    assert len(told) == 4
    assert len(notes_of(admin)) == len(notes) + 4


@pytest.mark.parametrize(("scope", "target"), TARGETS)
def test_a_layer_does_not_grow_without_end(
    account: None, admin: Administration, scope: str, target: str
) -> None:
    value = "x" * 16_000
    fit = MAX_LAYER_CHARACTERS // (len(value) + len("zz_00") + LAYER_CHARACTERS_EACH)
    for number in range(fit):
        admin.settings_set(scope, target, f"zz_{number:02}", value)
    with pytest.raises(SettingError, match="take some out first"):
        admin.settings_set(scope, target, "zz_99", value)
    # Another value of one that is there takes its place.
    admin.settings_set(scope, target, "zz_00", "y" * 16_000)
    admin.settings_unset(scope, target, "zz_00")
    admin.settings_set(scope, target, "zz_99", value)
    assert len(admin.settings_list(scope, target)) == fit
    many = {f"a{number}": "x" * 16_000 for number in range(16)}
    admin.keys_set(scope, target, 0, "blf 402", attributes=many)
    admin.keys_set(scope, target, 1, "blf 402", attributes=many)
    with pytest.raises(SettingError, match="take some out first"):
        admin.keys_set(scope, target, 2, "blf 402", attributes=many)
    admin.keys_set(scope, target, 1, "blf 403", attributes=many)
    assert [key["index"] for key in admin.keys_list(scope, target)] == [0, 1]
