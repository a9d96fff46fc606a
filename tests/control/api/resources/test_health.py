"""Whether the engine lives and can work."""

from tests.control.api.conftest import Served, problem


def test_it_lives_and_is_ready(api: Served) -> None:
    client = api.client()
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}


def test_with_a_damaged_store_it_lives_and_is_not_ready(api: Served) -> None:
    # Nobody has read by the API yet, so what reads is opened now.
    for path in api.options.store.database.parent.glob("bootwave.db*"):
        path.write_bytes(b"no database at all" * 1_000)
    client = api.client()
    answer = client.get("/health/ready")
    assert (answer.status_code, problem(answer)) == (503, "unavailable")
    assert answer.headers["retry-after"] == "5"
    assert client.get("/health/live").json() == {"status": "live"}
