"""The lane of one worker: what native.http needs to know of the rest of the engine.

The lane reads nothing but memory: the documents kept ready, the counters of what was
revoked.  What a User-Agent says, which model a phone type names and by which URL an
address is reached, it asks here, once for each text, so that the answer is the one
that ``provision.asked`` gives.
"""

from typing import TYPE_CHECKING

from bootwave.http.connection import Deadlines
from bootwave.metrics import Counter, CounterRow
from bootwave.native.ring import SightingRing
from bootwave.options import Options
from bootwave.phone.mac import SNOM_OUIS
from bootwave.phone.model import model_from_text
from bootwave.phone.useragent import described
from bootwave.provision.answering import Answering
from bootwave.provision.cache import DocumentCache, GeneralDocuments
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.urls import base_url
from bootwave.server.balancers import Balancers
from bootwave.server.connections import CROWDED
from bootwave.sightings import Reason

if TYPE_CHECKING:
    from bootwave.native.http import Lane

_COUNTED = (
    Counter.HTTP_CONNECTIONS,
    Counter.HTTP_REQUESTS,
    Counter.DOCUMENTS,
    Counter.DOCUMENTS_SECRET,
    Counter.CACHE_HITS,
)
_REASONS = (
    Reason.SERVED_GENERAL,
    Reason.SERVED_WINDOW,
    Reason.NOT_MODIFIED,
    Reason.SERVED_CERTIFICATE,
)

_DEADLINES = Deadlines()


def lane_is_possible() -> bool:
    """Whether this system has what the lane is made of: epoll."""
    try:
        import bootwave.native.http  # noqa: F401
    except ImportError:
        return False
    return True


def make_lane(
    documents: DocumentCache,
    general: GeneralDocuments,
    revocations: RevocationPage,
    counters: CounterRow,
    sightings: SightingRing,
    options: Options,
    boot_id: str,
    deadlines: Deadlines = _DEADLINES,
    answering: Answering | None = None,
) -> "Lane":
    """Return a lane that answers from *documents* and *general* and tells *sightings*.

    Make it after fork, in the boot *boot_id*.  *answering* is this worker's.
    """
    from bootwave.native.http import Lane

    def url_of(address: str, port: int) -> str:
        return base_url(options, (address, port), secure=False)

    capacity = options.http.connections
    return Lane(
        documents=documents.native,
        general=general.native,
        revocations=revocations.counters,
        layout=revocations.layout,
        counters=counters.counters,
        row=counters.offset,
        counted=tuple(map(int, _COUNTED)),
        sightings=sightings,
        reasons=(
            int(_REASONS[0]),
            int(_REASONS[1]),
            int(_REASONS[2]),
            int(_REASONS[3]),
        ),
        boot=documents.native.boot_number(boot_id),
        url=url_of("0.0.0.0", 0) if options.http.url else "",
        url_of=url_of,
        describe=_describe,
        model_of=model_from_text,
        vendors=tuple(sorted(SNOM_OUIS)),
        idle=deadlines.idle,
        stall=deadlines.write_stall,
        answer=deadlines.answer,
        head=deadlines.head,
        capacity=capacity,
        crowded=max(1, int(capacity * CROWDED)),
        balancers=Balancers(options.http.proxy_protocol).packed,
        answering=(
            None if answering is None else (answering.counters, answering.index)
        ),
    )


def _describe(text: str) -> tuple[str, str, str, int, int]:
    found = described(text)
    detail = f"{found.model} {found.firmware}".strip()
    return found.model, found.firmware, detail, found.end, found.deciding
