"""The memory that limits share."""

from bootwave.options import LimitsOptions
from bootwave.pairing.limits import is_known
from bootwave.provision.limitpages import LimitPages

HERE = "192.168.4.4"
MAC = 0x0004132E08B4
NOW = 1000.0


def nothing() -> None:
    pass


def test_numbers_are_those_of_the_secret() -> None:
    one, other = LimitPages(b"s" * 16), LimitPages(b"s" * 16)
    assert one.keys(HERE, MAC) == other.keys(HERE, MAC)
    assert LimitPages().keys(HERE, MAC) != one.keys(HERE, MAC)


def test_a_run_are_neighbours() -> None:
    pages = LimitPages()
    assert pages.keys(HERE, MAC).run == pages.keys("10.0.0.1", MAC + 1).run
    assert pages.keys(HERE, MAC).run != pages.keys(HERE, MAC + 4096).run
    assert len({*pages.keys(HERE, MAC), *pages.keys("10.0.0.1", MAC + 4096)}) == 8


def test_guesses_at_many_others_give_few_back() -> None:
    pages = LimitPages()
    guesses = pages.guesses(LimitsOptions(account_guesses=1))
    spent = [pages.keys("10.0.0.1", MAC + number) for number in range(100)]
    for keys in spent:
        guesses.wrong(keys, NOW, known=False)
    for number in range(20_000):
        guesses.wrong(pages.keys("10.0.0.2", number), NOW, known=False)
    others = [keys._replace(source=number) for number, keys in enumerate(spent)]
    assert sum(guesses.allows(keys, NOW, known=False) for keys in others) < 25


def test_what_one_process_counts_holds_for_all() -> None:
    pages = LimitPages()
    options = LimitsOptions(guesses=1, misses=1)
    first, second = pages.guesses(options), pages.guesses(options)
    keys = pages.keys(HERE, MAC)
    first.wrong(keys, NOW, known=False)
    assert not second.allows(keys, NOW, known=False)
    pages.proofs().set(keys.pair, NOW)
    assert is_known(pages.proofs(), keys, NOW)
    one, two = pages.misses(options, nothing), pages.misses(options, nothing)
    for number in range(3):
        found = pages.keys("10.0.0.1", MAC + number)
        one.missed(found, "10.0.0.1", MAC + number, NOW)
    one.settle(NOW + 10)
    assert two.pace(pages.keys("10.0.0.1", MAC), NOW + 10).name == "SLOW_OR_SHED"
