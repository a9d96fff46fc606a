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
    assert lines[0] == f"{MAC} from 192.168.1.7:"
    at = lines.index("  http: no")
    assert lines[at + 1 :] == [
        "    its account is not open for provisioning",
        "    open it: bootwave window open NUMBER@DOMAIN, then restart the phone",
    ]
    assert "  https with its credentials: yes" in lines
    assert max(map(len, lines)) <= 80


def test_the_status_is_1_when_it_would_be_given_nothing(store: Command) -> None:
    words = ["device", "would-serve", UNKNOWN, "--from", "192.168.1.7", "--json"]
    done = store(*words)
    assert (done.status, done.json["served"]) == (1, False)


def test_what_is_not_known_must_be_said(store: Command) -> None:
    assert "was never heard" in refused(store("device", "would-serve", UNKNOWN))
    words = ["device", "would-serve", MAC, "--from", "home"]
    assert "is no address" in refused(store(*words))
