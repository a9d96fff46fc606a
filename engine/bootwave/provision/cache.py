"""Documents kept ready, bounded in bytes, the least recently used phone first to go.

One entry per phone: the grant under which it was served, the stamp of what the store
said then, and its documents by kind, base URL, model and firmware.  They stand and
fall together.  Of a document only the slot bytes are the phone's own; the plan is
shared (settings.compiler).  The entries lie outside the Python heap (native.cache),
where the lane finds them, too.

Nothing is kept of a phone without a grant, so strangers cannot fill the cache.  Whether
an entry still holds is for whoever finds it: compare stamp, grant and clock.
"""

from typing import NamedTuple

from bootwave.http.target import DocumentKind
from bootwave.native.cache import Cache, shared_key, source_bytes
from bootwave.pairing.decisions import PROVEN, Grant
from bootwave.pairing.instant import Instant
from bootwave.provision.ports import DocumentPlan

# A phone asks for two kinds, perhaps over two interfaces; more is somebody playing.
DOCUMENTS_PER_PHONE = 8

GENERAL_DOCUMENTS = 256  # models times interfaces; peers can name models, firmware
_GENERAL_BYTES = 64 * 1024 * 1024  # never reached: so many do not grow so large
_PROVEN = source_bytes(PROVEN)


class DocumentKey(NamedTuple):
    """What tells the documents of one phone apart.

    ``model`` is what the phone called itself in the request, and ``firmware`` what its
    User-Agent said of that, as it spelt it; "" when it did not.
    """

    kind: DocumentKind
    base_url: str
    model: str
    firmware: str = ""

    def __repr__(self) -> str:
        """Return the key without the URL, which may hold a token."""
        return f"DocumentKey({self.kind.name}, {self.model!r}, {self.firmware!r})"


class Document(NamedTuple):
    """A document ready to be assembled, and its entity tag with quotes.

    Without a plan the packed bytes are the document.
    """

    plan: DocumentPlan | None
    packed: bytes
    etag: bytes

    def __repr__(self) -> str:
        """Return nothing of what is in it."""
        return f"Document({self.etag!r})"

    def body(self) -> bytes:
        """Return the document's bytes."""
        return self.packed if self.plan is None else self.plan.assemble(self.packed)


class Terms(NamedTuple):
    """Under what a phone's documents may leave.

    ``stamp`` is of the device in its domain (RevocationPage).  ``clear`` is whether the
    grant holds over clear HTTP, too: one decided over TLS says nothing about it.
    ``token`` is what a URL must hold: None is any, and with b"" no URL is right.
    """

    domain_id: int
    stamp: int
    grant: Grant
    clear: bool
    token: bytes | None = None

    def __repr__(self) -> str:
        """Return the terms without the token."""
        return f"Terms({self.domain_id}, {self.stamp}, {self.grant}, {self.clear})"


class Kept(NamedTuple):
    """The terms as the cache has them, the source key as ``source_bytes``."""

    domain_id: int
    stamp: int
    until: float
    boot_id: str
    source: bytes
    clear: bool

    def covers(self, source: str, at: Instant) -> bool:
        """Whether a request from the source key *source* is granted at *at*."""
        return (
            at.boottime < self.until
            and at.boot_id == self.boot_id
            and source_bytes(source) == self.source
        )

    @property
    def is_proven(self) -> bool:
        """Whether the grant was for who proves himself in each request."""
        return self.source == _PROVEN

    def lasts(self, at: Instant) -> bool:
        """Whether a request that proves itself may have it at *at*, from anywhere."""
        return at.boottime < self.until and at.boot_id == self.boot_id


class DocumentCache:
    """The phones' documents of one process, by MAC.

    ``native`` is what they lie in, for the lane.
    """

    def __init__(self, limit: int) -> None:
        """Keep at most *limit* bytes, what is needed around them included."""
        self.native = Cache(limit, documents=DOCUMENTS_PER_PHONE)

    def __len__(self) -> int:
        """Return how many phones are kept."""
        return len(self.native)

    @property
    def size(self) -> int:
        """The bytes in use."""
        return self.native.size

    def find(self, mac: int) -> Kept | None:
        """Return the terms of what is kept of *mac*, counted as used, or None."""
        terms = self.native.terms(mac)
        return None if terms is None else Kept(*terms)

    def document(self, mac: int, key: DocumentKey) -> Document | None:
        """Return the document *key* of *mac*, or None."""
        found = self.native.document(mac, *key)
        return None if found is None else Document(*found)

    def keep(self, mac: int, terms: Terms, key: DocumentKey, document: Document) -> int:
        """Keep *document* of *mac* under *terms*; return how many phones had to go.

        Documents already kept of *mac* stay if they were made under the same stamp;
        then clear HTTP stays granted to the same source, too.
        """
        grant = terms.grant
        dropped = self.native.keep(
            mac,
            terms.domain_id,
            terms.stamp,
            grant.until,
            grant.boot_id,
            grant.source,
            terms.clear,
            *key,
            *document,
        )
        self.native.guard(mac, terms.token)
        return dropped

    def admits(self, mac: int, token: str) -> bool:
        """Whether what is kept of *mac* may leave to a URL with *token*, "" without."""
        return self.native.admits(mac, token.encode() if token else None)

    def drop(self, mac: int) -> None:
        """Forget *mac*."""
        self.native.drop(mac)

    def drop_domain(self, domain_id: int) -> None:
        """Forget every phone of a domain."""
        self.native.drop_domain(domain_id)

    def clear(self) -> None:
        """Forget everything."""
        self.native.clear()


class GeneralDocument(NamedTuple):
    """A document without secrets, the stamp it was made under, and its entity tag."""

    stamp: int
    content: bytes
    etag: bytes

    def __repr__(self) -> str:
        """Return nothing of what is in it: a URL in it may hold a token."""
        return f"GeneralDocument({self.etag!r})"

    def body(self) -> bytes:
        """Return the document's bytes."""
        return self.content


class GeneralDocuments:
    """The documents that belong to no phone, by kind, base URL, model and firmware.

    They are apart from the phones' so that asking for many models, which anybody may,
    drops nobody's settings.  ``native`` is what they lie in: each is the only document
    of its entry, and nothing but the stamp is told of its terms.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.native = Cache(_GENERAL_BYTES, phones=GENERAL_DOCUMENTS, documents=1)

    def __len__(self) -> int:
        """Return how many documents are kept."""
        return len(self.native)

    def find(self, key: DocumentKey, stamp: int) -> GeneralDocument | None:
        """Return the document of *key* made under *stamp*, or None."""
        entry = shared_key(*key)
        terms = self.native.terms(entry)
        if terms is None or terms[1] != stamp:
            return None
        found = self.native.document(entry, *key)
        return None if found is None else GeneralDocument(stamp, found[1], found[2])

    def keep(self, key: DocumentKey, document: GeneralDocument) -> None:
        """Remember *document*, and forget the one least recently used when full."""
        self.native.keep(
            shared_key(*key),
            0,
            document.stamp,
            0.0,
            "",
            "",
            False,
            *key,
            None,
            document.content,
            document.etag,
        )

    def clear(self) -> None:
        """Forget everything."""
        self.native.clear()
