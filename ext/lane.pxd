# How native.udp hands datagrams to whoever answers them without Python objects.

from libc.stdint cimport uint8_t, uint16_t, uint32_t

cdef enum:
    ANSWER_BYTES = 2048  # room for each datagram that a lane sends


cdef struct Heard:
    const uint8_t* data
    int size
    uint32_t source  # IPv4 addresses as numbers, as everywhere here
    uint16_t port
    bint truncated
    uint32_t local
    int interface
    double received  # when the kernel took it, on the clock of *now*


cdef struct Outgoing:
    uint8_t* data
    int size  # 0: nothing
    uint32_t destination
    uint16_t port
    uint32_t local
    int interface


cdef struct DatagramLane:
    void* state
    # Returns whether *heard*, which is not truncated, is dealt with: then *response*
    # leaves from the socket that heard it, *request* from where its response is
    # awaited.  If not, nothing happened.  *response* comes with room for twice
    # ANSWER_BYTES; *request* is written behind it.  *now* is monotonic, *wall* since
    # the epoch.
    bint (*answer)(
        void* state,
        const Heard* heard,
        double now,
        double wall,
        Outgoing* response,
        Outgoing* request,
    ) noexcept
