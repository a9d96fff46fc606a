import pytest

from bootwave.phone.useragent import UserAgent, phone_from_user_agent

MOZILLA = "Mozilla/4.0 (compatible; "


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        (MOZILLA + "snom lid 3605)", UserAgent()),
        (
            MOZILLA + "snom320-SIP 6.5.20; snom320 jffs2 v3.36; snom320 linux 3.38)",
            UserAgent("snom320", "6.5.20"),
        ),
        (
            MOZILLA + "snom360-SIP 6.5.2; snom360 ramdisk v3.31; snom360 linux 3.25)",
            UserAgent("snom360", "6.5.2"),
        ),
        (MOZILLA + "snom370-SIP 7.1.2)", UserAgent("snom370", "7.1.2")),
        (MOZILLA + "snom320-SIP 7.3.30 1.1.3-u)", UserAgent("snom320", "7.3.30")),
        (MOZILLA + "snom320-SIP 8.4.18 1.1.3-s)", UserAgent("snom320", "8.4.18")),
        (MOZILLA + "snom300-SIP 8.4.35 1.1.3-u)", UserAgent("snom300", "8.4.35")),
        (
            MOZILLA + "snom820-SIP 8.4.35 1.1.4-IFX-26.11.09)",
            UserAgent("snom820", "8.4.35"),
        ),
        (
            MOZILLA + "snom870-SIP 8.4.35 SPEAr300 SNOM 1.4)",
            UserAgent("snom870", "8.4.35"),
        ),
        (MOZILLA + "snomPA1-SIP 8.4.35 1.1.3-s)", UserAgent("snomPA1", "8.4.35")),
        (MOZILLA + "snom760-SIP 8.7.3.19 2010.06)", UserAgent("snom760", "8.7.3.19")),
        (
            MOZILLA + "snom710-SIP 8.7.5.35 1.1.5-IFX-05.01.12 000413741767)",
            UserAgent("snom710", "8.7.5.35", 0x000413741767),
        ),
        (
            MOZILLA + "snom370-SIP 8.7.5.48 1.1.3-u 0004132E08B4)",
            UserAgent("snom370", "8.7.5.48", 0x0004132E08B4),
        ),
        (
            MOZILLA + "snomD785-SIP 10.1.33.33 2010.12-00004-g9ba52f5 000413922D24 "
            "SXM:0 UXM:0)",
            UserAgent("snomD785", "10.1.33.33", 0x000413922D24),
        ),
        (
            MOZILLA + "snomD785-SIP 10.1.169.16 2010.12-00001-gd311851f1 "
            "(Feb 25 2019 - 14:19:43) 00041396D9B4 SXM:0 UXM:0 UXMC:0)",
            UserAgent("snomD785", "10.1.169.16", 0x00041396D9B4),
        ),
        (
            MOZILLA + "snomD785-SIP 10.1.1.1 "
            "g0123456789abcdef0123456789abcdef01234567 00041396D9B4)",
            UserAgent("snomD785", "10.1.1.1", 0x00041396D9B4),
        ),
        (
            MOZILLA + "Snom M900 05.20.0001 000413b60680)",
            UserAgent("snomM900", "05.20.0001", 0x000413B60680),
        ),
        (MOZILLA + "snom m9 9.1.43)", UserAgent("snomm9", "9.1.43")),
        ("snom-m3-SIP 01.22", UserAgent("snomm3", "01.22")),
        ("snom370/8.7.5.48", UserAgent("snom370", "8.7.5.48")),
        (
            "snomM700/03.23.0005 (MAC=000413611234; SER= 00000; HW=255)",
            UserAgent("snomM700", "03.23.0005", 0x000413611234),
        ),
    ],
)
def test_what_snom_phones_call_themselves_is_understood(
    text: str, phone: UserAgent
) -> None:
    assert phone_from_user_agent(text) == phone


@pytest.mark.parametrize(
    "text",
    [
        "",
        "curl/8.0",
        "Yealink SIP-T53W 96.87.0.16 80:5e:0c:11:22:33",
        "Mozilla/5.0 (Windows NT 10.0; rv:1) snom370-SIP 8.4.35",
        "x" * 100_000,
        "snom" * 100_000,
    ],
)
def test_others_say_nothing(text: str) -> None:
    assert phone_from_user_agent(text) == UserAgent()


def test_a_word_with_snoms_oui_beats_another_of_twelve_digits() -> None:
    text = MOZILLA + "snomD785-SIP 10.1.1.1 000413922D24 201901231419)"
    assert phone_from_user_agent(text).mac == 0x000413922D24
    text = MOZILLA + "snom370-SIP 7.1.19 00135E874B49)"
    assert phone_from_user_agent(text).mac == 0x00135E874B49


def test_a_group_address_is_no_phones_mac() -> None:
    assert phone_from_user_agent("snom370/8.7.5.48 FFFFFFFFFFFF").mac == 0
