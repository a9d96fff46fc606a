"""The API of a control process in a thread, and real clients of it."""

import asyncio
import shutil
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from bootwave.control.eventids import EventIds
from bootwave.control.plane import ControlPlane
from bootwave.engine import local_options, make_store
from bootwave.metrics import CounterPage
from bootwave.options import Options
from bootwave.provision.answering import AnsweringPage
from bootwave.provision.revocations import RevocationPage
from bootwave.store.access import passwordhashes
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.tail import SightingTail

A, B = "a.example.com", "b.example.com"
PASSWORD = "correct horse battery"
MAC = "0004132E08B4"


class Served:
    """One API that is served, and the control plane behind it."""

    def __init__(self, options: Options, listener: socket.socket) -> None:
        """Serve in a thread, in a loop as the engine has one."""
        self.options = options
        self.url = "http://{}:{}".format(*listener.getsockname()[:2])
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._clients: list[httpx.Client] = []
        self.plane = self.run(self._started(options, listener))

    @staticmethod
    async def _started(options: Options, listener: socket.socket) -> ControlPlane:
        plane = ControlPlane(
            options,
            RevocationPage(),
            AnsweringPage(1),
            CounterPage(2),
            [],
            started=0.0,
            api=[listener],
        )
        await plane.start()
        return plane

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return the result of *work* in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def call(self, op: str, **args: Any) -> Any:
        """Return the result of an operation of a user of this machine."""
        return self.run(self.plane.call(op, args))

    def notes(self, *, limit: int = 100, **filters: str) -> list[dict[str, Any]]:
        """Return the newest *limit* rows of the audit log, newest first."""
        asked = {"filters": filters, "limit": limit, "descending": True}
        found: list[dict[str, Any]] = self.call(
            "records.page", resource="audit", **asked
        )["rows"]
        return found

    def client(self, token: str = "") -> httpx.Client:
        """Return a client, which sends *token* if there is one."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        made = httpx.Client(base_url=self.url, headers=headers, timeout=20)
        self._clients.append(made)
        return made

    def token(self, *scopes: str, domains: list[str] | None = None) -> httpx.Client:
        """Return a client with a new token of these scopes."""
        name = f"t{len(self._clients)}"
        made = self.call(
            "admin.token.add", name=name, scopes=list(scopes), domains=domains or []
        )
        return self.client(made["token"])

    def signed_in(self, name: str, password: str = PASSWORD) -> httpx.Client:
        """Return a client with a session of the administrator *name*."""
        client = self.client()
        answer = client.post(
            "/api/v1/session", json={"name": name, "password": password}
        )
        assert answer.status_code == 201, answer.text
        client.headers["X-Bootwave-Csrf"] = answer.json()["csrf_token"]
        return client

    def last_event(self) -> str:
        """Return the number that the event of what was seen last has."""
        ids = EventIds(KeyRing.load(self.options.store.key))
        return ids.text(SightingTail(self.options.store.sightings).end())

    def stop(self) -> None:
        """End everything."""
        for client in self._clients:
            client.close()
        self.run(self.plane.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(autouse=True, scope="module")
def _cheap_hashes() -> Iterator[None]:
    """Hash with less work: how much the engine does, tests/store looks at."""
    cheap = PasswordHasher.from_parameters(CHEAPEST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwordhashes, "_hasher", lambda: cheap)
        passwordhashes.nobodys_hash.cache_clear()
        yield
    passwordhashes.nobodys_hash.cache_clear()


@pytest.fixture(scope="session")
def store_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that was made once, for copies."""
    directory = tmp_path_factory.mktemp("store")
    make_store(local_options(directory))
    return directory


@pytest.fixture
def options(store_once: Path, tmp_path: Path) -> Options:
    """Options of a fresh store."""
    directory = tmp_path / "place"
    shutil.copytree(store_once, directory)
    options = local_options(directory)
    store = options.store.model_copy(update={"images": directory / "images"})
    control = options.control.model_copy(update={"hosts": ("console.example.com",)})
    return options.model_copy(update={"store": store, "control": control})


@pytest.fixture
def serving() -> Iterator[Callable[[Options], Served]]:
    """Serve the API of options."""
    made: list[Served] = []

    def serve(options: Options) -> Served:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            made.append(Served(options, listener))
        return made[-1]

    yield serve
    for served in made:
        served.stop()


@pytest.fixture
def api(serving: Callable[[Options], Served], options: Options) -> Served:
    """The API of a store with two domains, each with an account."""
    served = serving(options)
    for domain in (A, B):
        served.call("domain.add", name=domain)
        served.call("account.add", account=f"401@{domain}", password="s3cret-of-sip")
    return served


@pytest.fixture
def admin(api: Served) -> httpx.Client:
    """A client that may do everything."""
    return api.token("read", "write", "reveal", "access")


def problem(answer: httpx.Response) -> str:
    """Return the kind of the problem that *answer* is."""
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"].endswith(".")
    prefix, _, kind = body["type"].rpartition(":")
    assert prefix == "urn:bootwave:problem"
    return str(kind)


def never() -> str:
    """Return hours of the day that now is not within."""
    hour = (time.localtime().tm_hour + 12) % 24
    return f"{hour:02}:00-{hour:02}:30"
