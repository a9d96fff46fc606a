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
