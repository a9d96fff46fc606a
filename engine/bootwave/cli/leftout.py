"""What a phone is told nothing of because its firmware reads lines of text."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from bootwave.cli.looking import Looked, looked_at
from bootwave.errors import OperatorError, StoreError
from bootwave.options import Options

if TYPE_CHECKING:
    from bootwave.provision.cache import DocumentKey


class LeftOut(NamedTuple):
    """A setting or key that a phone is told nothing of, and why."""

    name: str
    sentence: str


def left_out(looked: Looked, key: "DocumentKey") -> list[LeftOut]:
    """Return what the settings of the phone, the document *key*, leave out."""
    from bootwave.phone.models import document_dialect

    if looked.device is None:
        return []
    if document_dialect(looked.model, looked.firmware) != "text":
        return []
    return [
        LeftOut(
            name,
            f"{name} is of several lines and left out: phones with firmware before 7 "
            "are told one line.",
        )
        for name in _names(looked, key)
    ]


def left_out_of(found: dict[str, Any], options: Options) -> list[LeftOut]:
    """Return what a phone is told nothing of that device.show *found*.

    Nothing where the store cannot be read by who asks, but by the engine only.
    """
    from bootwave.http.target import DocumentKind
    from bootwave.phone.models import document_dialect
    from bootwave.phone.useragent import phone_from_user_agent
    from bootwave.provision.cache import DocumentKey

    newest = found["time_line"][0]["detail"] if found["time_line"] else ""
    said = phone_from_user_agent(newest.partition(";")[0])
    if document_dialect(said.model, said.firmware) != "text":
        return []
    with (
        suppress(OperatorError, StoreError),
        looked_at(
            found["mac"],
            options,
            model=said.model,
            firmware=said.firmware,
            reveal=False,
        ) as looked,
    ):
        # By whichever URL it comes, what it is told of these is the same.
        kind, url = DocumentKind.SETTINGS, "http://localhost"
        key = DocumentKey(kind, url, said.model, said.firmware)
        return left_out(looked, key)
    return []


def _names(looked: Looked, key: "DocumentKey") -> Iterator[str]:
    from bootwave.settings.dialects.names import translated
    from bootwave.settings.dialects.text import NAMES, is_one_line
    from bootwave.settings.explaining import explained

    device = looked.bound()
    told = looked.maker.told(key, device)
    merged, values = looked.compiler.remembered(device, **told)
    # What came with later firmware is no loss: such a phone would not know it.
    has = translated(merged.settings, NAMES)
    for spot, (winner, *_others) in explained(merged, values).items():
        if is_one_line(winner.value) or (spot.name and spot not in has):
            continue
        if not spot.name:
            yield f"P{(spot.number or 0) + 1}"
        elif spot.number is None:
            yield spot.name
        else:
            yield f"{spot.name} {spot.number}"
