from bootwave.store.administration import Administration

DOMAIN = "a.example.com"


def test_a_key_of_a_layer_is_cleared_alone_or_with_all(admin: Administration) -> None:
    admin.domain_add(DOMAIN)
    for index in range(3):
        admin.keys_set("domain", DOMAIN, index, "line")
    admin.keys_clear("domain", DOMAIN, index=1)
    assert [key["index"] for key in admin.keys_list("domain", DOMAIN)] == [0, 2]
    admin.keys_clear("domain", DOMAIN)
    assert admin.keys_list("domain", DOMAIN) == []
