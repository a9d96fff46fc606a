"""The file in which simulated phones keep what real ones keep in flash memory.

One JSON object: by MAC the user name and password that the phone was given.  It holds
secrets, so it is made for its owner alone.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from bootwave.errors import OptionError
from bootwave.phone.mac import mac_from_text, text_from_mac
from bootwave.wave.credentials import Credentials


def load(path: Path) -> dict[int, Credentials]:
    """Return what the phones keep in *path*, nothing when it does not exist.

    Raises OptionError when it cannot be read or was not made by ``save``.
    """
    try:
        found = json.loads(path.read_text())
        return {
            _mac(name): Credentials(*map(_text, pair)) for name, pair in found.items()
        }
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise OptionError(f"--memory {path}: {error.strerror}.") from None
    except (ValueError, TypeError, AttributeError):
        raise OptionError(
            f"--memory {path} is no memory of simulated phones: name another file."
        ) from None


def save(path: Path, credentials: Mapping[int, Credentials]) -> None:
    """Write *credentials* to *path*, whole or not at all; raises OptionError."""
    text = json.dumps(
        {text_from_mac(mac): [*pair] for mac, pair in sorted(credentials.items())},
        indent=1,
    )
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        with os.fdopen(
            os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w"
        ) as file:
            file.write(text + "\n")
        beside.replace(path)
    except OSError as error:
        raise OptionError(f"--memory {path}: {error.strerror}.") from None


def _mac(text: str) -> int:
    mac = mac_from_text(text)
    if mac is None:
        raise ValueError(text)
    return mac


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value
