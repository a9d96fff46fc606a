"""A wall clock that jumps while the engine runs: faketime moves it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bootwave.engine import local_options, make_store
from tests.peers.peer import missing, packages

LIBRARY = "libfaketime.so.1"
# Its arguments: the directory of the store, and two offsets of the wall clock.  It says
# for each the status of a GET, and by how many seconds the clock jumped.
PROGRAM = """
import asyncio, os, sys, time
from pathlib import Path
import bootwave
from bootwave.engine import local_options
from bootwave.options import PairingOptions

async def status(address):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /0004132E08B4.xml HTTP/1.0\\r\\n\\r\\n")
    line = await reader.readline()
    await reader.read()
    writer.close()
    return line.split()[1].decode()

async def main():
    jump = os.environ["FAKETIME_TIMESTAMP_FILE"]
    # Without a time for pairing the phone's leave ends with its window.
    pairing = {"pairing": PairingOptions(pairing_minutes=0)}
    options = local_options(Path(sys.argv[1])).model_copy(update=pairing)
    async with bootwave.Engine(options) as engine:
        await engine.bulk(
            domains=[{"name": "pbx.example.com"}],
            accounts=[{"extension": "401", "domain": "pbx.example.com", "name": "",
                       "password": "x" * 12, "mac": "0004132E08B4"}],
        )
        for minutes, offset in ((10, sys.argv[2]), (0.02, sys.argv[3])):
            await engine.call(
                "window.open", accounts=["401@pbx.example.com"], minutes=minutes)
            before = time.time()
            Path(jump).write_text(offset)
            print(await status(engine.http_address), round(time.time() - before))
        # The second window lasts 1.2 s, whatever the wall clock says of it.
        while await status(engine.http_address) == "200":
            await asyncio.sleep(0.05)
        print("ended", flush=True)

asyncio.run(main())
"""


def library() -> str:
    assert "faketime" in packages()
    for path in Path("/usr/lib").glob(f"*/faketime/{LIBRARY}"):
        return str(path)
    missing(f"{LIBRARY} is missing: apt-get install faketime")


@pytest.mark.parametrize(
    ("first", "second"),
    [("+1d", "-3600s"), ("-1d", "+3600s")],
    ids=["forwards, then back", "backwards, then on"],
)
def test_a_window_is_neither_ended_nor_stretched_by_a_jump(
    tmp_path: Path, first: str, second: str
) -> None:
    preload = library()
    make_store(local_options(tmp_path))
    jump = tmp_path / "jump"
    jump.write_text("+0s")

    async def scenario() -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, str(tmp_path), first, second),
            stdout=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "LD_PRELOAD": preload,
                "FAKETIME_TIMESTAMP_FILE": str(jump),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            },
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)
        return output.decode()

    lines = asyncio.run(scenario()).splitlines()
    (one, jumped), (two, back), (end,) = (line.split() for line in lines)
    assert (one, two, end) == ("200", "200", "ended")
    assert abs(int(jumped)) > 80_000
    assert abs(int(back)) > 80_000
