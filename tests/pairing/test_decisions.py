from bootwave.pairing.decisions import GENERAL, Grant


def test_a_grant_covers_its_source_until_its_end() -> None:
    grant = Grant("window", 700.0, "192.168.4.4")
    assert grant.covers("192.168.4.4", 699.9)
    assert not grant.covers("192.168.4.4", 700.0)
    assert not grant.covers("192.168.4.5", 200.0)


def test_the_general_grant_never_ends() -> None:
    assert GENERAL.until == float("inf")
