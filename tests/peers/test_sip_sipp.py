"""sipp, an independent SIP stack, plays the phones."""

import asyncio
from pathlib import Path

import bootwave
from tests.peers.peer import require

SCENARIO = Path(__file__).with_name("sipp_phone.xml")
PHONES = [f"{0x000413A00000 + number:012X}" for number in range(200)]


def test_sipp_is_answered_and_notified_two_hundred_times(tmp_path: Path) -> None:
    sipp = require("sipp", "sip-tester")
    macs = tmp_path / "macs.csv"
    macs.write_text("SEQUENTIAL\n" + "".join(f"{mac};\n" for mac in PHONES))

    async def scenario() -> tuple[int | None, str]:
        async with bootwave.Engine() as engine:
            await engine.bulk(
                domains=[{"name": "pbx.example.com"}],
                accounts=[
                    {
                        "extension": str(1000 + number),
                        "domain": "pbx.example.com",
                        "name": "",
                        "password": f"password-{number}",
                        "mac": mac,
                    }
                    for number, mac in enumerate(PHONES)
                ],
            )
            host, port = engine.pnp_address
            process = await asyncio.create_subprocess_exec(
                *(sipp, f"{host}:{port}", "-sf", str(SCENARIO), "-inf", str(macs)),
                *("-i", "127.0.0.1", "-m", str(len(PHONES)), "-r", "200", "-l", "50"),
                *("-t", "u1", "-nostdin", "-timeout", "30s", "-timeout_error"),
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
            return process.returncode, output.decode(errors="replace")

    status, output = asyncio.run(scenario())
    assert status == 0, output
