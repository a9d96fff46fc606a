from bootwave.store.administration import Administration
from bootwave.store.listing.resources import RESOURCES
from bootwave.store.listing.shapes import SHAPES
from tests.store.clock import Clock

MAC = 0x0004132E08B4
A = "a.example.com"


def test_every_list_has_a_shape() -> None:
    assert SHAPES.keys() == RESOURCES.keys()


def test_a_claim_that_is_over_is_no_binding(
    admin: Administration, clock: Clock
) -> None:
    admin.domain_add(A)
    admin.account_add(f"401@{A}", password="pw", mac=f"{MAC:012X}")
    admin._connection.execute(
        "UPDATE bindings SET expires = ?, boot_id = ?",
        (clock.at.boottime + 60, clock.at.boot_id),
    )
    (account,) = admin.records_page("accounts")["rows"]
    assert account["bound"][0]["temporary"]
    (binding,) = admin.records_page("bindings", sort="expires")["rows"]
    assert binding["until"] == clock.at.wall + 60
    clock.pass_seconds(61)
    assert admin.records_page("accounts")["rows"][0]["bound"] == []
    assert admin.records_page("devices")["rows"][0]["accounts"] == []


def test_a_row_of_the_audit_log_that_was_damaged_is_shown_all_the_same(
    admin: Administration,
) -> None:
    admin.domain_add(A)
    admin._connection.execute("UPDATE audit SET detail = '{'")
    assert admin.records_page("audit")["rows"][0]["detail"] == {"damaged": "{"}
