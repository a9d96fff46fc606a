"""Variables: which there are, where they are checked, what they become."""

import pytest

from bootwave.directory.records import Account, Domain, FunctionKey, Setting
from bootwave.errors import SettingError
from bootwave.settings.variables import (
    SAMPLES,
    checked_key_with_variables,
    checked_setting_with_variables,
    checked_variables,
    has_variables,
    is_of_the_plan,
    key_content,
    substituted,
    values_of,
    without_variables,
)

MAC = 0x0004132E08B4
DOMAIN = Domain(1, "pbx.example.com")
ANN = Account(1, 1, "401", "Ann & Bob | x@y", "", b"", "8401")
KNOWN = values_of(MAC, DOMAIN, 2, ANN)


def test_a_key_with_variables_keeps_its_attributes() -> None:
    written = "speed {{number}}"
    given = {"lp": "on"}
    key, note = checked_key_with_variables(0, written, "", "active", "R", given)
    assert (key.value, key.attributes, note) == (written, (("lp", "on"),), "")


def test_each_variable_stands_for_what_its_name_says() -> None:
    text = "|".join(f"{{{{{name}}}}}" for name in SAMPLES)
    assert substituted(text, KNOWN) == (
        "401|Ann & Bob | x@y|8401|2|pbx.example.com|0004132E08B4"
    )
    nobody = values_of(MAC, DOMAIN, 0, None)
    assert substituted(text, nobody) == "||||pbx.example.com|0004132E08B4"


@pytest.mark.parametrize(
    "text",
    [
        "http://pbx/{mac}.xml",
        "{number}",
        "{{ number }}",
        "{{Number}}",
        "{{}}",
        "<{mac}>",
        "$user_name1 {{$x}}",
        "}}number{{",
    ],
)
def test_whatever_else_has_braces_is_told_as_it_stands(text: str) -> None:
    assert substituted(text, KNOWN) == text
    assert not has_variables(text)


def test_what_an_account_is_called_is_not_looked_at_for_variables() -> None:
    named = values_of(MAC, DOMAIN, 1, Account(1, 1, "401", "{{mac}}", "", b""))
    assert substituted("{{display_name}} {{number}}", named) == "{{mac}} 401"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{numbr}}", "did you mean number"),
        ("{{Number}}", "did you mean number"),
        ("{{password}}", "is not a variable"),
        ("x{{number}}{{xyzzy}}", r"\{\{xyzzy\}\} is not"),
    ],
)
def test_a_word_that_is_no_variable_is_refused(text: str, hint: str) -> None:
    with pytest.raises(SettingError, match=hint):
        checked_variables(text)


def test_a_plan_knows_the_domain_and_the_identity() -> None:
    assert is_of_the_plan("{{domain}} {{identity}} {{nothing}}")
    assert not is_of_the_plan("{{domain}} {{number}}")
    assert not is_of_the_plan("{{mac}}")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("blf {{number}}|*87", "blf <sip:401@pbx.example.com;user=phone>|*87"),
        ("blf 9{{number}}@{{domain}}", "blf <sip:9401@pbx.example.com;user=phone>"),
        ("dest <sip:{{number}}@{{domain}}>", "dest <sip:401@pbx.example.com>"),
        ("speed **{{mailbox}}", "speed **8401"),
        (
            "blf {{display_name}}",
            "blf <sip:Ann%20&%20Bob%20%7C%20x%40y@pbx.example.com;user=phone>",
        ),
        (
            "url http://pbx/{{mac}}/{mac}?n={{display_name}}",
            "url http://pbx/0004132E08B4/{mac}?n=Ann%20%26%20Bob%20%7C%20x%40y",
        ),
        (
            "xml <initialization name='{{display_name}}'/>",
            "xml <initialization name='Ann &amp; Bob | x@y'/>",
        ),
        ("line", "line"),
    ],
)
def test_a_key_gets_a_variable_as_the_place_needs_it(value: str, told: str) -> None:
    assert key_content(value, KNOWN, DOMAIN.name) == told


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("BLF  {{number}}|*87 ", "blf {{number}}|*87"),
        ("dest 4@{{domain}}", "dest 4@{{domain}}"),
        ("Speed 0{{number}}", "speed 0{{number}}"),
        ("speed 0", "speed 0"),
        ("xml <a>{{number}}</a>", "xml <a>{{number}}</a>"),
    ],
)
def test_a_key_with_variables_is_checked_and_stored_as_written(
    written: str, stored: str
) -> None:
    key, note = checked_key_with_variables(2, written, "{{number}}", "active", "RW")
    assert key == FunctionKey(2, stored, "{{number}}", "active", "RW")
    assert note == ""


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("blf {{number}} x", ""),
        ("none {{number}}", ""),
        ("{{number}}", ""),
        ("blf {{nobody}}", ""),
        ("line", "{{nobody}}"),
        ("speed {{number}}\x00", ""),
        ("speed " + "{{mac}}" * 2340, ""),
    ],
)
def test_a_key_that_would_be_wrong_with_them_is_refused(value: str, label: str) -> None:
    with pytest.raises(SettingError):
        checked_key_with_variables(2, value, label, "active", "R")


def test_a_setting_with_variables_is_checked_and_stored_as_written() -> None:
    setting, note = checked_setting_with_variables(
        "user_idle_text", "{{number}}", None, "RW"
    )
    assert setting == Setting("user_idle_text", "{{number}}", None, "RW")
    assert note == ""
    with pytest.raises(SettingError, match="not a variable"):
        checked_setting_with_variables("user_idle_text", "{{nobody}}", None, "R")
    with pytest.raises(SettingError, match="U\\+0000"):
        checked_setting_with_variables("user_idle_text", "{{mac}}\x00", None, "R")


def test_settings_without_variables_are_told_apart() -> None:
    plain, varying = Setting("a", "{{x}} {mac}"), Setting("b", "{{mac}}")
    assert without_variables((plain, varying)) == [plain]


@pytest.mark.parametrize("end", ["\n", "\r"])
@pytest.mark.parametrize("value", ["a{}b", "{{{{mac}}}}{}b"])
def test_a_line_break_is_warned_of(value: str, end: str) -> None:
    told = value.format(end)
    setting, warning = checked_setting_with_variables("user_idle_text", told, 1, "R")
    assert setting.value == told
    assert warning == (
        "user_idle_text is of several lines: phones with firmware before 7 are told "
        "one line, and so nothing of it."
    )
    key, warning = checked_key_with_variables(2, f"speed {told}", "", "active", "R")
    assert key.value == f"speed {told}"
    assert warning.startswith("P3 is of several lines: ")
    note = checked_key_with_variables(2, "speed 1", f"a{end}b", "active", "R")[1]
    assert note == ""  # such phones have no labels beside keys
