"""What most tests of the way of a request begin with."""

import pytest

from tests.provision.bench import MAC, OTHER_MAC, Bench


@pytest.fixture
def bench() -> Bench:
    """Two accounts of one domain, 401 on the phone MAC, 402 on OTHER_MAC."""
    made = Bench()
    made.store.add_account(401)
    made.store.add_account(402)
    made.store.bind(401, MAC)
    made.store.bind(402, OTHER_MAC)
    return made
