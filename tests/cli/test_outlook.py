"""bootwave device would-serve: what a phone would be given."""

from tests.cli.conftest import Command
from tests.cli.test_main import refused

MAC, UNKNOWN = "0004132E08B4", "0004132E08B5"


def test_what_it_would_be_given_is_said_in_each_way(store: Command) -> None:
    words = ["device", "would-serve", MAC, "--from", "192.168.1.7"]
    closed = store(*words, "--json")
    ways = {way["way"]: way["served"] for way in closed.json["ways"]}
    assert ways["http"] is False
    store("window", "open", "401@pbx.example.com")
    opened = store(*words)
    assert opened.status == 0
    assert "use its open window up" in opened.out
    assert store("window", "list", "--json").json[0]["state"] == "open"


def test_sentences_stand_below_each_way_and_fit_a_terminal(store: Command) -> None:
    done = store("device", "would-serve", MAC, "--from", "192.168.1.7")
    lines = done.out.splitlines()
    assert lines[0] == f"{MAC} from 192.168.1.7: it would be refused."
    at = lines.index("  http: no")
    assert lines[at + 1 :] == [
        "    its account is not open for provisioning",
        "    open it: bootwave window open NUMBER@DOMAIN, then restart the phone",
    ]
    at = lines.index("  https with its credentials: yes")
    assert lines[at + 2].startswith("    it has none of its own yet")
    assert max(map(len, lines)) <= 80


def test_the_status_says_whether_it_is_served_refused_or_unknown(
    store: Command,
) -> None:
    def told(mac: str) -> tuple[int, str]:
        words = ["device", "would-serve", mac, "--from", "192.168.1.7", "--json"]
        done = store(*words)
        return done.status, done.json["verdict"]

    assert told(UNKNOWN) == (4, "unknown")
    # Credentials would do, but it has none.
    assert told(MAC) == (3, "refused")
    store("window", "open", "401@pbx.example.com")
    assert told(MAC) == (0, "served")
    store("account", "unbind", "401@pbx.example.com")
    assert told(MAC) == (3, "refused")


def test_what_is_not_known_must_be_said(store: Command) -> None:
    assert "was never heard" in refused(store("device", "would-serve", UNKNOWN))
    words = ["device", "would-serve", MAC, "--from", "home"]
    assert "is no address" in refused(store(*words))
