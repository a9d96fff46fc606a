# The PROXY protocol header (version 2) of a load balancer, where it is complete and
# names both ends of a phone's TCP connection: http/proxyprotocol.py is the authority.
# Whatever else may stand there is left to it.

from cpython.bytes cimport PyBytes_AS_STRING
from httpsockets cimport bw_end
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp, memcpy, memmove, memset

cdef extern from *:
    """
    static const uint8_t bw_proxy_signature[12] = "\\r\\n\\r\\n\\0\\r\\nQUIT\\n";
    static const uint8_t bw_mapped_prefix[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    /* CRC32c (RFC 4960 appendix B), four bits at a time. */
    static const uint32_t bw_crc_table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
        0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    static inline uint32_t bw_crc(uint32_t crc, const uint8_t *at, size_t size) {
        for (size_t i = 0; i < size; i++) {
            crc ^= at[i];
            crc = crc >> 4 ^ bw_crc_table[crc & 15];
            crc = crc >> 4 ^ bw_crc_table[crc & 15];
        }
        return crc;
    }
    """
    const uint8_t* bw_proxy_signature
    const uint8_t* bw_mapped_prefix
    uint32_t bw_crc(uint32_t crc, const uint8_t* at, size_t size) nogil

cdef enum:
    FIXED = 16  # signature, version and command, family and transport, length
    MAX_PROXY_HEADER = 4096  # limits.MAX_PROXY_HEADER_BYTES
    MAX_SUBNETS = 64  # limits.MAX_PROXY_NETWORKS
    CRC32C = 3

# A network of load balancers.
cdef struct Subnet:
    uint8_t family  # 4 or 6, as in bw_end
    uint8_t length
    uint8_t[16] address

cdef struct Balancers:
    Subnet[MAX_SUBNETS] networks
    int count


cdef inline bint is_within(const bw_end* end, const Subnet* subnet) noexcept nogil:
    cdef int whole = subnet.length >> 3, rest = subnet.length & 7
    return (
        end.family == subnet.family
        and memcmp(end.address, subnet.address, <size_t>whole) == 0
        and (
            not rest
            or (end.address[whole] ^ subnet.address[whole]) >> (8 - rest) == 0
        )
    )


cdef inline unsigned int two_bytes(const uint8_t* at) noexcept nogil:
    return <unsigned int>at[0] << 8 | at[1]


cdef inline void end_from(
    const uint8_t* address, Py_ssize_t width, const uint8_t* port, bw_end* end
) noexcept nogil:
    """Fill *end* as the kernel's address would be: plain, never IPv4-mapped."""
    memset(end, 0, sizeof(bw_end))
    end.port = <uint16_t>two_bytes(port)
    if width == 4:
        end.family = 4
        memcpy(end.address, address, 4)
    elif memcmp(address, bw_mapped_prefix, 12) == 0:
        end.family = 4
        memcpy(end.address, address + 12, 4)
    else:
        end.family = 6
        memcpy(end.address, address, 16)


cdef inline bint additions_hold(
    const uint8_t* header, Py_ssize_t at, Py_ssize_t size
) noexcept nogil:
    """Whether the TLVs from *at* on fill the header, and its checksum is right."""
    cdef Py_ssize_t value, after
    cdef uint32_t crc
    while at < size:
        if size - at < 3:
            return False
        value = at + 3
        after = value + two_bytes(header + at + 1)
        if after > size:
            return False
        if header[at] == CRC32C:
            if after - value != 4:
                return False
            crc = bw_crc(<uint32_t>0xffffffff, header, <size_t>value)
            crc = bw_crc(crc, <const uint8_t*>b"\0\0\0\0", 4)
            crc = ~bw_crc(crc, header + after, <size_t>(size - after))
            if crc != (
                <uint32_t>two_bytes(header + value) << 16
                | two_bytes(header + value + 2)
            ):
                return False
        at = after
    return True


cdef inline Py_ssize_t proxied(
    const uint8_t* at, Py_ssize_t size, bw_end* source, bw_end* reached
) noexcept nogil:
    """Size of the header at the start of at[0:size], or 0 for what is left to others.

    *source* is whom the balancer speaks for, *reached* where that one connected to.
    """
    cdef Py_ssize_t width, whole, additions
    if size < FIXED or memcmp(at, bw_proxy_signature, 12) or at[12] != 0x21:
        return 0
    if at[13] == 0x11:
        width = 4
    elif at[13] == 0x21:
        width = 16
    else:
        return 0
    whole = FIXED + two_bytes(at + 14)
    additions = FIXED + 2 * width + 4
    if whole > MAX_PROXY_HEADER or whole > size or whole < additions:
        return 0
    if not additions_hold(at, additions, whole):
        return 0
    end_from(at + FIXED, width, at + additions - 4, source)
    end_from(at + FIXED + width, width, at + additions - 2, reached)
    return whole


cdef inline int add_network(
    Balancers* balancers, int family, int length, bytes address
) except -1:
    """Let a network be of load balancers."""
    cdef Subnet* new
    if (
        balancers.count == MAX_SUBNETS
        or family not in (4, 6)
        or address is None
        or len(address) != (4 if family == 4 else 16)
        or not 0 <= length <= 8 * len(address)
    ):
        raise ValueError("there is no room for that network, or it is none")
    new = &balancers.networks[balancers.count]
    new.family, new.length = <uint8_t>family, <uint8_t>length
    memcpy(new.address, PyBytes_AS_STRING(address), <size_t>len(address))
    balancers.count += 1
    return 0


cdef inline Py_ssize_t introduced(
    const Balancers* balancers,
    uint8_t* at,
    Py_ssize_t size,
    bw_end* peer,
    bw_end* reached,
) noexcept nogil:
    """Take the header from at[0:size] when *peer* is a load balancer.

    Returns how many bytes are left; *peer* is then whom it speaks for, of family 0 when
    the header is for others to read.
    """
    cdef Py_ssize_t header
    cdef int i
    for i in range(balancers.count):
        if is_within(peer, &balancers.networks[i]):
            break
    else:
        return size
    header = proxied(at, size, peer, reached)
    if not header:
        peer.family = 0
        return size
    memmove(at, at + header, <size_t>(size - header))
    return size - header
