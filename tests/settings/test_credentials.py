"""Credentials that URLs carry."""

import pytest

from bootwave.quoting import MASK
from bootwave.settings.credentials import (
    key_without_credentials,
    setting_without_credentials,
    told_without_credentials,
    without_credentials,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://anna:word@host/a", f"http://anna:{MASK}@host/a"),
        ("url http://anna:wo@rd@host", f"url http://anna:{MASK}@host"),
        ("HTTPS://:word@host", f"HTTPS://:{MASK}@host"),
        # What should be escaped in a password, and is not (RFC 3986 section 3.2.1).
        ("url http://u:pa/ss@pbx/open", f"url http://u:{MASK}@pbx/open"),
        ("http://u:pa?ss@pbx/open", f"http://u:{MASK}@pbx/open"),
        ("http://u:pa#ss@pbx/open", f"http://u:{MASK}@pbx/open"),
        ("http://u:pa'ss@pbx/open", f"http://u:{MASK}@pbx/open"),
        ("http://o'brien:word@pbx/open", f"http://o'brien:{MASK}@pbx/open"),
        ("http://u:p@a/ss@pbx/open", f"http://u:{MASK}@pbx/open"),
        ("http://u:80s/ss@pbx:8080/open", f"http://u:{MASK}@pbx:8080/open"),
        ("http://pbx:80/?to=ftp://u:p/w@h", f"http://pbx:80/?to=ftp://u:{MASK}@h"),
        ("http://[u:pa/ss]@pbx/open", f"http://[u:{MASK}@pbx/open"),
        ("sip:401:wo'rd@host", f"sip:401:{MASK}@host"),
        ("ftp://a:b@h http://c:d@h", f"ftp://a:{MASK}@h http://c:{MASK}@h"),
        ("sip:401:word@host;user=phone", f"sip:401:{MASK}@host;user=phone"),
        ("sip:a:b sip:c:d:e@h", f"sip:a:b sip:c:{MASK}@h"),
        ("sip:a:sip:b:c@h@i", f"sip:a:{MASK}@i"),
        ("sip:401:wo@rd@host", f"sip:401:{MASK}@host"),
        ("http://anna@corp.com:word@pbx/open", f"http://anna@corp.com:{MASK}@pbx/open"),
        (f"x{'y' * 99}://a:b@h", f"x{'y' * 99}://a:{MASK}@h"),
        ("http://h/?token=abc&x=1", f"http://h/?token={MASK}&x=1"),
        ("http://h/?x=1;userPassword=abc#f", f"http://h/?x=1;userPassword={MASK}#f"),
        ("http://h/?API_key=abc", f"http://h/?API_key={MASK}"),
        ('<a url="http://u:p@h/?pin=1"/>', f'<a url="http://u:{MASK}@h/?pin={MASK}"/>'),
        (f"https://h/t{'a2' * 13}/{{mac}}.xml", f"https://h/{MASK}/{{mac}}.xml"),
        (f"https://glpat-{'x' * 20}@h/f.bin", f"https://{MASK}@h/f.bin"),
    ],
)
def test_what_proves_somebody_is_masked(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@pytest.mark.parametrize(
    "name",
    [
        *("token", "private_token", "auth_token", "access-token", "accessToken"),
        *("X-Amz-Security-Token", "X-Amz-Signature", "sig", "jwt", "X-Auth.Key"),
        *("apikey", "api-key", "subscription-key", "Authorization", "x-auth"),
        *("pin", "pw", "pwd", "user_pwd", "client-secret", "user.password"),
    ],
)
def test_a_parameter_is_masked_whose_name_says_that_it_proves_somebody(
    name: str,
) -> None:
    shown = f"http://h/?a=1&{name}={MASK}&b=2"
    assert without_credentials(f"http://h/?a=1&{name}=canary&b=2") == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "blf <sip:402@pbx.example.com;user=phone>|*87",
        "http://pbx.example.com:8080/a@b:c@d",
        "http://pbx.example.com:/a@b",
        "http://[2001:db8::1]/a@b",
        "http://[2001:db8::1]:8080/a@b",
        "http://pbx.example.com:8080?mail=a@b",
        "http://anna@pbx.example.com/",
        "http://h/?time=12:30&mail=a@b.example.com",
        "http://h/?monkey=1&hockey=2",
        "http://h/?keys=1&tokens=2&design=3&spin=4&key-id=5",
        "http://a.long.name.of.somebody/x@h",
        "keyevent F_REDIAL",
        f"http://h/t{'a2' * 14}/x",
    ],
)
def test_what_proves_nobody_is_shown(text: str) -> None:
    assert without_credentials(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        *("a.", "a-", "a:", "sip:", "sip:a:", "sips:a:b", "http://a:", "a://", "://a:"),
        *("?a", "?a=", "&pass=", "/t", "/ta", "@", ":@", "a"),
        *("://a:b", "://a:b@", "://[", "://[::1]", "://[::1]:", "://a:1", "://1:1/"),
    ],
)
def test_no_text_takes_long(piece: str) -> None:
    # For a minute, or for days, if twice as much took four times as long.
    without_credentials(piece * 200_000)


def test_a_setting_is_masked_by_its_name_or_its_value() -> None:
    secret = {"name": "http_pass", "value": "word"}
    assert setting_without_credentials(secret) == {"name": "http_pass", "value": MASK}
    assert setting_without_credentials({**secret, "value": ""})["value"] == ""
    url = {"name": "action_incoming_url", "value": "http://a:b@h", "permission": "R"}
    assert setting_without_credentials(url) == {
        **url,
        "value": f"http://a:{MASK}@h",
    }


def test_what_is_told_of_firmware_is_masked_at_any_depth() -> None:
    url = "http://images.example.com/f.bin?token=canary&x=1"
    told = {
        "location": url,
        "other": url,
        "replaced": [{"location": url, "step": False}],
        "told": None,
        "document": f"<url>{url.replace('&', '&amp;')}</url>",
    }
    hidden = url.replace("canary", MASK)
    assert told_without_credentials([told]) == [
        {
            "location": hidden,
            "other": url,
            "replaced": [{"location": hidden, "step": False}],
            "told": None,
            "document": f"<url>{hidden.replace('&', '&amp;')}</url>",
        }
    ]
    assert told["location"] == url


def test_every_text_of_a_key_is_masked() -> None:
    key = {
        "index": 3,
        "value": "url http://a:b@h",
        "label": "http://a:b@h",
        "attributes": {"password": "b", "target": "http://a:b@h", "short": "x"},
    }
    assert key_without_credentials(key) == {
        "index": 3,
        "value": f"url http://a:{MASK}@h",
        "label": f"http://a:{MASK}@h",
        "attributes": {
            "password": MASK,
            "target": f"http://a:{MASK}@h",
            "short": "x",
        },
    }
