"""Client certificates with good and bad habits: ``CASES``, and what each proves."""

from tests.certificates.badchains import bad_chains
from tests.certificates.badnames import bad_names
from tests.certificates.case import Case
from tests.certificates.goodcases import good_cases

CASES: tuple[Case, ...] = (*good_cases(), *bad_names(), *bad_chains())
