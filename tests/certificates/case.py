"""One client certificate of a test, with what must be found in it."""

from dataclasses import dataclass

from bootwave.certificates.verdict import Problem


@dataclass(frozen=True)
class Case:
    """One certificate, and what it proves."""

    name: str  # what is special about it, unique
    chain: tuple[bytes, ...]  # DER as the phone presents it, the leaf first
    key: bytes  # the leaf's private key, PEM without password; b"" where there is none
    mac: int = 0  # that it must prove, 0 for none
    problem: Problem | None = None  # that it must have; None when it proves ``mac``
    denies: bool = False  # every request of its connection
    # TLS programs can load and present it: not where it is malformed, or so large that
    # TLS refuses the message.
    loads: bool = True

    def __str__(self) -> str:
        return self.name
