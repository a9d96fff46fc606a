"""Whether what is stored or shown is as it was, but for what time alone changes.

A window's ``seconds_left`` is less by what went by, within a tolerance; everything else
is the same to the byte.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

LEFT: Final = "seconds_left"
TOLERANCE_SECONDS: Final = 2.0  # each is rounded, and asked a little after the clock


def differences(
    before: Mapping[str, bytes], after: Mapping[str, bytes], seconds: float
) -> list[str]:
    """Return what differs between answers by their paths, *seconds* later.

    What is no JSON is compared by its bytes.
    """
    found = [f"{path} is not there any more" for path in before.keys() - after.keys()]
    for path, content in after.items():
        if path not in before:
            found.append(f"{path} was not there")
        elif content != before[path] or LEFT.encode() in content:
            found += [
                f"{path}{where}"
                for where in _differences(
                    _read(before[path]), _read(content), seconds, ""
                )
            ]
    return sorted(found)


def _read(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content


def _differences(before: Any, after: Any, seconds: float, where: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            at = f"{where}/{name}"
            if name not in before or name not in after:
                yield f"{at}: it is in one of them only"
            elif name == LEFT:
                if not _has_run(before[name], after[name], seconds):
                    yield f"{at}: {before[name]} became {after[name]}"
            else:
                yield from _differences(before[name], after[name], seconds, at)
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{where}: {len(before)} became {len(after)}"
        for number, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from _differences(one, other, seconds, f"{where}/{number}")
    elif before != after or type(before) is not type(after):
        yield f"{where}: {before!r:.100} became {after!r:.100}"


def _has_run(before: Any, after: Any, seconds: float) -> bool:
    """Whether so many *seconds* went by between two values of ``seconds_left``."""
    if not (isinstance(before, int) and isinstance(after, int)):
        return bool(before == after)
    return abs(before - after - seconds) <= TOLERANCE_SECONDS
