# Whether what is kept ready may leave: its grant, and what was revoked since it was
# decided (provision.revocations).

from httpsockets cimport CLOCK_BOOTTIME, bw_clock
from libc.stdint cimport int64_t, uint64_t
from tables cimport CounterMemory, Phone, bw_load

# Counters in shared memory: one of everything, and some of domains and of MACs.
cdef struct Revocations:
    uint64_t* at
    Py_ssize_t everything
    Py_ssize_t first_domain
    Py_ssize_t domain_mask
    Py_ssize_t first_mac
    Py_ssize_t mac_mask


cdef inline Revocations revocations_in(
    const CounterMemory* memory, tuple layout
) except *:
    """The revocations in *memory*, as *layout* says where (native.http.Lane)."""
    everything, first_domain, domains, first_mac, macs = layout
    if (
        min(everything, first_domain, first_mac) < 0
        or domains < 1 or domains & domains - 1
        or macs < 1 or macs & macs - 1
        or everything >= memory.count
        or first_domain + domains > memory.count
        or first_mac + macs > memory.count
    ):
        raise ValueError("the layout does not fit the revocations")
    return Revocations(
        memory.at, everything, first_domain, domains - 1, first_mac, macs - 1
    )


cdef inline uint64_t stamp_of(
    const Revocations* revocations, uint64_t mac, int64_t domain
) noexcept nogil:
    """The present stamp of a device in a domain."""
    return (
        bw_load(revocations.at + revocations.everything)
        + bw_load(
            revocations.at + revocations.first_domain
            + <Py_ssize_t>(<uint64_t>domain & <uint64_t>revocations.domain_mask)
        )
        + bw_load(
            revocations.at + revocations.first_mac
            + <Py_ssize_t>(
                (mac ^ mac >> 16 ^ mac >> 32) & <uint64_t>revocations.mac_mask
            )
        )
    )


cdef inline bint is_granted(
    const Revocations* revocations, const Phone* phone, uint64_t mac, bint own
) noexcept nogil:
    """Whether the documents of *phone* may leave at this moment.

    What is not a phone's *own* has no secrets, and needs no grant.
    """
    if not own:
        return phone.stamp == bw_load(revocations.at + revocations.everything)
    return (
        bw_clock(CLOCK_BOOTTIME) < phone.until
        and phone.stamp == stamp_of(revocations, mac, phone.domain)
    )
