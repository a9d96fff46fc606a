import pytest

from bootwave.store.administration import Administration
from tests.store.listed import notes_of

DOMAIN = "a.example.com"


def test_a_key_of_a_layer_is_cleared_alone_or_with_all(admin: Administration) -> None:
    admin.domain_add(DOMAIN)
    for index in range(3):
        admin.keys_set("domain", DOMAIN, index, "line")
    admin.keys_clear("domain", DOMAIN, index=1)
    assert [key["index"] for key in admin.keys_list("domain", DOMAIN)] == [0, 2]
    admin.keys_clear("domain", DOMAIN)
    assert admin.keys_list("domain", DOMAIN) == []


TARGETS = [
    ("engine", "", ""),
    ("model", " 370 ", "snom370"),
    ("firmware", "370 8.4-8.7", "snom370 8.4-8.7"),
    ("domain", " A.example.COM ", DOMAIN),
    ("profile", "Sales@A.example.COM ", f"Sales@{DOMAIN}"),
    ("account", "401@A.example.com", f"401@{DOMAIN}"),
    ("device", "00:04:13:2e:08:b4", "0004132E08B4"),
]


@pytest.fixture
def there(admin: Administration) -> Administration:
    admin.domain_add(DOMAIN)
    admin.account_add(f"401@{DOMAIN}", password="x", mac="0004132E08B4")
    admin.profile_add(DOMAIN, "Sales")
    return admin


def subjects(admin: Administration, action: str) -> list[str]:
    return [one["subject"] for one in notes_of(admin) if one["action"] == action]


@pytest.mark.parametrize(("scope", "target", "name"), TARGETS)
def test_the_audit_log_names_a_layer_as_it_is_stored(
    there: Administration, scope: str, target: str, name: str
) -> None:
    there.settings_set(scope, target, "http_pass", "s3cret")
    there.keys_set(scope, target, 0, "url http://u:s3cret@pbx/open")
    there.settings_list(scope, target, reveal=True)
    there.keys_list(scope, target, reveal=True)
    there.layer_revealed(scope, target)
    there.settings_unset(scope, target, "http_pass")
    there.keys_clear(scope, target)
    told = f"{scope} {name}".strip()
    for action, times in (
        *(("setting.set", 1), ("key.set", 1), ("layer.revealed", 3)),
        *(("setting.unset", 1), ("keys.cleared", 1)),
    ):
        assert subjects(there, action) == [told] * times, action


def test_what_hides_nothing_is_revealed_without_a_word(there: Administration) -> None:
    there.settings_set("domain", DOMAIN, "language", "Deutsch")
    there.keys_set("domain", DOMAIN, 0, "blf 402")
    there.settings_set("account", f"401@{DOMAIN}", "http_pass", "s3cret")
    for scope, target in (("domain", DOMAIN), ("device", "0004132E09AA")):
        there.settings_list(scope, target, reveal=True)
        there.keys_list(scope, target, reveal=True)
        there.layer_revealed(scope, target)
    # Of an account's layer only that is told which is shown.
    assert there.keys_list("account", f"401@{DOMAIN}", reveal=True) == []
    there.profile_show(DOMAIN, "Sales", reveal=True)
    assert subjects(there, "layer.revealed") == []
    there.settings_set("profile", f"Sales@{DOMAIN}", "http_pass", "s3cret")
    shown = there.profile_show(DOMAIN, " Sales ", reveal=True)
    assert [one["value"] for one in shown["settings"]] == ["s3cret"]
    assert subjects(there, "layer.revealed") == [f"profile Sales@{DOMAIN}"]
