"""The import rules of the project, read from the source without running it."""

import ast
import re
from pathlib import Path

import pytest

import bootwave

FLOORS = [
    {"errors", "limits", "pnprules", "quoting", "sightings"},
    {"native", "options", "messages"},
    {"optionsfile", "log", "metrics"},
    {"phone"},
    {"dhcp", "directory", "sip", "http", "xml"},
    {"certificates", "settings", "firmware", "pairing", "rollout"},
    {"store"},
    {"provision", "redirection"},
    {"control"},
    {"server"},
    {"engine", "socketless"},
    {"wave"},
    {"cli"},
]
FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts}
PURE = range(3, 6)  # no clock, no socket, no log: time and chance are arguments
WORLD = {"asyncio", "logging", "os", "random", "secrets", "socket", "ssl", "time"}
PACKAGE = Path(bootwave.__file__).parent
EXT = Path(__file__).parents[1] / "ext"


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names - {"bootwave.__version__"}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_imports_point_down(path: Path) -> None:
    here = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if here in ("__init__", "__main__"):
        return
    names = imported(path)
    for part in {name.split(".")[1] for name in names if name.startswith("bootwave.")}:
        assert part == here or FLOOR[part] < FLOOR[here]
    if FLOOR[here] in PURE:
        assert not WORLD & {name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", sorted(EXT.glob("*.p[yx][xdi]")), ids=lambda p: p.name)
def test_native_code_knows_only_the_errors_and_other_native_code(path: Path) -> None:
    found = re.findall(
        r"^\s*(?:from|import|cimport) bootwave\.(\w+)", path.read_text(), re.M
    )
    assert set(found) <= {"errors", "native"}


# Folders of the store, whose other modules are its ground: they import no folder, but
# for those that join all of them.
STORE_FLOORS = [
    {"access", "domains", "proofs", "redirection", "schema", "settings", "sightings"},
    {"firmware", "migrations", "reports"},
    {"rollouts", "serving"},
    {"listing"},
    {"bulk"},
    {"operations"},
    {"administration", "rekey"},
]
STORE_FLOOR = {
    part: number for number, parts in enumerate(STORE_FLOORS) for part in parts
}
STORE = PACKAGE / "store"
MOST_MODULES = 16  # in one folder of it; more hide what the folder is about
GROUND = -1


def store_floor(part: str) -> int:
    if (STORE / part).is_dir():
        return STORE_FLOOR[part]
    return STORE_FLOOR.get(part, GROUND)


@pytest.mark.parametrize(
    "path", sorted(STORE.rglob("*.py")), ids=lambda p: str(p.relative_to(STORE))
)
def test_the_store_imports_downwards(path: Path) -> None:
    here = path.relative_to(STORE).with_suffix("").parts[0]
    for name in imported(path):
        if name.startswith("bootwave.store."):
            part = name.split(".")[2]
            floor, own = store_floor(part), store_floor(here)
            assert part == here or floor < own or floor == own == GROUND, name


def test_no_folder_of_the_store_has_many_modules() -> None:
    folders = [STORE, *(path for path in STORE.iterdir() if path.is_dir())]
    sizes = {
        folder.name: len([*folder.glob("[!_]*.py")])
        for folder in folders
        if folder.name != "__pycache__"
    }
    assert not {name for name, size in sizes.items() if size > MOST_MODULES}
