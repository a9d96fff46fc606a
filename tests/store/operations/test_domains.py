from bootwave.store.administration import Administration


def test_nothing_leaves_a_value_and_empty_takes_it_away(admin: Administration) -> None:
    admin.domain_add("a.example.com", registrar="sip.example.com", language="Deutsch")
    admin.domain_set("a.example.com", registrar="")
    (shown,) = admin.domain_list()
    assert (shown["registrar"], shown["language"]) == ("", "Deutsch")
