from dataclasses import replace

from bootwave.directory.record import record


@record
class Point:
    x: int
    y: int = 0


def test_a_record_has_slots_compares_by_value_and_can_be_replaced() -> None:
    one = Point(1)
    assert one == Point(1, 0)
    assert hash(one) == hash(Point(1, 0))
    assert replace(one, y=2) == Point(1, 2)
    assert repr(one) == "Point(x=1, y=0)"
    assert not hasattr(one, "__dict__")
