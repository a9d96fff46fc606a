"""Everything in one process."""

import signal

from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN, wait_until

PHONES = 50
FIRST_MAC = 0x000413C00000


def test_fifty_phones_boot(serving: Serving) -> None:
    program = serving(SERVER__WORKERS="0")
    macs = [f"{FIRST_MAC + number:012X}" for number in range(PHONES)]
    program.import_accounts(
        {str(400 + number): mac for number, mac in enumerate(macs)}, minutes=10
    )
    report = program.boot(
        *("--server", "{}:{}".format(*program.pnp), "--mac", macs[0]),
        *("--count", str(PHONES)),
    )
    assert report["booted"] == PHONES, report
    assert len(program.processes()) == 1
    assert program.control() in program.processes()
    program.command("window", "close", "--domain", DOMAIN)
    assert program.get(f"/{macs[0]}.xml").status == 401
    assert program.stop() == 0


def test_it_ends_by_ctrl_c_and_starts_again(serving: Serving) -> None:
    program = serving(SERVER__WORKERS="0")
    program.signal(signal.SIGINT)
    wait_until(lambda: not program.processes(), "it ended")
    program.start()
    assert program.stop() == 0
