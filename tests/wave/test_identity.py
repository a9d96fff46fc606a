import pytest

from bootwave.wave.identity import Identity, Shape, version_of_image


@pytest.mark.parametrize(
    ("mac", "model", "firmware", "product"),
    [
        (0x000413241111, "snom320", "6.5.20", "snom320-SIP 6.5.20; snom320 jffs2 v3.36;"
         " snom320 linux 3.38"),
        (0x0004132E08B4, "snom370", "7.1.2", "snom370-SIP 7.1.2"),
        (0x000413241111, "snom320", "7.3.30", "snom320-SIP 7.3.30 1.1.3-u"),
        (0x000413241111, "snom320", "8.4.18", "snom320-SIP 8.4.18 1.1.3-s"),
        (0x000413401111, "snom820", "8.4.35", "snom820-SIP 8.4.35 1.1.4-IFX-26.11.09"),
        (0x000413411111, "snom870", "8.4.35", "snom870-SIP 8.4.35 SPEAr300 SNOM 1.4"),
        (0x000413711111, "snom760", "8.7.3.19", "snom760-SIP 8.7.3.19 2010.06"),
        (0x000413741767, "snom710", "8.7.5.35", "snom710-SIP 8.7.5.35"
         " 1.1.5-IFX-05.01.12 000413741767"),
        (0x0004132E08B4, "snom370", "8.7.5.48", "snom370-SIP 8.7.5.48 1.1.3-u"
         " 0004132E08B4"),
        (0x000413922D24, "snomD785", "10.1.33.33", "snomD785-SIP 10.1.33.33"
         " 2010.12-00004-g9ba52f5 000413922D24 SXM:0 UXM:0"),
        (0x00041396D9B4, "snomD785", "10.1.169.16", "snomD785-SIP 10.1.169.16"
         " 2010.12-00001-gd311851f1 (Feb 25 2019 - 14:19:43) 00041396D9B4"
         " SXM:0 UXM:0 UXMC:0"),
        (0x000413B60680, "snomM900", "05.20.0001", "Snom M900 05.20.0001 000413b60680"),
        (0x000413301111, "snomm9", "9.1.43", "snom m9 9.1.43"),
    ],
)  # fmt: skip
def test_the_http_user_agent_is_the_one_seen_on_real_phones(
    mac: int, model: str, firmware: str, product: str
) -> None:
    identity = Identity(mac, model, firmware)
    assert identity.http_user_agent == f"Mozilla/4.0 (compatible; {product})"


def test_the_sip_user_agent_came_after_7_1() -> None:
    assert Identity(0x0004132E08B4, "snom370", "7.1.19").sip_user_agent == ""
    assert Identity(0x0004132E08B4, "snom370", "8.7.5.48").sip_user_agent == (
        "snom370/8.7.5.48"
    )
    assert Identity(0x000413611111, "snomM700", "03.23.0005").sip_user_agent == (
        "snomM700/03.23.0005 (MAC=000413611111; SER= 00000; HW=255)"
    )


def test_dect_bases_have_a_shape_of_their_own() -> None:
    assert Identity(1, "snomM700", "03.23.0005").usual_shape is Shape.M700
    assert Identity(1, "snomMP", "8.4.35").usual_shape is Shape.CLASSIC
    assert Identity(1).usual_shape is Shape.CLASSIC


@pytest.mark.parametrize(
    ("mac", "model", "firmware"),
    [
        (0, "snom370", "8.4.35"),
        (1 << 48, "snom370", "8.4.35"),
        (1, "snom 370", "8.4.35"),
        (1, "", "8.4.35"),
        (1, "snom370", "8"),
        (1, "snom370", "8.4.35\r\n"),
    ],
)
def test_what_no_phone_can_be_is_refused(mac: int, model: str, firmware: str) -> None:
    with pytest.raises(ValueError, match=r"is no .*\.$"):
        Identity(mac, model, firmware)


@pytest.mark.parametrize(
    ("url", "version"),
    [
        ("http://downloads.snom.com/fw/snom370-8.5.36-SIP-f.bin", "8.5.36"),
        ("http://127.0.0.1:8080/firmware/ab/snom370-8.5.36.bin", "8.5.36"),
        ("http://a/snomD785-10.1.46.16-SIP-r.bin?x=-1.2", "10.1.46.16"),
        ("http://a/snom320-from6to7-7.3.14-bf.bin", "7.3.14"),
        ("http://a/snom370-1.2/snom320-ramdiskToJffs2-br.bin", ""),
        ("http://a/M700_v0520_b0001.fwu", ""),
    ],
)
def test_the_version_of_an_image_stands_in_its_name(url: str, version: str) -> None:
    assert version_of_image(url) == version
