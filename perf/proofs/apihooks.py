"""What schemathesis is told of the API beyond its description, by ``proofs.api``.

Loaded by the ``schemathesis`` command.  BOOTWAVE_PROOF names a file of JSON: words
that may be in no answer, names that may not be removed, what is put back and made
ready, and where to count.
"""

import atexit
import base64
import json
import os
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure

from perf.proofs import readiness
from perf.proofs.furnishing import SITES, SPARE, Authority
from perf.proofs.readiness import Fixtures

_GIVEN: dict[str, Any] = json.loads(Path(os.environ["BOOTWAVE_PROOF"]).read_text())
_WORDS: list[str] = _GIVEN["forbidden"]
_KEPT = frozenset(_GIVEN["kept"])
_FIXTURES = Fixtures(
    Path(_GIVEN["socket"]),
    Authority(base64.b64decode(_GIVEN["authority"])),
    [site for site in SITES if site.domain in _GIVEN["furnish"]],
)
_SESSION = (
    readiness.Session(_FIXTURES, *_GIVEN["signs in"]) if _GIVEN["signs in"] else None
)
_COUNTED: Counter[str] = Counter()
_REFUSALS: defaultdict[str, Counter[str]] = defaultdict(Counter)
_MOST_REFUSALS = 100  # of one operation: details may quote what was made up
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
    """Have no request take away what the proof goes on with, and make its way."""
    given = case.path_parameters or {}
    if case.method in ("DELETE", "PATCH", "PUT") and given.get("name") in _KEPT:
        case.path_parameters = {**given, "name": "nobody-has-this"}
    if case.method == "DELETE" and case.operation.path == _DOMAIN:
        case.path_parameters = {**given, "domain": SPARE}
    if _SESSION is not None:
        _SESSION.sign(case)
    elif _FIXTURES.sites:
        _FIXTURES.make_ready(case)


@schemathesis.hook
def after_call(_context: Any, case: Any, response: Any) -> None:
    """Count the answer, and put back what was removed."""
    label, status = case.operation.label, response.status_code
    _COUNTED[f"{label} {status}"] += 1
    if status >= 400 and case.method == case.operation.method.upper():
        _note_refusal(label, response)
    if _SESSION is not None:
        _SESSION.heed(case, status)
    elif status < 300 and _FIXTURES.sites:
        _FIXTURES.put_back(case)


def _note_refusal(label: str, response: Any) -> None:
    """Keep why an operation was refused, in the engine's own words."""
    detail = ""
    with suppress(ValueError, TypeError, AttributeError):
        detail = str(json.loads(response.content).get("detail", ""))
    refusals = _REFUSALS[label]
    if len(refusals) < _MOST_REFUSALS:
        refusals[f"{response.status_code} {detail:.160}"] += 1


@schemathesis.check
def others_are_not_shown(_context: Any, response: Any, case: Any) -> None:
    """Fail where an answer shows a word of a domain that is not of who asked."""
    text = response.content.decode(errors="replace")
    for word in _WORDS:
        if word in text and word.lower() not in _sent(response.request):
            raise Failure(
                operation=case.operation.label,
                title="Another domain is shown",
                message=f"The answer holds {word!r}",
            )


def _sent(request: Any) -> str:
    return f"{request.url} {request.body!r} {request.headers}".lower()


@atexit.register
def _write() -> None:
    told = {
        label: [why for why, _ in refusals.most_common(2)]
        for label, refusals in _REFUSALS.items()
    }
    counted = {"answers": _COUNTED, "refusals": told}
    Path(_GIVEN["counted"]).write_text(json.dumps(counted))
