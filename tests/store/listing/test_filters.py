import pytest

from bootwave.errors import OperatorError
from bootwave.store import audit
from bootwave.store.administration import Administration
from bootwave.store.listing.filters import wanted
from tests.store.counted import counting

A = "a.example.com"


def test_names_become_what_the_store_keeps(admin: Administration) -> None:
    admin.domain_add(A)
    admin.account_add(f"401@{A}", password="pw")
    admin.group_add(A, "north")
    with admin._look() as work:
        found = wanted(work, "devices", {"domain": A, "model": "d785", "sort": ""})
        assert found.equal == {"domain": 1, "model": "snomD785"}
        assert found.names == ("domain", "model")
        assert wanted(work, "bindings", {"account": f"401@{A}"}).equal == {"account": 1}
        assert wanted(work, "devices", {"group": f"north@{A}"}).equal == {"group": 1}
        prefix = wanted(work, "accounts", {"name_prefix": "ANNA"}).prefix
        assert prefix == ("anna", "anna\U0010ffff")


def test_a_filter_that_no_index_carries_chooses_among_the_rows(
    admin: Administration,
) -> None:
    admin.domain_add(A)
    with admin._look() as work:
        keep = wanted(work, "audit", {"actor": "anna", "subject": "PBX"}).keep
        assert keep is not None
        assert keep((1, 0.0, "anna", "domain.added", "my.pbx", "{}"))
        assert not keep((1, 0.0, "berta", "domain.added", "my.pbx", "{}"))
        assert not keep((1, 0.0, "anna", "domain.added", "other", "{}"))
        assert wanted(work, "audit", {}).keep is None


@pytest.mark.parametrize(
    ("resource", "offered"),
    [
        ("accounts", "domain, mac, profile, number_prefix, name_prefix"),
        ("audit", "since, until, actor, action, subject"),
        ("windows", "domain, opening, number_prefix, state"),
    ],
)
def test_what_is_no_filter_of_a_list_is_refused_with_those_that_are(
    admin: Administration, resource: str, offered: str
) -> None:
    with (
        admin._look() as work,
        pytest.raises(
            OperatorError, match=f"knows no 'between': filters are {offered}[.]"
        ),
    ):
        wanted(work, resource, {"between": "x"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mac", "zz"),
        ("model", "a b"),
        ("group", "north"),
        ("profile", "no@such.example.com"),
        ("opening", "-1"),
        ("rollout", "9" * 30),
        ("domain", "no.example.com"),
        ("name_prefix", "x" * 200),
        ("mac_prefix", "xyz"),
    ],
)
def test_a_filter_that_names_nothing_is_refused(
    admin: Administration, name: str, text: str
) -> None:
    with admin._look() as work, pytest.raises(OperatorError):
        wanted(work, "devices", {name: text})


def test_an_instant_is_found_in_the_audit_log_without_reading_all_of_it(
    admin: Administration,
) -> None:
    rows = 1_000
    with admin._change() as work:
        for number in range(rows):
            audit.append(work.connection, float(number), "anna", "domain.added", "d")
    with admin._look() as work, counting(work.connection) as taken:
        found = wanted(work, "audit", {"since": "900"}).prefix
        assert found is not None
        assert found[0] == 901
        assert taken() < rows
