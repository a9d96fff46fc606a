"""Who hangs up during an import has stored nothing, and the engine says nothing."""

import pytest

from bootwave.control.client import ControlClient
from tests.end_to_end.conftest import Serving
from tests.end_to_end.program import DOMAIN

ROWS = 20_000  # so many that the engine tells its progress


def test_an_import_that_is_interrupted_stores_nothing(serving: Serving) -> None:
    program = serving()
    rows = [
        {"extension": str(number), "domain": DOMAIN, "password": "p"}
        for number in range(100_000, 100_000 + ROWS)
    ]

    def interrupt(done: int, total: int) -> None:
        if done:  # so rows are written already
            raise KeyboardInterrupt

    client = ControlClient.connect(program.directory / "control.sock")
    assert client is not None
    with pytest.raises(KeyboardInterrupt):
        client.call("account.import", {"rows": rows}, interrupt)
    client.close()
    # Operations come one after the other, so this one waits for the end of the import.
    assert program.command("account", "list", "--json") == []
    assert "Traceback" not in program.errors()
    assert "exception" not in program.errors()
