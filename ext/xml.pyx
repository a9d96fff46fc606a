"""XML 1.0 character data (sections 2.2, 2.4, 2.11, 3.3.3) and documents from plans.

Old firmware reads lines of text instead of XML; what stands in a line is checked here,
too, and needs no escaping.

A plan is a document with holes: baked bytes around slots.  What fills the slots of one
phone is *packed*: for each slot its size, in the shortest base-128 form with the low
seven bits first and the top bit set on all but the last byte, and then its bytes.
Assembly checks the packed bytes against the plan, allocates once and copies.  A
document's entity tag is made of the plan's digest and the packed bytes: one plan and
one packing make one document, so it need not be assembled for that.
"""

cimport cython
from blake2b cimport bw_blake2b, bw_blake2b_key, bw_blake2b_start
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.pycapsule cimport PyCapsule_New
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from tables cimport (
    BW_BLUEPRINT_CAPSULE,
    Blueprint,
    assemble_into,
    document_size,
)

from hashlib import blake2b

from bootwave.errors import SettingError

cdef extern from "Python.h":
    bint PyUnicode_IS_ASCII(object value)
    void* PyUnicode_DATA(object value)
    Py_ssize_t PyUnicode_GET_LENGTH(object value)
    const char* PyUnicode_AsUTF8AndSize(object value, Py_ssize_t* size) except NULL

# What MAX_SIZE_BYTES of base 128 can tell.
cdef enum:
    MAX_SLOT_BYTES = (1 << 28) - 1

cdef enum:
    TAG_BYTES = 16  # of a digest of 32

# What a byte of UTF-8 adds to the size when it is escaped, and two marks: a byte that
# no document may hold, and one that may end U+FFFE or U+FFFF (EF BF BE, EF BF BF).
cdef enum:
    MAY_END_NONCHARACTER = 254
    ILLEGAL = 255

# How the value of a hole is written (settings.dialects.pieces.Mode).
cdef enum:
    TEXT = 0
    ATTRIBUTE = 1
    LINE = 2
    MARKUP = 3
    MODES = 4

cdef unsigned char IN_TEXT[256]
cdef unsigned char IN_ATTRIBUTE[256]
cdef unsigned char IN_LINE[256]
cdef unsigned char IN_MARKUP[256]
cdef const unsigned char* GROWTH_OF[MODES]


cdef void fill_tables() noexcept:
    cdef int byte
    for byte in range(256):
        IN_TEXT[byte] = ILLEGAL if byte < 0x20 else 0
    IN_TEXT[0x09] = IN_TEXT[0x0a] = 0
    IN_TEXT[0x0d] = 4  # a bare CR would be read as a line feed (section 2.11)
    IN_TEXT[c"&"] = 4
    IN_TEXT[c"<"] = IN_TEXT[c">"] = 3  # ">" too, so that "]]>" cannot stand
    IN_TEXT[0xbe] = IN_TEXT[0xbf] = MAY_END_NONCHARACTER
    memcpy(IN_ATTRIBUTE, IN_TEXT, 256)
    IN_ATTRIBUTE[c'"'] = 5
    # Blank characters other than the space would be read as spaces (section 3.3.3).
    IN_ATTRIBUTE[0x09] = 3
    IN_ATTRIBUTE[0x0a] = 4
    # A line ends where the next one could begin; nothing of it needs escaping.
    for byte in range(256):
        IN_LINE[byte] = ILLEGAL if byte < 0x20 and byte != 0x09 else 0
        IN_MARKUP[byte] = 0  # escaped by who made it
    GROWTH_OF[TEXT] = IN_TEXT
    GROWTH_OF[ATTRIBUTE] = IN_ATTRIBUTE
    GROWTH_OF[LINE] = IN_LINE
    GROWTH_OF[MARKUP] = IN_MARKUP


fill_tables()


cdef Py_ssize_t escaped_size(
    const unsigned char* at, Py_ssize_t size, const unsigned char* growth
) noexcept nogil:
    """Size of at[0:size] once escaped, or -1 when XML cannot hold it."""
    cdef Py_ssize_t i, total = size
    cdef unsigned char grows
    for i in range(size):
        grows = growth[at[i]]
        if not grows:
            continue
        if grows == ILLEGAL:
            return -1
        if grows == MAY_END_NONCHARACTER:
            if i >= 2 and at[i - 1] == 0xbf and at[i - 2] == 0xef:
                return -1
        else:
            total += grows
    return total


cdef inline const char* entity(unsigned char byte) noexcept nogil:
    """The reference that stands for *byte*, which one of the tables marks."""
    if byte == c"&":
        return "&amp;"
    if byte == c"<":
        return "&lt;"
    if byte == c">":
        return "&gt;"
    if byte == c'"':
        return "&quot;"
    if byte == 0x09:
        return "&#9;"
    if byte == 0x0a:
        return "&#10;"
    return "&#13;"


cdef void escape_into(
    const unsigned char* at,
    Py_ssize_t size,
    const unsigned char* growth,
    char* out,
) noexcept nogil:
    """Write at[0:size] escaped; *out* holds what escaped_size said."""
    cdef Py_ssize_t i
    cdef unsigned char grows
    for i in range(size):
        grows = growth[at[i]]
        if grows and grows < MAY_END_NONCHARACTER:
            memcpy(out, entity(at[i]), grows + 1)
            out += grows + 1
        else:
            out[0] = <char>at[i]
            out += 1


cdef bytes escaped(str value, const unsigned char* growth):
    cdef bytes utf8 = None
    cdef const unsigned char* at
    cdef Py_ssize_t size
    if PyUnicode_IS_ASCII(value):
        at = <const unsigned char*>PyUnicode_DATA(value)
        size = PyUnicode_GET_LENGTH(value)
    else:
        try:
            utf8 = value.encode()
        except UnicodeEncodeError:
            raise refusal(value, growth) from None
        at = <const unsigned char*>PyBytes_AS_STRING(utf8)
        size = PyBytes_GET_SIZE(utf8)
    cdef Py_ssize_t total = escaped_size(at, size, growth)
    if total < 0:
        raise refusal(value, growth)
    if total == size:
        return utf8 if utf8 is not None else PyBytes_FromStringAndSize(
            <const char*>at, size
        )
    cdef bytes result = PyBytes_FromStringAndSize(NULL, total)
    escape_into(at, size, growth, PyBytes_AS_STRING(result))
    return result


cdef object refusal(str value, const unsigned char* growth):
    """The error that names the first illegal character, and nothing else of *value*."""
    cdef Py_ssize_t position = 0
    cdef Py_UCS4 character = 0
    for character in value:
        position += 1
        if (
            (character < 0x20 and growth[character] == ILLEGAL)
            or 0xd800 <= character <= 0xdfff
            or (
                0xfffe <= character <= 0xffff
                and growth[0xbf] == MAY_END_NONCHARACTER
            )
        ):
            break
    where = "a line of text" if growth[0x0a] == ILLEGAL else "an XML document"
    return SettingError(
        f"U+{<int>character:04X} at position {position} cannot stand in {where}"
    )


def escape_text(str value not None):
    """Return *value* as the UTF-8 content of an element.

    ``& < >`` and the carriage return become references; every parser reads exactly
    *value* again.  Raises SettingError, which does not quote *value*, for a character
    that is none of XML 1.0's (section 2.2): C0 controls other than tab, line feed and
    carriage return, lone surrogates, U+FFFE and U+FFFF.
    """
    return escaped(value, IN_TEXT)


def escape_attribute(str value not None):
    """Return *value* as the UTF-8 content of an attribute in double quotes.

    As ``escape_text``, and the double quote, tab and line feed become references too.
    """
    return escaped(value, IN_ATTRIBUTE)


def line_bytes(str value not None):
    """Return *value* as UTF-8 that stands in one line of text.

    Raises SettingError, which does not quote *value*, for C0 controls other than the
    tab, line ends among them, and for lone surrogates.
    """
    return escaped(value, IN_LINE)


cdef inline Py_ssize_t size_bytes(Py_ssize_t size) noexcept nogil:
    """How many bytes the packed form of *size* takes."""
    cdef Py_ssize_t count = 1
    while size >= 0x80:
        size >>= 7
        count += 1
    return count


def pack(list values not None):
    """Return *values*, the escaped bytes for each slot in order, in packed form.

    Raises TypeError for a value that is not bytes and ValueError for one of 256 MiB
    or more.
    """
    cdef Py_ssize_t total = 0, size
    cdef bytes value
    for item in values:
        value = <bytes?>item
        size = PyBytes_GET_SIZE(value)
        if size > MAX_SLOT_BYTES:
            raise ValueError("a value is larger than a slot can be")
        total += size_bytes(size) + size
    cdef bytes packed = PyBytes_FromStringAndSize(NULL, total)
    cdef unsigned char* out = <unsigned char*>PyBytes_AS_STRING(packed)
    for item in values:
        value = <bytes>item
        size = PyBytes_GET_SIZE(value)
        out = put_size(out, size)
        memcpy(out, PyBytes_AS_STRING(value), <size_t>size)
        out += size
    return packed


cdef inline unsigned char* put_size(unsigned char* out, Py_ssize_t size) noexcept nogil:
    """Write *size* in packed form; return where it ends."""
    while size >= 0x80:
        out[0] = <unsigned char>(size & 0x7f | 0x80)
        out += 1
        size >>= 7
    out[0] = <unsigned char>size
    return out + 1


cdef struct Filling:
    # What goes into one slot, and where: used while ``fill`` runs.
    Py_ssize_t number  # of the value
    const unsigned char* growth  # one of GROWTH_OF
    const unsigned char* at
    Py_ssize_t size
    Py_ssize_t escaped


@cython.final
@cython.auto_pickle(False)
cdef class Plan:
    """A document with slots: *pieces* are the bytes before, between and after them.

    *holes* tell for each slot which of the values given to ``fill`` goes there and how
    it is written: as XML text (0), in an attribute (1), in a line of text (2) or, being
    markup already, as it is (3).  Without them it is one value for each, as text.
    Raises ValueError when there is no piece, or not one hole for each slot, and
    TypeError when a piece is not bytes.  Immutable; may be shared by all documents of
    one shape.
    """

    cdef Blueprint plan
    cdef bytes baked
    cdef Filling* filling
    cdef Py_ssize_t values  # how many ``fill`` needs at least
    cdef bw_blake2b_key key

    def __cinit__(self, list pieces not None, holes=None):
        if not pieces:
            raise ValueError("a plan has at least one piece")
        cdef Py_ssize_t i, end = 0, count = len(pieces)
        if holes is None:
            holes = [(i, TEXT) for i in range(count - 1)]
        if len(holes) != count - 1:
            raise ValueError("a plan has one hole for each slot")
        for piece in pieces:
            if type(piece) is not bytes:
                raise TypeError("the pieces of a plan are bytes")
        self.baked = b"".join(pieces)
        self.plan.ends = <Py_ssize_t*>malloc(<size_t>count * sizeof(Py_ssize_t))
        if self.plan.ends is NULL:
            raise MemoryError
        for i in range(count):
            end += PyBytes_GET_SIZE(pieces[i])
            self.plan.ends[i] = end
        self.plan.baked = PyBytes_AS_STRING(self.baked)
        self.plan.slots = count - 1
        self.filling = <Filling*>malloc(<size_t>count * sizeof(Filling))
        if self.filling is NULL:
            raise MemoryError
        for i in range(count - 1):
            number, mode = holes[i]
            if number < 0:
                raise ValueError("a hole's number is that of a value")
            if not 0 <= mode < MODES:
                raise ValueError("a hole's mode is 0 to 3")
            self.filling[i].number = number
            self.filling[i].growth = GROWTH_OF[<int>mode]
            self.values = max(self.values, self.filling[i].number + 1)
        # Each piece behind its size: no two plans are the same bytes.
        framed = b"".join(
            [len(piece).to_bytes(8, "little") + piece for piece in pieces]
        )
        digest = blake2b(framed, digest_size=32, person=b"bootwave plan").digest()
        bw_blake2b_start(
            &self.key, <const unsigned char*>PyBytes_AS_STRING(digest), 32
        )

    def __dealloc__(self):
        free(self.plan.ends)
        free(self.filling)

    @property
    def slots(self):
        """How many values fill this plan."""
        return self.plan.slots

    @property
    def baked_bytes(self):
        """How many bytes of each document are the same for all phones."""
        return self.plan.ends[self.plan.slots]

    @property
    def blueprint(self):
        """Where the baked bytes are, for other compiled modules; needs this plan."""
        return PyCapsule_New(&self.plan, BW_BLUEPRINT_CAPSULE, NULL)

    def fill(self, list values not None):
        """Return *values*, texts that are escaped as their holes want it, packed.

        Raises SettingError as ``escape_text`` does, TypeError for what is no text, and
        ValueError for too few values or one of 256 MiB or more.
        """
        cdef Py_ssize_t i, total = 0
        cdef Filling* hole
        cdef bytes packed
        cdef unsigned char* out
        if len(values) < self.values:
            raise ValueError("there is not one value for each hole")
        for i in range(self.plan.slots):
            hole = &self.filling[i]
            value = <str?>values[hole.number]
            if PyUnicode_IS_ASCII(value):
                hole.at = <const unsigned char*>PyUnicode_DATA(value)
                hole.size = PyUnicode_GET_LENGTH(value)
            else:
                try:
                    hole.at = <const unsigned char*>PyUnicode_AsUTF8AndSize(
                        value, &hole.size
                    )
                except UnicodeEncodeError:
                    raise refusal(value, hole.growth) from None
            hole.escaped = escaped_size(hole.at, hole.size, hole.growth)
            if hole.escaped < 0:
                raise refusal(value, hole.growth)
            if hole.escaped > MAX_SLOT_BYTES:
                raise ValueError("a value is larger than a slot can be")
            total += size_bytes(hole.escaped) + hole.escaped
        packed = PyBytes_FromStringAndSize(NULL, total)
        out = <unsigned char*>PyBytes_AS_STRING(packed)
        # The list holds the texts, and nothing ran since that could change it.
        for i in range(self.plan.slots):
            hole = &self.filling[i]
            out = put_size(out, hole.escaped)
            if hole.escaped == hole.size:
                memcpy(out, hole.at, <size_t>hole.size)
            else:
                escape_into(hole.at, hole.size, hole.growth, <char*>out)
            out += hole.escaped
        return packed

    def tag(self, bytes packed not None):
        """Return the strong entity tag, with quotes, of the document *packed* fills.

        RFC 9110 section 8.8.3: other bytes have another tag.  The same pieces and
        packed bytes have the same one in every process.
        """
        cdef unsigned char digest[32]
        cdef char text[2 * TAG_BYTES + 2]
        cdef int i
        cdef const char* digits = b"0123456789abcdef"
        if PyBytes_GET_SIZE(packed):
            bw_blake2b(
                &self.key,
                <const unsigned char*>PyBytes_AS_STRING(packed),
                <size_t>PyBytes_GET_SIZE(packed),
                digest,
            )
        else:  # a plan without slots, so no other document of it has this one's tag
            bw_blake2b(&self.key, b"\0", 1, digest)
        text[0] = text[2 * TAG_BYTES + 1] = c'"'
        for i in range(TAG_BYTES):
            text[2 * i + 1] = digits[digest[i] >> 4]
            text[2 * i + 2] = digits[digest[i] & 15]
        return PyBytes_FromStringAndSize(text, 2 * TAG_BYTES + 2)

    def size(self, packed):
        """Return the size in bytes of the document that *packed* fills.

        Raises ValueError when *packed* does not hold exactly one value for each slot.
        """
        cdef Py_buffer view
        PyObject_GetBuffer(packed, &view, PyBUF_SIMPLE)
        try:
            return self.checked_size(&view)
        finally:
            PyBuffer_Release(&view)

    def assemble(self, packed):
        """Return the document that *packed*, any bytes-like object, fills.

        Raises ValueError when *packed* does not hold exactly one value for each slot.
        """
        cdef Py_buffer view
        cdef bytes document
        PyObject_GetBuffer(packed, &view, PyBUF_SIMPLE)
        try:
            document = PyBytes_FromStringAndSize(NULL, self.checked_size(&view))
            assemble_into(
                &self.plan, <const unsigned char*>view.buf, PyBytes_AS_STRING(document)
            )
            return document
        finally:
            PyBuffer_Release(&view)

    cdef Py_ssize_t checked_size(self, Py_buffer* view) except -1:
        cdef Py_ssize_t size = document_size(
            &self.plan, <const unsigned char*>view.buf, view.len
        )
        if size < 0:
            raise ValueError("the packed values do not fit the plan's slots")
        return size
