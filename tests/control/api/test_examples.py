"""Every body that /openapi.json describes has an example."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from bootwave.control.api.application import application
from bootwave.control.api.description import made
from bootwave.control.api.examples import FILE

KEPT: dict[str, Any] = json.loads(FILE.read_text())


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    """What is described, by operation; it takes half a second."""
    paths = made(application(None))["paths"]  # type: ignore[arg-type]
    return {
        told["operationId"]: told
        for methods in paths.values()
        for told in methods.values()
    }


def bodies(operations: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is described of each body of a request and of what comes of it."""
    for name, told in operations.items():
        for type_, body in told.get("requestBody", {}).get("content", {}).items():
            yield f"{name} takes {type_}", body
        for status, answer in told["responses"].items():
            if status.startswith("2"):
                for type_, body in answer.get("content", {}).items():
                    yield f"{name} gives {type_}", body


def test_every_body_has_an_example(operations: dict[str, Any]) -> None:
    described = dict(bodies(operations))
    assert len(described) > 200
    assert [name for name, body in described.items() if not body.get("example")] == []


def test_examples_are_of_operations_that_there_are(
    operations: dict[str, Any],
) -> None:
    assert KEPT.keys() <= operations.keys()


def test_lists_have_something_in_them() -> None:
    for name, one in KEPT.items():
        answer = one.get("answer")
        items = answer.get("items", True) if isinstance(answer, dict) else answer
        assert items or answer is None, name


def texts(value: Any) -> Iterator[str]:
    """Yield every text in *value* but certificates."""
    match value:
        case dict():
            for one in value.values():
                yield from texts(one)
        case list():
            for one in value:
                yield from texts(one)
        case str() if not value.startswith("-----BEGIN CERTIFICATE"):
            yield value


def test_nothing_in_examples_opens_anything_or_is_of_one_machine() -> None:
    for text in texts(KEPT):
        assert not re.search(r"/(tmp|home|root|work)\b", text), text
        assert not re.search(r"\bbwl?_(?!Zk3…)|\bt[a-z2-7]{26}\b", text), text
        for word in re.findall(r"[\w-]{40,}", text):
            assert re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", word), text
