import asyncio

import pytest

from bootwave.control.api.passwords import Passwords
from bootwave.control.api.problems import Problem
from bootwave.errors import SettingError

PASSWORD = "correct horse battery"


def test_a_password_is_hashed_and_compared() -> None:
    async def scenario() -> None:
        passwords = Passwords()
        made = await passwords.hashed(PASSWORD, "anna")
        assert made.startswith("$argon2id$")
        assert await passwords.is_right(PASSWORD, made)
        assert not await passwords.is_right(PASSWORD + "x", made)
        assert not await passwords.is_right(PASSWORD, None)
        with pytest.raises(SettingError, match="at least 12"):
            await passwords.hashed("short", "anna")
        passwords.close()

    asyncio.run(scenario())


def test_attempts_take_turns_and_only_so_many_wait_for_theirs() -> None:
    async def scenario() -> None:
        passwords = Passwords(waiting=2)
        inside: list[int] = []
        most: list[int] = []

        async def attempt(number: int) -> None:
            async with passwords.turn():
                inside.append(number)
                most.append(len(inside))
                await passwords.is_right("x", None)
                inside.remove(number)

        ended = await asyncio.gather(*map(attempt, range(5)), return_exceptions=True)
        assert ended[:3] == [None] * 3
        assert [type(each) for each in ended[3:]] == [Problem, Problem]
        assert most == [1] * 3
        await attempt(5)
        passwords.close()

    asyncio.run(scenario())


def test_only_so_many_wait() -> None:
    async def scenario() -> None:
        passwords = Passwords(waiting=2)
        tasks = [asyncio.ensure_future(passwords.is_right("x", None)) for _ in range(5)]
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert ended[:3] == [False] * 3
        assert [type(each) for each in ended[3:]] == [Problem, Problem]
        assert not await passwords.is_right("x", None)
        passwords.close()

    asyncio.run(scenario())
