import os
import signal

from bootwave.server.turn import Turn


def held_by_a_child(turn: Turn) -> int:
    """Fork a process that takes the turn and waits; return its pid."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"1" if turn.take() else b"0")
        signal.pause()
    os.close(writing)
    assert os.read(reading, 1) == b"1"
    os.close(reading)
    return child


def test_the_turn_is_taken_by_one_process_and_free_when_it_gives_it_back() -> None:
    turn = Turn()
    assert turn.take()
    turn.give_back()
    child = held_by_a_child(turn)
    try:
        assert not turn.take()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    turn.close()


def test_a_process_that_is_killed_loses_the_turn() -> None:
    turn = Turn()
    child = held_by_a_child(turn)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert turn.take()
    turn.close()
    turn.close()
