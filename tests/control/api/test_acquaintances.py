import pytest

from bootwave.control.api.acquaintances import LOOPBACK, Acquaintances, key_of


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("127.0.0.1", LOOPBACK),
        ("127.3.2.1", LOOPBACK),
        ("::1", LOOPBACK),
        ("::ffff:127.0.0.1", LOOPBACK),
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("", LOOPBACK),
    ],
)
def test_who_is_counted_together_is_one_host(host: str, key: str) -> None:
    assert key_of(host) == key


def test_an_address_is_known_for_some_time_and_some_are_at_once() -> None:
    now = [1_000.0]
    known = Acquaintances(most=2, seconds=60.0, clock=lambda: now[0])
    assert not known.knows("192.0.2.1")
    known.note("192.0.2.1")
    now[0] += 59
    assert known.knows("192.0.2.1")
    known.note("2001:db8::1")
    known.note("192.0.2.1")
    known.note("192.0.2.3")
    # That which was not heard of for longest is forgotten.
    assert not known.knows("2001:db8::/64")
    assert known.knows("192.0.2.1")
    assert known.knows("192.0.2.3")
    now[0] += 60
    assert not known.knows("192.0.2.1")
