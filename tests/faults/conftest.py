"""The fixtures of the end-to-end tests: the real program, with the lane and without."""

from tests.end_to_end.conftest import (
    lane,
    place,
    programs,
    pytest_runtest_makereport,
    serving,
)

__all__ = ["lane", "place", "programs", "pytest_runtest_makereport", "serving"]
