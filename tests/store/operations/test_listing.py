from bootwave.store.administration import Administration


def test_a_page_is_an_operation_that_changes_nothing(admin: Administration) -> None:
    for number in range(3):
        admin.domain_add(f"d{number}.example.com")
    before = admin._connection.total_changes
    first = admin.records_page("domains", limit=2)
    rest = admin.records_page("domains", limit=2, cursor=first["cursor"])
    names = [row["name"] for row in first["rows"] + rest["rows"]]
    assert names == [f"d{number}.example.com" for number in range(3)]
    assert rest["cursor"] == ""
    assert admin._connection.total_changes == before
    assert not admin._connection.in_transaction
