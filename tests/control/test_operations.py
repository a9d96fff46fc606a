"""Operations by name: which there are, and how wrong calls are refused."""

from collections.abc import Callable
from typing import Any

import pytest

from bootwave.control.operations import OPERATIONS, method_name, run
from bootwave.errors import EngineError
from bootwave.store.administration import Administration


class Fake:
    """Stands for the store's administration."""

    def domain_add(self, name: str, *, language: str = "") -> dict[str, str]:
        return {"name": name, "language": language}

    def account_import(
        self, rows: list[Any], progress: Callable[[int, int], None] | None = None
    ) -> int:
        if progress is not None:
            progress(len(rows), len(rows))
        return len(rows)

    def secret(self) -> str:
        return "never"


def test_every_operation_of_the_store_is_in_the_table_and_no_other() -> None:
    public = {
        name
        for name, value in vars(Administration).items()
        if callable(value) and not name.startswith("_")
    }
    assert public - {"close"} == {method_name(op) for op in OPERATIONS}


def test_an_operation_is_the_method_of_its_name() -> None:
    args = {"name": "a.example.com", "language": "de"}
    assert run(Fake(), "domain.add", args) == args


def test_progress_reaches_the_operations_that_take_it() -> None:
    told: list[tuple[int, int]] = []
    tell = lambda done, total: told.append((done, total))  # noqa: E731
    assert run(Fake(), "account.import", {"rows": [1, 2]}, tell) == 2
    assert run(Fake(), "domain.add", {"name": "x"}, tell)
    assert told == [(2, 2)]


@pytest.mark.parametrize(
    "op", ["secret", "se.cret", "domain_add", "", "__init__", "domain.add.", "_.x"]
)
def test_what_is_not_in_the_table_cannot_be_called(op: str) -> None:
    with pytest.raises(EngineError, match="There is no operation"):
        run(Fake(), op, {})


@pytest.mark.parametrize("args", [{}, {"name": "x", "colour": "red"}, {"self": 1}])
def test_wrong_arguments_are_a_sentence(args: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match=r"domain\.add cannot be called so"):
        run(Fake(), "domain.add", args)
