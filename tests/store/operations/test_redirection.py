"""What operations of redirection give to whoever carries them out."""

from bootwave.control.operations import OPERATIONS, run
from bootwave.store.administration import Administration
from bootwave.store.audit import ENGINE
from bootwave.store.operations import redirection

GIVEN = {"user": "reseller", "password": "swordfish", "url": "https://a.example.com"}


def test_operations_are_called_by_name(admin: Administration) -> None:
    made = run(admin, "redirection.set", GIVEN, actor="anna")
    assert made["set_by"] == "anna"
    run(admin, "redirection.sync", {}, actor="anna")
    found = run(admin, "redirection.status", {"mac": "0004132E08B4"}, actor="anna")
    assert found["state"] == "none"
    assert run(admin, "redirection.unset", {}, actor="anna") == {"phones": 0}


def test_the_engines_own_work_is_no_operation(admin: Administration) -> None:
    assert hasattr(redirection.RedirectionOperations, "redirection_change")
    assert not {"redirection.change", "redirection.look"} & OPERATIONS
    admin.actor = "anna"
    with admin.redirection_change() as work:
        assert work.actor == ENGINE
    with admin.redirection_look() as work:
        assert work.connection.execute("SELECT 1").fetchall() == [(1,)]
