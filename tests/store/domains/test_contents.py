"""What would go with a domain, told to who is about to remove it."""

import pytest

from bootwave.errors import StoreConflict
from bootwave.store.administration import Administration


def test_a_domain_with_parts_is_removed_by_force_only(admin: Administration) -> None:
    name = "a.example.com"
    admin.domain_add(name)
    for profile in ("sales", "support"):
        admin.profile_add(name, profile)
    admin.group_add(name, "first floor")
    admin.phonebook_import("domain", name, [{"name": "Anna", "number": "401"}])
    url = "https://downloads.snom.com/snom370-8.7.5.35-SIP-f.bin"
    admin.firmware_set("domain", name, "snom370", "8.7.5.35", location=url)
    admin.firmware_pin("domain", name, "8.7.5.35", model="snom320")
    admin.firmware_forbid("domain", name, "snom360", "8.7.5.35")
    with pytest.raises(StoreConflict) as refusal:
        admin.domain_remove(name)
    assert str(refusal.value) == (
        "The domain a.example.com has 2 profiles (sales and support), 1 group (first "
        "floor), a phone book of 1 entry, 1 firmware definition (snom370 8.7.5.35), "
        "1 firmware pin (snom320 8.7.5.35) and 1 forbidden firmware (snom360 "
        "8.7.5.35): remove them first, or all together with --force."
    )
    assert admin.domain_remove(name, force=True) == {"name": name, "accounts": 0}
    assert admin.domain_list() == []


def test_many_parts_are_named_by_the_first(admin: Administration) -> None:
    admin.domain_add("a.example.com")
    for number in range(7):
        admin.profile_add("a.example.com", f"p{number}")
    named = r"has 7 profiles \(p0, p1, p2, p3, p4 and 2 more\): "
    with pytest.raises(StoreConflict, match=named):
        admin.domain_remove("a.example.com")


def test_an_emptied_phone_book_keeps_no_domain(admin: Administration) -> None:
    admin.domain_add("a.example.com")
    admin.phonebook_import("domain", "a.example.com", [{"name": "A", "number": "1"}])
    admin.phonebook_clear("domain", "a.example.com")
    assert admin.domain_remove("a.example.com")["accounts"] == 0
