"""Where the keys of secrets at rest come from: ``store.key``.

| ``store.key``            | the keys are                                             |
| ------------------------ | -------------------------------------------------------- |
| a path                   | in that file, which only its owner may read              |
| ``credential:NAME``      | in the credential NAME that systemd passes to the service |
| ``env:NAME``             | in the environment variable NAME                         |

The text is the same everywhere: one line for each key, ``<id as 8 hex digits> <key in
base64>``, the one that seals first; in a variable blanks may stand for line ends.  A
variable is read once and wiped, so that neither children that are executed nor readers
of /proc find it; what was read stays in this process and those that it forks.
"""

import ctypes
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple

from bootwave.errors import OptionError

ENVIRONMENT = "env:"
CREDENTIAL = "credential:"
CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"  # systemd.exec(5)
MAX_KEY_CHARACTERS = 65_536

_from_environment: dict[str, str] = {}


class Version(NamedTuple):
    """What changes when a key file is replaced."""

    inode: int
    size: int
    modified: int  # nanoseconds


def is_file(source: Path) -> bool:
    """Whether the keys are in a file that this program may make and replace."""
    return not str(source).startswith((ENVIRONMENT, CREDENTIAL))


def key_lines(source: Path) -> list[str]:
    """Return the lines of keys of *source*; raises OptionError."""
    text = str(source)
    if text.startswith(ENVIRONMENT):
        return _of_variable(text.removeprefix(ENVIRONMENT))
    if text.startswith(CREDENTIAL):
        return _of_credential(text.removeprefix(CREDENTIAL))
    name = f"The key file {source}"
    lines, mode = _read(
        source,
        name,
        lost="it was made by bootwave init and every password is sealed with it, so "
        "restore it from a copy.",
    )
    if mode & 0o077:
        raise OptionError(f"{name} can be read by others: run chmod 600 on it.")
    return lines


def version(source: Path) -> Version | None:
    """Return what tells that the keys of *source* were replaced, None for never."""
    if not is_file(source):
        return None
    try:
        found = source.stat()
    except OSError:
        return None
    return Version(found.st_ino, found.st_size, found.st_mtime_ns)


def make_file(path: Path, lines: list[str]) -> None:
    """Make the key file *path*, mode 0600; raises OptionError, also when it exists."""
    if not is_file(path):
        raise OptionError(
            f"store.key = {path} is no file: put a key there with bootwave store rekey "
            "--new-key."
        )
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        _write(descriptor, lines)
    except OSError as error:
        raise OptionError(
            f"The key file {path} cannot be made: {error.strerror}."
        ) from error


def replace_file(path: Path, lines: list[str]) -> None:
    """Put *lines* in the place of the key file *path*, at once; raises OptionError."""
    try:
        owner = path.stat()
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            if os.geteuid() == 0:
                # Run by root, for an engine that runs as somebody else.
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            _write(descriptor, lines)
            os.rename(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise OptionError(
            f"The key file {path} cannot be replaced: {error.strerror}."
        ) from error


def _write(descriptor: int, lines: list[str]) -> None:
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())  # what it seals must not outlive it


def _read(path: Path, name: str, *, lost: str) -> tuple[list[str], int]:
    """Return lines and mode of *path*; raises OptionError, of *name*."""
    try:
        with path.open(encoding="ascii") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            return file.read(MAX_KEY_CHARACTERS).splitlines(), mode
    except OSError as error:
        raise OptionError(
            f"{name} cannot be read ({error.strerror}): {lost}"
        ) from error
    except UnicodeDecodeError as error:
        raise OptionError(f"{name} is damaged: restore it.") from error


def _of_credential(name: str) -> list[str]:
    if not name or "/" in name:
        raise OptionError(
            f"store.key = {CREDENTIAL}{name} names no credential: write "
            "credential:NAME, such as credential:bootwave.key."
        )
    directory = os.environ.get(CREDENTIALS_DIRECTORY, "")
    if not directory:
        raise OptionError(
            f"store.key names the credential {name!r}, but systemd passed none: say "
            f"LoadCredential={name}:FILE in the unit, or give store.key a file."
        )
    path = Path(directory) / name
    # Its mode shows an ACL, in a directory of the service's own.
    lines, _ = _read(
        path,
        f"The credential {name!r}, {path},",
        lost="see LoadCredential= in the unit and the file that it names; every "
        "password is sealed with the keys in it.",
    )
    return lines


def _of_variable(name: str) -> list[str]:
    if not name.isidentifier():
        raise OptionError(
            f"store.key = {ENVIRONMENT}{name} names no variable: write env:NAME, such "
            "as env:BOOTWAVE_KEY."
        )
    if name not in _from_environment:
        text = os.environ.get(name, "")[:MAX_KEY_CHARACTERS]
        if not text:
            raise OptionError(
                f"store.key names the variable {name}, which is empty: set it to a "
                "line of bootwave store rekey --new-key."
            )
        _from_environment[name] = text
        _wipe(name)
    words = _from_environment[name].split()
    return [" ".join(words[at : at + 2]) for at in range(0, len(words), 2)]


def _wipe(name: str) -> None:
    """Take the variable away, and what the kernel shows of it in /proc/PID/environ."""
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_void_p
    libc.getenv.argtypes = [ctypes.c_char_p]
    address = libc.getenv(os.fsencode(name))
    if address:
        ctypes.memset(address, ord("x"), len(ctypes.string_at(address)))
    os.environ.pop(name, None)


def new_line() -> str:
    """Return a line with a new key."""
    import base64

    key = base64.b64encode(secrets.token_bytes(32)).decode()
    return f"{secrets.token_hex(4)} {key}"
