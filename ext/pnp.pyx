"""The native answer to the SUBSCRIBE of most phones.

``PnpLane`` does the common part of sip/pnp.py, in the same table of transactions and
without Python objects: the SUBSCRIBE of a bound phone, its retransmission, and the
phone's 200 to the NOTIFY.  Whatever it does not recognise completely it declines, with
nothing changed, and sip/pnp.py decides.  A property test holds the two to the same
bytes.  ``BoundMacs`` says who is bound.  Every use holds the GIL.
"""

from hashlib import blake2b

cimport cython
from addresses cimport (
    Address,
    address_from_ipv4,
    address_from_text,
    text_from_address,
    to_big_endian,
)
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from lane cimport ANSWER_BYTES, DatagramLane, Heard, Outgoing
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy
from pnpanswers cimport URL_BYTES, Names, Told, tell, write_notify, write_ok
from pnpplain cimport is_canonical_model, is_plain, is_plain_contact
from pnpqueue cimport NOTHING, Queue, find
from pnptable cimport (
    Bucket,
    Notify,
    Table,
    branch_number,
    data_of,
    drop_notify,
    finish,
    is_proven,
    new_notify,
    put_answer,
    put_notify,
    tokens_of,
    was_answered_after,
)
from pnpwriter cimport (
    Writer,
    hex_digits,
    write,
    write_ipv4,
    write_number,
    write_span,
    write_text,
    writer,
)
from ring cimport DETAIL_BYTES, Ring, SightingRecord, sighting_place
from sipmessage cimport DATAGRAM_BYTES, Bytes, Fields, Parser, blank, named
from siphash cimport bw_siphash, bw_siphash_key, bw_siphash_start

from bootwave.native.sip import _parser

cdef extern from *:
    """
    static inline uint64_t bw_counter(const uint64_t *at) {
        return __atomic_load_n(at, __ATOMIC_SEQ_CST);
    }
    """
    uint64_t bw_counter(const uint64_t* at) noexcept nogil

# Mirrors of bootwave.sightings.Reason; a test compares them.
cdef enum:
    ANSWERED = 1
    CONFIRMED = 2
    UNCONFIRMED = 3

REASONS = (ANSWERED, CONFIRMED, UNCONFIRMED)

cdef enum:
    ECHOED_BYTES = 1024  # mirrors bootwave.limits; a test compares them
    HASHED_BYTES = 2048  # of what names a transaction
    TOLD = 128  # addresses of ours that phones are heard on, twice where both hear

MAX_ECHOED_BYTES = ECHOED_BYTES

cdef Parser* PARSER = <Parser*>PyCapsule_GetPointer(
    _parser, "bootwave.native.sip._parser"
)


# Who is answered -------------------------------------------------------------------


cdef uint64_t CERTIFIED = <uint64_t>1 << 63  # of Bound.mac: it owns a certificate


cdef struct Bound:
    uint64_t mac  # 0: none
    uint64_t stamp
    uint32_t counters[3]
    uint32_t generation


@cython.final
@cython.auto_pickle(False)
cdef class BoundMacs:
    """MACs that may be answered as long as three counters of each stay the same.

    *counters* is the buffer of provision.revocations, kept alive.  There is room for
    *places* MACs, a power of two; one may take the place of another, which then is
    looked up again.  Each is known to own a certificate, or not.  Raises ValueError for
    other sizes.
    """

    cdef Bound* bounds
    cdef uint64_t mask
    cdef Py_buffer view
    cdef bint held
    cdef uint64_t counters
    cdef uint32_t generation

    def __cinit__(self, counters, Py_ssize_t places):
        if not 1 <= places <= 1 << 24 or places & (places - 1):
            raise ValueError("places must be a power of two up to 2**24")
        PyObject_GetBuffer(counters, &self.view, PyBUF_SIMPLE)
        self.held = True
        self.counters = <uint64_t>self.view.len // 8
        if <size_t>self.view.buf % 8:
            raise ValueError("the counters are not aligned")
        self.mask = <uint64_t>places - 1
        self.bounds = <Bound*>PyMem_RawCalloc(<size_t>places, sizeof(Bound))
        if self.bounds == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_RawFree(self.bounds)
        if self.held:
            PyBuffer_Release(&self.view)

    cdef Bound* place(self, uint64_t mac) noexcept:
        # Phones of one delivery are numbered in sequence: low bits spread them evenly.
        return &self.bounds[(mac ^ mac >> 24) & self.mask]

    def keep(
        self,
        uint64_t mac,
        uint32_t first,
        uint32_t second,
        uint32_t third,
        uint64_t stamp,
        *,
        bint certified=False,
    ):
        """Hold *mac* while the sum of three counters is *stamp*.

        *certified* is whether it is known to own a certificate.  Raises IndexError for
        a counter outside the buffer.
        """
        cdef Bound* bound = self.place(mac)
        if max(first, second, third) >= self.counters:
            raise IndexError("no such counter")
        bound.mac = mac | CERTIFIED if certified else mac
        bound.stamp = stamp
        bound.generation = self.generation
        bound.counters[0] = first
        bound.counters[1] = second
        bound.counters[2] = third

    def drop(self, uint64_t mac):
        """Hold *mac* no longer."""
        cdef Bound* bound = self.place(mac)
        if bound.mac & ~CERTIFIED == mac:
            bound.mac = 0

    def clear(self):
        """Hold none any longer."""
        # Writing to each place would make pages of those that were never used.
        self.generation += 1

    def __contains__(self, uint64_t mac):
        """Whether *mac* is held and nothing of it was revoked since."""
        return self.holds(mac)

    cdef bint holds(self, uint64_t mac) noexcept:
        cdef Bound* bound = self.place(mac)
        cdef const uint64_t* counters = <const uint64_t*>self.view.buf
        if (
            mac == 0
            or bound.mac & ~CERTIFIED != mac
            or bound.generation != self.generation
        ):
            return False
        return bound.stamp == (
            bw_counter(counters + bound.counters[0])
            + bw_counter(counters + bound.counters[1])
            + bw_counter(counters + bound.counters[2])
        )

    cdef bint is_certified(self, uint64_t mac) noexcept:
        """Whether *mac* was held as one that owns a certificate."""
        return self.place(mac).mac == mac | CERTIFIED


# The lane --------------------------------------------------------------------------


def names_key(bytes secret not None):
    """Return the key of names(), drawn from *secret*.

    Raises ValueError when *secret* has not 16 to 64 bytes.
    """
    if not 16 <= len(secret) <= 64:
        raise ValueError("the secret has 16 to 64 bytes")
    return blake2b(b"names", digest_size=16, key=secret).digest()


def names(bytes key not None, bytes data not None):
    """Return the 16 bytes that name what *data* describes.

    They are a hash keyed with *key*, the 16 bytes of names_key(): who does not know it
    can neither foretell them nor find two data that share them.
    """
    cdef bw_siphash_key state
    cdef uint64_t high, low
    cdef uint8_t[16] spelt
    if len(key) != 16:
        raise ValueError("the key has 16 bytes")
    bw_siphash_start(&state, <const uint8_t*>PyBytes_AS_STRING(key))
    bw_siphash(
        &state, <const uint8_t*>PyBytes_AS_STRING(data), <size_t>len(data), &high, &low
    )
    to_big_endian(high, spelt)
    to_big_endian(low, spelt + 8)
    return PyBytes_FromStringAndSize(<char*>spelt, 16)


cdef struct Link:
    int interface
    uint32_t subnet
    uint32_t mask


@cython.final
@cython.auto_pickle(False)
@cython.no_gc  # nothing it holds can hold it, and the capsule knows its address
cdef class PnpLane:
    """Answers what is common without Python objects, in the same table as PnpCore.

    *table*, *secret*, *port* and *most_sends* are those of the core, *macs* says who is
    answered, and *sightings* is told.  Nothing is answered on an address of ours before
    its URL was named, one for phones that own a certificate and one for the others, nor
    from outside the ``links``.
    """

    cdef object transactions
    cdef Table* table
    cdef BoundMacs macs
    cdef object sightings
    cdef Ring* ring
    cdef bw_siphash_key key
    cdef int port
    cdef int most_sends
    cdef int known
    cdef Told[TOLD] told
    cdef Link* links
    cdef Py_ssize_t link_count
    cdef uint32_t* own
    cdef Py_ssize_t own_count
    cdef DatagramLane lane
    cdef readonly object _lane

    def __cinit__(
        self,
        table,
        BoundMacs macs not None,
        sightings,
        *,
        bytes secret not None,
        int port,
        int most_sends,
    ):
        cdef bytes key = names_key(secret)
        bw_siphash_start(&self.key, <const uint8_t*>PyBytes_AS_STRING(key))
        self.transactions = table
        self.table = <Table*>PyCapsule_GetPointer(
            table._table, "bootwave.native.transactions._table"
        )
        self.macs = macs
        self.sightings = sightings
        self.ring = <Ring*>PyCapsule_GetPointer(
            sightings._ring, "bootwave.native.ring._ring"
        )
        self.port = port
        self.most_sends = most_sends
        self.lane.state = <void*>self
        self.lane.answer = answer_for
        self._lane = PyCapsule_New(&self.lane, "bootwave.native.pnp._lane", NULL)

    def __dealloc__(self):
        PyMem_RawFree(self.links)
        PyMem_RawFree(self.own)

    def learn(self, uint64_t mac, str address not None, str url not None):
        """Tell *url*, which *mac* was told, to the phones like it.

        That is, heard on *address* of ours, and with or without a certificate.  When
        *mac* is not held it is like no other, and nothing is learnt.
        """
        if self.macs.holds(mac):
            self.tell(address, url, certified=self.macs.is_certified(mac))

    def tell(
        self, str address not None, str url not None, *, bint certified=False
    ):
        """Tell *url* to the phones heard on *address* of ours.

        Those that are held as *certified*, or the others.  What does not fit, or is not
        IPv4, stays with the core.  Raises ValueError for a URL with bytes that none
        has.
        """
        cdef Address here = address_from_text(address)
        cdef bytes text = url.encode()
        cdef uint8_t byte
        cdef Told prepared
        cdef Told* told
        for byte in text:
            if not 0x20 < byte < 0x7F:
                raise ValueError(f"not a URL that a phone can be told: {url!r}")
        if here.high or here.low >> 32 != 0xFFFF or len(text) > URL_BYTES:
            return
        if not tell(
            &prepared,
            <uint32_t>here.low,
            <uint32_t>self.port,
            <const uint8_t*>PyBytes_AS_STRING(text),
            len(text),
        ):
            return
        prepared.certified = certified
        told = self.told_on(prepared.local, certified)
        if told == NULL:
            # Past the bound the addresses take turns: the core answers meanwhile.
            told = &self.told[self.known % TOLD]
            self.known += 1
        told[0] = prepared

    cdef Told* told_on(self, uint32_t local, bint certified) noexcept:
        cdef int i
        for i in range(min(self.known, TOLD)):
            if self.told[i].local == local and self.told[i].certified == certified:
                return &self.told[i]
        return NULL

    def set_links(self, list subnets not None, list own not None):
        """Answer sources in *subnets*, (interface, subnet, mask), and *own* ones."""
        cdef Py_ssize_t i
        cdef Py_ssize_t link_count = len(subnets)
        cdef Py_ssize_t own_count = len(own)
        cdef Link* links = <Link*>PyMem_RawCalloc(<size_t>link_count + 1, sizeof(Link))
        cdef uint32_t* addresses = <uint32_t*>PyMem_RawCalloc(
            <size_t>own_count + 1, sizeof(uint32_t)
        )
        try:
            if links == NULL or addresses == NULL:
                raise MemoryError
            for i in range(link_count):
                links[i].interface, links[i].subnet, links[i].mask = subnets[i]
            for i in range(own_count):
                addresses[i] = own[i]
        except BaseException:
            PyMem_RawFree(links)
            PyMem_RawFree(addresses)
            raise
        PyMem_RawFree(self.links)
        PyMem_RawFree(self.own)
        self.links = links
        self.link_count = link_count
        self.own = addresses
        self.own_count = own_count

    cdef bint on_link(self, uint32_t source, int interface) noexcept:
        cdef Py_ssize_t i
        for i in range(self.link_count):
            if (
                self.links[i].interface == interface
                and source & self.links[i].mask == self.links[i].subnet
            ):
                return True
        for i in range(self.own_count):
            if self.own[i] == source:
                return True
        return False

    def answer(
        self,
        data,
        str source not None,
        uint16_t port,
        str local not None,
        int interface,
        double now,
        double wall,
        received=None,
    ):
        """Return (response, request), b"" for what is not sent; None when declined.

        For one datagram without a socket; both go where sip/pnp.py would send them, as
        the third and fourth item say: (response, request, host, port).  *received*,
        *now* unless told, is when the datagram came.  Raises ValueError for addresses
        that are not IPv4.
        """
        cdef Py_buffer view
        cdef uint8_t[2 * ANSWER_BYTES] answers
        cdef Outgoing response
        cdef Outgoing request
        cdef Heard heard
        heard.source = ipv4_from_text(source)
        heard.local = ipv4_from_text(local)
        heard.port = port
        heard.interface = interface
        heard.received = now if received is None else received
        heard.truncated = False
        response.data = answers
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            heard.data = <const uint8_t*>view.buf
            heard.size = <int>min(view.len, DATAGRAM_BYTES + 1)
            if not answer_for(
                <void*>self, &heard, now, wall, &response, &request
            ):
                return None
            return (
                PyBytes_FromStringAndSize(<char*>response.data, response.size),
                PyBytes_FromStringAndSize(<char*>request.data, request.size),
                text_from_address(address_from_ipv4(response.destination)),
                response.port,
            )
        finally:
            PyBuffer_Release(&view)

    cdef bint receive(
        self,
        const Heard* heard,
        double now,
        double wall,
        Outgoing* response,
        Outgoing* request,
    ) noexcept:
        cdef Fields f
        cdef int where = 0
        response.size = 0
        response.destination = heard.source
        response.port = heard.port
        request.data = response.data
        request.size = 0
        if heard.size > DATAGRAM_BYTES:
            return False
        blank(&f)
        if PARSER.read(heard.data, heard.size, &f, &where) != NULL or f.folded:
            return False
        if f.status:
            return self.receive_response(heard, &f, now, wall)
        return self.receive_subscribe(heard, &f, now, wall, response, request)

    cdef bint receive_response(
        self, const Heard* heard, Fields* f, double now, double wall
    ) noexcept:
        """The 2xx of a phone to its NOTIFY (RFC 3261 section 17.1.3)."""
        cdef Bytes p = heard.data
        cdef uint64_t number = 0
        cdef int32_t at
        cdef Notify* notify
        cdef Address source = address_from_ipv4(heard.source)
        if not 200 <= f.status < 300 or f.via_count != 1 or f.cseq_number != 1:
            return False
        if not branch_number(p + f.branch.at, f.branch.end - f.branch.at, &number):
            return False
        if f.cseq_method.end - f.cseq_method.at != 6 or memcmp(
            p + f.cseq_method.at, <const char*>"NOTIFY", 6
        ) != 0:
            return False
        at = find(&self.table.notifies, 0, number)
        if at == NOTHING:
            return False
        notify = <Notify*>self.table.notifies.nodes[at].value
        if (
            notify.destination.high != source.high
            or notify.destination.low != source.low
            or notify.call_id_size != f.call_id.end - f.call_id.at
            or memcmp(
                data_of(notify) + notify.size,
                p + f.call_id.at,
                <size_t>notify.call_id_size,
            ) != 0
        ):
            return False
        self.sight(wall, notify.mac, source, CONFIRMED, notify)
        finish(self.table, at, source, now)
        return True

    cdef bint receive_subscribe(
        self,
        const Heard* heard,
        Fields* f,
        double now,
        double wall,
        Outgoing* response,
        Outgoing* request,
    ) noexcept:
        cdef Bytes p = heard.data
        cdef uint64_t mac
        cdef uint64_t high, low
        cdef uint8_t[HASHED_BYTES] hashed
        cdef uint8_t[16] host
        cdef uint8_t[DETAIL_BYTES] detail
        cdef Writer w, source_text, out
        cdef Names wire
        cdef Told* told
        cdef Address source
        cdef Bucket* bucket = NULL
        cdef int32_t answered
        cdef Notify* notify

        if f.method.end - f.method.at != 9 or memcmp(
            p + f.method.at, <const char*>"SUBSCRIBE", 9
        ) != 0:
            return False
        # A Via that names "received" itself, or several of them, is not plain.
        if f.via_count != 1 or f.received.at != 0 or f.to_tag.at != f.to_tag.end:
            return False
        if not (
            named(p, f.event_package, "ua-profile", 10)
            and named(p, f.profile_type, "device", 6)
        ):
            return False
        mac = <uint64_t>PARSER.mac(p, f)
        if mac == 0 or mac >> 40 & 1:
            return False
        if not self.on_link(heard.source, heard.interface):
            return False
        if not f.has_rport:
            response.port = <uint16_t>(f.sent_by_port if f.sent_by_port else 5060)
        if response.port == 0:
            return False
        response.local = heard.local
        response.interface = heard.interface
        if ECHOED_BYTES < (
            (f.vias[0].end - f.vias[0].at)
            + (f.from_value.end - f.from_value.at)
            + (f.to_value.end - f.to_value.at)
            + (f.call_id.end - f.call_id.at)
        ):
            return False
        source = address_from_ipv4(heard.source)
        if not is_proven(self.table, source):
            bucket = tokens_of(self.table, source, now)
            if bucket.tokens < 1:
                return False
        told = self.told_on(heard.local, self.macs.is_certified(mac))
        if told == NULL:
            return False

        # sip.transaction.names_from_subscribe
        source_text = writer(host, 16)
        write_ipv4(&source_text, heard.source)
        w = writer(hashed, HASHED_BYTES)
        write(&w, host, source_text.at - host)
        write_text(&w, "\n")
        write_number(&w, heard.port)
        write_text(&w, "\n")
        write_span(&w, p, f.request_uri)
        write_text(&w, "\n")
        write_span(&w, p, f.vias[0])
        write_text(&w, "\n")
        write_span(&w, p, f.from_tag)
        write_text(&w, "\n")
        write_span(&w, p, f.call_id)
        write_text(&w, "\n")
        write_number(&w, f.cseq_number)
        if w.full:
            return False
        bw_siphash(&self.key, hashed, <size_t>(w.at - hashed), &high, &low)
        hex_digits(high, wire.text)
        hex_digits(low, wire.text + 16)

        out = writer(response.data, ANSWER_BYTES)
        answered = find(&self.table.answers, high, low)
        if answered != NOTHING:
            if not was_answered_after(self.table, answered, heard.received):
                if not write_ok(&out, p, f, told, &wire, &source_text, heard.port):
                    return False
                response.size = <int>(out.at - out.start)
            if bucket != NULL:
                bucket.tokens -= 1
            return True
        if find(&self.table.waits, high, low) != NOTHING or not self.macs.holds(mac):
            return False
        if not (is_canonical_model(p, f.model) and is_plain(p, f.version)):
            return False
        # sip.event takes blanks at the ends away.
        if p[f.version.end - 1] == 0x20 or f.event_id.at != f.event_id.end:
            return False
        if not is_plain_contact(p, f.contact_uri):
            return False
        if find(&self.table.notifies, 0, low) != NOTHING:
            return False
        if not write_ok(&out, p, f, told, &wire, &source_text, heard.port):
            return False
        request.data = out.at
        w = writer(request.data, ANSWER_BYTES)
        if not write_notify(&w, p, f, told, &wire):
            return False
        request.size = <int>(w.at - w.start)
        w = writer(detail, DETAIL_BYTES)
        write_span(&w, p, f.model)
        write_text(&w, " ")
        write_span(&w, p, f.version)
        notify = NULL if w.full else new_notify(
            request.data,
            request.size,
            p + f.call_id.at,
            f.call_id.end - f.call_id.at,
            detail,
            w.at - w.start,
        )
        if notify == NULL:
            request.size = 0
            return False

        # Nothing can fail from here on.
        response.size = <int>(out.at - out.start)
        request.destination = response.destination
        request.port = response.port
        request.local = response.local
        request.interface = response.interface
        if bucket != NULL:
            bucket.tokens -= 1
        notify.branch = low
        notify.mac = mac
        notify.destination = source
        notify.port = response.port
        notify.local = address_from_ipv4(heard.local)
        notify.interface = heard.interface
        notify.most_sends = self.most_sends
        put_answer(self.table, high, low, now)
        self.sight(wall, mac, source, ANSWERED, notify)
        if self.table.notifies.count >= self.table.notifies.most:
            self.give_up_oldest(wall)
        put_notify(self.table, notify, now)
        while self.table.notify_bytes > self.table.most_notify_bytes:
            self.give_up_oldest(wall)
        return True

    cdef void give_up_oldest(self, double wall) noexcept:
        cdef Queue* q = &self.table.notifies
        cdef Notify* notify = <Notify*>q.nodes[q.oldest].value
        self.sight(wall, notify.mac, notify.destination, UNCONFIRMED, notify)
        drop_notify(self.table, q.oldest)

    cdef void sight(
        self, double wall, uint64_t mac, Address source, uint16_t reason, Notify* told
    ) noexcept:
        cdef SightingRecord* record = sighting_place(self.ring)
        if record == NULL:
            return
        record.at = wall
        record.mac = mac
        record.reason = reason
        to_big_endian(source.high, record.source)
        to_big_endian(source.low, record.source + 8)
        record.detail_size = <uint8_t>min(told.detail_size, DETAIL_BYTES)
        memcpy(
            record.detail,
            data_of(told) + told.size + told.call_id_size,
            record.detail_size,
        )


cdef uint32_t ipv4_from_text(str text) except? 0:
    cdef Address address = address_from_text(text)
    if address.high or address.low >> 32 != 0xFFFF:
        raise ValueError(f"not an IPv4 address: {text!r}")
    return <uint32_t>address.low


cdef bint answer_for(
    void* state,
    const Heard* heard,
    double now,
    double wall,
    Outgoing* response,
    Outgoing* request,
) noexcept:
    return (<PnpLane>state).receive(heard, now, wall, response, request)
