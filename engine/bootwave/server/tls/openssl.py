"""OpenSSL under pyOpenSSL, for the one place where each call counts: handshakes.

pyOpenSSL makes the contexts and the connections and calls back.  What is done with a
connection some ten times a handshake goes to OpenSSL's own functions here, by way of
the same binding: that saves a third of what a handshake costs beside its cryptography
(``perf/rows/tls.py``), and tells two things that pyOpenSSL does not: whether a session
was resumed, and how much waits.  Nothing else knows pyOpenSSL's insides.

All of it is for one thread: the buffers are shared.
"""

from cryptography.hazmat.bindings.openssl.binding import Binding
from OpenSSL import SSL

from bootwave.limits import MAX_HTTP_HEAD_BYTES

_lib = Binding.lib
_ffi = Binding.ffi

_SHA256 = _lib.EVP_get_digestbyname(b"sha256")
_OUT_BYTES = 65_536
_out = _ffi.new("char[]", _OUT_BYTES)
_out_view = memoryview(_ffi.buffer(_out))
_in = _ffi.new("char[]", MAX_HTTP_HEAD_BYTES)
_in_view = _ffi.buffer(_in)
_digest = _ffi.new("unsigned char[32]")
_digest_size = _ffi.new("unsigned int *")

_do_handshake = _lib.SSL_do_handshake
_get_error = _lib.SSL_get_error
_read = _lib.SSL_read
_write = _lib.SSL_write
_bio_read = _lib.BIO_read
_bio_write = _lib.BIO_write
_clear_errors = _lib.ERR_clear_error
_from_buffer = _ffi.from_buffer
_WANT_READ = _lib.SSL_ERROR_WANT_READ
_ZERO_RETURN = _lib.SSL_ERROR_ZERO_RETURN


def is_resumed(connection: SSL.Connection) -> bool:
    """Whether the handshake of *connection*, which is complete, resumed a session."""
    return bool(_lib.SSL_session_reused(connection._ssl))


def shake(connection: SSL.Connection, data: bytes) -> bool:
    """Go on with the handshake with *data*, which came; whether it is complete.

    Raises SSL.Error when it failed.
    """
    _bio_write(connection._into_ssl, _from_buffer(data), len(data))
    ssl = connection._ssl
    _clear_errors()  # what others left would be taken for this one's
    result = _do_handshake(ssl)
    if result == 1:
        return True
    if _get_error(ssl, result) != _WANT_READ:
        connection._raise_ssl_error(ssl, result)
    return False


def feed(connection: SSL.Connection, data: bytes) -> None:
    """Take *data*, which came; nothing says that no more comes."""
    if data:
        _bio_write(connection._into_ssl, _from_buffer(data), len(data))
    else:
        connection.bio_shutdown()


def read(connection: SSL.Connection) -> bytes | None:
    """Return what the peer says next, b"" at its end, None while it is not there.

    At most MAX_HTTP_HEAD_BYTES.  Raises SSL.Error when it breaks TLS.
    """
    ssl = connection._ssl
    _clear_errors()
    size = _read(ssl, _in, MAX_HTTP_HEAD_BYTES)
    if size > 0:
        return bytes(_in_view[:size])
    error = _get_error(ssl, size)
    if error == _WANT_READ:
        return None
    if error == _ZERO_RETURN:
        return b""
    connection._raise_ssl_error(ssl, size)
    raise AssertionError("that raises")


def write(connection: SSL.Connection, data: bytes) -> None:
    """Encrypt *data*, whose end need not fit into a record; raises SSL.Error."""
    ssl, sent, size = connection._ssl, 0, len(data)
    view = _from_buffer(data)
    while sent < size:
        result = _write(ssl, view + sent, size - sent)
        if result <= 0:
            connection._raise_ssl_error(ssl, result)
        sent += result


def release_buffers(connection: SSL.Connection) -> None:
    """Let *connection* hold no buffers, of 34 kB, while nothing is on its way.

    For connections that may idle, thousands at a time; in a handshake, with its many
    records, it would cost more than it saves.
    """
    _lib.SSL_set_mode(connection._ssl, SSL.MODE_RELEASE_BUFFERS)


def end(connection: SSL.Connection) -> None:
    """Write that no more is sent (close_notify, RFC 8446 section 6.1)."""
    if _lib.SSL_shutdown(connection._ssl) < 0:
        _clear_errors()


def outgoing(connection: SSL.Connection) -> memoryview:
    """Return what is to be sent, at most 64 kB; valid until this is called again."""
    size = _bio_read(connection._from_ssl, _out, _OUT_BYTES)
    return _out_view[: max(size, 0)]


def leaf_digest(connection: SSL.Connection) -> bytes | None:
    """Return the SHA-256 of the peer's certificate (DER), None without one."""
    certificate = _lib.SSL_get_peer_certificate(connection._ssl)
    if certificate == _ffi.NULL:
        return None
    try:
        if not _lib.X509_digest(certificate, _SHA256, _digest, _digest_size):
            raise SSL.Error("the certificate has no digest")
        return bytes(_ffi.buffer(_digest))
    finally:
        _lib.X509_free(certificate)
