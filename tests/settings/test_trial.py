"""Changes as if they were made."""

from dataclasses import replace

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
from bootwave.errors import SettingError
from bootwave.settings.trial import Edit, Phone, edited, with_edit, with_profile

MAC = 0x0004132E08B4
LANGUAGE = Setting("language", "English")
SET = Edit(settings=(LANGUAGE,))
SALES = Profile(7, "sales", Layer(keys=(FunctionKey(1, "line"),)))
ANN = Account(1, 1, "401", "Ann", "", b"", profile=SALES)
BOB = Account(2, 1, "402", "Bob", "", b"")
DOMAIN = Domain(1, "a.example.com")
DEVICE = Device(MAC, DOMAIN, (Binding(2, ANN), Binding(1, BOB)))
MODEL = NamedLayer("model snom370", Layer((Setting("contrast", "3"),)))
RANGE = NamedLayer("firmware 8.4- of snom370", Layer((Setting("contrast", "4"),)))
PHONE = Phone(DEVICE, (MODEL, RANGE), "snom370", "8.7.5.48")


def test_an_edit_sets_and_takes_back_in_the_order_of_the_store() -> None:
    layer = Layer(
        (Setting("b", "1"), Setting("b", "2", 3), Setting("c", "3")),
        (FunctionKey(0, "line"), FunctionKey(5, "line")),
    )
    edit = Edit(
        (Setting("b", "new"), Setting("a", "first")),
        (("c", None),),
        (FunctionKey(3, "speed 1"), FunctionKey(5, "speed 2")),
        (0,),
    )
    assert edited(layer, edit) == Layer(
        (Setting("a", "first"), Setting("b", "new"), Setting("b", "2", 3)),
        (FunctionKey(3, "speed 1"), FunctionKey(5, "speed 2")),
    )


@pytest.mark.parametrize(
    "edit", [Edit(unset=(("b", 3),)), Edit(cleared=(0,)), Edit(unset=(("x", None),))]
)
def test_what_is_not_said_cannot_be_taken_back(edit: Edit) -> None:
    with pytest.raises(SettingError, match="set there"):
        edited(Layer((Setting("b", "1"),)), edit)


@pytest.mark.parametrize(
    ("scope", "target", "origins"),
    [
        ("engine", "", ["engine", MODEL.origin, RANGE.origin]),
        ("model", "370", [MODEL.origin, RANGE.origin]),
        ("firmware", "snom370 8.4-", [MODEL.origin, RANGE.origin]),
        (
            "firmware",
            "snom370 8.7",
            [MODEL.origin, RANGE.origin, "firmware 8.7 of snom370"],
        ),
        (
            "firmware",
            "snom370 -9",
            [MODEL.origin, "firmware -9 of snom370", RANGE.origin],
        ),
    ],
)
def test_a_layer_of_many_phones_is_edited_or_comes_where_it_belongs(
    scope: str, target: str, origins: list[str]
) -> None:
    made = with_edit(PHONE, scope, target, SET)
    assert made is not None
    assert [named.origin for named in made.layers] == origins
    (layer,) = (n.layer for n in made.layers if LANGUAGE in n.layer.settings)
    assert made.device is PHONE.device
    assert layer.settings[-1] == LANGUAGE


def test_a_layer_that_says_nothing_any_more_is_gone() -> None:
    made = with_edit(PHONE, "model", "snom370", Edit(unset=(("contrast", None),)))
    assert made is not None
    assert made.layers == (RANGE,)


def test_layers_of_the_phone_s_own_domain_profile_account_and_device() -> None:
    made = with_edit(PHONE, "domain", "A.example.com", SET)
    assert made is not None
    assert made.device.domain == replace(DOMAIN, layer=Layer((LANGUAGE,)))
    made = with_edit(PHONE, "profile", "sales@a.example.com", SET)
    assert made is not None
    ann, bob = (binding.account for binding in made.device.bindings)
    assert ann.profile == replace(SALES, layer=Layer((LANGUAGE,), SALES.layer.keys))
    assert bob == BOB
    made = with_edit(PHONE, "account", "402@a.example.com", SET)
    assert made is not None
    ann, bob = (binding.account for binding in made.device.bindings)
    assert (ann, bob.layer) == (ANN, Layer((LANGUAGE,)))
    made = with_edit(PHONE, "device", "00:04:13:2e:08:b4", SET)
    assert made is not None
    assert made.device.layer == Layer((LANGUAGE,))
    assert PHONE.device.layer is EMPTY


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ("model", "snom320"),
        ("firmware", "snom320 8.4-"),
        ("firmware", "snom370 -8.4"),
        ("domain", "b.example.com"),
        ("profile", "other@a.example.com"),
        ("profile", "sales@b.example.com"),
        ("account", "403@a.example.com"),
        ("account", "401@b.example.com"),
        ("account", "401"),
        ("device", "0004132E08B5"),
    ],
)
def test_a_layer_of_other_phones_is_none_of_this_one(scope: str, target: str) -> None:
    assert with_edit(PHONE, scope, target, SET) is None


def test_a_firmware_that_is_unknown_is_in_no_range() -> None:
    assert with_edit(PHONE._replace(firmware=""), "firmware", "370 8-", SET) is None


def test_what_names_no_layer_is_refused() -> None:
    for scope, target in (("planet", "x"), ("device", "x"), ("firmware", "snom370 x")):
        with pytest.raises(SettingError):
            with_edit(PHONE, scope, target, SET)


def test_a_profile_is_given_to_the_owner_or_to_the_account_named() -> None:
    made = with_profile(PHONE, "", SALES)
    assert made is not None
    assert [b.account.profile for b in made.device.bindings] == [SALES, SALES]
    made = with_profile(PHONE, "401@a.example.com", None)
    assert made is not None
    assert [b.account.profile for b in made.device.bindings] == [None, None]
    assert with_profile(PHONE, "403@a.example.com", SALES) is None
    nobody = PHONE._replace(device=replace(DEVICE, bindings=()))
    assert with_profile(nobody, "", SALES) is None
