"""Where options come from: variable, then file, then default; and what is wrong there.

``load`` is for whoever needs options: it returns them or raises the first problem.
``inspect`` is for ``bootwave options check``: it reports everything at once.

The file is the one named by -o, else by BOOTWAVE_OPTIONS, else ``bootwave.toml`` in
the current directory.  Without any the defaults hold and the paths of [store] count
from the current directory.  That is safe because nothing but ``bootwave init`` makes
a database: in a wrong directory a command fails, it does not start an empty store.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from bootwave.errors import BY_THIS_USER, OptionError
from bootwave.options import Key, Options, keys, section_of
from bootwave.quoting import without_userinfo

FILE_NAME = "bootwave.toml"
FILE_VARIABLE = "BOOTWAVE_OPTIONS"
PREFIX = "BOOTWAVE_"
# Variables that are no options: which file, and tracebacks for developers.
KEY_VARIABLE = "BOOTWAVE_KEY"  # for store.key = "env:BOOTWAVE_KEY"
OTHER_VARIABLES = frozenset({FILE_VARIABLE, "BOOTWAVE_TRACEBACK", KEY_VARIABLE})
# Forms of store.key that are no path (store.keysources).
KEY_ELSEWHERE = ("env:", "credential:")
DEFAULT = "default"
MAX_FILE_BYTES = 1024 * 1024
MAX_SOCKET_PATH_BYTES = 107  # sun_path of unix(7), less its final NUL
_SHOWN_CHARACTERS = 80
_TWICE = re.compile(r"Cannot declare \((.+?)\) twice \(at line (\d+)")

AnySection = TypeVar("AnySection", bound=BaseModel)


class Problem(NamedTuple):
    """One thing that is wrong: which option or variable, where, and a sentence."""

    key: str
    where: str
    sentence: str


class Loaded:
    """Options, and where each came from.

    ``origins`` maps a dotted key to "default", to the path of the file or to the name
    of the variable.  ``path`` is None without a file.  Paths in ``options`` are
    absolute.
    """

    def __init__(
        self,
        options: Options,
        origins: dict[str, str],
        path: Path | None,
        environ: Mapping[str, str],
    ) -> None:
        """Keep what was found, and *environ* for ``again``."""
        self.options = options
        self.origins = origins
        self.path = path
        self._environ = environ

    def again(self) -> "Loaded":
        """Return what the same file and variables say now; raises OptionError."""
        return _loaded(inspect(self.path, self._environ), self._environ)


class Inspection(NamedTuple):
    """Everything there is to say about the options.

    Where ``problems`` name a key, ``options`` holds its default and ``written`` what
    was found.
    """

    options: Options
    origins: dict[str, str]
    written: dict[str, Any]
    problems: tuple[Problem, ...]
    path: Path | None


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Return the options of *path* (None: found as above) under *environ*.

    Raises OptionError with one sentence: the first problem, and how many more.
    """
    return _loaded(inspect(locate(path, environ), environ), environ)


def locate(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the absolute path of the options file, or None when none is named."""
    if path is None and environ.get(FILE_VARIABLE):
        path = Path(environ[FILE_VARIABLE])
    if path is None and os.path.lexists(FILE_NAME):
        path = Path(FILE_NAME)
    return path.absolute() if path else None


def inspect(path: Path | None, environ: Mapping[str, str]) -> Inspection:
    """Return what the file *path* (None: no file) and *environ* say together."""
    table = {key.name: key for key in keys()}
    problems: list[Problem] = []
    written: dict[str, Any] = {}
    origins = dict.fromkeys(table, DEFAULT)
    if path is not None:
        for name, value in _from_file(path, table, problems).items():
            written[name], origins[name] = value, str(path)
    for name, value in _from_environment(environ, table, problems).items():
        written[name], origins[name] = value, table[name].variable
    options = _validated(dict(written), table, origins, problems)
    directory = path.parent if path else Path.cwd()
    options = _with_absolute_paths(options, directory, origins, problems)
    return Inspection(options, origins, written, tuple(problems), path)


def _loaded(found: Inspection, environ: Mapping[str, str]) -> Loaded:
    if found.problems:
        sentence = found.problems[0].sentence
        more = len(found.problems) - 1
        if more:
            sentence = (
                f"{sentence.rstrip('.')} (and {more} more: bootwave options check)."
            )
        raise OptionError(sentence)
    return Loaded(found.options, found.origins, found.path, environ)


def _from_file(
    path: Path, table: Mapping[str, Key], problems: list[Problem]
) -> dict[str, Any]:
    """Return the known keys of the file by dotted name."""
    tree = _tree(path, problems)
    sections = {name.rpartition(".")[0] for name in table}
    found: dict[str, Any] = {}
    waiting = list(tree.items())
    while waiting:
        section, values = waiting.pop(0)
        if not isinstance(values, dict):
            sentence = (
                f"{section} in {path} must be a section, written [{section}]"
                if section in sections
                else f"{path} has {section} outside a section{_nearest(section, table)}"
            )
            problems.append(Problem(section, str(path), sentence + "."))
            continue
        if section not in sections:
            near = difflib.get_close_matches(section, sorted(sections), 1)
            hint = f"; did you mean [{near[0]}]?" if near else "."
            problems.append(
                Problem(section, str(path), f"{path} has no use for [{section}]{hint}")
            )
            continue
        for key, value in values.items():
            name = f"{section}.{key}"
            if name in table:
                found[name] = value
            elif name in sections:
                waiting.append((name, value))
            else:
                hint = _nearest(name, table) or "."
                sentence = f"There is no option {name}, which {path} sets{hint}"
                problems.append(Problem(name, str(path), sentence))
    return found


def _tree(path: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
        if len(text) > MAX_FILE_BYTES:
            raise ValueError(f"it is larger than {MAX_FILE_BYTES} bytes")
        return tomllib.loads(text.decode())
    except FileNotFoundError:
        sentence = f"There is no options file {path}; bootwave init makes one."
    except IsADirectoryError:
        sentence = f"{path} is a directory: name the file, such as {path / FILE_NAME}."
    except PermissionError:
        sentence = f"The options file {path} may not be read {BY_THIS_USER}"
    except OSError as error:
        sentence = f"The options file {path} cannot be read: {error.strerror}."
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are such
        reason = " ".join(str(error).split())
        sentence = f"The options file {path} is not TOML: {reason}."
        twice = _TWICE.match(reason)
        if twice:  # what comes of adding a whole section at the end
            section = ".".join(re.findall(r"'([^']*)'", twice[1]))
            sentence = (
                f"{path} has [{section}] a second time in line {twice[2]}: put its "
                f"lines below the first [{section}]."
            )
    problems.append(Problem("", str(path), sentence))
    return {}


def _from_environment(
    environ: Mapping[str, str], table: Mapping[str, Key], problems: list[Problem]
) -> dict[str, Any]:
    """Return the options that variables set, by dotted name; lists are split."""
    variables = {key.variable: key for key in table.values()}
    found: dict[str, Any] = {}
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in OTHER_VARIABLES:
            continue
        key = variables.get(variable)
        if key is None:
            known = [*variables, *sorted(OTHER_VARIABLES)]
            near = difflib.get_close_matches(variable.upper(), known, 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            problems.append(
                Problem(
                    variable,
                    variable,
                    f"The variable {variable} names no option{hint}",
                )
            )
        elif key.is_list:
            parts = (part.strip() for part in environ[variable].split(","))
            found[key.name] = [part for part in parts if part]
        else:
            found[key.name] = environ[variable]
    return found


def _nearest(name: str, table: Mapping[str, Key]) -> str:
    """Return "; did you mean …?" with the known key that *name* may stand for."""
    near = difflib.get_close_matches(name, table, 1, 0.75)
    last = name.rpartition(".")[2]
    elsewhere = [key for key in table if key.rpartition(".")[2] == last]
    best = near or elsewhere or difflib.get_close_matches(name, table, 1)
    return f"; did you mean {best[0]}?" if best else ""


def _validated(
    written: dict[str, Any],
    table: Mapping[str, Key],
    origins: Mapping[str, str],
    problems: list[Problem],
) -> Options:
    """Return options from *written*; a key that is wrong keeps its default."""
    for name, value in list(written.items()):
        # pydantic would take true for 1, which nobody means.
        if isinstance(value, bool) and table[name].annotation is not bool:
            problems.append(_wrong(table[name], value, origins[name]))
            del written[name]
        elif table[name].is_list and isinstance(value, str):
            written[name] = [value]
    while True:
        tree: dict[str, Any] = {}
        for name, value in written.items():
            *sections, key = name.split(".")
            place = tree
            for section in sections:
                place = place.setdefault(section, {})
            place[key] = value
        try:
            return Options.model_validate(tree)
        except ValidationError as errors:
            wrong: dict[str, Problem] = {}
            for error in errors.errors():
                said = ""
                if error["type"] == "value_error":
                    said = str(error["ctx"]["error"])
                name = _name_of(error["loc"], table)
                if name in table:
                    wrong.setdefault(
                        name, _wrong(table[name], written[name], origins[name], said)
                    )
            if not wrong:  # a contradiction between options, so each is legal alone
                where = next(
                    (o for n, o in origins.items() if n in written and o != DEFAULT),
                    DEFAULT,
                )
                problems.append(Problem("", where, f"{said}."))
                return Options()
            problems.extend(wrong.values())
            for name in wrong:
                del written[name]


def _name_of(place: Sequence[int | str], table: Mapping[str, Key]) -> str:
    """Return the option that *place* is in: the place in a list comes after it."""
    for parts in range(len(place), 0, -1):
        name = ".".join(map(str, place[:parts]))
        if name in table:
            return name
    return ""


def _wrong(key: Key, value: Any, where: str, said: str = "") -> Problem:
    must = said or f"must be {key.kind}"
    sentence = f"{key.name} = {shown(masked(value))} in {where} {must}."
    return Problem(key.name, where, sentence)


def masked(value: Any) -> Any:
    """Return the wrong *value*, or the end of it when it may be a URL with a password.

    Of a list as a whole: a variable is split where a password has a comma.
    """
    text = str(value)
    return without_userinfo(text) if "@" in text else value


def shown(value: Any) -> str:
    """Return *value* as the options file would spell it, cut to 80 characters."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str | Path):
        text = json.dumps(str(value), ensure_ascii=False)
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(shown(part) for part in value) + "]"
    else:
        text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _with_absolute_paths(
    options: Options,
    directory: Path,
    origins: Mapping[str, str],
    problems: list[Problem],
) -> Options:
    options = _resolved(options, directory)
    socket_path = options.store.control_socket
    if len(os.fsencode(socket_path)) > MAX_SOCKET_PATH_BYTES:
        problems.append(
            Problem(
                "store.control_socket",
                origins["store.control_socket"],
                f"store.control_socket = {shown(socket_path)} is longer than the "
                f"{MAX_SOCKET_PATH_BYTES} bytes a Unix socket may have.",
            )
        )
    return options


def _resolved(section: AnySection, directory: Path) -> AnySection:
    """Return *section* with every path in it counted from *directory*."""
    changed: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if section_of(field.annotation) is not None:
            changed[name] = _resolved(value, directory)
        elif isinstance(value, Path):
            if not str(value).startswith(KEY_ELSEWHERE):
                changed[name] = directory / value
        elif isinstance(value, tuple) and any(isinstance(v, Path) for v in value):
            changed[name] = tuple(directory / part for part in value)
    return section.model_copy(update=changed) if changed else section
