"""What a proof came to, and how hard it tries."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Size(NamedTuple):
    """How much each proof does; the short form is what the tests run.

    ``whole`` and ``bytewise`` are executions of the fuzzer, ``requests`` what the
    memory of a worker must stay flat over, ``rounds`` those of each race with either
    setting of http.lane, ``runs`` how often the native tests and properties go through
    the sanitizers, each time with other examples, ``macs`` how many are asked for to
    find out which exist, ``guesses`` the wrong passwords shown for one phone,
    ``phones`` are resynced, ``redirected`` are told to the redirection service, and
    ``examples`` are made up of each operation of the API.
    """

    whole: int
    bytewise: int
    requests: int
    rounds: int
    runs: int
    macs: int
    guesses: int
    phones: int
    redirected: int
    examples: int


FULL = Size(
    *(10_000_000, 1_000_000, 10_000_000, 400, 20, 1_000_000, 100_000, 5_000, 10_000),
    50,
)
SHORT = Size(10_000, 500, 30_000, 3, 1, 8_000, 2_500, 50, 60, 1)


@dataclass
class Outcome:
    """One proof: what it counted, and what was wrong; nothing wrong is a pass."""

    name: str
    figures: dict[str, object] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.wrong


def progress(text: str) -> None:
    """Tell how far a proof is."""
    print(f"  {text}", flush=True)
