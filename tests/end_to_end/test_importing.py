"""While a large file is imported, phones that fetch for the first time are served."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.end_to_end.conftest import Serving
from tests.end_to_end.crowd import MACS, bind_all
from tests.end_to_end.program import DOMAIN, Program, wait_until

ROWS = 12_000
GROUP = 50
FIRST_MAC = 0x000413800000


def stored(program: Program) -> int:
    """How many accounts there are, by the database itself."""
    database = f"{(program.directory / 'bootwave.db').as_uri()}?mode=ro"
    with closing(sqlite3.connect(database, uri=True)) as connection:
        ((count,),) = connection.execute("SELECT COUNT(*) FROM accounts").fetchall()
    return int(count)


def boot(program: Program, first: int) -> Any:
    return program.boot(
        *("--server", "{}:{}".format(*program.pnp), "--mac", MACS[first]),
        *("--count", str(GROUP)),
    )


def test_phones_are_served_while_a_large_file_is_imported(
    serving: Serving, tmp_path: Path
) -> None:
    program = serving(SERVER__WORKERS="2")
    bind_all(program, len(MACS))
    file = tmp_path / "many.csv"
    file.write_text(
        "extension,password,mac\n"
        + "".join(
            f"{100_000 + n},secret-{n},{FIRST_MAC + n:012X}\n" for n in range(ROWS)
        )
    )
    results: list[Any] = []
    words = ("account", "import", str(file), "--domain", DOMAIN)
    importing = threading.Thread(target=lambda: results.append(program.command(*words)))
    importing.start()
    # Some are there and others not: so it is in the middle, and others had their turn.
    wait_until(
        lambda: len(MACS) < stored(program) < len(MACS) + ROWS, "a part is stored"
    )
    for first in range(0, len(MACS), GROUP):
        report = boot(program, first)
        assert (report["booted"], report["refused"]) == (GROUP, 0)
    importing.join()
    assert (results[0]["added"], results[0]["error_count"]) == (ROWS, 0)
    # Each of them wrote: it took its window, and was given credentials.
    windows = program.command("window", "list")
    assert sum(window["state"] == "used" for window in windows) == len(MACS)
    assert program.get(f"/{FIRST_MAC:012X}.xml").status == 401


def test_an_engine_killed_in_the_middle_goes_on_where_it_was(
    programs: Serving,
) -> None:
    program = programs().start()
    text = "extension,password,mac\n" + "".join(
        f"{100_000 + n},secret-{n},{FIRST_MAC + n:012X}\n" for n in range(ROWS)
    )
    words = ("account", "import", "-", "--domain", DOMAIN)
    ended: list[Any] = []
    importing = threading.Thread(
        target=lambda: ended.append(program.run(*words, stdin=text))
    )
    importing.start()
    wait_until(lambda: 0 < stored(program) < ROWS, "a part is stored")
    program.kill()
    importing.join()
    assert ended[0].returncode == 1
    assert "went away" in ended[0].stderr
    before = stored(program)
    assert 0 < before < ROWS
    programs().start()
    done = program.command(*words, "--update", stdin=text)
    assert (done["added"], done["updated"]) == (ROWS - before, 0)
    assert (done["unchanged"], done["error_count"]) == (before, 0)
    again = program.command(*words, "--update", stdin=text)
    assert (again["added"], again["unchanged"]) == (0, ROWS)
    assert stored(program) == ROWS
