# To which base URL a connection is: of them all, of the listener it came by, or what is
# asked of the address and port that it reached, and remembered.

from cpython.exc cimport PyErr_SetFromErrno
from httpconnections cimport Caller
from httpends cimport text_of
from httpsockets cimport bw_end, bw_own_end
from libc.stdint cimport uint64_t
from libc.string cimport memcmp

cdef enum:
    PLACES = 64  # own addresses remembered
    LISTENERS = 64
    MAX_URLS = 1024  # of which the text is known, too

cdef struct Place:
    bw_end end
    uint64_t url

cdef struct Listener:
    int fd
    bint fixed  # all its connections are to one base URL
    uint64_t url

cdef struct BaseUrls:
    uint64_t url  # the hash of the one that every connection is to
    bint one  # there is such a one
    int place_count
    int listener_count
    Place[PLACES] places
    Listener[LISTENERS] listeners

# In what follows *url_of* returns the base URL of an address and port, and *texts* are
# those that requests may be to, by hash.


cdef inline uint64_t hash_of_url(const bw_end* own, url_of, dict texts) except? 0:
    """Ask for the base URL of what is reached at *own*, and remember its text."""
    cdef str url = url_of(text_of(own, False), own.port)
    if len(texts) < MAX_URLS:
        # Requests to others do not wait here.
        texts[<uint64_t>hash(url)] = url
    return <uint64_t>hash(url)


cdef inline Listener* listener_of(
    BaseUrls* urls, int fd, url_of, dict texts
) except NULL:
    cdef int i
    cdef bw_end own
    cdef Listener* new
    for i in range(urls.listener_count):
        if urls.listeners[i].fd == fd:
            return &urls.listeners[i]
    if urls.listener_count == LISTENERS:
        urls.listener_count = 0
    new = &urls.listeners[urls.listener_count]
    new.fixed = urls.one
    new.url = urls.url
    if not urls.one:
        if bw_own_end(fd, &own):
            PyErr_SetFromErrno(OSError)
        for i in range(16):
            if own.address[i]:
                # Bound to one address, to which all of its connections are.
                new.fixed = True
                new.url = hash_of_url(&own, url_of, texts)
                break
    new.fd = fd
    urls.listener_count += 1
    return new


cdef inline bint url_at(
    BaseUrls* urls, const bw_end* own, Caller* caller, url_of, dict texts
) except -1:
    cdef int i
    for i in range(urls.place_count):
        if memcmp(&urls.places[i].end, own, sizeof(bw_end)) == 0:
            caller.url = urls.places[i].url
            return True
    try:
        caller.url = hash_of_url(own, url_of, texts)
    except Exception:
        return False
    if urls.place_count == PLACES:
        urls.place_count = 0
    urls.places[urls.place_count].end = own[0]
    urls.places[urls.place_count].url = caller.url
    urls.place_count += 1
    return True


cdef inline bint url_for(
    BaseUrls* urls,
    const Listener* listener,
    int fd,
    Caller* caller,
    url_of,
    dict texts,
) except -1:
    """Find to which base URL the connection *fd* is; False when there is none."""
    cdef bw_end own
    if caller.reached.family:
        if not urls.one:
            return url_at(urls, &caller.reached, caller, url_of, texts)
        caller.url = urls.url
        return True
    if listener.fixed:
        caller.url = listener.url
        return True
    if bw_own_end(fd, &own) or not own.family:
        return False
    own.zone = 0
    return url_at(urls, &own, caller, url_of, texts)
