"""The manual leads nowhere that is not there: links, commands, options, folders."""

import re
from pathlib import Path

import pytest

from bootwave.cli.tree import TREE, Branch
from bootwave.control.operations import OPERATIONS
from bootwave.options import keys
from bootwave.settings.keyvalues import TYPES
from tests.test_floors import FLOORS, PACKAGE, STORE_FLOOR

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "tests").rglob("*.md"),
        *(ROOT / "perf").rglob("*.md"),
    ]
)
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
OPTIONS = {key.name for key in keys()}
SECTIONS = {name.partition(".")[0] for name in OPTIONS}
FILES = r"\.(md|py|toml|db|key|sock|xml|htm|txt|csv|log)$"


def anchors(page: Path) -> set[str]:
    """Return the names under which the headings of *page* can be linked."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in titles
    }


def links(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    return [
        target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target
    ]


def commands(page: Path) -> set[tuple[str, ...]]:
    """Return the words that follow ``bootwave`` where the page names a command."""
    text = page.read_text()
    blocks = re.findall(r"^```(?:sh|console)?\n(.*?)^```$", text, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    shown = [
        found
        for line in lines
        for found in re.findall(r"(?:^|[$|&] *|^ *)bootwave (?!:)(.*)", line)
    ]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    shown += re.findall(r"`(?:\.venv/bin/)?bootwave ([^`]+)`", prose)
    return {tuple(words(line)) for line in shown}


def words(line: str) -> list[str]:
    """Return the leading words of *line* that can name a command."""
    line = re.sub(r"^(?:(?:-o|--options) \S+ )+", "", line)
    found = []
    for word in line.split()[:3]:
        if not re.fullmatch(r"[a-z]+(?:-[a-z]+)*", word):
            break
        found.append(word)
    return found


def is_command(named: tuple[str, ...]) -> bool:
    if not named:  # bootwave --version, bootwave COMMAND, bootwave …
        return True
    there = TREE.get(named[0])
    for word in named[1:]:
        if not isinstance(there, Branch):  # what follows is an argument
            break
        there = there.commands.get(word)
    return there is not None


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_to_something(page: Path) -> None:
    for link in links(page):
        target, _, anchor = link.partition("#")
        path = page.parent / target if target else page
        assert path.exists(), link
        if anchor:
            assert anchor in anchors(path), link


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_command_is_one(page: Path) -> None:
    assert [named for named in commands(page) if not is_command(named)] == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_option_is_one(page: Path) -> None:
    named = {
        name
        for name in re.findall(r"`([a-z]+\.[a-z_]+)(?: = [^`]*)?`", page.read_text())
        if name.partition(".")[0] in SECTIONS and not re.search(FILES, name)
    }
    # One the control process answers itself, and one is a row of the audit log.
    assert named - OPTIONS - OPERATIONS <= {"redirection.compare", "firmware.revealed"}


def test_commands_are_found_in_the_manual() -> None:
    found = commands(ROOT / "README.md")
    assert {("domain", "add"), ("serve",), ("phone", "boot")} <= found
    assert not is_command(("windows", "open"))
    assert not is_command(("window", "opens"))


def test_every_command_is_in_the_manual() -> None:
    named = commands(ROOT / "docs" / "cli.md")
    for name, there in TREE.items():
        if isinstance(there, Branch):
            for second in there.commands:
                assert (name, second) in {each[:2] for each in named}
        else:
            assert (name,) in {each[:1] for each in named}


def test_every_page_of_the_manual_is_in_its_index() -> None:
    index = {link.partition("#")[0] for link in links(ROOT / "docs" / "README.md")}
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert pages <= index


def test_every_folder_of_tests_is_described() -> None:
    text = (ROOT / "tests" / "README.md").read_text()
    folders = [
        path.name
        for path in (ROOT / "tests").iterdir()
        if path.is_dir() and path.name != "__pycache__"
    ]
    assert [name for name in folders if f"`{name}`" not in text] == []


def test_the_floors_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.M)
    documented = {int(floor): set(re.findall(r"`(\w+)/?`", row)) for floor, row in rows}
    there = {path.stem for path in PACKAGE.iterdir()}
    assert documented == {at: floor & there for at, floor in enumerate(FLOORS)}


def test_every_type_of_function_key_stands_in_the_manual() -> None:
    page = (ROOT / "docs" / "keys.md").read_text()
    for name in TYPES:
        assert f"`{name}`" in page


def test_the_floors_of_the_store_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| `(\w+)/` \| (\d+) \|", text, re.M)
    folders = {path.parent.name for path in (PACKAGE / "store").glob("*/__init__.py")}
    assert {folder: int(floor) for folder, floor in rows} == {
        folder: STORE_FLOOR[folder] + 1 for folder in folders
    }
