# What is kept ready: which document answers what was asked, and whether it may leave
# now.

from httpanswers cimport MAX_ANSWER_HEAD
from httpasked cimport Answer
from httpgrants cimport Revocations, is_granted
from httprequest cimport TOKEN_BYTES
from libc.stdint cimport uint32_t
from tables cimport (
    Phone,
    Source,
    Table,
    find_document,
    find_phone,
    has_token,
    same_source,
    shared_slot,
    use_phone,
)

cdef enum:
    # What may be found.
    MISSING = 0
    READY = 1
    UNFIT = 2  # for the lane: too large, or of a plan that is no native one

cdef enum:
    OUT_BYTES = 262144  # room for an answer, its head included

cdef struct Documents:
    Table* own
    Table* general
    Revocations revocations
    uint32_t boot  # the present one


cdef inline bint may_leave(
    const Documents* documents, const Answer* answer
) noexcept nogil:
    return is_granted(&documents.revocations, answer.phone, answer.mac, answer.own)


cdef inline int fetch(
    Documents* documents, Phone* phone, Answer* answer
) noexcept nogil:
    """Find the document of *phone*, or a general one (NULL)."""
    if answer.own:
        if phone.boot != documents.boot:
            return MISSING
        use_phone(documents.own, phone)
    else:
        phone = find_phone(
            documents.general, shared_slot(answer.kind, answer.url, answer.variant)
        )
        if phone is NULL:
            return MISSING
        use_phone(documents.general, phone)
    answer.phone = phone
    answer.document = find_document(phone, answer.kind, answer.url, answer.variant)
    if answer.document is NULL or not may_leave(documents, answer):
        return MISSING
    if (
        answer.document.blueprint is NULL and answer.document.plan is not NULL
        or answer.document.content_size > OUT_BYTES - MAX_ANSWER_HEAD
    ):
        return UNFIT
    return READY


cdef inline int find(
    Documents* documents, const Source* source, bint secure, Answer* answer
) noexcept nogil:
    """Find the document, and whether it may leave now: MISSING, READY or UNFIT.

    To *source*; over clear HTTP, unless the connection is *secure*.
    """
    cdef Phone* phone = NULL
    if answer.own:
        phone = find_phone(documents.own, answer.mac)
        if (
            phone is NULL
            or not (phone.clear or secure)
            or not same_source(&phone.source, source)
            or not has_token(documents.own, phone, answer.token, TOKEN_BYTES)
        ):
            return MISSING
    return fetch(documents, phone, answer)


cdef inline int find_certified(Documents* documents, Answer* answer) noexcept nogil:
    """Find the document for whoever has proven to be the phone, from anywhere."""
    cdef Phone* phone = NULL
    if answer.own:
        phone = find_phone(documents.own, answer.mac)
        if phone is NULL or not has_token(
            documents.own, phone, answer.token, TOKEN_BYTES
        ):
            return MISSING
    return fetch(documents, phone, answer)
