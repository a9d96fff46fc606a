"""What one contact of a phone was, what it got and why: reason codes and records.

A ``Reason`` is stored as its number, so numbers are never reused.  Its ``sentence``
says what happened and its ``advice`` what an administrator can do about it; the
advice is empty where nothing needs doing.
"""

from enum import IntEnum
from typing import NamedTuple


class Reason(IntEnum):
    """Why a contact ended as it did."""

    sentence: str
    advice: str

    def __new__(cls, number: int, sentence: str, advice: str = "") -> "Reason":
        """Make the member *number* that carries its two sentences."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.sentence = sentence
        member.advice = advice
        return member

    # SIP, 1 to 49
    PNP_ANSWERED = 1, "its SUBSCRIBE was answered with the settings URL"
    PNP_CONFIRMED = 2, "it confirmed the NOTIFY that carries the settings URL"
    PNP_UNCONFIRMED = (
        3,
        "it never confirmed the NOTIFY that carries the settings URL",
        "check that UDP from this server reaches the phone",
    )
    PNP_REJECTED = (
        4,
        "it rejected the NOTIFY that carries the settings URL",
        "give the phone its settings URL by DHCP or by hand",
    )
    PNP_NOT_BOUND = (
        5,
        "it asked by multicast, but its MAC is bound to no account",
        "bind it: bootwave account bind NUMBER@DOMAIN MAC",
    )
    PNP_NOT_OURS = 6, "the SUBSCRIBE is not from a snom phone and its MAC is not bound"
    PNP_OFF_SUBNET = (
        7,
        "it asked from outside the subnets of this server's interfaces",
        "set pnp.off_subnet = true if such phones are yours",
    )
    PNP_OVERLOAD = 8, "too many SUBSCRIBEs came or were waiting; the phone asks again"
    SIP_SYNTAX = 10, "the datagram is not SIP"
    SIP_METHOD = 11, "the datagram is SIP, but not a request for settings"
    SIP_EVENT = 12, "the SUBSCRIBE is for another event package"
    SIP_IN_DIALOG = 13, "the SUBSCRIBE belongs to a dialog that is not ours"
    SIP_NO_MAC = 14, "the SUBSCRIBE names no MAC"
    SIP_FOREIGN_RESPONSE = 15, "the SIP response answers nothing that was sent"
    PNP_IGNORED = (
        16,
        "it asked by multicast, but a rule says not to answer it",
        "change pnp.rules if the phone is yours",
    )

    # HTTP, 50 to 99
    SERVED_GENERAL = 50, "it was given a document without secrets"
    SERVED_WINDOW = 51, "it was given its settings under an open window"
    NOT_MODIFIED = 52, "it has its current settings already"
    SERVED_CERTIFICATE = 53, "it was given its settings on its factory certificate"
    SERVED_CREDENTIALS = 54, "it was given its settings on user name and password"
    FIRMWARE_TOLD = 55, "it was told to load another firmware"
    FIRMWARE_SENT = 56, "it was sent a firmware image"
    PHONE_BOOK_SERVED = 57, "it was given its phone book, or has the current one"
    UNKNOWN_MAC = (
        60,
        "its MAC is unknown",
        "bind it: bootwave account bind NUMBER@DOMAIN MAC",
    )
    UNBOUND = (
        61,
        "its MAC is known but bound to no account",
        "bind it: bootwave account bind NUMBER@DOMAIN MAC",
    )
    CLOSED = (
        62,
        "its account is not open for provisioning",
        "open it: bootwave window open NUMBER@DOMAIN, then restart the phone",
    )
    CONSUMED_BY_OTHER = (
        63,
        "the window was already used from another address or by another phone",
        "make sure that the other one is yours, then open the account again",
    )
    WINDOW_ENDED = (
        64,
        "the window it was provisioned under has ended",
        "open the account again: bootwave window open NUMBER@DOMAIN",
    )
    CLEAR_HTTP_PUBLIC = (
        65,
        "it asked over clear HTTP from a public address",
        "let the phone use HTTPS, or provision it inside a private network",
    )
    CLEAR_HTTP_CERTIFICATE = (
        66,
        "it asked over clear HTTP although it owns a factory certificate",
        "give the phone an https settings URL; multicast does unless pnp.url is set",
    )
    CLEAR_HTTP_NEVER = (
        67,
        "it asked over clear HTTP, where http.secrets = never sends no secrets",
        "give the phone an https settings URL; pnp.url is what multicast tells",
    )
    WILDCARD_AMBIGUOUS = (
        68,
        "wildcard accounts of more than one domain could claim it",
        "give each domain its own subnet: bootwave domain set --wildcard-subnet",
    )
    WILDCARD_TAKEN = (
        69,
        "every open wildcard account was already claimed",
        "open another wildcard account",
    )
    STORE_AWAY = (
        70,
        "the store could not be read or written",
        "see the server's log; phones are refused secrets until the store is back",
    )
    NO_DOCUMENT = 71, "it asked for a document that does not exist"
    NOT_MADE = (
        72,
        "its document could not be made from what is stored",
        "see the server's log, which names what is wrong",
    )
    HEAD_UNDER_WINDOW = (
        73,
        "it asked with HEAD, which uses no window",
        "let it fetch with GET",
    )
    WILDCARD_VENDOR = (
        74,
        "wildcard accounts are for snom phones, and its MAC is not of a snom block",
        "bind it by its MAC, or set pairing.wildcard_vendors = any",
    )
    NOT_DECIDED = (
        75,
        "too much changed while it was decided; the phone asks again",
        "restart the phone if it does not ask again",
    )
    CERTIFICATE_OTHER_MAC = (
        76,
        "its certificate is of another MAC than the one it asked for",
        "see who has that phone: a certificate opens its own phone's document only",
    )
    CERTIFICATE_BLOCKED = (
        77,
        "its certificate was revoked or blocked",
        "see bootwave tls blocks and https.crls, or bind the phone that replaces it",
    )
    CREDENTIALS_WRONG = (
        78,
        "the user name or password it gave is wrong",
        "give the phone the credentials of its account, or open the account",
    )
    CREDENTIALS_LIMITED = (
        79,
        "too many wrong passwords came, so the one it gave was not compared",
        "see from where they come; the phone's own credentials are compared all the "
        "same, which it gets with its settings: open the account",
    )
    HTTP_SYNTAX = 80, "the request is not HTTP that this server accepts"
    HTTP_TIMEOUT = 81, "the request was not complete in time"
    HTTP_CROWDED_OUT = 82, "the connection table was full"
    HTTP_STALLED = 83, "it stopped reading the answer"
    PROXY_HEADER = (
        84,
        "a load balancer's connection did not begin with a PROXY header (version 2)",
        "have it send one, or take its address out of http.proxy_protocol",
    )
    SLOWED = (
        85,
        "its address asked for many MACs and proved to be none, so it was put off",
        "see what asks from there; limits.misses says how many it may",
    )
    TLS_FAILED = (
        86,
        "the TLS handshake failed",
        "serve old firmware by https.legacy.listen; see the detail",
    )
    TLS_TIMEOUT = 87, "the TLS handshake was not complete in time"
    WILDCARD_RESTRICTED = (
        88,
        "the wildcard accounts that are free were opened for other phones",
        "see their bounds with bootwave window list, or open one for this",
    )
    TOKEN_WRONG = (
        89,
        "its URL has no right token, and its domain requires one",
        "give the phone the URL that bootwave domain token show DOMAIN prints",
    )


class Sighting(NamedTuple):
    """One contact of a phone.

    ``at`` is wall-clock seconds since the epoch, stamped where the contact happened.
    ``mac`` is 0 when none was named.  ``detail`` is cut to 96 characters, in the file
    to 96 bytes of UTF-8, and holds model and firmware or the offending text, never a
    secret.
    """

    at: float
    mac: int
    source: str
    reason: Reason
    detail: str = ""
