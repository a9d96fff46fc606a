"""Buckets, marks, and what they bound: guesses and misses."""

import itertools
from collections.abc import Callable

from bootwave.pairing.limits import (
    AGAIN_SECONDS,
    ALARM_SECONDS,
    DEBT_SECONDS,
    GRACE_SECONDS,
    KNOWN_SECONDS,
    RUN_BITS,
    Buckets,
    Guesses,
    Keys,
    Marks,
    Misses,
    Pace,
    is_known,
)

HERE, ELSEWHERE = "192.168.4.4", "192.168.4.5"
MAC = 0x0004132E08B4
NOW = 1000.0


def keys(source: str, mac: int) -> Keys:
    """Numbers as spread as those of the real ones, and the same each time."""
    numbers = [hash(("source", source)), hash(mac), hash((source, mac))]
    numbers.append(hash(("run", mac >> RUN_BITS)))
    return Keys(*[(number * 0x9E3779B97F4A7C15) % (1 << 64) for number in numbers])


def buckets(burst: float, per_minute: float, places: int = 4096) -> Buckets:
    return Buckets(memoryview(bytearray(24 * places)), burst, per_minute)


def marks(places: int = 65_536) -> Marks:
    return Marks(memoryview(bytearray(8 * places)))


# Buckets and marks


def test_a_bucket_holds_its_burst_and_fills_with_time() -> None:
    bucket = buckets(3, 60)
    assert [bucket.take(7, NOW) for _ in range(5)] == [True] * 3 + [False] * 2
    assert not bucket.has(7, NOW + 0.9)
    assert bucket.take(7, NOW + 1.0)
    assert not bucket.take(7, NOW + 1.0)
    assert bucket.left(7, NOW + 1e6) == 3


def test_what_is_charged_beyond_is_owed_and_no_more_than_so_long() -> None:
    some = buckets(5, 6)
    assert [some.charge(1, NOW) for _ in range(10)] == [True] * 5 + [False] * 5
    assert some.left(1, NOW) == -5
    assert not some.has(1, NOW + 59)
    assert some.has(1, NOW + 60)
    for _ in range(10_000):
        some.charge(1, NOW)
    assert not some.has(1, NOW + DEBT_SECONDS)
    assert some.has(1, NOW + DEBT_SECONDS + 10)


def test_a_clock_that_goes_back_fills_nothing() -> None:
    bucket = buckets(1, 60)
    assert bucket.take(7, NOW)
    assert not bucket.has(7, NOW - 100)


def test_two_keys_of_one_place_forget_each_other_and_nothing_grows() -> None:
    bucket = buckets(1, 1, places=1)
    one, other = 1 << 40, 2 << 40
    assert bucket.take(one, NOW)
    assert not bucket.take(one, NOW)
    assert bucket.take(other, NOW)
    assert bucket.take(one, NOW)


def test_processes_that_share_the_memory_share_the_bound() -> None:
    memory = memoryview(bytearray(24 * 16))
    first, second = (Buckets(memory, 4, 1) for _ in range(2))
    taken = [each.take(5, NOW) for each in (first, second, first, second, first)]
    assert taken == [True] * 4 + [False]


def test_a_mark_tells_its_age_to_the_second() -> None:
    some = marks()
    assert some.age(1 << 33, NOW) is None
    some.set(1 << 33, NOW)
    assert some.age(1 << 33, NOW + 5) == 5
    assert some.age(2 << 33, NOW) is None
    some.set(3 << 33, 0.0)
    assert some.age(3 << 33, 0.0) == 0.0


def test_a_quarter_as_many_as_there_are_places_are_remembered() -> None:
    some = marks(places=8192)
    known = [keys(HERE, MAC + number).pair for number in range(4096)]
    for key in known:
        some.set(key, NOW)
    forgotten = sum(some.age(key, NOW) is None for key in known)
    assert forgotten < 4096 // 20
    few = known[:2048]
    some = marks(places=8192)
    for key in few:
        some.set(key, NOW)
    assert sum(some.age(key, NOW) is None for key in few) <= 4


def test_the_longest_ago_gives_way() -> None:
    some = marks(places=8)
    for number in range(1, 10):
        some.set(number << 32, NOW + number)
    assert some.age(1 << 32, NOW) is None
    assert some.age(2 << 32, NOW + 2) == 0


# Guesses


class Guessing:
    def __init__(self, source: int = 5, account: int = 20) -> None:
        self.guesses = Guesses(
            buckets(source, 1), buckets(account, 1), buckets(source, 1)
        )

    def wrong(self, source: str, mac: int = MAC, known: bool = False) -> bool:
        """Whether one wrong password was compared."""
        found = keys(source, mac)
        if not self.guesses.allows(found, NOW, known=known):
            return False
        self.guesses.wrong(found, NOW, known=known)
        return True

    def may(self, source: str, mac: int = MAC, known: bool = False) -> bool:
        return self.guesses.allows(keys(source, mac), NOW, known=known)


def test_one_source_may_guess_so_often_over_all_macs() -> None:
    guessing = Guessing()
    assert sum(guessing.wrong(HERE, MAC + number) for number in range(1000)) == 5
    assert not guessing.may(HERE)
    assert guessing.may(ELSEWHERE)


def test_many_sources_may_guess_so_often_for_one_account() -> None:
    guessing = Guessing()
    sources = [f"10.0.{n // 250}.{n % 250}" for n in range(1000)]
    assert sum(guessing.wrong(source) for source in sources for _ in range(3)) == 20
    assert not guessing.may(ELSEWHERE)
    assert guessing.may(ELSEWHERE, MAC + 1)


def test_who_proved_itself_is_compared_whatever_others_guess() -> None:
    guessing = Guessing()
    for number in range(1000):
        guessing.wrong(f"10.0.{number // 250}.{number % 250}")
    for number in range(100):
        guessing.wrong(HERE, MAC + 1 + number)  # another phone behind its address
    assert not guessing.may(HERE)
    assert guessing.may(HERE, known=True)


def test_who_proved_itself_may_not_guess_without_end() -> None:
    guessing = Guessing()
    assert sum(guessing.wrong(HERE, known=True) for _ in range(1000)) == 5
    assert guessing.may(HERE, MAC + 1, known=True)


# Misses


class Missing:
    def __init__(
        self,
        source: int = 10,
        run: int = 50,
        pending: int = 8192,
        share: int = 8192,
    ) -> None:
        self.proofs = marks()
        self.counted = 0
        self.misses = Misses(
            buckets(source, 6),
            buckets(run, 6),
            self.proofs,
            marks(),
            memoryview(bytearray(8)),
            pending=pending,
            share=share,
            count=self._count,
        )
        self.now = NOW

    def _count(self) -> None:
        self.counted += 1

    def miss(self, source: str, mac: int) -> Pace:
        found = keys(source, mac)
        self.misses.missed(found, source, mac, self.now)
        return self.misses.pace(found, self.now)

    def prove(self, source: str, mac: int) -> None:
        self.proofs.set(keys(source, mac).pair, self.now)

    def later(self, seconds: float = GRACE_SECONDS) -> None:
        self.now += seconds
        self.misses.settle(self.now)

    def pace(self, source: str, mac: int = MAC) -> Pace:
        return self.misses.pace(keys(source, mac), self.now)


def far_apart() -> "itertools.count[int]":
    """MACs of which no two are neighbours."""
    return itertools.count(0x000413000000, 1 << RUN_BITS)


def test_who_asks_for_many_macs_is_slowed_and_others_are_not() -> None:
    missing = Missing()
    macs = far_apart()
    for _ in range(11):
        assert missing.miss(HERE, next(macs)) is Pace.USUAL
    missing.later()
    assert missing.pace(HERE) is Pace.SLOW_OR_SHED
    assert missing.pace(ELSEWHERE) is Pace.USUAL
    missing.later(3600)
    assert missing.pace(HERE) is Pace.USUAL


def test_who_asks_for_many_macs_at_once_pays_for_them_afterwards() -> None:
    missing = Missing()
    macs = far_apart()
    for _ in range(100):
        assert missing.miss(HERE, next(macs)) is Pace.USUAL
    missing.later()
    missing.later(60)
    assert missing.pace(HERE) is Pace.SLOW_OR_SHED
    assert missing.pace(ELSEWHERE) is Pace.USUAL
    missing.later(DEBT_SECONDS)
    assert missing.pace(HERE) is Pace.USUAL


def test_neighbours_owe_nothing_for_what_others_asked() -> None:
    missing = Missing()
    for number in range(100):
        missing.miss(f"10.0.0.{number}", MAC + number)
    missing.later()
    assert missing.pace("10.1.1.1") is Pace.SLOW
    missing.later(10)
    assert missing.pace("10.1.1.1") is Pace.USUAL


def test_a_wave_of_phones_behind_one_address_that_prove_themselves_counts_nothing() -> (
    None
):
    missing = Missing()
    for number in range(5000):
        missing.miss(HERE, MAC + number)
        missing.now += 0.0005
        missing.prove(HERE, MAC + number)
    missing.later()
    assert missing.counted == 0
    assert missing.pace(HERE) is Pace.USUAL


def test_a_proof_from_elsewhere_excuses_nobody() -> None:
    missing = Missing()
    for number in range(11):
        missing.miss(HERE, MAC + number)
        missing.prove(ELSEWHERE, MAC + number)
    missing.later()
    assert missing.counted == 11


def test_one_phone_that_asks_again_and_again_counts_once_an_hour() -> None:
    missing = Missing()
    for _ in range(100):
        missing.miss(HERE, MAC)
        missing.later(30)
    assert missing.counted == 1
    missing.later(AGAIN_SECONDS)
    missing.miss(HERE, MAC)
    missing.later()
    assert missing.counted == 2


def test_many_sources_that_ask_for_neighbours_are_noticed_by_the_neighbours() -> None:
    missing = Missing()
    for number in range(60):
        missing.miss(f"10.0.0.{number}", MAC + number)
    missing.later()
    assert missing.pace("10.1.1.1", MAC + 100) is Pace.SLOW
    assert missing.pace("10.1.1.1", MAC + (1 << RUN_BITS)) is Pace.USUAL


def test_what_waits_to_be_counted_is_bounded() -> None:
    missing = Missing(pending=100)
    for mac in itertools.islice(far_apart(), 1000):
        missing.miss(HERE, mac)
    assert len(missing.misses) == 100
    assert missing.counted == 900
    assert missing.pace(HERE) is Pace.SLOW_OR_SHED


def test_what_waits_of_one_source_is_bounded_and_shortens_nobody_elses_time() -> None:
    missing = Missing(share=100)
    missing.miss(ELSEWHERE, MAC)
    for mac in itertools.islice(far_apart(), 1000):
        missing.miss(HERE, mac)
    assert missing.counted == 900
    missing.prove(ELSEWHERE, MAC)
    missing.later()
    assert missing.counted == 1000
    assert len(missing.misses) == 0


def test_the_alarm_is_raised_once_a_minute_with_the_figures() -> None:
    missing = Missing()
    macs = far_apart()
    alarms = []
    for _ in range(1000):
        missing.miss(HERE, next(macs))
        missing.later(0.2)
        alarm = missing.misses.alarm(missing.now)
        if alarm is not None:
            alarms.append(alarm)
    assert 3 <= len(alarms) <= 1 + 200 // ALARM_SECONDS
    assert alarms[0].source == HERE
    assert sum(alarm.misses for alarm in alarms) <= missing.counted
    assert alarms[1].misses > 250


def test_without_many_misses_there_is_no_alarm() -> None:
    missing = Missing()
    for _ in range(10):
        missing.miss(HERE, MAC)
        missing.later()
        assert missing.misses.alarm(missing.now) is None


def test_a_source_is_known_for_longer_than_a_phone_waits() -> None:
    some = marks()
    known: Callable[[float], bool] = lambda now: is_known(some, keys(HERE, MAC), now)  # noqa: E731
    assert not known(NOW)
    some.set(keys(HERE, MAC).pair, NOW)
    assert known(NOW + 7 * 86_400 + 3_600)
    assert known(NOW + KNOWN_SECONDS - 2)
    assert not known(NOW + KNOWN_SECONDS)
