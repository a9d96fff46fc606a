"""Decisions on a real store: threads, transactions, two workers on one file."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootwave.http.response import Response
from bootwave.metrics import CounterPage
from bootwave.options import Options, PairingOptions
from bootwave.provision.cache import DocumentCache
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.service import Provisioner
from bootwave.provision.writes import StoreWrites
from bootwave.settings.compiler import SettingsCompiler
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.inline import InlineWriter
from bootwave.store.serving.reader import Reader
from bootwave.store.serving.writer import Writer
from tests.provision.bench import MAC, contact, nonceless, request
from tests.provision.client import digest, nonce_of
from tests.store.clock import Clock

UNKNOWN = 0x000413F00000
ANNA, HOT_DESK = "401@pbx.example.com", "409@pbx.example.com"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    create(folder / "bootwave.db")
    KeyRing.create(folder / "bootwave.key")
    return folder


class Site:
    """One store, its administration, and what its workers share."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "bootwave.db"
        self.keyring = KeyRing.load(folder / "bootwave.key")
        self.clock = Clock()
        self.revocations = RevocationPage()
        self.connection = connect(self.path)
        self.admin = Administration(
            self.connection,
            self.keyring,
            PairingOptions(),
            now=self.clock,
            committed=self.revocations.revoke,
        )
        self.admin.domain_add("pbx.example.com")
        self.admin.account_add(ANNA, password="of-anna", mac="0004132E08B4")
        self.workers: list[SiteWorker] = []

    def worker(self) -> "SiteWorker":
        made = SiteWorker(self)
        self.workers.append(made)
        return made

    def close(self) -> None:
        for worker in self.workers:
            worker.close()
        self.connection.close()


class SiteWorker:
    """What a worker process has: reader, writer thread and cache of its own."""

    def __init__(self, site: Site) -> None:
        self.reader = Reader(site.path)
        self.writer = Writer(site.path)
        self.writer.start()
        self.inline = InlineWriter(site.path)
        self.sightings: list[Sighting] = []
        compiler, cache = SettingsCompiler(), DocumentCache(1 << 20)
        self.threaded, self.direct = (
            Provisioner(
                self.reader,
                StoreWrites(writer, site.clock, site.keyring),
                compiler,
                site.keyring,
                cache,
                site.revocations,
                Options(),
                site.clock,
                self.sightings.append,
                CounterPage(1).row(0),
                nonce_secret=b"n" * 16,
                http_port=8080,
            )
            for writer in (self.writer, self.inline)
        )

    def close(self) -> None:
        self.writer.stop()
        self.inline.close()
        self.reader.close()

    def get(self, **how: object) -> Response:
        asked, at = request(**how), contact(**how)  # type: ignore[arg-type]
        return self.direct.respond_now(asked, at)

    async def ask(self, **how: object) -> Response:
        asked, at = request(**how), contact(**how)  # type: ignore[arg-type]
        ready = self.threaded.cached(asked, at)
        return ready or await self.threaded.respond(asked, at)

    @property
    def reasons(self) -> list[Reason]:
        return [sighting.reason for sighting in self.sightings]


@pytest.fixture
def site(template: Path, tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "site"
    shutil.copytree(template, folder)
    made = Site(folder)
    yield made
    made.close()


def together(
    workers: list[SiteWorker], asks: list[dict[str, object]]
) -> list[Response]:
    async def run() -> list[Response]:
        turns = (
            workers[number % len(workers)].ask(**how) for number, how in enumerate(asks)
        )
        return await asyncio.gather(*turns)

    return asyncio.run(run())


def test_two_hundred_takers_in_two_workers_get_exactly_one_document(site: Site) -> None:
    site.admin.window_open([ANNA])
    workers = [site.worker(), site.worker()]
    asks: list[dict[str, object]] = [{"source": f"127.0.1.{n}"} for n in range(200)]
    answers = together(workers, asks)
    served = [answer for answer in answers if answer.status == 200]
    assert len(served) == 1
    assert b"of-anna" in served[0].body
    refused = {nonceless(answer) for answer in answers if answer.status != 200}
    assert len(refused) == 1
    reasons = workers[0].reasons + workers[1].reasons
    assert reasons.count(Reason.CONSUMED_BY_OTHER) == 199


def test_two_hundred_strangers_in_two_workers_share_one_wildcard_account(
    site: Site,
) -> None:
    site.admin.account_add(HOT_DESK, password="of-desk")
    site.admin.account_bind(HOT_DESK, "*")
    site.admin.window_open([HOT_DESK])
    workers = [site.worker(), site.worker()]
    asks: list[dict[str, object]] = [{"mac": UNKNOWN + n} for n in range(200)]
    answers = together(workers, asks)
    assert [answer.status for answer in answers].count(200) == 1
    assert sum(b"of-desk" in answer.body for answer in answers) == 1
    reasons = workers[0].reasons + workers[1].reasons
    assert reasons.count(Reason.WILDCARD_TAKEN) == 199


def test_as_many_strangers_as_wildcard_accounts_all_find_one(site: Site) -> None:
    names = [f"{number}@pbx.example.com" for number in range(500, 520)]
    for name in names:
        site.admin.account_add(name, password="of-desk")
        site.admin.account_bind(name, "?")
    site.admin.window_open(names)
    workers = [site.worker(), site.worker()]
    asks: list[dict[str, object]] = [{"mac": UNKNOWN + n} for n in range(20)]
    answers = together(workers, asks)
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 20


def test_the_taker_goes_on_in_another_worker_and_after_a_restart(site: Site) -> None:
    site.admin.window_open([ANNA])
    first = site.worker()
    document = first.get()
    assert document.status == 200
    second = site.worker()
    assert second.get() == document
    assert second.get(source="192.168.4.5").status == 401
    second.close()
    assert site.worker().get() == document


def test_a_closed_window_is_closed_when_the_command_returns(site: Site) -> None:
    site.admin.window_open([ANNA])
    workers = [site.worker(), site.worker()]
    assert [worker.get().status for worker in workers] == [200, 200]
    site.admin.window_close([ANNA])
    assert [worker.get().status for worker in workers] == [401, 401]


def test_a_change_of_the_password_is_in_the_next_document(site: Site) -> None:
    site.admin.window_open([ANNA])
    worker = site.worker()
    assert b"of-anna" in worker.get().body
    site.admin.account_set(ANNA, password="fresh")
    body = worker.get().body
    assert b"fresh" in body
    assert b"of-anna" not in body


def test_what_was_written_without_the_engine_is_seen_through_the_change_log(
    site: Site,
) -> None:
    site.admin.window_open([ANNA])
    worker = site.worker()
    worker.get()
    alone = Administration(
        site.connection,
        site.keyring,
        PairingOptions(),
        now=site.clock,
        committed=lambda changes: None,
    )
    alone.window_close([ANNA])
    changes = worker.reader.changed()
    assert changes is not None
    worker.direct.apply(changes)
    assert worker.get().status == 401


def test_what_a_worker_wrote_itself_costs_it_no_document(site: Site) -> None:
    site.admin.window_open([ANNA])
    worker = site.worker()
    worker.reader.changed()
    first = worker.get()
    worker.direct.apply(worker.reader.changed() or [])
    assert worker.direct.cached(request(), contact()) == first


def test_a_holder_that_takes_a_window_is_seen_among_the_wildcards(site: Site) -> None:
    site.admin.account_add(HOT_DESK, password="of-all", mac="?")
    site.admin.window_open([HOT_DESK])
    worker, other = site.worker(), site.worker()
    assert worker.get(mac=UNKNOWN).status == 200
    site.admin.window_open([HOT_DESK])
    assert other.get(mac=UNKNOWN + 1).status == 401  # its list is read
    assert worker.get(mac=UNKNOWN).status == 200
    (wildcard,) = other.reader.wildcards()
    assert wildcard.account.window is not None
    assert wildcard.account.window.consumed_mac == UNKNOWN


def test_no_window_outlives_its_deadline_or_its_boot(site: Site) -> None:
    site.admin.window_open([ANNA])
    worker = site.worker()
    assert worker.get().status == 200
    site.clock.set_wall(0.0)
    assert worker.get().status == 200
    site.clock.reboot()
    assert worker.get().status == 401
    site.admin.window_open([ANNA], minutes=1)
    site.clock.pass_seconds(60)
    assert worker.get().status == 401


def test_the_instant_of_a_write_is_that_of_the_write(site: Site) -> None:
    site.admin.window_open([ANNA], minutes=1)
    worker = site.worker()

    async def run() -> Response:
        asking = asyncio.ensure_future(worker.ask())
        submit = worker.writer.submit

        def late(operation: object) -> object:
            site.clock.pass_seconds(61)
            return submit(operation)  # type: ignore[arg-type]

        worker.writer.submit = late  # type: ignore[method-assign,assignment]
        return await asking

    assert asyncio.run(run()).status == 401


def test_the_model_a_phone_names_is_stored_with_its_write(site: Site) -> None:
    site.admin.window_open([ANNA])
    worker = site.worker()
    worker.get()
    assert worker.reader.devices([MAC])[MAC].model == "snom370"


def test_a_store_that_cannot_be_written_gives_nothing_away(site: Site) -> None:
    site.admin.window_open([ANNA])
    worker = site.worker()
    worker.writer.stop()  # as with a full disk: every write fails
    (answer,) = together([worker], [{}])
    assert answer.status == 401
    assert worker.reasons == [Reason.STORE_AWAY]


# Credentials

PATH = "/0004132E08B4.xml"


def pair_in(answer: Response) -> tuple[str, str]:
    assert answer.status == 200
    found = re.findall(rb"<http_client_(?:user|pass) [^>]*>([^<]+)<", answer.body)
    user, password = (value.decode() for value in found)
    return user, password


def proven(worker: SiteWorker, pair: tuple[str, str], **how: object) -> Response:
    """Return the answer to who shows *pair*, challenged by *worker*."""
    how = {"source": "192.168.9.9", **how}
    challenge = worker.get(**how)
    assert challenge.status == 401
    shown = digest(*pair, PATH, nonce_of(challenge))
    return worker.get(authorization=shown, **how)


def test_a_phone_gets_its_credentials_with_its_first_document(site: Site) -> None:
    site.admin.window_open([ANNA])
    first, second = site.worker(), site.worker()
    given = first.get()
    pair = pair_in(given)
    site.admin.window_close([ANNA])
    for worker in (second, first, second):
        again = proven(worker, pair)
        assert again.body == given.body
        assert again.etag == given.etag
    # Another window changes nothing about them.
    site.admin.window_open([ANNA])
    assert pair_in(first.get()) == pair


def test_who_claims_a_wildcard_gets_them_too(site: Site) -> None:
    site.admin.account_add(HOT_DESK, password="of-desk")
    site.admin.account_bind(HOT_DESK, "?")
    site.admin.window_open([HOT_DESK])
    worker = site.worker()
    assert len(pair_in(worker.get(mac=UNKNOWN))[1]) == 20


def test_the_nonce_of_one_worker_is_good_in_the_other(site: Site) -> None:
    site.admin.window_open([ANNA])
    first, second = site.worker(), site.worker()
    pair = pair_in(first.get())
    site.admin.window_close([ANNA])
    shown = digest(*pair, PATH, nonce_of(first.get()))
    assert second.get(authorization=shown).status == 200


def test_revoked_credentials_are_over_in_every_worker(site: Site) -> None:
    site.admin.window_open([ANNA])
    workers = [site.worker(), site.worker()]
    pair = pair_in(workers[0].get())
    site.admin.window_close([ANNA])
    for worker in (*workers, *workers):
        assert proven(worker, pair).status == 200
    site.admin.device_credentials_revoke("0004132E08B4")
    for worker in workers:
        assert proven(worker, pair).status == 401
        assert worker.reasons[-1] is Reason.CREDENTIALS_WRONG


def test_rotated_credentials_are_learned_by_the_old_and_end_them(site: Site) -> None:
    site.admin.window_open([ANNA])
    first, second = site.worker(), site.worker()
    old = pair_in(first.get())
    site.admin.window_close([ANNA])
    assert proven(first, old).status == 200
    assert proven(second, old).status == 200
    site.admin.device_credentials_rotate("0004132E08B4")
    new = pair_in(proven(first, old))
    assert new != old
    assert pair_in(proven(second, old)) == new
    assert proven(second, new).status == 200
    # That is written without anybody waiting for it.
    assert site.admin.device_show("0004132E08B4")["credentials"]["used_at"]
    for worker in (first, second):
        assert proven(worker, old).status == 401
        assert proven(worker, new).status == 200


def test_who_proves_itself_by_its_account_is_given_credentials_once(
    site: Site,
) -> None:
    worker = site.worker()
    account = ("401", "of-anna")
    pair = pair_in(proven(worker, account))
    assert pair_in(proven(worker, account)) == pair
    assert pair_in(proven(worker, pair)) == pair
