"""What handshakes begin with: certificates and keys, versions, whom clients may be.

Contexts are made in the supervisor, before it forks: the keys of session tickets are in
them, so a phone may resume with any worker what it began with another.  A context that
was used cannot change, so a reload makes new ones, and tickets of before are lost.

A client certificate is asked for, never required, and whatever is wrong with it does
not end the handshake: old phones send it whether it helps them or not.  What it proves
is decided afterwards (``identity``).
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509

from bootwave.certificates.server import ServerCertificate, load_server_certificate
from bootwave.errors import OptionError
from bootwave.limits import MAX_TLS_CA_LIST_BYTES, MAX_TLS_PATH_CERTIFICATES
from bootwave.options import HttpsOptions

# Called for each certificate of a client's chain: connection, certificate, number of
# what is wrong, depth, and whether nothing is.
Verify = Callable[[SSL.Connection, object, int, int, int], bool]

# Phones boot once a day or less, but a wave of restarts may last for an hour.
SESSION_SECONDS = 7200
# What old firmware knows, and nothing that is broken outright: RSA and AES.
LEGACY_CIPHERS = (
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:"
    b"AES128-GCM-SHA256:AES128-SHA:AES256-SHA:@SECLEVEL=0"
)
# All that OpenSSL calls strong, but those first that are strong and cost least: a
# handshake hashes more than it encrypts, and SHA-256 is what processors do themselves.
MODERN_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    # What DEFAULT stands for, which must not stand behind others.
    b"ALL:!COMPLEMENTOFDEFAULT:!eNULL"
)
CIPHER_SUITES = (
    b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
)
_SESSION_CONTEXT = b"bootwave"


class Contexts:
    """The contexts of one set of files, for both listeners.

    ``modern`` and ``legacy`` are where handshakes on them begin, None where nothing
    listens; a host that a client names chooses another one by itself.  ``files`` are
    the certificates that they show.
    """

    def __init__(
        self,
        modern: SSL.Context | None,
        legacy: SSL.Context | None,
        files: Sequence[ServerCertificate],
    ) -> None:
        """Keep them."""
        self.modern = modern
        self.legacy = legacy
        self.files = files


def make_contexts(
    options: HttpsOptions, verify: Verify, authorities: Sequence[x509.Certificate] = ()
) -> Contexts:
    """Return the contexts that *options* ask for.

    *verify* is told of each client's chain and must return True.  *authorities* are
    the CAs that clients' certificates may come from, at the top of their chains.
    Raises OptionError, one sentence that names the file and says what to do.
    """
    modern = legacy = None
    files: list[ServerCertificate] = []
    if options.listen:
        option = "https.certificates"
        files += _files(option, options.certificates)
        modern = _by_host(
            option, files, lambda: _context(verify, authorities, legacy=False)
        )
    if options.legacy.listen:
        named = options.legacy.certificates
        option = "https.legacy.certificates" if named else "https.certificates"
        old = _files(option, named or options.certificates)
        legacy = _by_host(
            option, old, lambda: _context(verify, authorities, legacy=True)
        )
        files += [file for file in old if file not in files]
    return Contexts(modern, legacy, files)


def _files(option: str, paths: Sequence[Path]) -> list[ServerCertificate]:
    if not paths:
        raise OptionError(f"{option} must name a file with certificate and key.")
    return [load_server_certificate(path, option) for path in paths]


def _context(
    verify: Verify, authorities: Sequence[x509.Certificate], *, legacy: bool
) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_VERSION if legacy else SSL.TLS1_2_VERSION)
    context.set_cipher_list(LEGACY_CIPHERS if legacy else MODERN_CIPHERS)
    context.set_tls13_ciphersuites(CIPHER_SUITES)
    context.set_options(
        SSL.OP_NO_COMPRESSION
        | SSL.OP_NO_RENEGOTIATION
        | SSL.OP_CIPHER_SERVER_PREFERENCE
        # Old clients end without close_notify; a request says itself whether it is
        # whole.
        | SSL.OP_IGNORE_UNEXPECTED_EOF
    )
    # Tickets alone: what one worker kept, the others would not know.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_timeout(SESSION_SECONDS)
    # Without it a client that showed a certificate cannot resume (SSL_CTX_set_verify).
    context.set_session_id(_SESSION_CONTEXT)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_CLIENT_ONCE, verify)
    # A client may send forty certificates with keys that take a millisecond each.
    context.set_verify_depth(MAX_TLS_PATH_CERTIFICATES)
    store = context.get_cert_store()
    assert store is not None
    for certificate in authorities:
        store.add_cert(X509.from_cryptography(certificate))
    names = {certificate.subject.public_bytes() for certificate in authorities}
    if sum(2 + len(name) for name in names) <= MAX_TLS_CA_LIST_BYTES:
        for certificate in authorities:
            context.add_client_ca(certificate)
    return context


def _load(file: ServerCertificate, option: str, context: SSL.Context) -> None:
    """Have *context* show *file*; raises OptionError."""
    try:
        context.use_certificate_chain_file(file.path)
        context.use_privatekey_file(file.path)
        context.check_privatekey()
    except SSL.Error as error:
        raise OptionError(f"{file.path} of {option} {_why(error)}.") from None


def _why(error: SSL.Error) -> str:
    reasons = " ".join(part[-1] for part in error.args[0]) if error.args else ""
    if "too small" in reasons or "too weak" in reasons:
        return "is too weak for TLS 1.2: RSA needs 2048 bits, signatures SHA-256"
    return f"cannot be used ({reasons})"


def _by_host(
    option: str, files: Sequence[ServerCertificate], new: Callable[[], SSL.Context]
) -> SSL.Context:
    """Return the context of the first file; hosts that are named choose others.

    Files of the same hosts with keys of different kinds share one: the client's
    algorithms choose between them.
    """
    groups: list[list[ServerCertificate]] = []
    for file in files:
        group = next((g for g in groups if _belongs(file, g)), None)
        if group is None:
            groups.append([file])
        else:
            group.append(file)
    hosts: dict[str, SSL.Context] = {}
    contexts = []
    for group in groups:
        context = new()
        for file in group:
            _load(file, option, context)
            for name in file.names:
                hosts.setdefault(name, context)
        contexts.append(context)
    if len(contexts) > 1:

        def choose(connection: SSL.Connection) -> None:
            chosen = _context_of(hosts, connection.get_servername())
            if chosen is not None and chosen is not connection.get_context():
                connection.set_context(chosen)

        contexts[0].set_tlsext_servername_callback(choose)
    return contexts[0]


def _belongs(file: ServerCertificate, group: Sequence[ServerCertificate]) -> bool:
    if _algorithm(file) in map(_algorithm, group):
        return False
    first = group[0]
    return set(file.names) == set(first.names) or not {*file.names}.isdisjoint(
        first.names
    )


def _algorithm(file: ServerCertificate) -> str:
    return file.kind.partition(" ")[0]


def _context_of(
    hosts: dict[str, SSL.Context], server_name: bytes | None
) -> SSL.Context | None:
    """Return the context for *server_name* (RFC 6066 section 3), or None for any."""
    if not server_name:
        return None
    name = server_name.decode("ascii", "replace").lower().rstrip(".")
    found = hosts.get(name)
    if found is None:
        found = hosts.get("*." + name.partition(".")[2])
    return found
