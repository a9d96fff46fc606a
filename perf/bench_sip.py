"""Cost of native.sip on the 442-byte SUBSCRIBE of a snom370, in microseconds.

Run it as a script.  The best of several rounds is printed: the others measure the
machine's other work.
"""

from pathlib import Path
from timeit import repeat

from bootwave.native import sip

CAPTURE = Path(__file__).parents[1] / "tests/captures/snom370-8.7.5.48.txt"
ROUNDS = 7
TIMES = 100_000


def microseconds(statement: str, names: dict[str, object]) -> float:
    """Return the best cost of one *statement*."""
    return min(repeat(statement, globals=names, repeat=ROUNDS, number=TIMES)) * (
        1e6 / TIMES
    )


def main() -> None:
    """Print one line per measured call."""
    data = CAPTURE.read_bytes()
    names = {
        "parse": sip.parse,
        "mac_from_pnp": sip.mac_from_pnp,
        "data": data,
        "view": memoryview(data),
        "message": sip.parse(data),
    }
    for statement in ("parse(data)", "parse(view)", "mac_from_pnp(message)"):
        print(f"{statement:24} {microseconds(statement, names):6.3f} µs")


if __name__ == "__main__":
    main()
