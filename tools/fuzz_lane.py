"""Fuzz the lane's recogniser against h11 and the strict layer.

    python tools/fuzz_lane.py [--executions N] [--seed N] [--corpus DIR]

Mutates the requests of phones, and the files of DIR, and fails at the first that the
lane accepts and its judges refuse or read otherwise; that one is written to DIR.  With
atheris installed, ``--atheris`` lets it steer by coverage instead.
"""

import argparse
import random
import sys
import time
from hashlib import sha256
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.oracle.lane import check

_MAC = b"0004132E08B4"
_TARGETS = (
    b"/%b.xml",
    b"/prov/%b.cfg",
    b"/snom370-%b.htm",
    b"/snomD785-%b.xml",
    b"/any?mac=%b",
)
_GENERAL = (
    b"/snom370.htm",
    b"/general.xml",
    b"/general/snomD785.xml",
    b"/snom370/snom370-firmware.htm",
)
_FIELDS = (
    b"Host: 192.0.2.1:8080\r\n",
    b"Host: [2001:db8::1]\r\n",
    b"User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35 0004132E08B4)\r\n",
    b"Accept: */*\r\nAccept-Language: en\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b'If-None-Match: "0123456789abcdef"\r\n',
)
_TOKENS = (
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"/", b"?", b"%41", b"mac=", b"snom",
    b"general", b".xml", b".htm", b"-firmware", b"HTTP/1.0", b"HEAD ", b"GET ",
    b"Host: a\r\n", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n", b"[", b"]", b"::", b'"', b"W/", b"close",
    b"keep-alive", b"\x00", b"\x7f", b"\xff", _MAC,
)  # fmt: skip


def _whole(chance: random.Random) -> bytes:
    """Return a request as a phone may send it."""
    target = chance.choice(_GENERAL)
    if chance.randrange(3):
        target = chance.choice(_TARGETS) % _MAC
    fields = [_FIELDS[0], *chance.sample(_FIELDS[2:], chance.randrange(4))]
    chance.shuffle(fields)
    method = chance.choice((b"GET", b"GET", b"HEAD"))
    version = chance.choice((b"1.1", b"1.1", b"1.0"))
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, target, version, b"".join(fields))


def _mutated(data: bytes, chance: random.Random) -> bytes:
    """Return *data* with a few changes, perhaps none."""
    changed = bytearray(data)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0:
                changed[at:at] = chance.choice(_TOKENS)
            case 1:
                del changed[at : at + chance.randrange(1, 6)]
            case 2 if at < len(changed):
                changed[at] = chance.randrange(256)
            case 3 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case _:
                end = at + chance.randrange(30)
                changed[at:at] = changed[at:end]
    return bytes(changed)


def _plain(executions: int, seed: int, corpus: Path | None) -> int:
    chance = random.Random(seed)
    kept = [path.read_bytes() for path in sorted(corpus.iterdir())] if corpus else []
    accepted = 0
    began = time.monotonic()
    for number in range(executions):
        if kept and not chance.randrange(4):
            data = _mutated(chance.choice(kept), chance)
        else:
            data = _mutated(_whole(chance), chance)
        try:
            accepted += check(data)
        except Exception:
            print(f"execution {number} of seed {seed}: {data!r}", file=sys.stderr)
            if corpus:
                (corpus / sha256(data).hexdigest()[:16]).write_bytes(data)
            raise
    seconds = time.monotonic() - began
    print(f"{executions} executions, {accepted} accepted, {seconds:.0f} s, seed {seed}")
    return 0


def main() -> int:
    """Run what the command line asks for; the return value is the exit status."""
    parser = argparse.ArgumentParser(description="Fuzz the lane's recogniser.")
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--atheris", action="store_true")
    arguments = parser.parse_args()
    if not arguments.atheris:
        return _plain(arguments.executions, arguments.seed, arguments.corpus)
    import atheris  # type: ignore[import-not-found]

    folders = [str(arguments.corpus)] if arguments.corpus else []
    runs = f"-atheris_runs={arguments.executions}"
    atheris.Setup([sys.argv[0], runs, *folders], check)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
