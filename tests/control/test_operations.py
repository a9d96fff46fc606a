"""Operations by name: which there are, and how wrong calls are refused."""

import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

import pytest

from bootwave.control.operations import OPERATIONS, STEPPED, method_name, run, steps
from bootwave.errors import EngineError, StoreNotFound
from bootwave.store.administration import Administration


class Fake:
    """Stands for the store's administration."""

    actor, reach, before, after = "", None, None, None

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
        for name, value in inspect.getmembers(Administration)
        # What begins with "access_" is for the API itself.
        if inspect.isfunction(value) and not name.startswith(("_", "access_"))
    }
    internal = {
        *("close", "audit_trim", "rollout_step", "rollout_credentials"),
        *("interrupt", "looked", "request_cost", "pace_reconsidered"),
        *("redirection_look", "redirection_change"),
        *("device_domain", "device_within", "device_is_blocked", "watch_counts"),
        "layer_revealed",
        *("rollout_domain", "rollout_progress", "stages_forgotten"),
        *(f"{method_name(op)}_steps" for op in STEPPED),
    }
    assert public - internal == {method_name(op) for op in OPERATIONS}


def test_an_operation_is_the_method_of_its_name() -> None:
    args = {"name": "a.example.com", "language": "de"}
    assert run(Fake(), "domain.add", args, actor="root") == args


def test_progress_reaches_the_operations_that_take_it() -> None:
    told: list[tuple[int, int]] = []
    tell = lambda done, total: told.append((done, total))  # noqa: E731
    assert run(Fake(), "account.import", {"rows": [1, 2]}, tell, actor="root") == 2
    assert run(Fake(), "domain.add", {"name": "x"}, tell, actor="root")
    assert told == [(2, 2)]


@pytest.mark.parametrize(
    "op", ["secret", "se.cret", "domain_add", "", "__init__", "domain.add.", "_.x"]
)
def test_what_is_not_in_the_table_cannot_be_called(op: str) -> None:
    with pytest.raises(EngineError, match="There is no operation"):
        run(Fake(), op, {}, actor="root")


@pytest.mark.parametrize("args", [{}, {"name": "x", "colour": "red"}, {"self": 1}])
def test_wrong_arguments_are_a_sentence(args: dict[str, Any]) -> None:
    with pytest.raises(EngineError, match=r"domain\.add cannot be called so"):
        run(Fake(), "domain.add", args, actor="root")


ACCOUNTS = "accounts must be a list of texts"


@pytest.mark.parametrize(
    ("op", "args", "said"),
    [
        ("window.open", {"accounts": "401@x.example.com"}, ACCOUNTS),
        ("window.open", {"accounts": [401]}, ACCOUNTS),
        ("window.open", {"accounts": None}, ACCOUNTS),
        ("window.open", {"accounts": [], "minutes": "9"}, "minutes must be a number"),
        ("window.open", {"accounts": [], "minutes": True}, "minutes must be a number"),
        ("domain.add", {"name": 1}, "name must be text"),
        ("domain.add", {"name": "\ud800"}, "name must be text"),
        (
            "domain.set",
            {"name": "x", "language": 1},
            "language must be text or nothing",
        ),
        ("domain.remove", {"name": "x", "force": 1}, "force must be true or false"),
        ("account.import", {"rows": "401"}, "rows must be a list of objects"),
        ("account.import", {"rows": {"extension": "401"}}, "rows must be a list of ob"),
        ("account.import", {"rows": [401]}, "rows must be a list of objects"),
        ("account.import", {"rows": [{1: "401"}]}, "rows must be a list of objects"),
        ("account.import", {"rows": 5}, "rows must be a list of objects"),
        ("bulk", {"domains": ["x.example.com"]}, "domains must be a list of objects"),
        (
            "records.page",
            {"resource": "", "limit": 2**63},
            "limit must be a whole number",
        ),
        (
            "records.page",
            {"resource": "", "limit": 1.5},
            "limit must be a whole number",
        ),
    ],
)
def test_an_argument_of_the_wrong_kind_is_a_sentence(
    op: str, args: dict[str, Any], said: str
) -> None:
    administration = object.__new__(Administration)  # which nothing reaches
    with pytest.raises(EngineError) as caught:
        run(administration, op, args, actor="root")
    assert str(caught.value).startswith(f"The operation {op} cannot be called so: ")
    assert said in str(caught.value)


def test_a_password_of_the_wrong_kind_is_not_repeated() -> None:
    administration = object.__new__(Administration)
    with pytest.raises(EngineError) as caught:
        run(
            administration,
            "account.set",
            {"account": "x", "password": 4711},
            actor="root",
        )
    assert "4711" not in str(caught.value)


def test_rows_may_come_one_by_one() -> None:
    class Rows:
        actor, reach, before, after = "", None, None, None

        def account_import(self, rows: Iterable[Mapping[str, str]]) -> list[Any]:
            return list(rows)

    rows = [{"extension": "401"}, {"extension": "402"}]
    assert run(Rows(), "account.import", {"rows": iter(rows)}, actor="root") == rows


class Stepping:
    """Notes for whom each of its steps is made, and with which hook."""

    actor, reach, before, after = "nobody", None, None, None

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any, Any]] = []

    def domain_remove_steps(self, name: str) -> Generator[float, None, str]:
        try:
            for _ in range(2):
                self.seen.append((self.actor, self.reach, self.before))
                self.before = None  # as a transaction does
                yield 0.5
            self.seen.append((self.actor, self.reach, self.before))
            return name
        finally:
            self.seen.append((self.actor, self.reach, "closed"))


def test_each_step_is_for_who_asked_and_the_hook_is_called_once() -> None:
    acts = Stepping()
    hook: Any = lambda work: None  # noqa: E731
    args = {"name": "x"}
    taken = steps(acts, "domain.remove", args, actor="anna", before=hook)
    assert acts.seen == []
    assert next(taken) == 0.5
    assert (acts.actor, acts.before) == ("nobody", None)
    assert next(taken) == 0.5
    with pytest.raises(StopIteration) as over:
        next(taken)
    assert over.value.value == "x"
    assert acts.seen == [
        ("anna", None, hook),
        ("anna", None, None),
        ("anna", None, None),
        ("anna", None, "closed"),
    ]
    assert acts.actor == "nobody"


def test_steps_that_are_left_are_ended_for_who_asked() -> None:
    acts = Stepping()
    taken = steps(acts, "domain.remove", {"name": "x"}, actor="anna")
    next(taken)
    taken.close()
    assert acts.seen[-1] == ("anna", None, "closed")
    with pytest.raises(EngineError, match=r"domain\.remove cannot be called so"):
        next(steps(acts, "domain.remove", {"name": 5}, actor="anna"))
    with pytest.raises(StoreNotFound, match="of all domains"):
        next(
            steps(
                acts,
                "domain.remove",
                {"name": "x"},
                actor="anna",
                reach=frozenset({"x"}),
            )
        )
