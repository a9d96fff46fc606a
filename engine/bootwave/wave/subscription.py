"""The SUBSCRIBE of one phone, and what the answers to it must be.

``Subscription`` writes the message in one of the shapes real phones use (domain.md
1.1) and judges the 200 and the NOTIFY against it: RFC 3261 sections 8.1.3, 12.1 and
18.1.2 for the dialog and the Via, RFC 3581 for rport, RFC 6665 sections 4.1.2 and
4.2 for the two messages.  Each check raises ServerFault whose text ends a sentence that
begins with the message.
"""

from typing import NamedTuple

from bootwave.errors import ServerFault
from bootwave.wave import sip
from bootwave.wave.identity import Identity, Shape

PACKAGE = "ua-profile"
CONTENT_TYPE = "application/url"
# RFC 3261 section 8.1.1.7: what begins a branch that is a transaction identifier.
_COOKIE = "z9hG4bK"


class Notification(NamedTuple):
    """What a NOTIFY said: its From tag, its transaction, and the text of the URL."""

    from_tag: str
    transaction: tuple[int, str]
    url: str


class Subscription:
    """One SUBSCRIBE, ready to send, and the judge of its answers.

    *local* is the address and port that answers come to.  *number* makes Call-ID, tags
    and branch; it must differ between the phones of one socket.
    """

    __slots__ = (
        "_contact",
        "_cseq",
        "_from",
        "_local",
        "_to",
        "_via",
        "call_id",
        "data",
    )

    def __init__(
        self,
        identity: Identity,
        shape: Shape,
        local: tuple[str, int],
        *,
        number: int,
        group: str = "224.0.1.75",
    ) -> None:
        """Write the message."""
        address, port = local
        mac = identity.mac_text
        agent = identity.sip_user_agent
        event = (
            f'{PACKAGE};profile-type="device";vendor="snom"'
            f';model="{identity.model}";version="{identity.firmware}"'
        )
        self._local = local
        self._cseq = 1
        more = ""
        if shape is Shape.M700:
            sent_by = f"{address}:{port}"
            self._via = f"SIP/2.0/UDP {sent_by};branch={_COOKIE}l{number:x}auaa1jr4vm"
            self._from = f"<sip:512@{address}>;tag=dmrud.{number:x}"
            self._to = request_to = f"<sip:MAC%3a{mac}@{group}>"
            self._cseq = 20264
            self.call_id = f"{number:x}qdo.o.8i@{address}"
            # Without a port, as the captures show: answers must not go by it.
            self._contact = f"sip:512@{address}"
            before, after = "Max-Forwards: 70\r\n", "Supported: replaces,100rel\r\n"
            more = (
                "Allow: INVITE, CANCEL, BYE, ACK, REGISTER, OPTIONS, REFER, SUBSCRIBE,"
                " NOTIFY, MESSAGE, INFO, PRACK, UPDATE\r\n"
                "Allow-Events: dialog,message-summary\r\n"
            )
        else:
            self._via = f"SIP/2.0/UDP {address}:{port};rport"
            self.call_id = f"{number}@{address}"
            self._contact = f"sip:{address}:{port}"
            before = after = ""
            if shape is Shape.FROM_MAC:
                self._from = f"<sip:MAC={mac}@{group}>;tag={number}"
                self._to = request_to = f"<sip:{group}>"
            else:
                self._from = f"<sip:MAC%3a{mac}@lan>;tag={number}"
                self._to = request_to = f"<sip:MAC%3a{mac}@lan>"
        space = "" if shape is Shape.FROM_MAC else " "
        head = (
            f"SUBSCRIBE {request_to[1:-1]} SIP/2.0\r\n"
            f"Via: {self._via}\r\n"
            f"{before}"
            f"From: {self._from}\r\n"
            f"To: {self._to}\r\n"
            f"Call-ID: {self.call_id}\r\n"
            f"CSeq: {self._cseq} SUBSCRIBE\r\n"
        )
        contact = f"Contact: <{self._contact}>\r\n"
        accept = f"Accept: {CONTENT_TYPE}\r\n"
        about = f"Event:{space}{event}\r\nExpires: 0\r\n"
        user_agent = f"User-Agent: {agent}\r\n" if agent else ""
        if shape is Shape.M700:
            middle = f"{contact}{accept}{more}{about}{after}"
        else:
            middle = f"{about}{accept}{contact}"
        self.data = f"{head}{middle}{user_agent}Content-Length: 0\r\n\r\n".encode()

    def check_ok(self, message: sip.Message) -> str:
        """Return the To tag of the 200 *message*; raises ServerFault.

        The status itself is the caller's business.
        """
        self._check_own_via(message.all("via"))
        if message.one("from") != self._from:
            raise ServerFault(f"its From is {message.one('from')[:80]!r}, not ours")
        uri, parameters = sip.address_of(message.one("to"))
        if uri != self._to[1:-1]:
            raise ServerFault(f"its To is {uri[:80]!r}, not ours")
        tag = _tag(parameters, "To")
        self._check_call_id(message)
        if sip.cseq_of(message.one("cseq")) != (self._cseq, "SUBSCRIBE"):
            raise ServerFault(f"its CSeq is {message.one('cseq')[:40]!r}, not ours")
        expires = sip.number_of(message.one("expires"), "Expires")
        if expires > 0:
            # RFC 6665 section 4.2.1.1: shorter than asked, never longer.
            raise ServerFault(f"its Expires is {expires}, but 0 was asked for")
        sip.address_of(message.one("contact"))
        if message.body:
            raise ServerFault("it has a body")
        return tag

    def check_notify(
        self, message: sip.Message, source: tuple[str, int]
    ) -> Notification:
        """Return what the NOTIFY *message* from *source* says; raises ServerFault."""
        if message.method != "NOTIFY":
            raise ServerFault(f"it is a {message.method}, not a NOTIFY")
        if message.request_uri != self._contact:
            raise ServerFault(
                f"its Request-URI is {message.request_uri[:80]!r}, not the phone's "
                f"Contact {self._contact!r}"
            )
        branch = self._foreign_branch(message.all("via"), source)
        hops = sip.number_of(message.one("max-forwards"), "Max-Forwards")
        if not 0 < hops < 256:
            raise ServerFault(f"its Max-Forwards is {hops}")
        uri, parameters = sip.address_of(message.one("from"))
        if uri != self._to[1:-1]:
            raise ServerFault(f"its From is {uri[:80]!r}, not the To of the SUBSCRIBE")
        tag = _tag(parameters, "From")
        if message.one("to") != self._from:
            raise ServerFault(
                f"its To is {message.one('to')[:80]!r}, not the From of the SUBSCRIBE"
            )
        self._check_call_id(message)
        number, method = sip.cseq_of(message.one("cseq"))
        if method != "NOTIFY":
            raise ServerFault(f"its CSeq is for {method}")
        sip.address_of(message.one("contact"))
        package = message.one("event").partition(";")[0].strip(" \t")
        if package != PACKAGE:
            raise ServerFault(f"its Event is {package[:40]!r}, not {PACKAGE}")
        state = message.one("subscription-state").partition(";")[0].strip(" \t")
        if state != "terminated":
            raise ServerFault(
                f"its Subscription-State is {state[:40]!r}, not terminated"
            )
        kind = message.one("content-type").partition(";")[0].strip(" \t").lower()
        if kind != CONTENT_TYPE:
            raise ServerFault(f"its Content-Type is {kind[:40]!r}, not {CONTENT_TYPE}")
        return Notification(tag, (number, branch), _bare_text(message.body))

    def answer_to(self, message: sip.Message, user_agent: str) -> bytes:
        """Return the 200 with which the phone confirms the NOTIFY *message*."""
        vias = "".join(f"Via: {via}\r\n" for via in message.all("via"))
        agent = f"User-Agent: {user_agent}\r\n" if user_agent else ""
        return (
            f"SIP/2.0 200 OK\r\n{vias}"
            f"From: {message.one('from')}\r\n"
            f"To: {message.one('to')}\r\n"
            f"Call-ID: {self.call_id}\r\n"
            f"CSeq: {message.one('cseq')}\r\n"
            f"Contact: <{self._contact}>\r\n"
            f"{agent}Content-Length: 0\r\n\r\n"
        ).encode()

    def _check_call_id(self, message: sip.Message) -> None:
        if message.one("call-id") != self.call_id:
            raise ServerFault(
                f"its Call-ID is {message.one('call-id')[:80]!r}, not ours"
            )

    def _check_own_via(self, vias: list[str]) -> None:
        if len(vias) != 1:
            raise ServerFault(f"it has {len(vias)} Via headers, the SUBSCRIBE had one")
        sent, _semicolon, tail = self._via.partition(";")
        got, semicolon, rest = vias[0].partition(";")
        if got.rstrip(" \t") != sent:
            raise ServerFault(f"its Via is {vias[0][:80]!r}, not ours")
        wanted = sip.parameters_of(f";{tail}")
        found = sip.parameters_of(semicolon + rest)
        address, port = self._local
        received = found.pop("received", None)
        if "rport" in wanted:
            # RFC 3581 section 4: both, even where the address says nothing new.
            wanted["rport"] = str(port)
            if received is None:
                raise ServerFault("its Via lacks received, which rport asks for")
            if found.get("rport") != str(port):
                raise ServerFault(
                    f"its Via has rport {found.get('rport', '')!r}, but the SUBSCRIBE "
                    f"came from port {port}"
                )
        if received not in (None, address):
            raise ServerFault(
                f"its Via has received {received!r}, but the SUBSCRIBE came from "
                f"{address}"
            )
        if found != wanted:
            raise ServerFault(f"its Via is {vias[0][:80]!r}, not ours")

    def _foreign_branch(self, vias: list[str], source: tuple[str, int]) -> str:
        if not vias:
            raise ServerFault("it has no Via header")
        sent, semicolon, rest = vias[0].partition(";")
        protocol, _space, sent_by = sent.rstrip(" \t").partition(" ")
        if protocol != "SIP/2.0/UDP":
            raise ServerFault(f"its Via {vias[0][:80]!r} is not for SIP/2.0/UDP")
        host, colon, port = sent_by.strip(" \t").partition(":")
        port = port if colon else "5060"
        if (host, port) != (source[0], str(source[1])):
            raise ServerFault(
                f"its Via names {sent_by[:60]!r}, but it came from "
                f"{source[0]}:{source[1]}"
            )
        branch = sip.parameters_of(semicolon + rest).get("branch", "")
        if not branch.startswith(_COOKIE) or len(branch) == len(_COOKIE):
            raise ServerFault(
                f"its Via has the branch {branch[:40]!r}, which does not begin with "
                f"{_COOKIE}"
            )
        if not sip.is_token(branch):
            raise ServerFault(f"its Via has the unreadable branch {branch[:40]!r}")
        return branch


def _tag(parameters: dict[str, str], where: str) -> str:
    tag = parameters.get("tag", "")
    if not tag:
        raise ServerFault(f"its {where} has no tag")
    if not sip.is_token(tag):
        raise ServerFault(f"its {where} has the unreadable tag {tag[:40]!r}")
    return tag


def _bare_text(body: bytes) -> str:
    if not body:
        raise ServerFault("it has no body")
    text = body.decode("latin-1")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ServerFault(f"its body {text[:80]!r} is not a bare URL")
    return text
