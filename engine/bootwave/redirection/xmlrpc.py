"""Calls and results of XML-RPC as bytes.

The codec is the standard library's; what it reads first goes through a parser that
refuses document types, entities and everything external.  A service is a stranger:
whatever is not the result that the vendor's table promises raises XmlRpcSyntaxError,
and nothing else is raised.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from xml.parsers.expat import ExpatError
from xmlrpc import client as codec

from bootwave.errors import XmlRpcSyntaxError
from bootwave.http.target import TOKEN_CHARACTERS
from bootwave.limits import MAX_REDIRECTION_WORDS_CHARACTERS
from bootwave.phone.mac import mac_from_text
from bootwave.redirection.vendors import Call, Shape, Vendor, Verdict

# A service may repeat what it was given, and a URL holds a token (http.target).
_TOKEN = re.compile(rf"t[a-z2-7]{{{TOKEN_CHARACTERS - 1}}}", re.IGNORECASE)
_READ_CHARACTERS = 4_096


class Answer(NamedTuple):
    """What a service answered.

    ``words`` are its own when it refused; ``url`` is where a phone is redirected to, ""
    for nowhere; ``macs`` are those of a list.
    """

    verdict: Verdict
    words: str = ""
    url: str = ""
    macs: tuple[int, ...] = ()


def request_body(
    vendor: Vendor,
    call: Call,
    *,
    mac: int = 0,
    url: str = "",
    type_: str = "",
    text: str = "",
) -> bytes:
    """Return the request for a *call*; a URL of "" is nil."""
    method = vendor.methods[call]
    given = {"mac": vendor.mac(mac), "url": url or None, "type": type_, "text": text}
    values = tuple(given[name] for name in method.arguments)
    return codec.dumps(values, method.name, encoding="utf-8", allow_none=True).encode()


def answer_from(
    vendor: Vendor, call: Call, body: bytes, hidden: Sequence[str] = ()
) -> Answer:
    """Return what the response *body* to a *call* says; raises XmlRpcSyntaxError.

    Texts that are *hidden* are left out of its words.
    """
    try:
        value = _value(body)
    except codec.Fault as fault:
        # XML-RPC's own way to refuse, for which the vendor's table has no words.
        words = words_from(f"fault: {fault.faultString}", hidden)
        return Answer(Verdict.REFUSED, words)
    shape = vendor.methods[call].result
    if shape is Shape.ECHO:
        if not isinstance(value, str):
            raise XmlRpcSyntaxError("the echo is no text")
        return Answer(Verdict.DONE)
    if not isinstance(value, list):
        raise XmlRpcSyntaxError("the result is no array")
    if shape is Shape.MACS and (not value or isinstance(value[0], str)):
        return Answer(Verdict.DONE, macs=tuple(map(_mac, value)))
    if not value or not isinstance(value[0], bool | int) or value[0] not in (0, 1):
        raise XmlRpcSyntaxError("the array does not begin with a boolean")
    if not value[0]:
        return _refused(vendor, value, hidden)
    if shape is Shape.TARGET:
        if len(value) < 3 or not isinstance(value[2], str):
            raise XmlRpcSyntaxError("the array has no URL")
        return Answer(Verdict.DONE, url=value[2].strip())
    if shape is Shape.MACS:
        raise XmlRpcSyntaxError("the array is no list of MACs")
    return Answer(Verdict.DONE)


def words_from(text: object, hidden: Sequence[str] = ()) -> str:
    """Return what a stranger says, cut, in one line.

    Without any URL, any token of one, and any of the texts *hidden*.
    """
    all_of_it = str(text)
    said = all_of_it[:_READ_CHARACTERS]
    for secret in filter(None, hidden):
        said = said.replace(secret, "(secret)")
    said = _TOKEN.sub("(token)", said)
    if len(all_of_it) > _READ_CHARACTERS:
        # One of them may have been cut through, and was not found.
        longest = max(TOKEN_CHARACTERS, *map(len, hidden), 0)
        said = said[: max(0, len(said) - longest)]
    line = " ".join("(a URL)" if "://" in word else word for word in said.split())
    return line[:MAX_REDIRECTION_WORDS_CHARACTERS]


def _refused(vendor: Vendor, value: list[Any], hidden: Sequence[str]) -> Answer:
    text = value[1] if len(value) > 1 and isinstance(value[1], str) else ""
    verdict = vendor.errors.get(text.strip().lower(), Verdict.REFUSED)
    return Answer(verdict, words_from(text, hidden) or "refused without a word")


def _mac(value: object) -> int:
    mac = mac_from_text(value.strip()) if isinstance(value, str) else None
    if mac is None:
        raise XmlRpcSyntaxError("the list holds what is no MAC")
    return mac


def _value(body: bytes) -> Any:
    """Return the one value of a response; raises XmlRpcSyntaxError or Fault."""
    # Not above: whoever only reads the table needs no parser.
    from defusedxml.common import DefusedXmlException
    from defusedxml.xmlrpc import DefusedExpatParser

    target = codec.Unmarshaller()
    try:
        parser = DefusedExpatParser(target, forbid_dtd=True)
        parser.feed(body)
        parser.close()
        values = target.close()
        # A stray end tag leaves marks without a beginning.
        if not isinstance(values, tuple) or len(values) != 1 or target.getmethodname():
            raise XmlRpcSyntaxError("it is no response with one value")
    except (codec.Fault, XmlRpcSyntaxError):
        raise
    except ExpatError as error:
        raise XmlRpcSyntaxError("it is no XML", offset=_offset(error)) from None
    except DefusedXmlException:
        raise XmlRpcSyntaxError("it holds a document type or entities") from None
    except Exception as error:
        # The codec of the standard library has no error of its own for most of what is
        # no XML-RPC: IndexError, TypeError, ValueError, KeyError, AttributeError.
        raise XmlRpcSyntaxError(f"it cannot be read ({type(error).__name__})") from None
    return values[0]


def _offset(error: ExpatError) -> int:
    return max(0, getattr(error, "offset", 0))
