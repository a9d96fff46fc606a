from bootwave.pairing.decisions import Grant
from tests.pairing.rows import BOOT, at


def test_a_grant_covers_its_source_until_its_end_in_its_boot() -> None:
    grant = Grant("window", 700.0, BOOT, "192.168.4.4")
    assert grant.covers("192.168.4.4", at(699.9))
    assert not grant.covers("192.168.4.4", at(700.0))
    assert not grant.covers("192.168.4.5", at(200.0))
    assert not grant.covers("192.168.4.4", at(200.0, "boot-2"))
