"""What schemathesis is told of the API beyond its description, by ``proofs.api``.

Loaded by the ``schemathesis`` command.  BOOTWAVE_PROOF names a file of JSON: words
that may be in no answer, names that may not be removed, and where to count.
"""

import atexit
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure

from bootwave.control.client import ControlClient
from bootwave.errors import EngineError
from perf.proofs.furnishing import FIRST, OTHER, SPARE, furnish

_GIVEN: dict[str, Any] = json.loads(Path(os.environ["BOOTWAVE_PROOF"]).read_text())
_WORDS: list[str] = _GIVEN["forbidden"]
_KEPT = frozenset(_GIVEN["kept"])
_FURNISHED = [site for site in (FIRST, OTHER) if site.domain in _GIVEN["furnish"]]
_COUNTED: Counter[str] = Counter()
_TEXTS = {"text/csv", "application/jsonl", "application/x-ndjson"}
_TEXTS.add("application/octet-stream")
_DOMAIN = "/api/v1/domains/{domain}"


@schemathesis.serializer(*_TEXTS)
def _as_text(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@schemathesis.hook
def before_load_schema(_context: Any, schema: dict[str, Any]) -> None:
    """Hold answers against the statuses that are named, not against "default".

    Of bodies that are no JSON anything may be sent: what is no text is made one.
    """
    for methods in schema["paths"].values():
        for operation in methods.values():
            del operation["responses"]["default"]
            content = operation.get("requestBody", {}).get("content", {})
            for type_ in _TEXTS & content.keys():
                content[type_]["schema"] = {}


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Have no request take away what the proof goes on with."""
    given = case.path_parameters or {}
    if case.method in ("DELETE", "PATCH", "PUT") and given.get("name") in _KEPT:
        case.path_parameters = {**given, "name": "nobody-has-this"}
    if case.method == "DELETE" and case.operation.path == _DOMAIN:
        case.path_parameters = {**given, "domain": SPARE}


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    """Count the answer, and put back what was removed."""
    _COUNTED[f"{case.operation.label} {response.status_code}"] += 1
    if case.method == "DELETE" and response.status_code < 300 and _FURNISHED:
        _furnish()


@schemathesis.check
def others_are_not_shown(_context: Any, response: Any, case: Any) -> None:
    """Fail where an answer shows a word of a domain that is not of who asked."""
    sent = (
        f"{response.request.url} {response.request.body!r} {response.request.headers}"
    )
    text = response.content.decode(errors="replace")
    for word in _WORDS:
        if word in text and word.lower() not in sent.lower():
            raise Failure(
                operation=case.operation.label,
                title="Another domain is shown",
                message=f"The answer holds {word!r}",
            )


def _furnish() -> None:
    client = ControlClient.connect(Path(_GIVEN["socket"]))
    if client is None:
        raise EngineError("No engine answers.")
    try:
        furnish(lambda op, **args: client.call(op, args), *_FURNISHED)
    finally:
        client.close()


@atexit.register
def _write() -> None:
    Path(_GIVEN["counted"]).write_text(json.dumps(_COUNTED))
