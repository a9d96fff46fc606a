# The connections that a lane keeps open: who idles, who still reads, who waits for an
# answer, and how long each may.  Found by descriptor; deadlines stand in a wheel of
# coarse slots, where one that moves later leaves its entry until that slot comes round.

from httpsockets cimport (
    CLOCK_MONOTONIC,
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLIN,
    bw_clock,
    bw_end,
    bw_watch,
    close,
)
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset
from tables cimport Source

cdef enum:
    CLOSED = 0
    IDLE = 1
    SENDING = 2
    WAITING = 3  # for an answer: not watched, so that nothing it does can wake us

cdef enum:
    NOBODY = -1
    # Who may have to go, by who goes how soon: those that idle, and those that do not
    # read their answer.
    IDLE_UNPROVEN = 0
    IDLE_PROVEN = 1
    SENDING_UNPROVEN = 2
    SENDING_PROVEN = 3
    LISTS = 4
    WHEEL = 128  # slots; deadlines further away are looked at when they come round
    STEPS = 4  # slots of a second

cdef struct Caller:
    bw_end peer
    bw_end reached  # as a load balancer says; family 0 without one
    Source source
    uint64_t url  # the hash of the base URL that was reached

cdef struct Connection:
    double deadline
    int64_t slot  # in the wheel; -1 in none
    char* outbound  # what the kernel has not taken yet
    uint32_t size
    uint32_t sent
    Caller caller
    int wheel_next
    int wheel_before
    int newer  # in its list
    int older
    uint8_t state
    uint8_t proven
    uint8_t listed  # the number of its list and one, 0 in none
    uint8_t keep_alive
    uint8_t watched  # in the epoll set
    uint8_t fresh  # here only while it waits: no request of it was answered yet
    uint8_t unasked  # no request was answered yet

cdef struct Connections:
    int set  # the epoll set they are watched in
    Connection* at  # by descriptor
    int room
    int count
    int[LISTS] newest
    int[LISTS] oldest
    int[WHEEL] wheel
    int64_t reached  # the slot that time has come to; -1 before the first deadline
    int held  # by others, when they last said so
    int capacity  # how many there may be with those
    int crowded  # from when on unproven ones are not kept
    bint finishing  # each closes after its answer
    double idle_seconds  # to ask again
    double stall_seconds  # to read more of an answer
    double answer_seconds  # to be answered
    double head_seconds  # to ask behind a load balancer


cdef inline void start_empty(Connections* all) noexcept nogil:
    cdef int i
    memset(all, 0, sizeof(Connections))
    all.set = -1
    all.reached = -1
    for i in range(WHEEL):
        all.wheel[i] = NOBODY
    for i in range(LISTS):
        all.newest[i] = all.oldest[i] = NOBODY


cdef inline bint is_kept(const Connections* all, int fd) noexcept nogil:
    return 0 <= fd < all.room and all.at[fd].state != CLOSED


cdef inline bint watch(Connections* all, int fd, uint32_t events) noexcept nogil:
    """Watch *fd*, which is kept, for *events*; False when that fails."""
    cdef Connection* own = &all.at[fd]
    if bw_watch(all.set, EPOLL_CTL_MOD if own.watched else EPOLL_CTL_ADD, fd, events):
        return False
    own.watched = True
    return True


cdef inline void unwatch(Connections* all, int fd) noexcept nogil:
    cdef Connection* own = &all.at[fd]
    if own.watched:
        # Closing does not end the watch while a child holds a copy.
        bw_watch(all.set, EPOLL_CTL_DEL, fd, 0)
        own.watched = False


cdef inline bint take_in(
    Connections* all, int fd, const Caller* caller
) noexcept nogil:
    """Begin to keep *fd* without watching it; False, and it is closed, on failure."""
    cdef Connection* grown
    cdef Connection* new
    cdef int room
    if fd >= all.room:
        room = 256
        while room <= fd:
            room *= 2
        grown = <Connection*>realloc(all.at, <size_t>room * sizeof(Connection))
        if grown is NULL:
            close(fd)
            return False
        memset(grown + all.room, 0, <size_t>(room - all.room) * sizeof(Connection))
        all.at = grown
        all.room = room
    new = &all.at[fd]
    memset(new, 0, sizeof(Connection))
    new.state = IDLE
    new.slot = -1
    new.caller = caller[0]
    new.newer = new.older = new.wheel_next = new.wheel_before = NOBODY
    all.count += 1
    return True


cdef inline bint keep(
    Connections* all, int fd, const Caller* caller
) noexcept nogil:
    """Begin to keep *fd*; False when that fails, and then it is closed."""
    if not take_in(all, fd, caller):
        return False
    if not watch(all, fd, EPOLLIN):
        drop(all, fd)
        return False
    return True


cdef inline void leave_list(Connections* all, int fd) noexcept nogil:
    cdef Connection* own = &all.at[fd]
    cdef int list = own.listed - 1
    if list < 0:
        return
    own.listed = 0
    if own.newer == NOBODY:
        all.newest[list] = own.older
    else:
        all.at[own.newer].older = own.older
    if own.older == NOBODY:
        all.oldest[list] = own.newer
    else:
        all.at[own.older].newer = own.newer


cdef inline void enter_list(Connections* all, int fd, bint proven) noexcept nogil:
    """Let *fd* be the last that began what it does; once proven, it stays so."""
    cdef Connection* own = &all.at[fd]
    cdef int list
    leave_list(all, fd)
    own.proven = own.proven or proven
    list = own.proven if own.state == IDLE else SENDING_UNPROVEN + own.proven
    own.listed = <uint8_t>(list + 1)
    own.older = all.newest[list]
    own.newer = NOBODY
    if own.older == NOBODY:
        all.oldest[list] = fd
    else:
        all.at[own.older].newer = fd
    all.newest[list] = fd


cdef inline void leave_wheel(Connections* all, int fd) noexcept nogil:
    cdef Connection* own = &all.at[fd]
    if own.slot < 0:
        return
    if own.wheel_next != NOBODY:
        all.at[own.wheel_next].wheel_before = own.wheel_before
    if own.wheel_before == NOBODY:
        all.wheel[own.slot % WHEEL] = own.wheel_next
    else:
        all.at[own.wheel_before].wheel_next = own.wheel_next
    own.slot = -1


cdef inline void enter_wheel(Connections* all, int fd) noexcept nogil:
    cdef Connection* own = &all.at[fd]
    cdef int64_t slot = <int64_t>(own.deadline * STEPS) + 1
    if slot <= all.reached:
        slot = all.reached + 1
    if slot >= all.reached + WHEEL:
        slot = all.reached + WHEEL - 1
    if own.slot >= 0:
        if own.slot <= slot:
            return
        leave_wheel(all, fd)
    own.slot = slot
    own.wheel_before = NOBODY
    own.wheel_next = all.wheel[slot % WHEEL]
    if own.wheel_next != NOBODY:
        all.at[own.wheel_next].wheel_before = fd
    all.wheel[slot % WHEEL] = fd


cdef inline bint wheel_is_empty(const Connections* all) noexcept nogil:
    cdef int i
    for i in range(WHEEL):
        if all.wheel[i] != NOBODY:
            return False
    return True


cdef inline void wait_for(Connections* all, int fd, double seconds) noexcept nogil:
    """Let the deadline of *fd* be in *seconds*."""
    cdef double now = bw_clock(CLOCK_MONOTONIC)
    if all.count == 1 and wheel_is_empty(all):
        all.reached = <int64_t>(now * STEPS)  # nobody turned it meanwhile
    all.at[fd].deadline = now + seconds
    enter_wheel(all, fd)


cdef inline int next_late(Connections* all, double now) noexcept nogil:
    """Take out the next whose deadline was before *now*, or NOBODY."""
    cdef int64_t slot = <int64_t>(now * STEPS), at
    cdef int fd
    if all.reached < 0 or not all.count:
        return NOBODY
    if slot - all.reached > WHEEL:
        all.reached = slot - WHEEL
    while all.reached < slot:
        at = all.reached + 1
        while all.wheel[at % WHEEL] != NOBODY:
            fd = all.wheel[at % WHEEL]
            leave_wheel(all, fd)
            if all.at[fd].deadline <= now:
                return fd
            # It moved meanwhile; its place is behind this one, which time has reached.
            all.reached = at
            enter_wheel(all, fd)
            all.reached = at - 1
        all.reached = at
    return NOBODY


cdef inline void forget(Connections* all, int fd) noexcept nogil:
    """Keep *fd* no longer; it stays open."""
    cdef Connection* own = &all.at[fd]
    unwatch(all, fd)
    leave_list(all, fd)
    leave_wheel(all, fd)
    free(own.outbound)
    own.outbound = NULL
    own.state = CLOSED
    all.count -= 1


cdef inline void drop(Connections* all, int fd) noexcept nogil:
    """Close *fd*, which is kept."""
    forget(all, fd)
    close(fd)


cdef inline void close_all(Connections* all) noexcept nogil:
    cdef int fd
    for fd in range(all.room):
        if all.at[fd].state != CLOSED:
            drop(all, fd)
