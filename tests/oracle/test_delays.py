from tests.oracle.delays import DelayQueue


def test_an_entry_falls_due_its_delay_after_it_was_put() -> None:
    queue: DelayQueue[str, int] = DelayQueue(2.0, 10)
    assert queue.next_due() is None
    queue.put("a", 1, 0.0)
    queue.put("b", 2, 1.0)
    assert queue.next_due() == 2.0
    assert list(queue.take_due(1.9)) == []
    assert list(queue.take_due(2.0)) == [("a", 1)]
    assert list(queue.take_due(9.0)) == [("b", 2)]
    assert len(queue) == 0


def test_an_entry_put_anew_waits_anew() -> None:
    queue: DelayQueue[str, int] = DelayQueue(2.0, 10)
    queue.put("a", 1, 0.0)
    queue.put("b", 2, 0.5)
    assert queue.put("a", 3, 1.0) is None
    assert queue.next_due() == 2.5
    assert list(queue.take_due(9.0)) == [("b", 2), ("a", 3)]


def test_a_full_queue_gives_up_its_oldest() -> None:
    queue: DelayQueue[str, int] = DelayQueue(2.0, 2)
    assert queue.put("a", 1, 0.0) is None
    assert queue.put("b", 2, 0.0) is None
    assert queue.is_full
    assert queue.put("b", 3, 0.0) is None
    assert queue.put("c", 4, 0.0) == ("a", 1)
    assert "a" not in queue
    assert "c" in queue


def test_the_oldest_can_be_taken_before_it_is_due() -> None:
    queue: DelayQueue[str, int] = DelayQueue(2.0, 2)
    queue.put("a", 1, 0.0)
    queue.put("b", 2, 0.0)
    assert queue.take_oldest() == ("a", 1)
    assert list(queue.take_due(9.0)) == [("b", 2)]


def test_what_is_taken_out_does_not_fall_due() -> None:
    queue: DelayQueue[str, int] = DelayQueue(2.0, 2)
    queue.put("a", 1, 0.0)
    assert queue.get("a") == 1
    assert queue.pop("a") == 1
    assert queue.pop("a") is None
    assert queue.get("a") is None
    assert queue.next_due() is None


def test_what_is_put_while_due_entries_are_taken_is_not_due_yet() -> None:
    queue: DelayQueue[str, int] = DelayQueue(2.0, 9)
    queue.put("a", 1, 0.0)
    for key, value in queue.take_due(5.0):
        queue.put(key, value + 1, 5.0)
    assert queue.get("a") == 2
    assert queue.next_due() == 7.0
    queue.drop_due(7.0)
    assert len(queue) == 0
