"""``bootwave tls init``."""

import os
import time
from contextlib import ExitStack

from bootwave.cli import place
from bootwave.cli.newfiles import write_new
from bootwave.cli.output import Json, print_json, print_line
from bootwave.cli.tlsfiles import self_signed_files


def make(json: Json = False) -> None:
    """Make the certificates that https.certificates names, signed by themselves.

    The first with an RSA key, the second with an ECDSA one, for the names and addresses
    of this machine.  Files that exist are left as they are: delete them first.  A
    running engine takes them after bootwave serve got HUP.
    """
    paths = place.loaded().options.https.certificates
    missing = tuple(path for path in paths[:2] if not os.path.lexists(path))
    made = self_signed_files(paths, time.time())
    with ExitStack() as undo:
        for path in missing:
            write_new(path, made[path], undo)
        undo.pop_all()
    if json:
        print_json({"made": [str(path) for path in missing]})
    elif missing:
        print_line(f"Made {' and '.join(map(str, missing))}.")
    else:
        print_line("Nothing was made: the files of https.certificates exist.")
