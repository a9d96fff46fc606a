import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import SettingError
from bootwave.settings.values import Kind, ValueType, checked_kind

PORT = ValueType(Kind.NUMBER, 0, 65535)
VOLUME = ValueType(Kind.NUMBER, 0, 15, more=True)
POLICY = ValueType(Kind.CHOICE, choices=("auto_update", "settings_only"))
MODE = ValueType(Kind.CHOICE, choices=("abs", "random"), more=True)

GOOD = [
    (ValueType(Kind.TEXT), "anything at all <&>"),
    (ValueType(Kind.SECRET), "s3cr3t"),
    (ValueType(Kind.SWITCH), "on"),
    (ValueType(Kind.SWITCH), "off"),
    (PORT, "0"),
    (PORT, "65535"),
    (ValueType(Kind.NUMBER), "-43200"),
    (POLICY, "auto_update"),
    (ValueType(Kind.CLOCK), "01:00"),
    (ValueType(Kind.CLOCK), "23:59"),
    (ValueType(Kind.PERIOD), "300"),
    (ValueType(Kind.PERIOD), "5:60"),
    (ValueType(Kind.TOS), "184"),
    (ValueType(Kind.URL), "https://pbx.example.com/x?a=$remote&b={mac}"),
    (ValueType(Kind.URL), "/snom370/snom370-firmware.htm"),
    (ValueType(Kind.SERVER), "tftp://192.0.2.1"),
    (ValueType(Kind.SERVER), "192.0.2.1"),
    (ValueType(Kind.SERVER), "pbx.example.com:8080"),
    (ValueType(Kind.HOST), "0.pool.ntp.org"),
    (ValueType(Kind.HOST), "2001:db8::1"),
    (ValueType(Kind.HOST), "[2001:db8::1]:5060"),
    (ValueType(Kind.PROXY), "pbx.example.com:5061;transport=tls"),
    (ValueType(Kind.PROXY), "sip:pbx.example.com;lr"),
    (ValueType(Kind.PROXY), "a.example:5060;transport=udp,b.example;transport=tcp"),
    (ValueType(Kind.PROXY), "a.example:5060;transport=udp,"),
    (ValueType(Kind.IPV4), "255.255.255.0"),
    (ValueType(Kind.ACTION), "keyevent F_REDIAL"),
    (ValueType(Kind.TIMEZONE), "GER+1"),
    (ValueType(Kind.TONES), "GBR"),
    (ValueType(Kind.LANGUAGE), "Deutsch"),
]


@pytest.mark.parametrize(("allowed", "value"), GOOD)
def test_what_is_right_is_taken_without_a_word(allowed: ValueType, value: str) -> None:
    assert checked_kind("x", allowed, value) == (value, "")


def test_every_kind_is_tried_and_says_what_it_allows() -> None:
    assert {allowed.kind for allowed, _value in GOOD} == set(Kind)
    for kind in set(Kind) - {Kind.CHOICE}:
        assert str(ValueType(kind))


@pytest.mark.parametrize("kind", list(Kind))
def test_an_empty_value_is_always_taken(kind: Kind) -> None:
    allowed = ValueType(kind, 5, 6, choices=("a",))
    assert checked_kind("x", allowed, "") == ("", "")


@pytest.mark.parametrize(
    ("allowed", "value", "sentence"),
    [
        (ValueType(Kind.SWITCH), "yes", "x is on or off, not 'yes'."),
        (PORT, "65536", "x is a number from 0 to 65535, not '65536'."),
        (PORT, "5060/udp", "x is a number from 0 to 65535, not '5060/udp'."),
        (PORT, "\u0665", "x is a number from 0 to 65535, not"),
        (
            ValueType(Kind.NUMBER, 1, unit="seconds"),
            "0",
            "x is a number of seconds from 1 on, not '0'.",
        ),
        (
            ValueType(Kind.NUMBER, 5, 9, unit="minutes"),
            "1",
            "x is a number of minutes from 5 to 9, not '1'.",
        ),
        (
            POLICY,
            "settings_onyl",
            "x is auto_update or settings_only, not 'settings_onyl'; did you mean "
            "settings_only?",
        ),
        (ValueType(Kind.CLOCK), "24:00", "a time of day"),
        (ValueType(Kind.PERIOD), "5:", "a number of seconds"),
        (ValueType(Kind.TOS), "256", "a TOS byte from 0 to 255"),
        (ValueType(Kind.URL), "pbx.example.com", "a URL such as"),
        (ValueType(Kind.URL), "http://a b", "a URL such as"),
        (ValueType(Kind.SERVER), "http:/pbx", "a URL or a host"),
        (ValueType(Kind.HOST), "a host", "a host name"),
        (ValueType(Kind.HOST), "pbx:99999", "a host name"),
        (ValueType(Kind.PROXY), "pbx;transport tls", r"host[:port]"),
        (ValueType(Kind.IPV4), "192.0.2", "an IPv4 address"),
        (ValueType(Kind.ACTION), "bfl 402", "did you mean blf?"),
    ],
)
def test_a_refusal_says_what_is_allowed(
    allowed: ValueType, value: str, sentence: str
) -> None:
    with pytest.raises(SettingError) as refused:
        checked_kind("x", allowed, value)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("kind", [Kind.URL, Kind.SERVER, Kind.HOST, Kind.PROXY])
def test_a_password_in_a_refused_value_is_not_quoted(kind: Kind) -> None:
    for value in ("http://user:my s3cret@a/b c", "http:/user:s3cret@a/b c"):
        with pytest.raises(SettingError, match=r"not '\*+@a/b c'"):
            checked_kind("x", ValueType(kind), value)


@pytest.mark.parametrize(
    ("allowed", "value", "sentence"),
    [
        (VOLUME, "16", "as far as this version knows, not '16'"),
        (MODE, "randon", "did you mean random?"),
        (ValueType(Kind.SWITCH), "false", "some firmware takes 'false'"),
        (ValueType(Kind.TOS), "46", "the DSCP times 4"),
        (ValueType(Kind.TIMEZONE), "GER+2", "is not a time zone this version knows"),
        (ValueType(Kind.TONES), "Germny", "did you mean Germany?"),
        (ValueType(Kind.LANGUAGE), "Klingon", "is not a language"),
        (ValueType(Kind.LANGUAGE), "http://a:b@c@d:word@pbx", "'********@pbx' is not"),
    ],
)
def test_what_newer_firmware_may_take_is_taken_with_a_warning(
    allowed: ValueType, value: str, sentence: str
) -> None:
    told, note = checked_kind("x", allowed, value)
    assert told == value
    assert sentence in note


def test_names_people_use_become_the_phones_codes() -> None:
    assert checked_kind("x", ValueType(Kind.TIMEZONE), "Germany") == ("GER+1", "")
    assert checked_kind("x", ValueType(Kind.TONES), "Germany") == ("GER", "")
    assert checked_kind("x", ValueType(Kind.LANGUAGE), "fr") == ("Francais", "")


TYPES = st.builds(
    ValueType,
    st.sampled_from(Kind),
    st.none() | st.integers(-10, 10),
    st.none() | st.integers(-10, 10),
    choices=st.just(("a", "b")),
    more=st.booleans(),
)


@given(TYPES, st.text(max_size=40))
def test_a_value_is_refused_in_a_sentence_or_taken_twice(
    allowed: ValueType, value: str
) -> None:
    try:
        told, _note = checked_kind("x", allowed, value)
    except SettingError:
        assert value
        return
    assert checked_kind("x", allowed, told)[0] == told
