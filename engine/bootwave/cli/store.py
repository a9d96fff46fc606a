"""``bootwave store``."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bootwave.cli import place
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, print_json, print_line
from bootwave.cli.progress import Progress
from bootwave.errors import EngineError, OptionError

if TYPE_CHECKING:
    from bootwave.options import StoreOptions
    from bootwave.store.rekey import Rekeyed

DAMAGED = 1  # the exit status when a secret could not be opened


def upgrade(json: Json = False) -> None:
    """Bring the database to the schema of this version; the engine must not run."""
    from bootwave.control.client import ControlClient
    from bootwave.store.create import upgrade as run

    store = place.loaded().options.store
    client = ControlClient.connect(store.control_socket)
    if client is not None:
        client.close()
        raise EngineError("The engine is running: stop it before the upgrade.")
    with Progress("Upgrading"):
        changed = run(store.database)
    if json:
        print_json({"database": str(store.database), "changed": changed})
    elif changed:
        print_line(f"{store.database} was upgraded.")
    else:
        print_line(f"{store.database} is as this version needs it.")


def rekey(
    drop_old: Annotated[
        bool,
        typer.Option("--drop-old", help="Take the keys away that nothing needs now."),
    ] = False,
    new_key: Annotated[
        bool,
        typer.Option("--new-key", help="Print a line with a new key; change nothing."),
    ] = False,
    json: Json = False,
) -> int:
    """Seal every secret with a new key, engine or not; ended early, it goes on next.

    Afterwards --drop-old takes the old key from the file.  Backups of the database
    from before need it still.
    """
    from bootwave.control.actors import this_actor
    from bootwave.store import keysources
    from bootwave.store import rekey as keys
    from bootwave.store.connection import connect

    if new_key:
        if drop_old:
            raise Misuse("Give --new-key or --drop-old, not both.")
        line = keysources.new_line()
        print_json({"line": line}) if json else print_line(line)
        return 0
    store = place.loaded().options.store
    if not keysources.is_file(store.key):
        _check_order(store)
    connection = connect(store.database)
    now, actor = time.time(), this_actor()
    try:
        if drop_old:
            dropped = keys.drop_old(connection, store.key, now=now, actor=actor)
            if json:
                print_json({"dropped": dropped})
            elif dropped:
                print_line(f"Dropped {', '.join(dropped)}: keep it for old backups.")
            else:
                print_line("There is one key only.")
            return 0
        with Progress("Sealing") as progress:
            done = keys.rekey(
                connection,
                store.key,
                now=now,
                actor=actor,
                progress=progress.update,
            )
    finally:
        connection.close()
    if json:
        print_json(done._asdict())
    else:
        print_line(f"{done.sealed} secrets were sealed anew, with the key {done.key}.")
        if done.damaged:
            hint(f"These cannot be opened, set them again: {', '.join(done.damaged)}.")
        elif done.old:
            hint(_about_old(done, store.key))
    return DAMAGED if done.damaged else 0


def _check_order(store: "StoreOptions") -> None:
    """Raise OptionError unless the engine, if one runs, seals with the same key.

    It was given its keys by itself, and reads no file when it meets another one.
    """
    from bootwave.control.client import ControlClient
    from bootwave.store.secrets import KeyRing

    client = ControlClient.connect(store.control_socket)
    if client is None:
        return
    try:
        (engines, *_) = client.call("engine.status", {})["keys"]
    finally:
        client.close()
    (ours, *_) = KeyRing.load(store.key).names
    if ours != engines:
        raise OptionError(
            f"The engine seals with the key {engines}, and {ours} stands first in "
            f"{store.key} here: restart the engine with the keys in this order, or "
            "give this command them in the engine's."
        )


def _about_old(done: "Rekeyed", source: Path) -> str:
    """Return what to do with the keys that nothing is sealed with."""
    from bootwave.store import keysources

    names = ", ".join(done.old)
    if keysources.is_file(source):
        return (
            f"Nothing needs {names} any more: bootwave store rekey --drop-old takes it "
            "from the key file."
        )
    if not done.sealed:
        return (
            f"Nothing was sealed with {names}: if that is the new key, put its line "
            f"first in {source}, for the engine, too. Else take it away there, and "
            "restart the engine."
        )
    return (
        f"Nothing needs {names} any more: take it away from {source}, and restart the "
        "engine."
    )
