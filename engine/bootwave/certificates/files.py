"""The files that operators name: read whole, bounded, with sentences for what fails."""

from pathlib import Path

from bootwave.errors import OptionError


def read(path: Path, most: int, option: str) -> bytes:
    """Return the content of *path*, which *option* names, up to *most* bytes.

    Raises OptionError.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise OptionError(
            f"{path} of {option} cannot be read: {error.strerror}."
        ) from error
    except ValueError as error:  # a NUL in it
        raise OptionError(f"{str(path)!r} of {option} names no file.") from error
    if len(content) > most:
        raise OptionError(f"{path} of {option} is larger than {most} bytes.")
    return content


def is_open_to_others(path: Path) -> bool:
    """Whether others than owner and group may read *path*; raises OSError."""
    return bool(path.stat().st_mode & 0o007)


def is_missing(path: Path) -> bool:
    """Whether nothing is at *path*.

    What cannot be looked at may be there: whoever reads it says why not.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False
