"""bootwave language."""

from tests.cli.conftest import Command

DOMAIN = "pbx.example.com"
URL = "http://x/{firmware}/gui_lang_DE.xml"


def test_a_language_is_set_listed_and_unset(store: Command) -> None:
    assert "no language files" in store("language", "list", DOMAIN).err
    done = store("language", "set", DOMAIN, "gui", "Deutsch", URL, "--model", "370")
    assert done.out == f"Set Deutsch for {DOMAIN}.\n"
    assert store("language", "list", DOMAIN, "--json").json == [
        {"kind": "gui", "name": "Deutsch", "model": "snom370", "url": URL}
    ]
    assert URL in store("language", "list", DOMAIN).out
    unset = ("language", "unset", DOMAIN, "gui", "Deutsch")
    assert store(*unset).status == 1
    assert store(*unset, "--model", "snom370").status == 0
