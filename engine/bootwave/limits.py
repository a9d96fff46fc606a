"""Every bound on what a peer may send, with its unit and its precedent."""

# SIP over UDP.  RFC 3261 section 18.1.1 asks for TCP above 1300 bytes; real phones
# send 436 to 700.  Four times that leaves room for odd proxies and User-Agents.
MAX_SIP_DATAGRAM_BYTES = 4096
# These two stand in ext/sip.pyx again, as HEADERS and VIAS, where they size a struct;
# tests/native/test_sip.py holds them together.
MAX_SIP_HEADERS = 64  # kamailio stops at 64 interesting ones; phones send 11 to 16
MAX_SIP_VIAS = 8  # one hop of multicast; more is a loop
# Via, From, To and Call-ID in sum, the headers that are sent back: those of phones take
# 130 to 180.
MAX_SIP_ECHOED_BYTES = 1024

# Transactions kept at once: one per phone for 32 s, so a city's district after a
# power cut (3,000 a second) fits; past it the oldest is forgotten.
MAX_SIP_TRANSACTIONS = 131_072
MAX_PENDING_NOTIFIES = 65_536
# NOTIFYs to phones take 500 to 750 bytes, so all of the above fit; the largest that can
# be asked for take three times as much.
MAX_PENDING_NOTIFY_BYTES = 64 * 1024 * 1024
# What falls due together is done in turns of this many of a kind, a millisecond or two;
# the phones of one wave that did not confirm are told again in one.
MAX_SIP_DUE_AT_ONCE = 256
# Datagrams that waited for too long in the kernel's buffer are moved here, so that the
# newest can be answered first: as many as that buffer holds.  These two stand in
# ext/udpbacklog.pxd again; tests/native/test_udp.py holds them together.
MAX_SIP_BACKLOG_DATAGRAMS = 32_768
MAX_SIP_BACKLOG_BYTES = 16 * 1024 * 1024
# SUBSCRIBEs answered to a source address that never confirmed a NOTIFY: each is worth
# two datagrams to whoever forges it.  One phone sends five at most in 32 s.  A NAT or a
# relay with a whole site behind it, of which nobody confirmed yet, starts within the
# burst, and a single confirmation ends the count.
MAX_SIP_BURST_UNPROVEN = 24_000
SIP_UNPROVEN_PER_SECOND = 500.0
# Addresses counted at once, as many as may prove themselves.
MAX_SIP_UNPROVEN_SOURCES = 65_536
# Sends of one NOTIFY to a source that never answered anything: a spoofed source must
# not be worth eleven datagrams (RFC 3261 timer E alone gives eleven).
MAX_NOTIFY_SENDS_UNPROVEN = 4
# Bytes sent per byte received, for such sources outside our own subnets; on our own
# links the sends above bound it (computed in tests/sip/test_pnp.py).
MAX_OFF_SUBNET_AMPLIFICATION = 4
# SUBSCRIBEs that wait for the store at once, each held with its datagram; past it the
# phone has to ask again.
MAX_PENDING_LOOKUPS = 32_768
# Addresses remembered as having answered a NOTIFY: a /16 full of phones.
MAX_PROVEN_SOURCES = 65_536

# NOTIFYs of roll-outs under way, at about 1.2 KB each: a thousand a second, each of
# which takes 32 s when nobody answers.
MAX_PENDING_CHECK_SYNCS = 32_768
# Connections to proxies that want TCP or TLS; each domain has one or two.
MAX_PROXY_STREAMS = 128
# What one of them may hold that the proxy does not take: a thousand NOTIFYs.
MAX_PROXY_STREAM_BACKLOG_BYTES = 1024 * 1024

# HTTP.  Apache 8190 per line, nginx 4 x 8 KiB, node 80 KiB: phones send under 600.
MAX_HTTP_HEAD_BYTES = 8192
MAX_HTTP_TARGET_BYTES = 1024
MAX_HTTP_HEADERS = 64
# An Authorization field: Digest with the longest target, every octet of it escaped, and
# names and nonces of 256 (Apache's mod_auth_digest takes what its 8190 allow).
MAX_HTTP_AUTHORIZATION_BYTES = 4096
MAX_HTTP_AUTHORIZATION_PARAMETERS = 16  # RFC 7616 knows twelve

# What a load balancer says before the phone does (PROXY protocol, version 2): 28 bytes
# for IPv4, 52 for IPv6, and what it adds, such as 84 in sum by AWS.  The standard wants
# one TCP segment; nginx takes 4096, because certificates' names may be long.
MAX_PROXY_HEADER_BYTES = 4096
MAX_PROXY_NETWORKS = 64  # each is compared with each address that connects

# HTTP deadlines in seconds.  Apache mod_reqtimeout gives 20 s for a head; a phone on
# the slowest DECT base needs under one.
HTTP_HEAD_SECONDS = 5.0
HTTP_IDLE_SECONDS = 15.0
HTTP_WRITE_STALL_SECONDS = 20.0
HTTP_ANSWER_SECONDS = 30.0  # ours to decide in; a store that hangs must not hold phones
# After a refusal the rest of what the peer sends is read and dropped, or its kernel
# would throw the answer away (RFC 9112 section 9.6; nginx lingers up to 30 s).
HTTP_LINGER_SECONDS = 2.0
MAX_HTTP_LINGER_BYTES = 65_536

# TLS.  A phone's handshake takes two round trips and, on the slowest of them, under a
# second for its own signature.
TLS_HANDSHAKE_SECONDS = 5.0
# Under pressure a handshake that the peer has left alone for so long makes room.
TLS_PATIENCE_SECONDS = 1.0
# The names of CAs told to clients; longer lists fill packets of every handshake, and
# phones have one certificate to show (RFC 8446 section 4.2.4 makes them optional).
MAX_TLS_CA_LIST_BYTES = 4096

MAX_SIGHTING_DETAIL_CHARACTERS = 96

# One message on the control socket, and one import by it.
MAX_CONTROL_MESSAGE_BYTES = 64 * 1024 * 1024
# Commands at once; each holds a descriptor and one message.
MAX_CONTROL_CONNECTIONS = 64

# Settings, and function keys, that one layer says, each with their names and some more:
# all phones below are told them, and what is ready for phones of other domains must not
# be crowded out.  A full export of a snom 720 has 115,668 bytes.
MAX_LAYER_CHARACTERS = 512 * 1024
LAYER_CHARACTERS_EACH = 64  # of one setting or key, beside its name and value

# What a simulated phone takes from the server it boots from.  A full export of a
# snom 720 is 115,668 bytes; wazo's longest list names five files, one level deep.
MAX_WAVE_DOCUMENT_BYTES = 1024 * 1024
MAX_WAVE_IMAGE_BYTES = 512 * 1024 * 1024  # the largest known has 137 MB
MAX_WAVE_HEAD_BYTES = 16 * 1024
MAX_WAVE_FILES = 16
MAX_WAVE_LIST_DEPTH = 3

# What a redirection service answers.  A list takes some 45 bytes for each phone; the
# vendor says nothing of how long one may be, so this holds 350,000 phones of a type.
MAX_REDIRECTION_ANSWER_BYTES = 16 * 1024 * 1024
MAX_REDIRECTION_WORDS_CHARACTERS = 160  # of its own that are kept; known ones take 26

# Client certificates.  OpenSSL takes chains of 100 KB; those of phones are three of
# about 1 KB, and what a message of the handshake may carry is bounded there.
MAX_TLS_CERTIFICATE_BYTES = 16 * 1024
MAX_TLS_CHAIN_CERTIFICATES = 8
# Leaf and root included; snom's are three long, and Apache's SSLVerifyDepth of those
# who serve them is 2.
MAX_TLS_PATH_CERTIFICATES = 6
# Certificates looked at as the next of a path, and RSA verifications (some 30 us each),
# while one chain is judged: same-name CAs must not multiply into more.
MAX_TLS_PATH_STEPS = 64
MAX_TLS_PATH_SIGNATURES = 24
# Issuing CAs remembered, which phones send with every handshake; snom has two.
MAX_TLS_PROVEN_CAS = 64
# Verdicts remembered for resumed sessions; only of leaves that a factory CA signed, so
# it is phones that fill it, at under 1 KB each.
MAX_TLS_VERDICTS = 131_072
# What operators give: a CA file, and a CRL (some 40 bytes an entry).
MAX_CERTIFICATE_FILE_BYTES = 1024 * 1024
MAX_CRL_FILE_BYTES = 64 * 1024 * 1024
MAX_CERTIFICATE_BLOCKS = 100_000

# The API.  What one request of administrators says; imports are streamed.
MAX_API_BODY_BYTES = 1024 * 1024
# A body may have one value for so many bytes of the most that it may have.  A value is
# read and, where it is not known, refused in some 3 us, in which nobody else is heeded:
# 60 ms for all, 250 for those of a phone book, whose rows have columns of 100 bytes.
API_BODY_BYTES_A_VALUE = 50
# What is read of somebody who has yet to prove who he is: two passwords, escaped.
MAX_API_SIGN_IN_BYTES = 16 * 1024
# A phone book is read at once: ten thousand rows of some 400 bytes.
MAX_API_BOOK_BYTES = 4 * 1024 * 1024
MAX_API_IMPORT_BYTES = 1024 * 1024 * 1024  # ten million accounts; kept on the disk
# Of who has some domains: sixteen of them, as many as there may be, are as much.
MAX_API_DOMAIN_IMPORT_BYTES = 64 * 1024 * 1024
# What is kept in a day of answers to who has some domains, and of their idempotency
# keys: as much as four imports, which is how many there may be at a time.
MAX_API_DOMAIN_KEPT_BYTES = 4 * MAX_API_DOMAIN_IMPORT_BYTES
MAX_API_IMAGE_BYTES = 1024 * 1024 * 1024  # firmware.image_bytes says what is taken
MAX_API_HEAD_BYTES = 32 * 1024  # cookies of other programs on the same host included
MAX_API_CONNECTIONS = 256
# Of one address but loopback: six of them at least before there is no place for
# others.  Browsers open six to a host.  As many are kept for loopback, and for known
# addresses.
MAX_API_CONNECTIONS_OF_ONE = 32
# For addresses from which somebody proved lately who he is: of them, and for how long.
MAX_API_KNOWN = 1_024
API_KNOWN_SECONDS = 12 * 3_600.0  # as a session
# What one connection may take for a head, and, of a body, for each 64 KiB: Apache's
# mod_reqtimeout gives 20 s for either.
API_HEAD_SECONDS = 10.0
API_BODY_SECONDS = 20.0
API_BODY_PACE_BYTES = 64 * 1024
API_IDLE_SECONDS = 15.0
API_WRITE_STALL_SECONDS = 20.0
API_TLS_SECONDS = 10.0
# A read that takes longer is ended: it would hold the log of the database for ever.
API_READ_SECONDS = 20.0
MAX_API_READS_WAITING = 128
MAX_API_READS_OF_ONE = 32  # who asks, by whatever token
MAX_API_WRITES_OF_ONE = 32
MAX_API_PAGE = 1_000
MAX_API_ERRORS = 100  # places of one body that are told to be wrong
# Passwords that wait to be compared, each of which takes 64 MiB for some 50 ms.
MAX_API_PASSWORDS_WAITING = 16
# Wrong passwords of administrators: from one address, and for one name from addresses
# that he never signed in from.
API_GUESSES = 10.0
API_GUESSES_PER_MINUTE = 2.0
API_ACCOUNT_GUESSES = 50.0
API_ACCOUNT_GUESSES_PER_MINUTE = 10.0
