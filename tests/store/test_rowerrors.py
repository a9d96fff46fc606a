"""Of what is wrong with rows the first are told, and all are counted."""

import random

from bootwave.store.rowerrors import Errors, RowError


def test_the_first_errors_are_told_however_many_come() -> None:
    errors = Errors()
    numbers = [*range(1, 5_000)]
    random.Random(1).shuffle(numbers)
    for number in numbers:
        errors.add([RowError(number, "wrong")])
    told = errors.told()
    assert told["error_count"] == 4_999
    assert [error["row"] for error in told["errors"]] == [*range(1, 1_001)]
