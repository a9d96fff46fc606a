import pytest

from bootwave.errors import OptionError
from bootwave.store.administration import Administration
from tests.store.clock import Clock


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_the_audit_log_is_not_asked_for_all_at_once(
    admin: Administration, limit: int
) -> None:
    with pytest.raises(OptionError, match="1 to 10,000"):
        admin.audit_list(limit=limit)


def test_only_what_is_older_than_kept_is_trimmed(
    admin: Administration, clock: Clock
) -> None:
    admin.domain_add("a.example.com")
    clock.pass_seconds(100)
    admin.domain_add("b.example.com")
    assert admin.audit_trim(1_000) == 0
    assert admin.audit_trim(50) == 1
    subjects = [row["subject"] for row in admin.audit_list()]
    assert "b.example.com" in subjects
    assert "a.example.com" not in subjects
