from collections.abc import Callable

import pytest

from bootwave.errors import SettingError, StoreNotFound
from bootwave.store.administration import Administration

DOMAIN = "a.example.com"
URL = "http://x/{firmware}/gui_lang_DE.xml"


@pytest.fixture(autouse=True)
def domain(add: Callable[..., None]) -> None:
    add(f"401@{DOMAIN}")


def test_files_are_said_for_all_models_and_for_one(admin: Administration) -> None:
    admin.language_set(DOMAIN, "gui", "Deutsch", "http://x/gui_lang_A.xml")
    admin.language_set(DOMAIN, "gui", "Deutsch", URL)
    said = admin.language_set(DOMAIN, "gui", "Deutsch", URL, model="370")
    assert said["model"] == "snom370"
    assert [(each["model"], each["url"]) for each in admin.language_list(DOMAIN)] == [
        ("", URL),
        ("snom370", URL),
    ]
    admin.language_unset(DOMAIN, "gui", "Deutsch", model="snom370")
    with pytest.raises(StoreNotFound, match="language list"):
        admin.language_unset(DOMAIN, "gui", "Deutsch", model="snom370")
    assert len(admin.language_list(DOMAIN)) == 1


def test_a_url_no_phone_takes_is_refused(admin: Administration) -> None:
    with pytest.raises(SettingError, match="gui_lang_"):
        admin.language_set(DOMAIN, "gui", "Deutsch", "http://x/de.xml")
    assert admin.language_list(DOMAIN) == []
