"""bootwave pnp probe; end_to_end has it beside an engine and other servers."""

import pytest

from tests.cli.conftest import Command
from tests.cli.test_main import refused
from tests.namespaces import in_namespace, ip

PROBE = ("pnp", "probe", "--seconds", "0.2")


def test_where_nobody_answers_each_interface_says_so(run: Command) -> None:
    def alone() -> None:
        ip("link add lan0 type veth peer name other")
        ip("addr add 10.9.0.1/24 dev lan0")
        ip("link set lan0 up")
        done = run(*PROBE)
        assert done.status == 0, done
        assert done.out.splitlines()[1].split() == ["lan0", "10.9.0.1", "nobody"]
        (row,) = run(*PROBE, "--json").json
        assert row == {
            "interface": "lan0",
            "address": "10.9.0.1",
            "who": "nobody",
            "from": "",
            "says": "",
        }
        named = run(*PROBE, "--interface", "lo", "--json").json
        assert [row["interface"] for row in named] == ["lo"]

    in_namespace(alone)


def test_without_an_interface_nobody_can_be_asked(run: Command) -> None:
    def nowhere() -> None:
        assert "There is no interface to ask on" in refused(run(*PROBE))

    in_namespace(nowhere)


def test_what_cannot_be_asked_is_refused(run: Command) -> None:
    wrong = refused(run(*PROBE, "--interface", "eth99"))
    assert wrong.startswith("--interface eth99: this machine has no such interface")
    assert "is not a MAC address" in refused(run(*PROBE, "--mac", "phone"))


@pytest.mark.parametrize("seconds", ["0", "-1", "61", "nan"])
def test_the_time_to_wait_is_bounded(run: Command, seconds: str) -> None:
    done = run("pnp", "probe", "--seconds", seconds)
    assert done.status == 2
    assert "--seconds" in done.err
