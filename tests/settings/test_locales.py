import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import SettingError
from bootwave.settings.locales import (
    languages,
    m9_value,
    required_language,
    required_timezone,
    required_tones,
    timezone_code,
    timezones,
    tones,
)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("GER+1", "GER+1"),
        ("ger+1", "GER+1"),
        ("Germany", "GER+1"),
        (" germany ", "GER+1"),
        ("Berlin", "GER+1"),
        ("Europe/Berlin", "GER+1"),
        ("europe/berlin", "GER+1"),
        ("London", "GBR-0"),
        ("United Kingdom", "GBR-0"),
        ("New York", "USA-5"),
        ("America/New_York", "USA-5"),
        ("Arizona", "USA2-7"),
        ("Zürich", "CHE+1"),
        ("São Paulo", "BRA2-3"),
        ("India", "IND+5.5"),
        ("Chatham Islands", "NZL+12.75"),
    ],
)
def test_a_time_zone_has_many_names(said: str, told: str) -> None:
    assert required_timezone(said) == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("UTC+1", "WAT+1"),
        ("utc + 2", "CAT+2"),
        ("GMT+3", "EAT+3"),
        ("UTC+5:30", "IND+5.5"),
        ("UTC+5.5", "IND+5.5"),
        ("UTC-7", "USA2-7"),
        ("UTC-4:30", "VEN-4.5"),
        ("UTC+09:30", "AUS2+9.5"),
    ],
)
def test_a_distance_from_utc_is_a_zone_without_summer_time(
    said: str, told: str
) -> None:
    assert required_timezone(said) == told
    assert not timezones().by_code[told].has_summer_time


@pytest.mark.parametrize("said", ["UTC", "UTC+0", "UTC+20", "UTC+1:20", "UTC+-1"])
def test_a_distance_that_no_such_zone_has_is_none(said: str) -> None:
    assert timezone_code(said) == ""


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("GER", "GER"),
        ("Germany", "GER"),
        ("de", "GER"),
        ("CH", "SWI"),
        ("switzerland", "SWI"),
        ("United States", "USA"),
    ],
)
def test_tones_are_found_by_country(said: str, told: str) -> None:
    assert required_tones(said) == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Deutsch", "Deutsch"),
        ("deutsch", "Deutsch"),
        ("German", "Deutsch"),
        ("de", "Deutsch"),
        ("fr", "Francais"),
        ("Français", "Français"),
        ("français", "Francais"),
        ("en-GB", "English(UK)"),
        ("English", "English"),
        ("Dutch", "Nederlands"),
        ("nl", "Nederlands"),
    ],
)
def test_languages_are_found_by_name_and_iso_code(said: str, told: str) -> None:
    assert required_language(said) == told


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(SettingError, match=r"'Germny' is not a time zone.*Germany\?"):
        required_timezone("Germny")
    with pytest.raises(SettingError, match=r"did you mean Netherlands\?"):
        required_tones("Netherland")
    with pytest.raises(SettingError, match=r"did you mean Deutsch\?"):
        required_language("Deutch")
    with pytest.raises(SettingError, match="write a name such as Hawaii"):
        required_timezone("qqqqqq")
    with pytest.raises(SettingError, match=r"'\*{8}@pbx' is not a language"):
        required_language("http://user:s3cret@pbx")


def test_every_zone_has_the_offset_its_code_says() -> None:
    for code, place in timezones().by_code.items():
        sign = max(code.rfind("+"), code.rfind("-"))
        offset = float(code[sign + 1 :])
        assert place.offset == (-offset if code[sign] == "-" else offset)


def test_no_name_stands_for_two_codes() -> None:
    for places in (timezones(), tones(), languages()):
        for code, place in places.by_code.items():
            assert places.find(code) == code
            for name in place.names:
                assert places.find(name) == code, name


def test_the_m9_has_other_words_where_they_are_known() -> None:
    assert m9_value(timezones(), "GER+1") == "343"
    assert m9_value(tones(), "GER") == "3"
    assert m9_value(languages(), "Deutsch") == "de"
    assert m9_value(languages(), "Français") == "fr"
    assert m9_value(timezones(), "GBR-0") == ""
    assert m9_value(timezones(), "no such code") == ""


@given(st.text(max_size=30))
def test_any_text_is_a_known_code_or_refused(text: str) -> None:
    for required, places in (
        (required_timezone, timezones()),
        (required_tones, tones()),
        (required_language, languages()),
    ):
        if text in places.by_code:
            assert required(text) == text
            continue
        try:
            assert required(text) in places.by_code
        except SettingError:
            assert places.find(text) == ""
