"""Every exception the engine raises on purpose, split by who can act on it.

``PeerError``: someone outside broke the rules; it is answered and counted.
``OperatorError``: an administrator can repair it; the message is one sentence that
says how.  ``StoreError``: the store failed or refused.  A wire core raises
``PeerError`` or nothing: any other exception out of one is a bug.
"""

# How a sentence ends that tells of files or sockets that another user may use.
BY_THIS_USER = (
    "by this user: run the command as root or as the user the engine runs as."
)


class BootwaveError(Exception):
    """Base of all errors raised by this package."""


class PeerError(BootwaveError):
    """Someone outside broke the rules of a protocol."""


class SyntaxFault(PeerError):
    """A peer sent bytes that break its protocol's grammar.

    ``offset`` counts bytes from the start of the parsed unit and ``status`` is the
    SIP or HTTP status a server should answer with.
    """

    def __init__(self, message: str, *, offset: int = 0, status: int = 400) -> None:
        """Keep *message* for the log and *offset* for the hex dump."""
        super().__init__(f"{message} (at byte {offset})")
        self.offset = offset
        self.status = status


class SipSyntaxError(SyntaxFault):
    """The bytes are not SIP/2.0 (RFC 3261 section 25)."""


class HttpSyntaxError(SyntaxFault):
    """The bytes are not the HTTP/1.x this server accepts (RFC 9112)."""


class ProxySyntaxError(SyntaxFault):
    """The bytes are not a header of PROXY protocol version 2 that is accepted."""


class XmlRpcSyntaxError(SyntaxFault):
    """The bytes are no response of XML-RPC, or not of the shape a method has."""


class ServerFault(PeerError):
    """A server told a simulated phone something a strict phone does not accept.

    The message is one sentence, written for the operator of that server.
    """


class LimitExceeded(PeerError):
    """A peer sent more than ``limit`` (in the unit the message names)."""

    def __init__(self, message: str, *, limit: int) -> None:
        """Keep *message* for the log and *limit* for whoever compares."""
        super().__init__(message)
        self.limit = limit


class MessageError(PeerError):
    """The bytes are not a message of the control socket."""


class OperatorError(BootwaveError):
    """An administrator can repair it; the message says how in one sentence."""


class OptionError(OperatorError):
    """The server's options are wrong or contradict each other."""


class SettingError(OperatorError):
    """A phone's setting, key or name cannot be told to a phone."""


class FirmwareError(OperatorError):
    """A definition of firmware, or an image, cannot be what it is said to be."""


class EngineError(OperatorError):
    """The running engine refused an operation, or cannot be reached to ask for it."""


class RedirectionError(BootwaveError):
    """A redirection service did not do what it was asked for; the message says why."""


class RedirectionUnreachable(RedirectionError):
    """No answer came, or none that can be understood; trying later may work.

    ``wait_seconds`` are those that the service asked to be left alone for, 0 for none.
    """

    def __init__(self, message: str, *, wait_seconds: float = 0.0) -> None:
        """Keep what is told."""
        super().__init__(message)
        self.wait_seconds = wait_seconds


class RedirectionRefused(RedirectionError):
    """The service does not accept the account, whatever it is asked for."""


class StoreError(BootwaveError):
    """The store failed or refused."""


class StoreUnavailable(StoreError):
    """The store cannot be read or written now; trying later may work."""


class StoreConflict(StoreError, OperatorError):
    """The write contradicts what is stored, for example a MAC bound elsewhere."""


class StoreNotFound(StoreError, OperatorError):
    """The write names something that is not stored."""


class SchemaTooNew(StoreError, OperatorError):
    """The database was made by a newer version of this program."""


class SchemaTooOld(StoreError, OperatorError):
    """The database was made by an older version and must be upgraded first."""
