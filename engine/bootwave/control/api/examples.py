"""What an engine was sent and answered once, as examples of the description.

``examples.json`` has it by operation; ``tools/gen_examples.py`` asks an engine for it,
and puts the same in the place of what differs each time: when it happened, tokens, ids
of keys, cursors.  Passwords stand in it as they were sent, and are nobody's.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

FILE: Final = Path(__file__).with_name("examples.json")
_JSON: Final = "application/json"


def add_examples(paths: Mapping[str, Any]) -> None:
    """Have each operation of *paths* show the bodies of a request and of its answer."""
    found = orjson.loads(FILE.read_bytes())
    for operations in paths.values():
        for operation in operations.values():
            one = found.get(operation["operationId"], {})
            if "request" in one:
                taken = operation["requestBody"]["content"]
                taken[_JSON]["example"] = one["request"]
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    _show(answer.get("content", {}), one.get("answer"))


def _show(content: Mapping[str, Any], answer: Any) -> None:
    """Have *content* show *answer*; of what is no JSON that is texts by their type."""
    for type_, described in content.items():
        shown = answer if type_ == _JSON else (answer or {}).get(type_)
        if shown is not None:
            described["example"] = shown
