"""What a client says first: whether it is TLS at all, and whether it would resume.

OpenSSL is the authority on the ClientHello; here it is only looked at, to answer who
speaks clear HTTP and to count tickets that nobody can open any more.  Text that is none
is no error: then nothing is known.
"""

HANDSHAKE = 0x16  # the content type of a record (RFC 8446 section 5.1)
_CLIENT_HELLO = 1
_SESSION_TICKET = 35  # RFC 5077 section 3.2
_PRE_SHARED_KEY = 41  # RFC 8446 section 4.2.11
_RECORD_HEAD = 5
_VERSION_AND_RANDOM = 34


def is_clear_http(data: bytes) -> bool:
    """Whether *data*, the first bytes of a connection, begin as a request does.

    That is with an upper-case letter, as every method does that is known (RFC 9110
    section 9); the first byte of TLS is a control character.
    """
    return data[:1].isalpha() and data[:1].isupper()


def offers_session(data: bytes) -> bool:
    """Whether the ClientHello that *data* begins with brings a session to resume.

    A session ticket or a pre-shared key; False for a ClientHello that is cut short.
    """
    try:
        return _offers_session(memoryview(data))
    except IndexError:
        return False


def _offers_session(data: memoryview) -> bool:
    if data[0] != HANDSHAKE or data[_RECORD_HEAD] != _CLIENT_HELLO:
        return False
    at = _RECORD_HEAD + 4 + _VERSION_AND_RANDOM
    at += 1 + data[at]  # the session identifier
    at += 2 + (data[at] << 8 | data[at + 1])  # cipher suites
    at += 1 + data[at]  # compression methods
    end = at + 2 + (data[at] << 8 | data[at + 1])
    at += 2
    while at < end:
        kind = data[at] << 8 | data[at + 1]
        size = data[at + 2] << 8 | data[at + 3]
        # An empty ticket asks for a new one.
        if kind == _PRE_SHARED_KEY or (kind == _SESSION_TICKET and size):
            return True
        at += 4 + size
    return False
