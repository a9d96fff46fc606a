import pytest

from bootwave.directory.records import DialTemplate
from bootwave.errors import SettingError
from bootwave.settings.dialplan import checked_template, chosen_template


def test_a_rule_says_what_is_sent_and_when() -> None:
    assert checked_template(" 9,1.. ", 5, "phone", " 91.. ") == (
        DialTemplate("9,1..", 5, "Phone", "91.."),
        "",
    )
    assert checked_template("\\*8", user="ip")[0] == DialTemplate("\\*8", 0, "IP")


@pytest.mark.parametrize(
    "fields",
    [
        ("",),
        (",",),
        ("9 1",),
        ("<9>",),
        ("9\\",),
        ("\\9",),
        ("1" * 65,),
        ("9", -1),
        ("9", 61),
        ("9", 0, "Fax"),
        ("9", 0, "", "a b"),
        ("9", 0, "", "1" * 65),
    ],
)
def test_what_no_phone_understands_is_refused(fields: tuple[object, ...]) -> None:
    with pytest.raises(SettingError):
        checked_template(*fields)  # type: ignore[arg-type]


def test_a_star_that_looks_like_the_key_is_warned_of() -> None:
    assert checked_template("9*")[1] == checked_template("*")[1] == ""
    assert "the key itself is written \\*" in checked_template("*97")[1]


@pytest.mark.parametrize(
    ("dialled", "taken"),
    [
        ("911", "9,11"),
        ("9011", "9,..."),
        ("90114930", "9,011*"),
        ("9123", "9,..."),
        ("90", "*"),
        ("4", "*"),
        ("*97", "\\*97"),
        ("", None),
    ],
)
def test_the_longest_pattern_that_matches_is_taken(
    dialled: str, taken: str | None
) -> None:
    patterns = ("*", "9,...", "9,011*", "9,11", "\\*97", "0.")
    found = chosen_template([DialTemplate(each) for each in patterns], dialled)
    assert (found and found.match) == taken
