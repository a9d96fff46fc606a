# A file of sightings: a head, and then rings of records of one size, each overwriting
# its oldest.
#
#     0       head: sizes, and of each ring how many records were ever written and which
#             is the oldest that counts
#     4096    ring 0, then ring 1, then ring 2, which grows last and is the largest
#
# Who writes holds a lock on the file, writes records first and the head last: a record
# counts when the head says so.  Who reads holds none.  Each record carries its number
# and a sum, so that one which is being overwritten, was never written or is damaged is
# told from the one that is looked for.  Nothing is mapped: a full disk or a file that
# somebody cut short is an error here and no signal.

from libc.errno cimport EINTR, EIO, ENOMEM, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset
from ring cimport DETAIL_BYTES, SightingRecord

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <fcntl.h>
    #include <string.h>
    #include <time.h>
    #include <unistd.h>

    #define BW_FILE_MAGIC "bw-seen\\n"

    /* A sum of *pairs* of words: each multiplied into twice its width and folded.
       It tells a torn or half written record, and is no seal against forgery. */
    static inline uint64_t bw_sum(const void *at, int pairs) {
        const char *from = at;
        uint64_t sum = UINT64_C(0x9E3779B97F4A7C15), word[2];
        for (int i = 0; i < pairs; i++, from += 16) {
            memcpy(word, from, 16);
            unsigned __int128 wide =
                (unsigned __int128)(word[0] ^ sum)
                * (word[1] ^ UINT64_C(0xD6E8FEB86659FD93));
            sum = (uint64_t)wide ^ (uint64_t)(wide >> 64)
                ^ (word[0] + (word[1] << 1)) * UINT64_C(0xFF51AFD7ED558CCD);
        }
        return sum;
    }
    /* free() and taking the GIL keep errno. */
    static inline int bw_fail(int error) {
        errno = error;
        return -1;
    }
    static inline void bw_wait_a_little(void) {
        struct timespec time = {0, 200000};
        nanosleep(&time, NULL);
    }
    """
    const char* BW_FILE_MAGIC
    uint64_t bw_sum(const void* at, int pairs) noexcept nogil
    int bw_fail(int error) noexcept nogil
    void bw_wait_a_little() noexcept nogil

cdef extern from "<unistd.h>" nogil:
    ssize_t pread(int, void*, size_t, int64_t)
    ssize_t pwrite(int, const void*, size_t, int64_t)

cdef enum:
    RINGS = 3
    FILE_VERSION = 1
    FILE_HEAD_BYTES = 4096
    RECORD_PAIRS = 9  # of words before the sum
    HEAD_PAIRS = 6
    CHUNK = 256  # records read or written at once: they stay in the innermost caches
    READS_OF_HEAD = 20  # while it is being written

cdef struct FileHead:
    char[8] magic
    uint32_t version
    uint32_t record_bytes
    uint64_t[RINGS] capacity
    uint64_t[RINGS] written
    uint64_t[RINGS] oldest
    uint64_t zero
    uint64_t sum

cdef enum:
    LOADED = 0
    FAILED = -1  # errno says how
    DAMAGED = -2


cdef inline int write_whole(
    int fd, const void* data, size_t size, int64_t at
) noexcept nogil:
    cdef const char* rest = <const char*>data
    cdef ssize_t done
    while size:
        done = pwrite(fd, rest, size, at)
        if done < 0 and errno == EINTR:
            continue
        if done <= 0:
            return FAILED if done < 0 else bw_fail(EIO)
        rest += done
        size -= <size_t>done
        at += done
    return 0


cdef inline ssize_t read_whole(
    int fd, void* data, size_t size, int64_t at
) noexcept nogil:
    """Read *size* bytes, or fewer at the end of the file; the number, or FAILED."""
    cdef size_t got = 0
    cdef ssize_t done
    while got < size:
        done = pread(fd, <char*>data + got, size - got, at + <int64_t>got)
        if done < 0 and errno == EINTR:
            continue
        if done < 0:
            return FAILED
        if done == 0:
            break
        got += <size_t>done
    return <ssize_t>got


# The head


cdef inline int load_head(int fd, FileHead* head) noexcept nogil:
    """LOADED, FAILED or DAMAGED."""
    cdef ssize_t got
    cdef int i, _reads
    for _reads in range(READS_OF_HEAD):
        got = read_whole(fd, head, sizeof(FileHead), 0)
        if got < 0:
            return FAILED
        if got == sizeof(FileHead) and head.sum == bw_sum(head, HEAD_PAIRS):
            break
        bw_wait_a_little()
    else:
        return DAMAGED
    if (
        memcmp(head.magic, BW_FILE_MAGIC, 8) != 0
        or head.version != FILE_VERSION
        or head.record_bytes != sizeof(SightingRecord)
    ):
        return DAMAGED
    for i in range(RINGS):
        if not 1 <= head.capacity[i] <= <uint64_t>1 << 40:
            return DAMAGED
        if head.oldest[i] > head.written[i]:
            return DAMAGED
        if head.written[i] - head.oldest[i] > head.capacity[i]:
            return DAMAGED
    return LOADED


cdef inline void begin_head(FileHead* head, const uint64_t* capacity) noexcept nogil:
    """The head of an empty file."""
    cdef int i
    memset(head, 0, sizeof(FileHead))
    memcpy(head.magic, BW_FILE_MAGIC, 8)
    head.version = FILE_VERSION
    head.record_bytes = sizeof(SightingRecord)
    for i in range(RINGS):
        head.capacity[i] = capacity[i]


cdef inline int store_head(int fd, FileHead* head) noexcept nogil:
    head.sum = bw_sum(head, HEAD_PAIRS)
    return write_whole(fd, head, sizeof(FileHead), 0)


# Records.  A position counts what was written to a ring before.


cdef inline int64_t offset_of(
    const FileHead* head, int ring, uint64_t position
) noexcept nogil:
    cdef uint64_t before = position % head.capacity[ring]
    cdef int i
    for i in range(ring):
        before += head.capacity[i]
    return FILE_HEAD_BYTES + <int64_t>(before * sizeof(SightingRecord))


cdef inline bint is_written(
    const SightingRecord* record, uint64_t position
) noexcept nogil:
    """Whether *record* is the one of *position*, whole."""
    return (
        record.number == position + 1
        and record.detail_size <= DETAIL_BYTES
        and record.sum == bw_sum(record, RECORD_PAIRS)
    )


cdef inline int load_records(
    int fd,
    const FileHead* head,
    int ring,
    uint64_t position,
    uint64_t count,
    SightingRecord* out,
) noexcept nogil:
    """Read *count* records that do not wrap; what is not in the file reads as zero."""
    cdef size_t size = <size_t>count * sizeof(SightingRecord)
    cdef ssize_t got = read_whole(fd, out, size, offset_of(head, ring, position))
    if got < 0:
        return FAILED
    memset(<char*>out + got, 0, size - <size_t>got)
    return 0


# Writing: what a ring is about to get is put together here, a chunk at a time.

cdef struct Stage:
    SightingRecord* records
    uint64_t count

cdef struct Stages:
    SightingRecord* records
    Stage[RINGS] of


cdef inline int begin_stages(Stages* stages) noexcept nogil:
    cdef int i
    stages.records = <SightingRecord*>malloc(RINGS * CHUNK * sizeof(SightingRecord))
    if stages.records == NULL:
        return bw_fail(ENOMEM)
    for i in range(RINGS):
        stages.of[i].records = stages.records + i * CHUNK
        stages.of[i].count = 0
    return 0


cdef inline void end_stages(Stages* stages) noexcept nogil:
    free(stages.records)


cdef inline int flush_stage(
    int fd, FileHead* head, int ring, Stage* stage
) noexcept nogil:
    """Write what waits; the head says so when it is stored."""
    cdef SightingRecord* from_ = stage.records
    cdef uint64_t room, some, left = stage.count
    cdef uint64_t capacity = head.capacity[ring]
    while left:
        room = capacity - head.written[ring] % capacity
        some = min(left, room)
        if write_whole(
            fd,
            from_,
            <size_t>some * sizeof(SightingRecord),
            offset_of(head, ring, head.written[ring]),
        ) < 0:
            return FAILED
        head.written[ring] += some
        from_ += some
        left -= some
    stage.count = 0
    if head.written[ring] - head.oldest[ring] > capacity:
        head.oldest[ring] = head.written[ring] - capacity
    return 0


cdef inline int stage_record(
    int fd, FileHead* head, int ring, Stages* stages, const SightingRecord* record
) noexcept nogil:
    """Put a copy of *record* after the newest of *ring*."""
    cdef Stage* stage = &stages.of[ring]
    cdef SightingRecord* place
    if stage.count == CHUNK and flush_stage(fd, head, ring, stage) < 0:
        return FAILED
    place = &stage.records[stage.count]
    memcpy(place, record, sizeof(SightingRecord))
    place.number = head.written[ring] + stage.count + 1
    place.spare = 0
    # What an earlier sighting left behind the detail belongs to nobody.
    if place.detail_size < DETAIL_BYTES:
        memset(
            place.detail + place.detail_size, 0, <size_t>(
                DETAIL_BYTES - place.detail_size
            )
        )
    place.sum = bw_sum(place, RECORD_PAIRS)
    stage.count += 1
    return 0


cdef inline int finish_stages(int fd, FileHead* head, Stages* stages) noexcept nogil:
    """Write what is left, and then the head: now all of it counts."""
    cdef int i
    for i in range(RINGS):
        if flush_stage(fd, head, i, &stages.of[i]) < 0:
            return FAILED
    return store_head(fd, head)
