"""Who hangs up during an import ends it there, and the engine says nothing."""

import pytest

from bootwave.control import staging
from bootwave.control.client import ControlClient
from bootwave.control.rowtexts import Form
from bootwave.control.session import LiveSession
from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN

ROWS = 20_000  # so many that the engine tells its progress


@pytest.mark.parametrize("all_or_nothing", [False, True])
def test_an_import_that_is_interrupted_ends_there(
    serving: Serving, all_or_nothing: bool
) -> None:
    program = serving()
    rows = [
        {"extension": str(number), "domain": DOMAIN, "password": "p"}
        for number in range(100_000, 100_000 + ROWS)
    ]

    def interrupt(done: int, total: int) -> None:
        if done:  # so rows are written already, or about to be
            raise KeyboardInterrupt

    client = ControlClient.connect(program.directory / "control.sock")
    assert client is not None
    args = {"rows": rows, "all_or_nothing": all_or_nothing}
    with pytest.raises(KeyboardInterrupt):
        client.call("account.import", args, interrupt)
    client.close()
    # Operations come one after the other, so this one waits for the end of the import.
    stored = program.command("account", "list", "--json")
    assert len(stored) < ROWS
    assert bool(stored) is not all_or_nothing
    assert "Traceback" not in program.errors()
    assert "exception" not in program.errors()


def test_a_file_that_is_interrupted_while_it_is_written_is_not_stored(
    serving: Serving,
) -> None:
    program = serving()
    # Each with two phones: written row by row, and told of.
    lines = [
        f"{number},p,{2 * number:012d} {2 * number + 1:012d}\n"
        for number in range(100_000, 108_000)
    ]
    pieces = [f"extension,password,mac\n{''.join(lines)}".encode()]

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    client = ControlClient.connect(program.directory / "control.sock")
    assert client is not None
    with LiveSession(client) as session:
        with pytest.raises(KeyboardInterrupt):
            staging.stage(
                session,
                pieces,
                Form.CSV,
                "stage.import",
                domain=DOMAIN,
                all_or_nothing=True,
                progress=interrupt,
            )
        assert session.call("records.page", resource="accounts")["rows"] == []
    assert "Traceback" not in program.errors()
