"""Entries outside the Python heap: a model in dictionaries, and what they take."""

import gc
import os
import random
import subprocess
import sys
import weakref
from collections import OrderedDict
from pathlib import Path

import pytest

from bootwave.native.cache import (
    SOURCE_BYTES,
    Cache,
    shared_key,
    source_bytes,
)
from bootwave.native.xml import Plan, pack
from bootwave.pairing.sources import source_key

ROOT = Path(__file__).parents[2]
MAC = 0x0004132E08B4
PLAN = Plan([b"<a>", b"</a>"])


class Baked:
    """A plan that is no native one."""


NAMES = ("m0", "m18.4", "m18.7", "m28.4")  # of models, then of their firmware


def keep(
    cache: Cache,
    mac: int,
    *,
    domain: int = 1,
    stamp: int = 1,
    kind: int = 4,
    url: str = "http://a",
    model: str = "",
    firmware: str = "8.4",
    plan: object = None,
    packed: bytes = b"body",
    source: str = "192.0.2.1",
    clear: bool = True,
) -> int:
    return cache.keep(
        mac, domain, stamp, 9.0, "boot", source, clear, kind, url, model, firmware,
        plan, packed, b'"tag"',
    )  # fmt: skip


def test_a_plan_and_what_fills_it_make_the_document() -> None:
    cache = Cache(1 << 20)
    keep(cache, MAC, plan=PLAN, packed=pack([b"1"]))
    assert cache.assemble(MAC, 4, "http://a", "", "8.4") == b"<a>1</a>"
    assert cache.document(MAC, 4, "http://a", "", "8.4") == (
        PLAN,
        pack([b"1"]),
        b'"tag"',
    )
    assert cache.assemble(MAC, 4, "http://b", "", "8.4") is None
    assert cache.assemble(MAC, 3, "http://a", "", "8.4") is None
    assert cache.assemble(MAC, 4, "http://a", "8.4", "") is None
    assert cache.assemble(MAC, 4, "http://a", "", "") is None
    assert cache.assemble(MAC + 1, 4, "http://a", "", "8.4") is None


def test_without_a_plan_the_bytes_are_the_document() -> None:
    cache = Cache(1 << 20)
    keep(cache, MAC)
    assert cache.assemble(MAC, 4, "http://a", "", "8.4") == b"body"


def test_a_plan_of_another_kind_is_left_to_python() -> None:
    cache = Cache(1 << 20)
    plan = Baked()
    keep(cache, MAC, plan=plan)
    assert cache.document(MAC, 4, "http://a", "", "8.4") == (plan, b"body", b'"tag"')
    assert cache.assemble(MAC, 4, "http://a", "", "8.4") is None


def test_a_plan_lives_as_long_as_a_document_needs_it() -> None:
    cache = Cache(1 << 20)
    plan = Baked()
    gone = weakref.ref(plan)
    keep(cache, MAC, plan=plan)
    keep(cache, MAC + 1, plan=plan)
    del plan
    cache.drop(MAC)
    assert gone() is not None
    keep(cache, MAC + 1)
    assert gone() is None
    plan = Baked()
    gone = weakref.ref(plan)
    keep(cache, MAC, plan=plan)
    del plan, cache
    assert gone() is None


def test_what_does_not_fit_is_not_kept() -> None:
    cache = Cache(1 << 20)
    keep(cache, MAC, plan=PLAN, packed=pack([b"old"]))
    with pytest.raises(ValueError, match="do not fit"):
        keep(cache, MAC, plan=PLAN, packed=b"\x05a")
    with pytest.raises(ValueError, match="too long"):
        cache.keep(
            MAC, 1, 1, 9.0, "b", "::1", True, 4, "", "", "", None, b"", b"t" * 256
        )  # fmt: skip
    assert cache.assemble(MAC, 4, "http://a", "", "8.4") == b"<a>old</a>"
    with pytest.raises(ValueError, match="room for one"):
        Cache(1, phones=0)


def test_a_capsule_of_something_else_is_no_plan() -> None:
    class Forged:
        blueprint = Cache(1).table

    with pytest.raises(ValueError, match="PyCapsule"):
        keep(Cache(1 << 20), MAC, plan=Forged())


@pytest.mark.parametrize("seed", range(6))
def test_it_forgets_as_a_model_in_dictionaries_does(seed: int) -> None:
    chance = random.Random(seed)
    cache = Cache(1 << 30, phones=60, documents=2)
    model: OrderedDict[int, tuple[int, int, dict[str, bytes]]] = OrderedDict()
    macs = [chance.getrandbits(48) for _ in range(50)] + list(range(50))
    for _ in range(4000):
        mac, domain = chance.choice(macs), chance.randrange(3)
        match chance.randrange(12):
            case 0:
                cache.drop(mac)
                model.pop(mac, None)
            case 1 if not chance.randrange(20):
                cache.drop_domain(domain)
                for one in [m for m, row in model.items() if row[0] == domain]:
                    del model[one]
            case 2 if not chance.randrange(40):
                cache.clear()
                model.clear()
            case 3 | 4:
                assert (cache.terms(mac) is not None) == (mac in model)
                if mac in model:
                    model.move_to_end(mac)
            case _:
                name, stamp = chance.choice(NAMES), chance.randrange(2)
                body = chance.randbytes(chance.randrange(40))
                old = model.pop(mac, (0, -1, {}))
                documents = old[2] if old[1] == stamp else {}
                documents.pop(name, None)
                if len(documents) == 2:
                    del documents[next(iter(documents))]
                documents[name] = body
                model[mac] = (domain, stamp, documents)
                dropped = keep(
                    cache,
                    mac,
                    domain=domain,
                    stamp=stamp,
                    model=name[:2],
                    firmware=name[2:],
                    packed=body,
                )
                assert dropped == max(0, len(model) - 60)
                if dropped:
                    model.popitem(last=False)
        assert len(cache) == len(model)
    for mac in macs:
        terms = cache.terms(mac)
        assert (terms is None) == (mac not in model)
        for name in NAMES:
            found = cache.document(mac, 4, "http://a", name[:2], name[2:])
            expected = model[mac][2].get(name) if mac in model else None
            assert (None if found is None else found[1]) == expected
    cache.clear()
    assert cache.size == 0


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.1", "192.0.2.2", "10.0.0.1", "2001:db8::1", "2001:db8::2",
        "2001:db8:0:1::1", "fe80::1%2", "fe80::1%3", "fe80::1%10", "fe80::1", "fe80::2",
        "::1", "::", "64:ff9b::192.0.2.1", "fe80::1%eth0",
    ],
)  # fmt: skip
def test_source_bytes_are_equal_exactly_when_source_keys_are(address: str) -> None:
    others = [
        "192.0.2.1", "192.0.2.2", "2001:db8::9", "2001:db8:0:1::9", "fe80::1%2",
        "fe80::1%3", "fe80::1%10", "fe80::1", "::1", "::2", "fe80::1%eth0",
        "::ffff:192.0.2.1", "64:ff9b::1",
    ]  # fmt: skip
    key = source_key(address)
    assert len(source_bytes(key)) == SOURCE_BYTES
    for other in map(source_key, others):
        assert (source_bytes(key) == source_bytes(other)) == (key == other)


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "1.2.3", "::1/64", "fe80::1%0", "fe80::1%01", "::ffff:1.2.3.4",
        "1.2.3.4\0", "1.2.3.4\0x", "fe80::1\0%2", "fe80::1%" + "1" * 5000, "\ud800",
        "fe80::1%4294967296", "fe80::1%\u0661", "1.2.3.4/64", "::/6\0",
    ],
)  # fmt: skip
def test_a_text_of_no_form_is_like_no_other(text: str) -> None:
    assert source_bytes(text) == source_bytes(text)
    for other in ("y", "::", "::/64", "fe80::1", "1.2.3.4"):
        assert source_bytes(text) != source_bytes(other)


def test_documents_of_no_phone_have_keys_of_their_own() -> None:
    keys = {
        shared_key(kind, url, model, firmware)
        for kind in range(1, 6)
        for url in ("http://a", "http://b")
        for model in ("", "snom370", "snom710")
        for firmware in ("", "8.4.35", "8.7.5.48")
    }
    assert len(keys) == 90


MEASURED = """
import ctypes, resource, sys
from bootwave.native.cache import Cache
from bootwave.native.xml import Plan, pack

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

count = 100_000
plan = Plan([b"x" * 190] * 41)
packed = pack([b"v" * 9] * 30 + [b"w" * 12] * 10)
cache = Cache(1 << 40)
tag = b'"%032x"' % 1
before = resident()
for number in range(count):
    cache.keep(0x000413000000 + number, number % 7, number, 9.0, "boot",
               f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", True, 4,
               "http://a", "snom370", "8.7.5.48", plan, packed, tag)
taken = resident() - before
print(len(packed), len(plan.assemble(packed)), taken / count, cache.size / count)
"""


@pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""),
    reason="a sanitizer pads what it watches",
)
def test_a_cached_document_of_8_kb_takes_700_bytes_at_most() -> None:
    child = subprocess.run(
        [sys.executable, "-c", MEASURED], cwd=ROOT, capture_output=True, check=True
    )
    packed, document, taken, counted = map(float, child.stdout.split())
    assert packed >= 430
    assert document >= 7800
    assert taken <= 700
    assert 0.9 < counted / taken < 1.15


def test_thousands_come_and_go_without_a_trace() -> None:
    cache = Cache(64 * 1024)
    plan = Baked()
    for number in range(20_000):
        keep(cache, number, plan=plan, packed=bytes(number % 900))
        assert cache.size <= 64 * 1024
    cache.clear()
    gc.collect()
    assert sys.getrefcount(plan) == 2


def test_a_phone_is_kept_for_urls_with_its_token() -> None:
    cache = Cache(1 << 20)
    assert not cache.admits(MAC, None)
    cache.guard(MAC, b"token")  # nothing is kept, so nothing is to be guarded
    keep(cache, MAC)
    assert cache.admits(MAC, None)
    assert cache.admits(MAC, b"anything")
    cache.guard(MAC, b"token")
    assert cache.admits(MAC, b"token")
    for other in (None, b"", b"tokem", b"token "):
        assert not cache.admits(MAC, other)
    cache.guard(MAC, b"")
    for other in (None, b"", b"token"):
        assert not cache.admits(MAC, other)
    # It stays so with another document of the phone, and goes with the phone.
    keep(cache, MAC, kind=3)
    assert not cache.admits(MAC, None)
    keep(cache, MAC, stamp=2)
    assert cache.admits(MAC, None)
