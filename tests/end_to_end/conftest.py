"""An engine of the installed program for each test, on ports the kernel chose."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.program import DOMAIN, Program, made_place

Serving = Callable[..., Program]
# Both, unless tests/conftest.py was told one of them for all tests.
_LANE = os.environ.get("TEST_HTTP_LANE")
LANES = [_LANE] if _LANE else ["on", "off"]
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:
    """Remember that a test failed, for the end of its fixtures."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place that ``bootwave init`` made, with the domain in it."""
    directory = tmp_path_factory.mktemp("end_to_end") / "place"
    made_place(directory).command("domain", "add", DOMAIN)
    return directory


@pytest.fixture(params=LANES, ids=[f"lane-{value}" for value in LANES])
def lane(request: pytest.FixtureRequest) -> str:
    """What http.lane is: every test here is run with either."""
    value: str = request.param
    return value


@pytest.fixture
def programs(
    place: Path, tmp_path: Path, lane: str, request: pytest.FixtureRequest
) -> Iterator[Serving]:
    """Make programs that are not started; all of them work on one fresh place."""
    directory = tmp_path / "place"
    shutil.copytree(place, directory)
    made: list[Program] = []

    def make(**environ: str) -> Program:
        made.append(Program(directory, **{"HTTP__LANE": lane, **environ}))
        return made[-1]

    yield make
    for program in made:
        program.clean_up()
    if made and request.node.stash.get(_FAILED, False):
        print(made[0].errors())


@pytest.fixture
def serving(programs: Serving) -> Serving:
    """Start an engine; the names of variables are without ``BOOTWAVE_``."""

    def start(**environ: str) -> Program:
        return programs(**environ).start()

    return start
