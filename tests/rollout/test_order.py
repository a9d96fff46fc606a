from bootwave.rollout.order import place


def test_the_first_of_many_phones_are_from_every_delivery() -> None:
    macs = range(0x000413_2E0000, 0x000413_2E0000 + 1_000)
    first = sorted(macs, key=place)[:10]
    hundreds = {(mac - macs[0]) // 100 for mac in first}
    assert len(hundreds) >= 8
    assert len({place(mac) for mac in macs}) == 1_000
