"""sipp, an independent SIP stack, challenges a NOTIFY and checks the Digest itself."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from bootwave.options import Options
from tests.control import test_rollouts as control
from tests.peers.peer import require

SCENARIO = Path(__file__).with_name("sipp_challenge.xml")
options, port = control.options, control.port  # fixtures


@pytest.mark.parametrize("password", ["secret-word", "another"])
def test_sipp_accepts_the_right_password_only(
    tmp_path: Path, options: Options, port: int, password: str
) -> None:
    sipp = require("sipp", "sip-tester")
    scenario = tmp_path / "challenge.xml"
    scenario.write_text(SCENARIO.read_text().replace("secret-word", password))
    result = "accepted" if password == "secret-word" else "refused"

    async def scenario_run() -> None:
        async with control.engine(options) as plane:
            await control.bound(plane, 1)
            control.served(options, 0)
            phone = subprocess.Popen(
                [
                    *(sipp, "-sf", str(scenario), "-i", "127.0.7.1", "-p", str(port)),
                    *("-m", "1", "-nostdin", "-timeout", "20"),
                ],
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                await asyncio.sleep(1.0)
                begun = await plane.call("rollout.start", {"scope": "engine"})
                shown = await control.until(
                    plane, begun["id"], lambda one: one["results"][result] == 1
                )
                assert shown["fates"]["out" if result == "accepted" else "missing"] == 1
            finally:
                phone.terminate()
                phone.wait()

    asyncio.run(scenario_run())
