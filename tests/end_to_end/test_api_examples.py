"""The examples of /openapi.json are like what the engine answers now."""

import json
import re
from typing import Any

from bootwave.control.api.examples import FILE
from tools.gen_examples import examples

AGAIN = "run .venv/bin/python tools/gen_examples.py"
KEPT: dict[str, Any] = json.loads(FILE.read_text())


def is_like(one: Any, other: Any) -> bool:
    """Whether two shapes are the same, but for what may be null and is in one."""
    if "NoneType" in (one, other):
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            is_like(one[name], other[name]) for name in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_like, one, other))
    return bool(one == other)


def shape(value: Any) -> Any:
    """Return the names and types in *value*, of lists those of the first item."""
    match value:
        case dict():
            return {name: shape(one) for name, one in value.items()}
        case list():
            return [shape(one) for one in value[:1]]
        case str() if value.startswith(("retry: ", "id: ")):
            fields = [line.partition(": ") for line in value.splitlines()]
            return [
                [name, shape(json.loads(text)) if name == "data" else "str"]
                for name, _, text in fields
            ]
        case str() if value.count("\n") and value.startswith("{"):
            return [shape(json.loads(value.splitlines()[0]))]
        case str() if value.startswith("extension,"):
            return value.splitlines()[0]
        case str() if value.startswith("# HELP"):
            return re.findall(r"^(\w+)", value, re.MULTILINE)
    return type(value).__name__


def test_the_engine_answers_what_the_examples_show() -> None:
    now = examples()
    assert now.keys() == KEPT.keys(), AGAIN
    for name, one in now.items():
        assert is_like(shape(one), shape(KEPT[name])), f"{name}: {AGAIN}"


def test_another_shape_is_found() -> None:
    shown = KEPT["accounts_list_all"]
    other = json.loads(json.dumps(shown))
    other["answer"]["items"][0]["bound"][0]["identity"] = "1"
    assert is_like(shape(shown), shape(shown))
    assert not is_like(shape(shown), shape(other))
    del other["answer"]["items"][0]["bound"][0]["identity"]
    assert not is_like(shape(shown), shape(other))
