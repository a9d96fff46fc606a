"""Documents kept ready, bounded in bytes, the least recently used phone first to go.

One entry per phone: the grant under which it was served, the stamp of what the store
said then, and its documents by kind, base URL and the model it named.  They stand and
fall together.  Of a document only the slot bytes are the phone's own; the plan is
shared (settings.compiler).

Nothing is kept of a phone without a grant, so strangers cannot fill the cache.  Whether
an entry still holds is for whoever finds it: compare stamp, grant and clock.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

from bootwave.http.target import DocumentKind
from bootwave.pairing.decisions import Grant
from bootwave.provision.ports import DocumentPlan

# What Python takes beside the bytes of a document, measured with tracemalloc.
PHONE_BYTES = 800
DOCUMENT_BYTES = 300

# A phone asks for two kinds, perhaps over two interfaces; more is somebody playing.
DOCUMENTS_PER_PHONE = 8

GENERAL_DOCUMENTS = 256  # models times interfaces; peers can name models


class DocumentKey(NamedTuple):
    """What tells the documents of one phone apart.

    ``model`` is what the phone called itself in the request, "" when it did not.
    """

    kind: DocumentKind
    base_url: str
    model: str


class Document(NamedTuple):
    """A document ready to be assembled, and its entity tag with quotes."""

    plan: DocumentPlan
    packed: bytes
    etag: bytes

    def body(self) -> bytes:
        """Return the document's bytes."""
        return self.plan.assemble(self.packed)


class Terms(NamedTuple):
    """Under what a phone's documents may leave.

    ``stamp`` is of the device in its domain (RevocationPage).  ``clear`` is whether the
    grant holds over clear HTTP, too: one decided over TLS says nothing about it.
    """

    domain_id: int
    stamp: int
    grant: Grant
    clear: bool


@dataclass(slots=True)
class CachedPhone:
    """One phone's documents, their terms, and the bytes they take."""

    terms: Terms
    documents: dict[DocumentKey, Document]
    size: int = 0


class DocumentCache:
    """The phones' documents of one process, by MAC."""

    def __init__(self, limit: int) -> None:
        """Keep at most *limit* bytes, what Python needs around them included."""
        self._limit = limit
        self._phones: OrderedDict[int, CachedPhone] = OrderedDict()
        self._domains: dict[int, set[int]] = {}
        self._size = 0

    def __len__(self) -> int:
        """Return how many phones are kept."""
        return len(self._phones)

    @property
    def size(self) -> int:
        """The bytes in use."""
        return self._size

    def find(self, mac: int) -> CachedPhone | None:
        """Return what is kept of *mac* and count it as used, or None."""
        phone = self._phones.get(mac)
        if phone is not None:
            self._phones.move_to_end(mac)
        return phone

    def keep(self, mac: int, terms: Terms, key: DocumentKey, document: Document) -> int:
        """Keep *document* of *mac* under *terms*; return how many phones had to go.

        Documents already kept of *mac* stay if they were made under the same stamp.
        """
        documents: dict[DocumentKey, Document] = {}
        kept = self._phones.get(mac)
        if kept is not None and kept.terms.stamp == terms.stamp:
            documents = kept.documents
            if kept.terms.clear and kept.terms.grant.source == terms.grant.source:
                terms = terms._replace(clear=True)
        self.drop(mac)
        documents.pop(key, None)
        if len(documents) >= DOCUMENTS_PER_PHONE:
            del documents[next(iter(documents))]
        documents[key] = document
        size = PHONE_BYTES + sum(
            DOCUMENT_BYTES + len(held.packed) for held in documents.values()
        )
        self._phones[mac] = CachedPhone(terms, documents, size)
        self._domains.setdefault(terms.domain_id, set()).add(mac)
        self._size += size
        dropped = 0
        while self._size > self._limit:
            self.drop(next(iter(self._phones)))
            dropped += 1
        return dropped

    def drop(self, mac: int) -> None:
        """Forget *mac*."""
        phone = self._phones.pop(mac, None)
        if phone is None:
            return
        self._size -= phone.size
        macs = self._domains[phone.terms.domain_id]
        macs.discard(mac)
        if not macs:
            del self._domains[phone.terms.domain_id]

    def drop_domain(self, domain_id: int) -> None:
        """Forget every phone of a domain."""
        for mac in list(self._domains.get(domain_id, ())):
            self.drop(mac)

    def clear(self) -> None:
        """Forget everything."""
        self._phones.clear()
        self._domains.clear()
        self._size = 0


class GeneralDocument(NamedTuple):
    """A document without secrets, the stamp it was made under, and its entity tag."""

    stamp: int
    content: bytes
    etag: bytes


class GeneralDocuments:
    """The documents that belong to no phone, by kind, base URL and model.

    They are apart from the phones' so that asking for many models, which anybody may,
    drops nobody's settings.
    """

    def __init__(self) -> None:
        """Start empty."""
        self._documents: OrderedDict[DocumentKey, GeneralDocument] = OrderedDict()

    def __len__(self) -> int:
        """Return how many documents are kept."""
        return len(self._documents)

    def find(self, key: DocumentKey, stamp: int) -> GeneralDocument | None:
        """Return the document of *key* made under *stamp*, or None."""
        document = self._documents.get(key)
        if document is None or document.stamp != stamp:
            return None
        self._documents.move_to_end(key)
        return document

    def keep(self, key: DocumentKey, document: GeneralDocument) -> None:
        """Remember *document*, and forget the one least recently used when full."""
        self._documents[key] = document
        self._documents.move_to_end(key)
        if len(self._documents) > GENERAL_DOCUMENTS:
            self._documents.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._documents.clear()
