import pytest

from bootwave.http.target import DocumentKind
from bootwave.native.cache import source_bytes
from bootwave.pairing.decisions import Grant
from bootwave.pairing.instant import Instant
from bootwave.provision.cache import (
    DOCUMENTS_PER_PHONE,
    GENERAL_DOCUMENTS,
    Document,
    DocumentCache,
    DocumentKey,
    GeneralDocument,
    GeneralDocuments,
    Terms,
)
from tests.provision.bench import PlainPlan

GRANT = Grant("window", 700.0, "boot-1", "192.168.4.4")
TERMS = Terms(1, 5, GRANT, True)
KEY = DocumentKey(DocumentKind.SETTINGS, "http://192.168.4.1", "snom370")
PLAN = PlainPlan()


def document(content: bytes = bytes(100)) -> Document:
    return Document(PLAN, content, b'"tag"')


def size_of_one() -> int:
    cache = DocumentCache(1 << 20)
    cache.keep(1, TERMS, KEY, document())
    return cache.size


ONE = size_of_one()


def models(cache: DocumentCache, mac: int, count: int) -> list[int]:
    """Which of the models m0, m1, ... have a document."""
    return [n for n in range(count) if cache.document(mac, key(f"m{n}")) is not None]


def key(model: str) -> DocumentKey:
    return KEY._replace(model=model)


def test_what_is_kept_is_found_under_its_terms() -> None:
    cache = DocumentCache(10 * ONE)
    assert cache.keep(7, TERMS, KEY, document(b"body")) == 0
    kept = cache.find(7)
    assert kept is not None
    assert kept == (1, 5, 700.0, "boot-1", source_bytes("192.168.4.4"), True)
    assert cache.document(7, KEY) == document(b"body")
    assert cache.find(8) is None
    assert cache.document(8, KEY) is None
    assert cache.document(7, key("other")) is None


@pytest.mark.parametrize(
    ("source", "boottime", "boot_id", "covered"),
    [
        ("192.168.4.4", 699.9, "boot-1", True),
        ("192.168.4.4", 700.0, "boot-1", False),
        ("192.168.4.4", 1.0, "boot-2", False),
        ("192.168.4.5", 1.0, "boot-1", False),
        ("2001:db8::/64", 1.0, "boot-1", False),
    ],
)
def test_what_is_kept_is_granted_as_the_grant_was(
    source: str, boottime: float, boot_id: str, covered: bool
) -> None:
    cache = DocumentCache(10 * ONE)
    cache.keep(7, TERMS, KEY, document())
    kept = cache.find(7)
    assert kept is not None
    at = Instant(boottime, boot_id)
    assert kept.covers(source, at) == GRANT.covers(source, at) == covered


def test_the_phone_least_recently_used_goes_first() -> None:
    cache = DocumentCache(3 * ONE)
    for mac in (1, 2, 3):
        cache.keep(mac, TERMS, KEY, document())
    cache.find(1)
    assert cache.keep(4, TERMS, KEY, document()) == 1
    assert [mac for mac in range(5) if cache.find(mac)] == [1, 3, 4]


def test_the_bound_holds_whatever_is_kept() -> None:
    cache = DocumentCache(5 * ONE)
    for number in range(100):
        cache.keep(number % 40, TERMS, key(f"m{number}"), document(bytes(number * 9)))
        assert cache.size <= 5 * ONE


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    cache = DocumentCache(0)
    assert cache.keep(1, TERMS, KEY, document()) == 1
    assert len(cache) == cache.size == 0


def test_documents_of_one_stamp_stand_together() -> None:
    cache = DocumentCache(10 * ONE)
    cache.keep(7, TERMS, key("m0"), document())
    cache.keep(7, TERMS, key("m1"), document())
    assert models(cache, 7, 3) == [0, 1]
    cache.keep(7, TERMS._replace(stamp=6), key("m2"), document())
    assert models(cache, 7, 3) == [2]
    assert cache.size == ONE


def test_one_phone_keeps_few_documents() -> None:
    cache = DocumentCache(100 * ONE)
    for number in range(3 * DOCUMENTS_PER_PHONE):
        cache.keep(7, TERMS, key(f"m{number}"), document())
    count = 3 * DOCUMENTS_PER_PHONE
    assert models(cache, 7, count) == list(range(count - DOCUMENTS_PER_PHONE, count))
    assert cache.native.documents_of(7) == DOCUMENTS_PER_PHONE


def test_clear_http_stays_granted_for_the_same_source_and_stamp_only() -> None:
    over_tls = TERMS._replace(clear=False)
    elsewhere = Grant("window", 700.0, "boot-1", "192.168.4.5")
    for second, clear in [
        (over_tls, True),
        (over_tls._replace(stamp=6), False),
        (over_tls._replace(grant=elsewhere), False),
    ]:
        cache = DocumentCache(10 * ONE)
        cache.keep(7, TERMS, key("a"), document())
        cache.keep(7, second, key("b"), document())
        kept = cache.find(7)
        assert kept is not None
        assert kept.clear == clear
        assert kept.stamp == second.stamp
        assert kept.source == source_bytes(second.grant.source)


def test_phones_are_dropped_one_by_one_by_domain_or_all() -> None:
    cache = DocumentCache(100 * ONE)
    for mac in range(6):
        cache.keep(mac, TERMS._replace(domain_id=mac % 2), KEY, document())
    cache.drop(0)
    cache.drop(0)
    assert len(cache) == 5
    cache.drop_domain(1)
    cache.drop_domain(9)
    assert [mac for mac in range(6) if cache.find(mac)] == [2, 4]
    assert cache.size == 2 * ONE
    cache.clear()
    assert len(cache) == cache.size == 0
    cache.keep(1, TERMS, KEY, document())
    assert len(cache) == 1


def test_a_phone_that_changed_its_domain_goes_with_the_new_one() -> None:
    cache = DocumentCache(100 * ONE)
    cache.keep(7, TERMS, KEY, document())
    cache.keep(7, TERMS._replace(domain_id=2), KEY, document())
    cache.drop_domain(1)
    assert len(cache) == 1
    cache.drop_domain(2)
    assert len(cache) == 0


def test_a_general_document_is_found_under_its_stamp_only() -> None:
    kept = GeneralDocuments()
    made = GeneralDocument(5, b"body", b'"tag"')
    kept.keep(KEY, made)
    assert kept.find(KEY, 5) == made
    assert kept.find(KEY, 6) is None
    assert kept.find(key("other"), 5) is None
    kept.clear()
    assert kept.find(KEY, 5) is None


def test_general_documents_are_few_and_the_least_recently_used_goes_first() -> None:
    kept = GeneralDocuments()
    made = GeneralDocument(5, b"body", b'"tag"')
    for number in range(GENERAL_DOCUMENTS):
        kept.keep(key(f"m{number}"), made)
    kept.find(key("m0"), 5)
    kept.keep(key("one more"), made)
    assert len(kept) == GENERAL_DOCUMENTS
    assert kept.find(key("m0"), 5) is not None
    assert kept.find(key("m1"), 5) is None
