"""Instants as commands take them."""

import time
from datetime import datetime

import pytest

from bootwave.cli.instants import instant_from_text
from bootwave.cli.misuse import Misuse


def test_a_day_a_time_and_an_age_are_instants() -> None:
    assert instant_from_text("", "--since") == 0.0
    day = datetime(2026, 11, 27).astimezone()
    assert instant_from_text(" 2026-11-27 ", "--since") == day.timestamp()
    evening = instant_from_text("2026-11-27T18:00", "--since")
    assert evening == day.replace(hour=18).timestamp()
    before = time.time()
    ago = instant_from_text("7d", "--since")
    assert before - 7 * 86_400 <= ago <= time.time() - 7 * 86_400


@pytest.mark.parametrize("text", ["yesterday", "7", "7w", "2026-13-01"])
def test_what_is_no_instant_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(Misuse, match=f"--since does not understand '{text}'"):
        instant_from_text(text, "--since")
