"""Many takers of one window, in two processes at once: exactly one wins."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Literal

import pytest

from bootwave.options import PairingOptions
from bootwave.pairing.decisions import Candidate, Claim
from bootwave.pairing.instant import Instant
from bootwave.store.administration import Administration
from bootwave.store.audit import verify
from bootwave.store.connection import connect
from bootwave.store.create import create
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.phonewrites import claim, claim_wildcard, consume_window
from bootwave.store.serving.reader import Reader
from bootwave.store.serving.writer import Writer
from tests.store.listed import notes_of, windows_of

PROCESSES = 2
TAKERS = 100  # in each
DOMAIN = "a.example.com"
MAC = 0x0004132E08B4
ACCOUNTS = 30
MOST = 10
Kind = Literal["consume", "claim", "bounded"]
NOW = Instant(1_000.0, "boot-one", 1_700_000_000.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "bootwave.db"
    create(path)
    return path


@pytest.fixture
def admin(path: Path) -> Administration:
    admin = Administration(
        connect(path),
        KeyRing({b"test": b"k" * 32}),
        PairingOptions(),
        now=lambda: NOW,
        committed=lambda changes: None,
    )
    admin.domain_add(DOMAIN)
    return admin


def take(
    path: Path,
    kind: Kind,
    process: int,
    start: Barrier,
    results: int,
) -> None:
    """Let this process's phones try, and write "MAC source\\n" for each winner."""
    writer = Writer(path)
    futures = []
    for taker in range(TAKERS):
        number = process * TAKERS + taker
        named = {
            "window_id": 1,
            "mac": MAC if kind == "consume" else MAC + number,
            "source": f"10.0.{process}.{taker}",
            "now": NOW,
            "pairing_seconds": 300.0,
        }
        if kind == "bounded":
            source, mac = str(named["source"]), MAC + number
            end = NOW.boottime + 300
            decision = Claim(
                tuple(Candidate(n, n, 1, None) for n in range(1, ACCOUNTS + 1)),
                *(mac, source, "", source, NOW.boottime, NOW.boot_id, end),
            )
            futures.append(
                (named, writer.submit(lambda own, d=decision: claim(own, d, NOW)))
            )
        elif kind == "consume":
            futures.append(
                (named, writer.submit(lambda own, n=named: consume_window(own, **n)))
            )
        else:
            named |= {
                "account_id": 1,
                "temporary_seconds": 3_600.0,
                "address": named["source"],
                "model": "",
            }
            futures.append(
                (named, writer.submit(lambda own, n=named: claim_wildcard(own, **n)))
            )
    start.wait(30)
    writer.start()
    for named, future in futures:
        if future.result(30):
            os.write(results, f"{named['mac']} {named['source']}\n".encode())
    writer.stop()


def winners(path: Path, kind: Kind) -> list[tuple[int, str]]:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(PROCESSES)
    ours, theirs = os.pipe()
    children = [
        context.Process(target=take, args=(path, kind, process, start, theirs))
        for process in range(PROCESSES)
    ]
    for child in children:
        child.start()
    os.close(theirs)
    data = b""
    while some := os.read(ours, 65_536):
        data += some
    os.close(ours)
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    pairs = (line.split() for line in data.decode().splitlines())
    return [(int(mac), source) for mac, source in pairs]


def test_one_of_two_hundred_addresses_takes_the_window(
    path: Path, admin: Administration
) -> None:
    admin.account_add(f"401@{DOMAIN}", password="pw", mac=f"{MAC:012X}")
    admin.window_open([f"401@{DOMAIN}"])
    (winner,) = winners(path, "consume")
    window = Reader(path).devices([MAC])[MAC].bindings[0].account.window
    assert window is not None
    assert (window.consumed_mac, window.consumed_source) == winner


@pytest.mark.parametrize("wildcard", ["*", "?"])
def test_one_of_two_hundred_phones_claims_the_wildcard(
    path: Path, admin: Administration, wildcard: str
) -> None:
    admin.account_add(f"401@{DOMAIN}", password="pw", mac=wildcard)
    admin.window_open([f"401@{DOMAIN}"])
    ((mac, source),) = winners(path, "claim")
    reader = Reader(path)
    found = reader.devices(range(MAC, MAC + PROCESSES * TAKERS))
    assert found.keys() == {mac}
    window = found[mac].bindings[0].account.window
    assert window is not None
    assert (window.consumed_mac, window.consumed_source) == (mac, source)


def test_an_opening_for_ten_is_claimed_by_ten_of_two_hundred(
    path: Path, admin: Administration
) -> None:
    accounts = [f"{400 + n}@{DOMAIN}" for n in range(ACCOUNTS)]
    for account in accounts:
        admin.account_add(account, password="pw", mac="*")
    admin.window_open(accounts, most=MOST)
    found = winners(path, "bounded")
    assert len({mac for mac, _source in found}) == len(found) == MOST
    shown = windows_of(admin)
    assert {row["claims"] for row in shown} == {MOST}
    taken = [row["mac"] for row in shown if row["state"] == "used"]
    assert sorted(taken) == sorted(f"{mac:012X}" for mac, _source in found)
    # Two processes wrote one chain.
    connection = connect(path)
    rows = notes_of(admin, limit=1000)
    assert sum(row["action"] == "window.used" for row in rows) == MOST
    assert not verify(connection).broken_at
    connection.close()
