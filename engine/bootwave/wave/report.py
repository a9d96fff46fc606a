"""What became of a boot wave: how many phones booted, how soon, and why others not."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from bootwave.wave.phone import Outcome, Phone

SHARES = (50, 95, 99, 100)
# How many different reasons, and how many phones' time-lines, a report keeps.
MAX_REASONS = 20
MAX_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Reason:
    """Why phones did not boot: how many, and the MAC of the first of them."""

    outcome: Outcome
    text: str
    phones: int
    example: str


@dataclass(slots=True)
class Report:
    """The wave in numbers.

    ``seconds`` is from the first datagram to the last verdict; ``shares`` maps 50, 95,
    99 and 100 to the seconds after which that share (per cent) of the phones that
    booted had booted, counted from the wave's beginning.  ``unfinished`` phones had no
    verdict when the wave was stopped.  ``notes`` are sentences about the network.
    """

    phones: int
    seconds: float
    outcomes: dict[Outcome, int]
    unfinished: int
    shares: dict[int, float]
    reasons: list[Reason]
    requests: int
    resends: int
    strays: int
    notes: list[str] = field(default_factory=list)
    examples: list[Phone] = field(default_factory=list)

    @property
    def all_booted(self) -> bool:
        """Whether every phone of the wave booted."""
        return self.outcomes[Outcome.BOOTED] == self.phones

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values; seconds are rounded to microseconds."""
        return {
            "phones": self.phones,
            "seconds": round(self.seconds, 6),
            **{str(outcome): number for outcome, number in self.outcomes.items()},
            "unfinished": self.unfinished,
            "seconds_to_percent": {
                str(share): round(seconds, 6) for share, seconds in self.shares.items()
            },
            "reasons": [
                {
                    "outcome": str(reason.outcome),
                    "reason": reason.text,
                    "phones": reason.phones,
                    "example": reason.example,
                }
                for reason in self.reasons
            ],
            "requests": self.requests,
            "subscribe_repeats": self.resends,
            "stray_datagrams": self.strays,
            "notes": self.notes,
            "examples": [as_json(phone) for phone in self.examples],
        }


def shares_of(times: Iterable[float]) -> dict[int, float]:
    """Return by when 50, 95, 99 and 100 % of *times* had passed; {} for no times."""
    ordered = sorted(times)
    if not ordered:
        return {}
    return {share: ordered[ceil(len(ordered) * share / 100) - 1] for share in SHARES}


def reasons_of(phones: Sequence[Phone]) -> list[Reason]:
    """Return why *phones* did not boot, the most frequent reasons first."""
    counts: Counter[tuple[Outcome, str]] = Counter()
    examples: dict[tuple[Outcome, str], str] = {}
    for phone in phones:
        if phone.verdict is None or phone.verdict.outcome is Outcome.BOOTED:
            continue
        key = (phone.verdict.outcome, phone.verdict.reason)
        counts[key] += 1
        examples.setdefault(key, phone.identity.mac_text)
    return [
        Reason(outcome, text, number, examples[outcome, text])
        for (outcome, text), number in counts.most_common(MAX_REASONS)
    ]


def sentence(phone: Phone) -> str:
    """Return what became of *phone*, as one sentence for an operator."""
    identity = phone.identity
    who = f"{identity.mac_text} ({identity.model} {identity.firmware})"
    verdict = phone.verdict
    if verdict is None:
        return f"{who} was stopped before it had an answer."
    if verdict.outcome is Outcome.BOOTED:
        accounts = " and ".join(verdict.identities)
        return f"{who} booted in {verdict.seconds:.3f} s as {accounts}."
    if verdict.outcome is Outcome.REFUSED:
        return f"{who} was refused: {verdict.reason}."
    if verdict.outcome is Outcome.SILENT:
        return f"{who} heard nothing: {verdict.reason}."
    return f"{who} failed: {verdict.reason}."


def as_json(phone: Phone) -> dict[str, Any]:
    """Return verdict and time-line of *phone* as plain values."""
    verdict = phone.verdict
    before = 0.0
    steps = []
    for step in phone.steps:
        steps.append(
            {
                "at": round(step.at, 6),
                "after": round(step.at - before, 6),
                "what": step.what,
            }
        )
        before = step.at
    return {
        "mac": phone.identity.mac_text,
        "model": phone.identity.model,
        "firmware": phone.identity.firmware,
        "outcome": str(verdict.outcome) if verdict else "unfinished",
        "reason": verdict.reason if verdict else "",
        "seconds": round(verdict.seconds, 6) if verdict else None,
        "identities": list(verdict.identities) if verdict else [],
        "sentence": sentence(phone),
        "steps": steps,
    }
