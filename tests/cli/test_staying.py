"""bootwave phone boot --stay."""

import socket
import threading
import time
from typing import Any

from bootwave.cli.staying import silent_macs
from bootwave.phone.spread import place
from tests.cli.conftest import Command
from tests.wave.serving import serving
from tests.wave.test_staying import Teller, free_port

MAC = "0004132E0000"


def tell(address: str, port: int, heard: list[Any]) -> None:
    """Tell the phone at *address* until it answers."""
    teller = Teller(port)
    with teller.socket:
        teller.socket.settimeout(0.1)
        deadline = time.monotonic() + 20
        while not heard and time.monotonic() < deadline:
            try:
                teller.tell(address)
                heard.append(teller.socket.recvfrom(4096)[1])
            except (TimeoutError, OSError):
                time.sleep(0.05)


def test_phones_stay_and_fetch_again_when_they_are_told(run: Command) -> None:
    port = free_port()
    heard: list[Any] = []
    with serving() as server:
        url = f"{server.base}/{{mac}}.xml"
        thread = threading.Thread(target=tell, args=("127.16.0.2", port, heard))
        thread.start()
        done = run(
            *("phone", "boot", "--mac", MAC, "--count", "3", "--url", url, "--json"),
            *("--stay", "0.05", "--sip-port", str(port)),
        )
        thread.join()
    assert done.status == 0, done.err
    assert heard == [("127.16.0.2", port)]
    assert (done.json["booted"], done.json["told"], done.json["fetched"]) == (3, 1, 1)
    assert done.json["faults"] == []


def test_all_that_are_silent_hear_nothing(run: Command) -> None:
    with serving() as server:
        done = run(
            *("phone", "boot", "--mac", MAC, "--url", f"{server.base}/{{mac}}.xml"),
            *("--stay", "0.001", "--silent", "100", "--sip-port", str(free_port())),
        )
    assert done.status == 0, done.err
    assert done.out.endswith("0 phones were told to fetch again, and 0 did.\n")
    assert "The phones listen on port" in done.err


def test_the_silent_are_not_those_that_a_roll_out_tells_first() -> None:
    first = int(MAC, 16)
    for count in (50, 100, 1000):
        silent = silent_macs(first, count, 5)
        assert len(silent) == count // 20
        told = sorted(range(first, first + count), key=place)
        assert not silent & set(told[: count // 100 or 1])


def test_as_many_are_silent_as_were_asked_for() -> None:
    first = int(MAC, 16)
    assert silent_macs(first, 7, 0) == set()
    assert silent_macs(first, 7, 100) == set(range(first, first + 7))
    assert len(silent_macs(first, 1000, 0.5)) == 5


def test_phones_that_stay_need_a_url_and_a_free_port(run: Command) -> None:
    done = run("phone", "boot", "--mac", MAC, "--stay", "1")
    assert done.status == 2
    assert "name one" in done.err
    with serving() as server, socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        port = taken.getsockname()[1]
        done = run(
            *("phone", "boot", "--mac", MAC, "--url", f"{server.base}/{{mac}}.xml"),
            *("--stay", "1", "--sip-port", str(port)),
        )
    assert done.status == 1
    assert f"another program has UDP port {port} of this machine" in done.err
    assert "--sip-port" in done.err
    assert done.out == ""  # nobody booted
