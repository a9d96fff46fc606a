import resource
from collections.abc import Iterator

import pytest

from bootwave.server.descriptors import RESERVE, connections_that_fit, raise_limit


@pytest.fixture(autouse=True)
def limit() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_raised_as_far_as_it_may(limit: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, limit[1]))
    raise_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (limit[1], limit[1])


def test_connections_leave_a_reserve_of_descriptors(limit: tuple[int, int]) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limit[1]))
    assert connections_that_fit(10_000) == 1024 - RESERVE
    assert connections_that_fit(100) == 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (130, limit[1]))
    assert connections_that_fit(10_000) == 16
