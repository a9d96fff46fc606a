"""bootwave domain token, bootwave device token."""

import re

from bootwave.http.target import is_token
from tests.cli.conftest import Command
from tests.cli.test_main import refused

DOMAIN = "pbx.example.com"


def test_a_token_is_made_shown_required_and_removed(store: Command) -> None:
    made = store("domain", "token", "make", DOMAIN)
    found = re.match(r"token:  (\w+)\nURL:    http://\S+/(\w+)/\n", made.out)
    assert found is not None
    assert found[1] == found[2]
    assert is_token(found[1])
    assert made.out.count("\n") == 2
    assert made.err == (
        f"Phones of {DOMAIN} are served without it, too: bootwave domain token require "
        f"{DOMAIN} changes that.\n"
    )
    shown = store("domain", "token", "show", DOMAIN, "--json").json
    assert (shown["token"], shown["required"]) == (found[1], False)
    done = store("domain", "token", "require", DOMAIN)
    assert done.out == f"Phones of {DOMAIN} are refused without a right token.\n"
    required = store("domain", "token", "show", DOMAIN)
    assert (required.err, "are refused without" in required.out) == ("", True)
    again = store("domain", "token", "make", DOMAIN, "--json").json
    assert (again["token"] != found[1], again["required"]) == (True, True)
    done = store("domain", "token", "require", DOMAIN, "--optional")
    assert done.out == f"Phones of {DOMAIN} are served without a right token, too.\n"
    done = store("domain", "token", "require", DOMAIN, "--required", "--json")
    assert done.json["required"] is True
    store("domain", "token", "require", DOMAIN, "--optional")
    assert "The one before is good" in store("domain", "token", "show", DOMAIN).out
    assert "no token any more" in store("domain", "token", "remove", DOMAIN).out
    assert "has no token" in refused(store("domain", "token", "show", DOMAIN))


def test_a_device_is_given_another_token(store: Command) -> None:
    mac = "0004132E08B4"
    assert "domain token make" in refused(store("device", "token", "rotate", mac))
    unknown = refused(store("device", "token", "rotate", "000413999999"))
    assert unknown == "There is no device 000413999999: see bootwave device list."
    store("domain", "token", "make", DOMAIN)
    assert store("device", "token", "rotate", mac).out == (
        "0004132E08B4 is told a new URL when it next has its settings.\n"
    )
    # It is masked like a password.
    masked = store("document", mac).out
    assert "/**" in re.findall(r"<setting_server.*</setting_server>", masked)[0]
    revealed = store("document", mac, "--reveal").out
    assert re.search(r"/t[a-z2-7]{26}/\{mac\}\.xml</setting_server>", revealed)


def test_what_is_done_to_a_token_is_told_fully(store: Command) -> None:
    assert "for make and require" in refused(
        store("domain", "token", "show", DOMAIN, "--required"), 2
    )
    assert "'break'" in refused(store("domain", "token", "break", DOMAIN), 2)
