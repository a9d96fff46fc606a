"""Which layer says what, and in which order their values come."""

from dataclasses import replace
from typing import Any

import pytest

from bootwave.directory.records import (
    EMPTY,
    Account,
    Binding,
    Device,
    Domain,
    FunctionKey,
    Layer,
    NamedLayer,
    Profile,
    Setting,
)
from bootwave.settings.layers import ENGINE_LAYER, Merged, Remembering, Slot
from bootwave.settings.merging import (
    Phone,
    merge,
    plain_values,
    used_identities,
    values_for,
)

MAC = 0x0004132E08B4
DOMAIN = Domain(1, "pbx.example.com")
ANN = Account(1, 1, "401", "Ann", "", b"")
BOB = Account(2, 1, "402", "Bob", "", b"")


class Told:
    """What a phone is told, with the values in the places of the slots."""

    def __init__(
        self,
        *bindings: Binding,
        domain: Domain = DOMAIN,
        layer: Layer = EMPTY,
        layers: tuple[NamedLayer, ...] = (),
        model: str = "",
        merged: Merged | None = None,
    ) -> None:
        device = Device(MAC, domain, bindings, layer)
        phone = Phone(
            device, domain, bindings, model, layers, "http://pbx", False, False, False
        )
        self.merged = merged or Merged(used_identities(bindings))
        self.filled = merge(phone, ENGINE_LAYER, self.merged)
        self.values = values_for(device, domain, bindings, None, (), (), self.filled)

    def text(self, content: Any) -> str:
        if isinstance(content, Slot):
            return self.values[content.number]
        assert isinstance(content, str)
        return content

    def setting(self, name: str, index: int | None = None) -> str:
        return self.text(self.merged.settings[name, index].content)

    def key(self, index: int) -> tuple[str, str]:
        key = self.merged.keys[index]
        return self.text(key.label), self.text(key.content)


def profile(*keys: FunctionKey, settings: tuple[Setting, ...] = ()) -> Profile:
    return Profile(1, "sales", Layer(settings, keys))


def shared(*settings: Setting, keys: tuple[FunctionKey, ...] = ()) -> Any:
    return (NamedLayer("model snom370", Layer(settings, keys)),)


def test_a_profile_is_told_with_what_is_the_account_s_own_in_it() -> None:
    own = profile(
        FunctionKey(0, "speed *{{number}}", "{{display_name}}"),
        FunctionKey(1, "blf 402|*87", "Bob"),
        settings=(Setting("user_idle_text", "{{number}} on {{mac}}"),),
    )
    told = Told(Binding(1, replace(ANN, profile=own)), Binding(2, BOB))
    assert told.key(0) == ("Ann", "speed *401")
    assert told.key(1) == ("Bob", "blf <sip:402@pbx.example.com;user=phone>|*87")
    assert told.setting("user_idle_text", 1) == "401 on 0004132E08B4"
    # A profile speaks for its own account only.
    assert ("user_idle_text", 2) not in told.merged.settings


def test_what_has_no_variable_of_one_phone_takes_no_slot() -> None:
    own = profile(
        FunctionKey(1, "blf 402@{{domain}}", "of {{identity}}"),
        FunctionKey(2, "blf 403", "{{nothing}}"),
    )
    told = Told(Binding(3, replace(ANN, profile=own)))
    assert told.filled == ()
    assert told.key(1) == ("of 3", "blf <sip:402@pbx.example.com;user=phone>")
    assert told.key(2)[0] == "{{nothing}}"


def test_a_shared_setting_of_each_identity_speaks_of_the_account_there() -> None:
    layers = shared(
        Setting("user_idle_text", "{{number}}"),
        Setting("user_idle_text", "second", 2),
        Setting("phone_name", "phone of {{number}}"),
    )
    told = Told(Binding(2, BOB), Binding(4, ANN), layers=layers)
    assert told.setting("user_idle_text", 4) == "401"
    assert told.setting("user_idle_text", 2) == "second"
    assert told.setting("phone_name") == "phone of 402"  # the owner's


def test_a_shared_key_speaks_of_the_identity_it_belongs_to_or_of_the_owner() -> None:
    keys = (
        FunctionKey(0, "speed {{number}}", context="2"),
        FunctionKey(1, "speed {{number}}"),
        FunctionKey(2, "speed {{number}}", context="9"),
    )
    told = Told(Binding(1, ANN), Binding(2, BOB), layers=shared(keys=keys))
    assert [told.key(index)[1] for index in range(3)] == [
        "speed 402",
        "speed 401",
        "speed 401",
    ]


def test_a_phone_without_accounts_has_nothing_in_their_places() -> None:
    told = Told(layers=shared(Setting("phone_name", "<{{number}}> {{mac}}")))
    assert told.setting("phone_name") == "<> 0004132E08B4"


def test_layers_of_accounts_and_devices_know_variables_too() -> None:
    own = Layer(
        (Setting("user_idle_text", "{{number}}"), Setting("language", "x")),
        (FunctionKey(0, "speed {{number}}", "plain"),),
    )
    device = Layer(
        (Setting("user_ringer", "{{number}}"),), (FunctionKey(1, "line", "{{mac}}"),)
    )
    account = replace(BOB, layer=own)
    told = Told(Binding(1, ANN), Binding(2, account), layer=device)
    assert told.setting("user_idle_text", 2) == "402"
    assert told.setting("language") == "x"
    assert told.key(0) == ("plain", "speed 402")
    assert told.setting("user_ringer", 1) == "401"
    assert told.setting("user_ringer", 2) == "402"
    assert told.key(1) == ("0004132E08B4", "line")


def test_of_two_accounts_the_owner_wins_with_its_profile() -> None:
    owner = replace(ANN, profile=profile(FunctionKey(0, "speed 1", "Ann")))
    other = replace(
        BOB,
        profile=profile(FunctionKey(0, "speed 2"), FunctionKey(1, "speed 3")),
        layer=Layer(keys=(FunctionKey(0, "speed 4"),)),
    )
    told = Told(Binding(1, owner), Binding(2, other))
    assert told.key(0) == ("Ann", "speed 1")
    assert told.key(1) == ("", "speed 3")


@pytest.mark.parametrize(
    ("model", "said", "count"),
    [
        ("snom370", 0, 12),
        ("snom300", 0, 6),
        ("", 5, 1),
        ("snom370", 12, 12 + 3 * 42),  # a key of an expansion module
        ("snom370", 200, 12 + 3 * 42 + 1),
        ("snomM700", 0, 1),
    ],
)
def test_the_keys_of_a_model_that_nothing_is_said_of_are_freed(
    model: str, said: int, count: int
) -> None:
    told = Told(layer=Layer(keys=(FunctionKey(said, "speed 1"),)), model=model)
    assert len(told.merged.keys) == count
    freed = {index for index in told.merged.keys if index != said}
    assert {told.key(index) for index in freed} <= {("", "line")}
    assert {told.merged.keys[index].permission for index in freed} <= {"RW"}
    assert told.key(said) == ("", "speed 1")


def test_values_with_variables_are_not_among_the_plain_ones() -> None:
    layer = Layer(
        (Setting("a", "1"), Setting("b", "{{mac}}")),
        (FunctionKey(0, "blf 402", "{{mac}}"), FunctionKey(1, "speed {{mac}}", "B")),
    )
    assert plain_values(layer, "d") == ["1", "blf <sip:402@d;user=phone>", "B"]


def test_each_place_remembers_who_spoke_of_it() -> None:
    merged = Remembering([1])
    account = replace(
        ANN,
        layer=Layer((Setting("language", "4"),)),
        profile=profile(FunctionKey(0, "line"), settings=(Setting("language", "3"),)),
    )
    Told(
        Binding(1, account),
        domain=replace(DOMAIN, language="2", layer=Layer((Setting("language", "2b"),))),
        layers=shared(Setting("language", "1")),
        layer=Layer((Setting("language", "5"),)),
        model="snom370",
        merged=merged,
    )
    assert [origin for origin, _told in merged.said["language", None]] == [
        "model snom370",
        "domain pbx.example.com, its own fields",
        "domain pbx.example.com",
        "profile sales@pbx.example.com",
        "account 401@pbx.example.com",
        "device 0004132E08B4",
    ]
    assert [origin for origin, _key in merged.said_keys[0]] == [
        "built in",
        "profile sales@pbx.example.com",
    ]
    ((origin, _told),) = merged.said["user_name", 1]
    assert origin == "account 401@pbx.example.com, its own fields"


def test_identities_are_checked() -> None:
    assert used_identities((Binding(2, BOB), Binding(1, ANN))) == [2, 1]
    with pytest.raises(ValueError, match="once each"):
        used_identities((Binding(1, ANN), Binding(1, BOB)))
