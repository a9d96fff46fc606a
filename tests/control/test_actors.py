import os
import pwd

from bootwave.control.actors import actor_of, this_actor


def test_users_are_told_by_name() -> None:
    assert actor_of(0) == pwd.getpwuid(0).pw_name
    assert this_actor() == actor_of(os.geteuid())


def test_a_user_without_a_name_is_told_by_number() -> None:
    assert actor_of(4_000_000_000) == "uid:4000000000"
    assert actor_of(2**40) == f"uid:{2**40}"
