from bootwave.phone.spread import place, share


def test_the_first_of_many_phones_are_from_every_delivery() -> None:
    macs = range(0x000413_2E0000, 0x000413_2E0000 + 1_000)
    first = sorted(macs, key=place)[:10]
    hundreds = {(mac - macs[0]) // 100 for mac in first}
    assert len(hundreds) >= 8
    assert len({place(mac) for mac in macs}) == 1_000


def test_consecutive_phones_fill_places_evenly() -> None:
    each = [0] * 60
    for number in range(6_000):
        each[share(0x000413_2E0000 + number, 60)] += 1
    assert 90 <= min(each) <= max(each) <= 110
    assert share(0x000413_2E0000, 1) == 0
