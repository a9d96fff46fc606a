# IP addresses of either family as two numbers.

from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport strlen

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned int socklen_t
    enum: AF_INET, AF_INET6

cdef extern from "<netinet/in.h>" nogil:
    enum: INET6_ADDRSTRLEN

cdef extern from "<arpa/inet.h>" nogil:
    const char* inet_ntop(int, const void*, char*, socklen_t)
    int inet_pton(int, const char*, void*)


cdef struct Address:  # IPv4 as ::ffff:a.b.c.d, in the bytes of the network
    uint64_t high
    uint64_t low


cdef inline uint64_t big_endian(const uint8_t* at, int size) noexcept nogil:
    cdef uint64_t word = 0
    cdef int i
    for i in range(size):
        word = word << 8 | at[i]
    return word


cdef inline void to_big_endian(uint64_t word, uint8_t* out) noexcept nogil:
    cdef int i
    for i in range(8):
        out[i] = <uint8_t>(word >> (56 - 8 * i))


cdef inline Address address_from_ipv4(uint32_t number) noexcept nogil:
    return Address(0, <uint64_t>0xFFFF00000000 | number)


cdef inline Address address_from_text(str text) except *:
    cdef uint8_t raw[16]
    cdef bytes spelt = text.encode()
    if inet_pton(AF_INET, spelt, raw) == 1:
        return address_from_ipv4(<uint32_t>big_endian(raw, 4))
    if inet_pton(AF_INET6, spelt, raw) == 1:
        return Address(big_endian(raw, 8), big_endian(raw + 8, 8))
    raise ValueError(f"not an address: {text!r}")


cdef inline str text_from_address(Address address):
    cdef uint8_t raw[16]
    cdef char text[INET6_ADDRSTRLEN]
    to_big_endian(address.high, raw)
    to_big_endian(address.low, raw + 8)
    if address.high == 0 and address.low >> 32 == 0xFFFF:
        inet_ntop(AF_INET, raw + 12, text, INET6_ADDRSTRLEN)
    else:
        inet_ntop(AF_INET6, raw, text, INET6_ADDRSTRLEN)
    return PyUnicode_DecodeASCII(text, <Py_ssize_t>strlen(text), NULL)
