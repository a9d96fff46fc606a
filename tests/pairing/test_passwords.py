import math
from dataclasses import replace

import pytest

from bootwave.pairing.decisions import Policy
from bootwave.pairing.passwords import passwords_end
from tests.pairing.rows import account, at, device

NOW = at(1_000.0, wall=1e9)
HOUR = Policy(passwords_seconds=3_600.0)
PHONE = device(account())


def test_passwords_are_told_for_ever_unless_an_option_says_otherwise() -> None:
    provisioned = replace(PHONE, provisioned_at=1.0)
    assert passwords_end(provisioned, NOW, Policy()) == math.inf


@pytest.mark.parametrize(
    ("provisioned_at", "end"),
    [
        (None, 4_600.0),  # it is being provisioned
        (1e9, 4_600.0),
        (1e9 - 600, 4_000.0),
        (1e9 - 3_600, 1_000.0),
        (1e9 - 7_200, -2_600.0),  # over since then
        (1e9 + 3_600, 4_600.0),  # the wall clock was set back
        (1e9 + 3_601, 1_000.0),  # by more than the whole time: nobody knows when it was
        (1e9 + 1e8, 1_000.0),
    ],
)
def test_the_time_counts_from_the_first_provisioning(
    provisioned_at: float | None, end: float
) -> None:
    phone = replace(PHONE, provisioned_at=provisioned_at)
    assert passwords_end(phone, NOW, HOUR) == end
