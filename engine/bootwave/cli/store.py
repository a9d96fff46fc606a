"""``bootwave store upgrade``."""

from bootwave.cli import place
from bootwave.cli.output import Json, print_json, print_line
from bootwave.errors import EngineError


def upgrade(json: Json = False) -> None:
    """Bring the database to the schema of this version; the engine must not run."""
    from bootwave.control.client import ControlClient
    from bootwave.store.create import upgrade as run

    store = place.loaded().options.store
    client = ControlClient.connect(store.control_socket)
    if client is not None:
        client.close()
        raise EngineError("The engine is running: stop it before the upgrade.")
    changed = run(store.database)
    if json:
        print_json({"database": str(store.database), "changed": changed})
    elif changed:
        print_line(f"{store.database} was upgraded.")
    else:
        print_line(f"{store.database} is as this version needs it.")
