import pytest

from bootwave.server.tcp import HttpServer


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What came to h11, by its first bytes."""
    found: list[bytes] = []
    real = HttpServer.take

    def take(server, sock, address, initial=b"", **how):  # type: ignore[no-untyped-def]
        found.append(initial)
        real(server, sock, address, initial, **how)

    monkeypatch.setattr(HttpServer, "take", take)
    return found
