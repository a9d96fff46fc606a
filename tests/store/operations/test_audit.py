from bootwave.store.administration import Administration
from tests.store.clock import Clock
from tests.store.listed import notes_of


def test_only_what_is_older_than_kept_is_trimmed(
    admin: Administration, clock: Clock
) -> None:
    admin.domain_add("a.example.com")
    clock.pass_seconds(100)
    admin.domain_add("b.example.com")
    assert admin.audit_trim(1_000) == 0
    assert admin.audit_trim(50) == 1
    subjects = [row["subject"] for row in notes_of(admin)]
    assert "b.example.com" in subjects
    assert "a.example.com" not in subjects
