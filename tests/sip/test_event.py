from pathlib import Path

import pytest

from bootwave.native.sip import Message, parse
from bootwave.sip.event import (
    Asker,
    asker_from_message,
    echoed_event,
    is_device_profile,
    plain,
)

SNOM370 = Path(__file__).parents[1] / "captures/snom370-8.7.5.48.txt"


def asking(event: str, agent: str = "") -> Message:
    before, _, after = SNOM370.read_bytes().partition(b"Event: ")
    after = after.partition(b"\r\n")[2].replace(b"snom370/8.7.5.48", agent.encode())
    return parse(before + b"Event: " + event.encode() + b"\r\n" + after)


@pytest.mark.parametrize(
    "event",
    [
        'ua-profile;profile-type="device"',
        "ua-profile;profile-type=device",
        'UA-Profile ; Profile-Type = "DEVICE" ; vendor=x',
        'ua-profile;vendor="a;b";profile-type="device"',
    ],
)
def test_a_device_asks_for_its_profile_in_every_spelling(event: str) -> None:
    assert is_device_profile(asking(event))


@pytest.mark.parametrize(
    "event",
    [
        "",
        "ua-profile",
        'ua-profile;profile-type="user"',
        'ua-profile;profile-type="application"',
        'ua-profile;x="profile-type=device"',
        'ua-profile,ua-profile;profile-type="device"',
        'dialog;profile-type="device"',
    ],
)
def test_other_events_are_not_a_devices_profile(event: str) -> None:
    assert not is_device_profile(asking(event))


@pytest.mark.parametrize(
    ("event", "agent", "asker"),
    [
        (
            'x;vendor="snom";model="snom370";version="8.7.5.48"',
            "",
            Asker(True, "snom370", "8.7.5.48", "snom"),
        ),
        (
            'x;vendor="OEM";model="OEM";version="7.1.19"',
            "snom320/7.1.19",
            Asker(True, "snom320", "7.1.19", "snom"),
        ),
        (
            'x;vendor="OEM";model="OEM";version="7.1.19"',
            "",
            Asker(False, "OEM", "7.1.19", "oem"),
        ),
        ("x", "snomD785/10.1.33.33", Asker(True, "snomD785", "10.1.33.33", "snom")),
        ('x;vendor="Snom";model="Snom M900"', "", Asker(True, "snomM900", "", "snom")),
        ("x", "Gigaset DE900 IP PRO/02.00.12", Asker(False, "", "", "")),
        ('x;vendor="snom";model="<b>"', "", Asker(True, "", "", "snom")),
    ],
)
def test_event_and_user_agent_say_who_asks(
    event: str, agent: str, asker: Asker
) -> None:
    assert asker_from_message(asking(event, agent)) == asker


@pytest.mark.parametrize(
    "value",
    [b"", b" x", b"a\\b", b'a"b', b"<a>", b"a;b", b"a\tb", b"\xc3\xa4", b"x" * 49],
)
def test_what_is_not_plain_is_dropped(value: bytes) -> None:
    assert plain(value) == ""


def test_what_is_plain_is_kept() -> None:
    assert plain(b"VIP-1010PT 1.0_3/b+") == "VIP-1010PT 1.0_3/b+"


@pytest.mark.parametrize(
    ("event", "echoed"),
    [
        (
            'ua-profile;profile-type="device";vendor="snom";model="snom370"',
            b'ua-profile;profile-type="device";vendor="snom";model="snom370"',
        ),
        (
            "UA-PROFILE;version=1.2;id=7x;profile-type=device",
            b'ua-profile;profile-type="device";version="1.2";id=7x',
        ),
        (
            'ua-profile;profile-type="device";vendor="a\\"b";model="<x>";id="a b"',
            b'ua-profile;profile-type="device"',
        ),
        (
            'ua-profile;profile-type="device";effective-by=3600;x="evil"',
            b'ua-profile;profile-type="device"',
        ),
    ],
)
def test_the_event_is_echoed_without_what_could_do_harm(
    event: str, echoed: bytes
) -> None:
    assert echoed_event(asking(event)) == echoed


@pytest.mark.parametrize(
    ("capture", "asker"),
    [
        ("snom-7.1.19-oem", Asker(False, "OEM", "7.1.19", "oem")),
        ("snom370-8.7.5.48", Asker(True, "snom370", "8.7.5.48", "snom")),
        ("snomD120-10.1.39.11", Asker(True, "snomD120", "10.1.39.11", "snom")),
        ("snomM700-03.23", Asker(True, "snomM700", "03.23.0005", "snom")),
        ("yealink-t53w", Asker(False, "T53W", "96.87.0.16", "yealink")),
        ("yealink-t21p", Asker(False, "T21P", "34.72.0.1", "yealink")),
        ("grandstream-grp2612w", Asker(False, "GRP2612W", "1.0.5.48", "grandstream")),
        ("gigaset-de900", Asker(False, "", "", "")),
        ("planet", Asker(False, "VIP-1010PT", "1.0.3", "planet")),
        ("fanvil", Asker(False, "VOIP PHONE", "2.4.0", "oem")),
    ],
)
def test_what_was_captured_says_who_asks(capture: str, asker: Asker) -> None:
    data = (SNOM370.parent / f"{capture}.txt").read_bytes()
    assert asker_from_message(parse(data)) == asker
