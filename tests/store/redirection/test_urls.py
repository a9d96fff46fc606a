"""Where phones are redirected to, and what is kept of URLs."""

import pytest

from bootwave.options import MAX_URL_CHARACTERS
from bootwave.store.redirection.urls import digest_of, origin_of, url_for

BASE = "https://pbx.example.com"
MAC = 0x0004132E08B4
TOKEN = "tgmzw3kcm5j2ohvq4yfx6a7nuse"


def test_the_longest_url_that_is_taken_fits_phones_with_every_token() -> None:
    base = "https://" + "x" * 187
    for mac in (MAC, 0x000413560001, 0x000413640001):
        longest = url_for(base, TOKEN, "snomM100KLE" if mac & 0x40000 else "", mac)
        assert len(longest) <= MAX_URL_CHARACTERS


def test_urls_have_token_and_the_name_that_the_model_asks_by() -> None:
    assert url_for(BASE, "", "", MAC) == f"{BASE}/{{mac}}.xml"
    assert url_for(BASE + "/", TOKEN, "snom370", MAC) == f"{BASE}/{TOKEN}/{{mac}}.xml"
    assert url_for(BASE, "", "snomm9", MAC) == f"{BASE}/snomm9-{{mac}}.htm"


def test_a_digest_stands_for_a_url_and_nothing_for_none() -> None:
    assert digest_of("") == ""
    assert len(digest_of(BASE)) == 32
    assert digest_of(BASE) != digest_of(BASE + "/")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:secret@Else.example.com:444/secret?secret#s", 0),
        ("http://[2001:db8::1]/secret", 1),
        ("secret", 2),
        ("https://[secret/", 2),
        ("https://a:secret/", 2),
    ],
)
def test_of_a_strangers_url_only_the_host_is_kept(url: str, shown: int) -> None:
    found = origin_of(url)
    assert (
        found
        == (
            *("https://else.example.com:444", "http://2001:db8::1"),
            "something that is no URL",
        )[shown]
    )
