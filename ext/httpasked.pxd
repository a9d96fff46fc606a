# What a request asks for: whose document, of which kind, and the model and firmware
# that it depends on, as the URL and the User-Agent tell them.

from cpython.ref cimport PyObject
from httpmemos cimport Memo, Memory, agent_mac, agent_of, type_of
from httprequest cimport FILES, FIRMWARE, SETTINGS, Request
from libc.stdint cimport uint8_t, uint64_t
from tables cimport Document, Phone, variant_of

# One answer on its way: what was asked for, then what was found (httpready.pxd), then
# what was written (httpanswers.pxd).
cdef struct Answer:
    Phone* phone  # under whose terms it may leave; of a general document its own entry
    Document* document
    uint64_t mac
    uint64_t url
    uint64_t variant  # of the model and the firmware (tables.pxd)
    PyObject* detail  # borrowed, as the names are
    PyObject* name  # of the model
    PyObject* agent_name  # of the one that the User-Agent tells
    PyObject* version  # the firmware's name
    const uint8_t* token  # TOKEN_BYTES of the URL, NULL without
    Py_ssize_t size  # of what was written
    uint8_t reason
    uint8_t kind
    bint own


cdef inline bint is_own(int kind) noexcept nogil:
    """Whether a document of *kind* is one phone's own."""
    return kind == FILES or kind == SETTINGS


cdef inline bint understood(
    Memory* memory, const Request* request, describe, model_of, Answer* answer
) noexcept:
    """Tell of *answer*, whose ``url`` stands, which document it is to have.

    False when others know better.  *describe* and *model_of* are asked of texts that
    *memory* does not hold.
    """
    cdef Memo* agent
    cdef Memo* named
    cdef uint64_t model
    cdef uint8_t kind = request.kind
    answer.document = NULL
    answer.kind = kind
    answer.own = is_own(kind)
    answer.mac = request.mac
    answer.token = request.token
    try:
        agent = agent_of(memory, request, describe)
        if not agent.usable:
            return False
        answer.detail = agent.detail
        answer.agent_name = answer.name = agent.name
        answer.version = agent.version
        model = agent.model
        if kind == FILES or kind == FIRMWARE:
            model = memory.no_model
            answer.name = memory.no_name
        elif request.type is not NULL:
            named = type_of(memory, request, model_of)
            if named.model != memory.no_model:
                model = named.model
                answer.name = named.name
        answer.variant = variant_of(model, agent.firmware)
    except Exception:
        return False  # who has the request next fails, too, and says so
    if not answer.own:
        if request.token is not NULL:
            return False  # it tells the phone a URL that has the token, too
        answer.mac = agent_mac(
            request, agent.end, memory.vendors, memory.vendor_count
        )
    return True
