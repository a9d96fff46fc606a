"""Fuzz the lane's recogniser against h11 and the strict layer.

    python tools/fuzz_lane.py [--executions N] [--bytewise] [--processes N] [--seed N]
                              [--corpus DIR] [--json FILE] [--atheris]

Makes requests as phones may send them, some from pieces that are nearly right, changes
a few bytes of most, and mixes in the files of DIR (tests/corpus/lane).  Fails at the
first that the lane accepts and its judges refuse or read otherwise; that one is written
to DIR, where every run of the tests reads it again.  What the lane declines costs
nothing more: then its judges answer, and nobody can disagree.

With ``--bytewise`` the judges get every byte by itself as well, and must come to the
same verdict with the same byte.  With atheris installed (``pip install atheris``, which
nothing else needs), ``--atheris`` lets it steer by the coverage of the judges instead;
what it keeps is written to DIR, so give it one of its own.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from multiprocessing.connection import Connection, wait
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.oracle.lane import check, check_trickled, verdict  # noqa: E402

CORPUS = ROOT / "tests" / "corpus" / "lane"
BATCH = 5_000  # executions between two reports

_MAC = b"0004132E08B4"
_TARGETS = (
    b"/%b.xml",
    b"/prov/%b.cfg",
    b"/%b.htm",
    b"/%b",
    b"/snom370-%b.htm",
    b"/snom370-%b",
    b"/snomD785-%b.xml",
    b"/a/b-c_d/snomMP-%b.cfg",
    b"/any?mac=%b",
    b"/general.xml?MAC=%b",
)
_GENERAL = (
    b"/snom370.htm",
    b"/general.xml",
    b"/prov/GENERAL.xml",
    b"/general/snomD785.xml",
    b"/snom370/snom370-firmware.htm",
    b"/snomPA1-firmware.html",
)
_PIECES = (
    b"/", b"//", b"/./", b"/../", b"general/", b"General/", b"general", b"general.xml",
    b"snom", b"snom370", b"SNOMD785", b"snom-m3", b"snomm9", b"snom" + b"x" * 28,
    b"snom" + b"x" * 29, b"-", _MAC, _MAC.lower(), _MAC[:11], b"0004.132E.08B4",
    b"00:04:13:2E:08:B4", b"-firmware", b".htm", b".HTML", b".xml", b".cfg", b".txt",
    b".", b"?mac=" + _MAC, b"?MAC=" + _MAC, b"?mac={mac}", b"&mac=" + _MAC, b"?a=1",
    b"%41", b"{mac}", b"~", b"_",
)  # fmt: skip
_HOSTS = (
    b"192.0.2.1:8080", b"a", b"a", b"[2001:db8::1]", b"[::1]:80", b"[1:2:3:4:5:6:7::]",
    b"[1:2:3:4:5:6:7:8]:65535", b"[::12345]", b"[]", b"[::]", b"[:::1]", b"[::1",
    b"[::ffff:1.2.3.4]", b"[fe80::1%1]", b"a:", b"a:65535", b"a:65536", b"a:00080",
    b"a b", b"a_b", b"a~b", b"a@b", b"A-Z.example.", b"x" * 255, b"x" * 256, b"",
    b"[0000:0000:0000:0000:0000:0000:0000:0001]", b"[1::2::3]", b"a,b",
)  # fmt: skip
_FIELDS = (
    b"User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35 0004132E08B4)",
    b"User-Agent: Mozilla/4.0 (compatible; snomD785-SIP 10.1.33.33)",
    b"Accept: */*",
    b"Accept-Language: en",
    b"Accept-Encoding: gzip",
    b"Accept-Charset: utf-8",
    b"Cache-Control: no-cache",
    b"Pragma: no-cache",
    b"Connection: close",
    b"Connection: keep-alive",
    b'If-None-Match: "0123456789abcdef"',
)
_ODD_FIELDS = (
    b"connection: Keep-Alive", b"Connection: keep-alive, close", b"Connection: upgrade",
    b"Connection: close, close", b"Connection:close", b"Connection: ", b"Host: b",
    b"host:a", b"HOST: a", b"Host : a", b"Host:  a", b"Host: a ", b"Host: a\t",
    b"Host:\ta", b" Host: a", b"\tHost: a", b"Expect: 100-continue",
    b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: 0, 0",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity",
    b"Authorization: Basic eA==", b"User-Agent: \xe9", b"User-Agent:", b"User-Agent: a",
    b"User-Agent: " + b"a" * 256, b"User-Agent: " + b"a" * 257, b"User-Agent: a\x00b",
    b'If-None-Match: W/"abc"', b'If-None-Match: "a", "b"', b"If-None-Match: *",
    b'If-None-Match: "a"b"', b'If-None-Match: ""', b'If-None-Match: "\xe9"',
    b'If-None-Match: "', b"X-Other: 1", b"X_Other: 1", b"Accept: a\tb", b"Accept:",
    b"Upgrade: h2c", b"Trailer: a", b"TE: trailers", b"\x00", b":", b"a", b"",
    b"Accept: " + b"a" * 1900, b"Range: bytes=0-1", b"Accept: a\r b",
)  # fmt: skip
_TOKENS = (
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"/", b"?", b"%41", b"mac=", b"snom",
    b"general", b".xml", b".htm", b"-firmware", b"HTTP/1.0", b"HEAD ", b"GET ",
    b"Host: a\r\n", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n", b"[", b"]", b"::", b'"', b"W/", b"close", b",",
    b"keep-alive", b"\x00", b"\x0b", b"\x7f", b"\x85", b"\xa0", b"\xff", _MAC,
)  # fmt: skip
_ENDS = (b"\n", b"\r", b"\r\n ", b" \r\n", b"\r\r\n", b"\n\r\n")


def _target(chance: random.Random) -> bytes:
    match chance.randrange(4):
        case 0:
            return chance.choice(_GENERAL)
        case 1:
            return b"/" + b"".join(chance.choices(_PIECES, k=chance.randrange(1, 6)))
    return chance.choice(_TARGETS) % _MAC


def whole(chance: random.Random) -> bytes:
    """Return a request as a phone may send it, or one that is not far from it."""
    odd = chance.randrange(4) == 0
    host = chance.choice(_HOSTS) if odd else b"192.0.2.1:8080"
    fields = [b"Host: " + host, *chance.sample(_FIELDS, chance.randrange(5))]
    if odd:
        fields += chance.choices(_ODD_FIELDS, k=chance.randrange(3))
    chance.shuffle(fields)
    method = chance.choice((b"GET", b"GET", b"HEAD"))
    version = chance.choice((b"1.1", b"1.1", b"1.0"))
    head = b"%b %b HTTP/%b\r\n" % (method, _target(chance), version)
    lines = [field + b"\r\n" for field in fields]
    if odd and not chance.randrange(4):
        lines.append(chance.choice(_FIELDS) + chance.choice(_ENDS))
    after = b"" if chance.randrange(8) else chance.choice(_TOKENS)
    return b"%b%b\r\n%b" % (head, b"".join(lines), after)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return *data* with a few changes, perhaps none."""
    changed = bytearray(data)
    for _ in range(chance.randrange(3)):
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


def read_corpus(folder: Path) -> list[bytes]:
    """Return what the files of *folder* hold, in the order of their names."""
    if not folder.is_dir():
        return []
    return [path.read_bytes() for path in sorted(folder.iterdir())]


def fuzz(
    executions: int,
    seed: int,
    corpus: Path,
    judge: Callable[[bytes], bool],
    report: Callable[[int, int], None],
) -> None:
    """Judge so many requests; *report* is told executed and accepted now and then.

    Raises what *judge* raises, after the request has been written to *corpus*.
    """
    chance = random.Random(seed)
    kept = read_corpus(corpus)
    accepted = 0
    for number in range(1, executions + 1):
        if kept and not chance.randrange(4):
            data = mutated(chance.choice(kept), chance)
        else:
            data = mutated(whole(chance), chance)
        try:
            accepted += judge(data)
        except Exception:
            print(f"execution {number} of seed {seed}: {data!r}", file=sys.stderr)
            corpus.mkdir(parents=True, exist_ok=True)
            (corpus / f"found-{sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise
        if number % BATCH == 0:
            report(number, accepted)
    report(executions, accepted)


def _child(end: Connection, executions: int, seed: int, corpus: Path, by: bool) -> None:
    judge = check_trickled if by else check
    fuzz(executions, seed, corpus, judge, lambda *counts: end.send(counts))


def run(
    executions: int, *, seed: int, corpus: Path, bytewise: bool, processes: int
) -> dict[str, object]:
    """Share *executions* among processes; return what was done, printing progress.

    "failed" is how many processes ended with a request read in two ways.
    """
    began, shown = time.monotonic(), 0.0
    ends: dict[Connection, multiprocessing.Process] = {}
    counts: dict[Connection, tuple[int, int]] = {}
    for number in range(processes):
        ours, theirs = multiprocessing.Pipe(duplex=False)
        share = executions // processes + (number < executions % processes)
        arguments = (theirs, share, seed + number, corpus, bytewise)
        child = multiprocessing.Process(target=_child, args=arguments, daemon=True)
        child.start()
        theirs.close()
        ends[ours] = child
    open_ends = list(ends)
    while open_ends:
        for end in wait(open_ends):
            assert isinstance(end, Connection)
            try:
                counts[end] = end.recv()
            except EOFError:
                open_ends.remove(end)
        seconds = time.monotonic() - began
        if seconds - shown >= 5 or not open_ends:
            shown = seconds
            done, accepted = map(sum, zip(*counts.values(), strict=True))
            print(
                f"{done} of {executions} executions, {accepted} accepted, "
                f"{seconds:.0f} s",
                flush=True,
            )
    for child in ends.values():
        child.join()
    spent = os.times()
    done, accepted = map(sum, zip(*counts.values(), strict=True))
    return {
        "executions": done,
        "accepted": accepted,
        "bytewise": bytewise,
        "seed": seed,
        "processes": processes,
        "seconds": round(time.monotonic() - began, 1),
        "processor_seconds": round(spent.children_user + spent.children_system, 1),
        "failed": sum(child.exitcode != 0 for child in ends.values()),
    }


def steered(executions: int, corpus: Path, bytewise: bool) -> None:
    """Let atheris choose, by what the judges' Python code does; never returns.

    Here they judge what the lane declines, too: otherwise there would be nothing to
    steer by on the way to what it accepts.
    """
    import atheris  # type: ignore[import-not-found]
    import h11

    import bootwave.http.request
    import bootwave.http.target

    for module in (bootwave.http.request, bootwave.http.target, h11._readers):
        for value in vars(module).values():
            if getattr(value, "__module__", "") == module.__name__:
                if hasattr(value, "__code__"):
                    atheris.instrument_func(value)  # in place

    def judge(data: bytes) -> None:
        verdict(data)
        (check_trickled if bytewise else check)(data)

    corpus.mkdir(parents=True, exist_ok=True)
    options = [f"-atheris_runs={executions}", "-max_len=2200", str(corpus)]
    atheris.Setup([sys.argv[0], *options], judge)
    atheris.Fuzz()


def main() -> int:
    """Run what the command line asks for; the return value is the exit status."""
    parser = argparse.ArgumentParser(description="Fuzz the lane's recogniser.")
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--bytewise", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--atheris", action="store_true")
    arguments = parser.parse_args()
    if arguments.atheris:
        steered(arguments.executions, arguments.corpus, arguments.bytewise)
    done = run(
        arguments.executions,
        seed=arguments.seed,
        corpus=arguments.corpus,
        bytewise=arguments.bytewise,
        processes=arguments.processes,
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(done) + "\n")
    return 1 if done["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
