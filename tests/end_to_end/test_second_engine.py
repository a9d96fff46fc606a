"""What is taken already is said in one sentence."""

import socket
import subprocess

from tests.end_to_end.conftest import Serving

PHONE = "0004132E08B4"


def sentence(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("bootwave: ")
    return line


def test_a_second_engine_of_one_store_refuses(
    serving: Serving, programs: Serving
) -> None:
    first = serving()
    first.import_accounts({"401": PHONE}, minutes=10)
    for workers in ("2", "0"):
        said = sentence(programs(SERVER__WORKERS=workers).run("serve"))
        assert "Another engine serves" in said
        assert str(first.directory / "bootwave.db") in said
    # The first one has not noticed.
    assert first.get(f"/{PHONE}.xml").status == 200
    assert len(first.workers()) == 2
    first.command("window", "list")


def test_a_pbx_on_the_port_is_named(programs: Serving) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pbx:
        pbx.bind(("127.0.0.1", 0))
        port = pbx.getsockname()[1]
        program = programs(PNP__LISTEN=f"127.0.0.1:{port}")
        said = sentence(program.run("serve"))
        assert f"UDP port {port} is held by" in said
        assert 'pnp.bind = "group"' in said
    program.start()
    assert program.pnp == ("127.0.0.1", port)


def test_a_web_server_on_the_port_is_one_sentence(programs: Serving) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        program = programs(HTTP__LISTEN=f"127.0.0.1:{port}")
        said = sentence(program.run("serve"))
        assert f"another program listens on 127.0.0.1:{port}" in said
