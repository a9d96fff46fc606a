from bootwave.pairing.instant import Instant


def test_an_instant_names_the_boot_its_seconds_count_from() -> None:
    assert Instant(5.0, "boot-1") != Instant(5.0, "boot-2")


def test_the_wall_time_of_an_instant_may_be_left_out() -> None:
    assert Instant(5.0, "boot-1").wall == 0.0
