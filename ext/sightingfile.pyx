"""The file of sightings: written in batches, and searched, without an object for each.

recordfile.pxd says what is in it.  Functions take the descriptor of a file; those that
write need its lock to be held by the caller, and leave what the file says unchanged
when they fail.  All let other threads run.  OSError says that the system refused, and
ValueError that the file is damaged.

A sighting is returned as (at, MAC, source, reason, detail).  Only what happened from
*since* on is looked at, in wall-clock seconds.
"""

from cpython.exc cimport PyErr_SetFromErrno
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.errno cimport EINTR, ENOMEM, ENOSYS, EOPNOTSUPP, errno
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memcpy, memset
from mactable cimport Entry, Table, begin_table, end_table, enter, entry_of
from recordfile cimport (
    BW_FILE_MAGIC,
    DAMAGED,
    FAILED,
    FILE_VERSION,
    RINGS,
    FileHead,
    Stages,
    begin_head,
    begin_stages,
    bw_fail,
    end_stages,
    finish_stages,
    is_written,
    load_head,
    offset_of,
    stage_record,
    store_head,
    write_whole,
)
from recordpass cimport (
    Pass,
    begin_pass,
    end_pass,
    next_place,
    next_record,
    turn_round,
)
from ring cimport (
    Ring,
    SightingRecord,
    begin_again,
    detail_text,
    sighting_fields,
    source_text,
)

cdef extern from *:
    """
    static inline int bw_punch(int fd, int64_t at, int64_t size) {
    #ifdef FALLOC_FL_PUNCH_HOLE
        return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, size);
    #else
        errno = EOPNOTSUPP;
        return -1;
    #endif
    }
    """
    int bw_punch(int fd, int64_t at, int64_t size) noexcept nogil

MAGIC = <bytes>BW_FILE_MAGIC
VERSION = FILE_VERSION
RECORD_BYTES = sizeof(SightingRecord)

# Which ring a sighting belongs to.
NAMELESS, UNKNOWN, KNOWN = 0, 1, 2

cdef enum:
    UNKNOWN_RING = 1
    KNOWN_RING = 2
    REASONS = 128  # told apart; those of newer versions belong to known phones


cdef object refuse(int error):
    if error == DAMAGED:
        raise ValueError("the file is damaged")
    PyErr_SetFromErrno(OSError)


cdef int read_head(int fd, FileHead* head) except -1:
    cdef int error
    with nogil:
        error = load_head(fd, head)
    if error:
        refuse(error)
    return 0


cdef int capacities(tuple rows, uint64_t* capacity) except -1:
    cdef int i
    if len(rows) != RINGS:
        raise ValueError("there are three rings")
    for i in range(RINGS):
        capacity[i] = rows[i]
        if not 1 <= capacity[i] <= <uint64_t>1 << 40:
            raise ValueError("a ring has 1 to 2**40 places")
    return 0


def make(int fd, tuple rows not None):
    """Write the head of an empty file whose rings have so many places."""
    cdef FileHead head
    cdef uint64_t[RINGS] capacity
    cdef int error
    capacities(rows, capacity)
    begin_head(&head, capacity)
    with nogil:
        error = store_head(fd, &head)
    if error:
        refuse(error)


def rows(int fd):
    """Return how many places each ring has."""
    cdef FileHead head
    read_head(fd, &head)
    return head.capacity[0], head.capacity[1], head.capacity[2]


def append(int fd, ring, bytes rings not None):
    """Move all that waits in the SightingRing *ring* to the file; return how much.

    The byte of *rings* at the number of a reason says to which ring it belongs; what
    names no MAC is NAMELESS.  When it fails, all waits on.  Nobody else may take from
    *ring* meanwhile.
    """
    cdef Ring* waiting = <Ring*>PyCapsule_GetPointer(
        ring._ring, "bootwave.native.ring._ring"
    )
    cdef uint64_t count = waiting.written - waiting.taken
    cdef const uint8_t* belongs = <const uint8_t*><const char*>rings
    cdef int error
    if len(rings) != REASONS or max(rings) >= RINGS:
        raise ValueError("rings are not those of the reasons")
    # Producers change nothing of these until they are taken.
    with nogil:
        error = append_waiting(fd, waiting, count, belongs)
    if error:
        refuse(error)
    waiting.taken += count
    if waiting.taken == waiting.written:
        begin_again(waiting)
    return count


cdef int append_waiting(
    int fd, const Ring* waiting, uint64_t count, const uint8_t* belongs
) noexcept nogil:
    cdef FileHead head
    cdef Stages stages
    cdef const SightingRecord* record
    cdef uint64_t _i, at = waiting.taken % waiting.capacity
    cdef int ring, error = load_head(fd, &head)
    if error:
        return error
    if begin_stages(&stages) < 0:
        return FAILED
    for _i in range(count):
        record = &waiting.records[at]
        at += 1
        if at == waiting.capacity:
            at = 0
        ring = KNOWN_RING
        if record.mac == 0:
            ring = 0
        elif record.reason < REASONS:
            ring = belongs[record.reason]
        if stage_record(fd, &head, ring, &stages, record) < 0:
            error = FAILED
            break
    if not error:
        error = finish_stages(fd, &head, &stages)
    end_stages(&stages)
    return error


def copy(int fd, int to):
    """Copy the newest of each ring of *fd* that have places in *to*, a made file."""
    cdef int error
    with nogil:
        error = copy_newest(fd, to)
    if error:
        refuse(error)


cdef int copy_newest(int fd, int to) noexcept nogil:
    cdef FileHead head, into
    cdef Stages stages
    cdef Pass each
    cdef const SightingRecord* record
    cdef int ring, error = load_head(fd, &head) or load_head(to, &into)
    if error:
        return error
    if begin_stages(&stages) < 0:
        return FAILED
    for ring in range(RINGS):
        error = begin_pass(&each, fd, &head, ring, into.capacity[ring])
        while not error:
            record = next_record(&each)
            if record == NULL:
                error = each.error
                break
            error = stage_record(to, &into, ring, &stages, record)
        end_pass(&each)
        if error:
            break
    if not error:
        error = finish_stages(to, &into, &stages)
    end_stages(&stages)
    return error


# The time-line of one MAC -----------------------------------------------------------

cdef struct Found:
    SightingRecord* records
    uint64_t count
    uint64_t room


cdef int keep_found(Found* found, const SightingRecord* record) noexcept nogil:
    cdef SightingRecord* grown
    if found.count == found.room:
        found.room = found.room * 2 + 64
        grown = <SightingRecord*>realloc(
            found.records, <size_t>found.room * sizeof(SightingRecord)
        )
        if grown == NULL:
            return bw_fail(ENOMEM)
        found.records = grown
    memcpy(&found.records[found.count], record, sizeof(SightingRecord))
    found.count += 1
    return 0


cdef int find_records(
    int fd,
    uint64_t mac,
    const uint8_t* wanted,
    double since,
    uint64_t most,
    Found* found,
) noexcept nogil:
    cdef FileHead head
    cdef Pass each
    cdef const SightingRecord* record
    cdef uint64_t position = 0, enough
    cdef int ring, error = load_head(fd, &head)
    if error:
        return error
    for ring in range(RINGS - 1, -1, -1):
        enough = found.count + most
        error = begin_pass(&each, fd, &head, ring, head.capacity[ring])
        turn_round(&each)
        while not error and found.count < enough:
            record = next_place(&each, &position)
            if record == NULL:
                error = each.error
                break
            if record.mac != mac or not record.at >= since:
                continue
            if wanted != NULL and not (
                record.reason < REASONS and wanted[record.reason]
            ):
                continue
            if is_written(record, position):
                error = keep_found(found, record)
        end_pass(&each)
        if error:
            return error
    return 0


cdef const uint8_t* wanted_reasons(bytes reasons) except? NULL:
    """The bytes of *reasons*, which the caller keeps, or NULL for any reason."""
    if reasons is None:
        return NULL
    if len(reasons) != REASONS:
        raise ValueError("reasons has a byte for each reason")
    return <const uint8_t*><const char*>reasons


def find(int fd, uint64_t mac, double since, uint64_t most, bytes reasons=None):
    """Return sightings of *mac*: of each ring the newest *most*, newest first.

    The known ring comes first.  *reasons*, if given, has a byte for each number of a
    reason, which is not 0 for those looked for.
    """
    cdef Found found
    cdef const uint8_t* wanted = wanted_reasons(reasons)
    cdef int error
    cdef uint64_t i
    memset(&found, 0, sizeof(Found))
    try:
        with nogil:
            error = find_records(fd, mac, wanted, since, most, &found)
        if error:
            refuse(error)
        return [sighting_fields(&found.records[i]) for i in range(found.count)]
    finally:
        free(found.records)


# Many MACs in one pass --------------------------------------------------------------

cdef int find_latest(
    int fd, double since, const uint8_t* wanted, Table* table
) noexcept nogil:
    cdef FileHead head
    cdef Pass each
    cdef const SightingRecord* record
    cdef Entry* entry
    cdef uint64_t position = 0
    cdef int ring, error = load_head(fd, &head)
    if error:
        return error
    # The newest first: then few are copied more than once.
    for ring in range(RINGS - 1, -1, -1):
        error = begin_pass(&each, fd, &head, ring, head.capacity[ring])
        turn_round(&each)
        while not error:
            record = next_place(&each, &position)
            if record == NULL:
                error = each.error
                break
            if record.mac == 0 or not record.at >= since:
                continue
            if wanted != NULL and not (
                record.reason < REASONS and wanted[record.reason]
            ):
                continue
            entry = entry_of(table, record.mac)
            if (
                entry != NULL
                and (entry.newest.number == 0 or record.at > entry.newest.at)
                and is_written(record, position)
            ):
                memcpy(&entry.newest, record, sizeof(SightingRecord))
        end_pass(&each)
        if error:
            return error
    return 0


def latest(int fd, list macs not None, double since, bytes reasons=None):
    """Return the newest sighting of each of *macs* that was seen, in that order.

    *reasons* are as for ``find``.
    """
    cdef Table table
    cdef const uint8_t* wanted = wanted_reasons(reasons)
    cdef int error
    cdef uint64_t mac, i
    error = begin_table(&table, <uint64_t>len(macs))
    try:
        if error:
            refuse(error)
        for number in macs:
            mac = number
            if enter(&table, mac):
                refuse(FAILED)
        with nogil:
            error = find_latest(fd, since, wanted, &table)
        if error:
            refuse(error)
        return [
            sighting_fields(&table.entries[i].newest)
            for i in range(table.count)
            if table.entries[i].newest.number
        ]
    finally:
        end_table(&table)


# MACs that asked and are bound nowhere ------------------------------------------------


cdef int find_unknown(int fd, double since, Table* table) noexcept nogil:
    """Who asked, then who was known since, then how often the others asked."""
    cdef FileHead head
    cdef int error = load_head(fd, &head)
    if error:
        return error
    error = begin_table(table, head.written[UNKNOWN_RING] - head.oldest[UNKNOWN_RING])
    if error:
        return error
    error = enter_unknown(fd, &head, since, table)
    if not error and table.count:
        error = note_known(fd, &head, since, table)
    if not error and table.count:
        error = count_contacts(fd, &head, since, table)
    return error


cdef int enter_unknown(
    int fd, const FileHead* head, double since, Table* table
) noexcept nogil:
    cdef Pass each
    cdef const SightingRecord* record
    cdef int error = begin_pass(
        &each, fd, head, UNKNOWN_RING, head.capacity[UNKNOWN_RING]
    )
    while not error:
        record = next_record(&each)
        if record == NULL:
            error = each.error
            break
        if record.at >= since:
            error = enter(table, record.mac)
    end_pass(&each)
    return error


cdef int note_known(
    int fd, const FileHead* head, double since, Table* table
) noexcept nogil:
    cdef Pass each
    cdef const SightingRecord* record
    cdef Entry* entry
    cdef uint64_t position = 0
    cdef int error = begin_pass(&each, fd, head, KNOWN_RING, head.capacity[KNOWN_RING])
    turn_round(&each)
    while not error:
        record = next_place(&each, &position)
        if record == NULL:
            error = each.error
            break
        if not record.at >= since:
            continue
        entry = entry_of(table, record.mac)
        if (
            entry != NULL
            and record.at > entry.known
            and is_written(record, position)
        ):
            entry.known = record.at
    end_pass(&each)
    return error


cdef int count_contacts(
    int fd, const FileHead* head, double since, Table* table
) noexcept nogil:
    cdef Pass each
    cdef const SightingRecord* record
    cdef Entry* entry
    cdef int error = begin_pass(
        &each, fd, head, UNKNOWN_RING, head.capacity[UNKNOWN_RING]
    )
    while not error:
        record = next_record(&each)
        if record == NULL:
            error = each.error
            break
        if not record.at >= since:
            continue
        entry = entry_of(table, record.mac)
        # A record may have been overwritten by one of a MAC that was not entered.
        if entry == NULL or record.at <= entry.known:
            continue
        if entry.contacts == 0 or record.at < entry.first:
            entry.first = record.at
        if entry.contacts == 0 or record.at >= entry.newest.at:
            memcpy(&entry.newest, record, sizeof(SightingRecord))
        entry.contacts += 1
    end_pass(&each)
    return error


cdef int newest_first(const void* one, const void* other) noexcept nogil:
    cdef const Entry* a = <const Entry*>one
    cdef const Entry* b = <const Entry*>other
    if (a.contacts == 0) != (b.contacts == 0):
        return 1 if a.contacts == 0 else -1
    return (a.newest.at < b.newest.at) - (a.newest.at > b.newest.at)


def unknown(int fd, double since, uint64_t most):
    """Return the MACs that asked last and are bound nowhere, at most *most*.

    Newest first, each as (MAC, first, last, contacts, source, reason, detail); what
    happened before it was last known does not count.
    """
    cdef Table table
    cdef int error
    cdef uint64_t i
    cdef Entry* entry
    cdef list found = []
    memset(&table, 0, sizeof(Table))
    try:
        with nogil:
            error = find_unknown(fd, since, &table)
            if not error and table.count:
                qsort(table.entries, table.count, sizeof(Entry), newest_first)
        if error:
            refuse(error)
        for i in range(min(table.count, most)):
            entry = &table.entries[i]
            if not entry.contacts:
                break
            found.append((
                entry.mac,
                entry.first,
                entry.newest.at,
                entry.contacts,
                source_text(&entry.newest),
                entry.newest.reason,
                detail_text(&entry.newest),
            ))
        return found
    finally:
        end_table(&table)


# Age ----------------------------------------------------------------------------------


def trim(int fd, double since, double until, uint64_t most):
    """Erase the oldest records that are not from *since* to *until*; return how many.

    At most *most* of each ring, up to the first that stays: call it again while it does
    not return 0.
    """
    cdef uint64_t gone = 0
    cdef int error
    with nogil:
        error = trim_rings(fd, since, until, most, &gone)
    if error:
        refuse(error)
    return gone


cdef int trim_rings(
    int fd, double since, double until, uint64_t most, uint64_t* gone
) noexcept nogil:
    cdef FileHead head
    cdef Pass each
    cdef const SightingRecord* record
    cdef uint64_t[RINGS] before
    cdef uint64_t position = 0, end
    cdef int ring, error = load_head(fd, &head)
    if error:
        return error
    for ring in range(RINGS):
        before[ring] = end = head.oldest[ring]
        error = begin_pass(&each, fd, &head, ring, head.capacity[ring])
        while not error and end - before[ring] < most:
            record = next_place(&each, &position)
            if record == NULL:
                error = each.error
                break
            if is_written(record, position) and since <= record.at <= until:
                break
            end = position + 1
        end_pass(&each)
        if error:
            return error
        gone[0] += end - before[ring]
        head.oldest[ring] = end
    if not gone[0]:
        return 0
    if store_head(fd, &head) < 0:
        return FAILED
    for ring in range(RINGS):
        if erase(fd, &head, ring, before[ring], head.oldest[ring]) < 0:
            return FAILED
    return 0


cdef int erase(
    int fd, const FileHead* head, int ring, uint64_t start, uint64_t end
) noexcept nogil:
    """Make zeros of these positions, and give their room on the disk back."""
    cdef uint64_t some, capacity = head.capacity[ring]
    while start < end:
        some = min(end - start, capacity - start % capacity)
        if erase_bytes(
            fd,
            offset_of(head, ring, start),
            <int64_t>(some * sizeof(SightingRecord)),
        ) < 0:
            return FAILED
        start += some
    return 0


cdef int erase_bytes(int fd, int64_t at, int64_t size) noexcept nogil:
    cdef char[4096] zeros
    cdef int64_t some
    while True:
        if bw_punch(fd, at, size) == 0:
            return 0
        if errno != EINTR:
            break
    if errno != EOPNOTSUPP and errno != ENOSYS:
        return FAILED
    memset(zeros, 0, sizeof(zeros))
    while size:
        some = min(size, <int64_t>sizeof(zeros))
        if write_whole(fd, zeros, <size_t>some, at) < 0:
            return FAILED
        at += some
        size -= some
    return 0
