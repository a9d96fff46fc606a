"""``bootwave init DIR``: options, database, key and certificates in a new place."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from bootwave.cli.newfiles import exists_already, make_directory, write_new
from bootwave.cli.output import Json, called, moment, print_json, print_line
from bootwave.cli.progress import Progress
from bootwave.cli.setuplink import setup_link
from bootwave.options import Options
from bootwave.optionsfile import DEFAULT, FILE_NAME, load

Directory = Annotated[Path, typer.Argument(metavar="DIR", show_default=False)]

_OTHERWISE = "name another directory"


def init(directory: Directory, json: Json = False) -> None:
    """Make DIR with an options file, an empty database, a key and certificates.

    Nothing is overwritten: if one of the files exists already, nothing is made.
    """
    from bootwave.cli.template import options_text
    from bootwave.cli.tlsfiles import self_signed_files
    from bootwave.store.create import create
    from bootwave.store.keysources import is_file
    from bootwave.store.secrets import KeyRing

    directory = directory.absolute()
    file = directory / FILE_NAME
    with ExitStack() as undo, Progress("Making keys"):
        make_directory(directory, undo)
        text = options_text().encode()
        write_new(file, text, undo, 0o644, otherwise=_OTHERWISE)
        loaded = load(file, os.environ)
        store = loaded.options.store
        # Certificates that somebody named are there already, or will be.
        own = loaded.origins["https.certificates"] == DEFAULT
        certificates = loaded.options.https.certificates if own else ()
        for path in (store.database, store.sightings, store.key, *certificates):
            if os.path.lexists(path):
                raise exists_already(path, _OTHERWISE)
        if is_file(store.key):
            KeyRing.create(store.key)
            undo.callback(store.key.unlink, missing_ok=True)
        else:
            KeyRing.load(store.key)  # or nothing could be sealed
        for path, content in self_signed_files(certificates, time.time()).items():
            write_new(path, content, undo)
        create(store.database)
        undo.pop_all()  # everything is there: keep it
    setup = _setup_token(loaded.options)
    made = {
        "options": str(file),
        "database": str(store.database),
        "key": str(store.key),
        "certificates": [str(path) for path in certificates],
        "setup": setup,
    }
    if json:
        print_json(made)
        return
    if is_file(store.key):
        print_line(f"Made {file}, {store.database.name} and {store.key.name}.")
    else:
        print_line(f"Made {file} and {store.database.name}.")
    if certificates:
        names = " and ".join(path.name for path in certificates)
        print_line(f"Made {names}, which this server shows over HTTPS, self-signed.")
    key = "The key" if is_file(store.key) else f"The key in {store.key}"
    print_line(f"{key} opens every stored password: keep a copy, apart from backups.")
    if setup is not None:
        print_line(
            "Open this in a browser, once the engine runs, to make the first "
            f"administrator; it is good once, until {moment(setup['expires_at'])}:"
        )
        print_line(f"  {setup['link']}")
        print_line(f"Without a browser here: {called()} -o {file} admin add NAME")
    print_line("")
    print_line("Next:")
    for words in (
        "domain add pbx.example.com",
        '  account add 401@pbx.example.com --name "Anna" --mac 0004132E08B4',
        "  window open 401@pbx.example.com",
        "  serve",
    ):
        print_line(f"  {called()} -o {file} {words.strip()}")


def _setup_token(options: Options) -> dict[str, Any] | None:
    """Return what makes the first administrator, None without an API."""
    from bootwave.control.session import DirectSession

    if not setup_link(options.control, ""):
        return None
    with DirectSession(options) as session:
        made = session.call("admin.link")
    return {**made, "link": setup_link(options.control, made["token"])}
