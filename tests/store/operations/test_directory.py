from bootwave.store.administration import Administration

DOMAIN = "a.example.com"


def test_a_phone_book_is_replaced_as_a_whole(admin: Administration) -> None:
    admin.domain_add(DOMAIN)
    for name in ("Anna", "Berta"):
        rows = [{"name": name, "number": "401"}]
        admin.phonebook_import("domain", DOMAIN, rows, replace=True)
    names = [
        entry["name"] for entry in admin.phonebook_list("domain", DOMAIN)["entries"]
    ]
    assert names == ["Berta"]


def test_an_import_that_is_only_tried_stores_nothing(admin: Administration) -> None:
    admin.domain_add(DOMAIN)
    rows = [{"name": "Anna", "number": "401"}]
    admin.phonebook_import("domain", DOMAIN, rows, dry_run=True)
    assert admin.phonebook_list("domain", DOMAIN)["entries"] == []
