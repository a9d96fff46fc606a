"""The Event header of a phone that asks for its profile (RFC 6665, RFC 6080)."""

import re
from typing import NamedTuple

from bootwave.native.sip import Message
from bootwave.phone.model import is_snom_name, model_from_text
from bootwave.phone.useragent import phone_from_user_agent

PACKAGE = b"ua-profile"

# What a vendor, model or version may hold to be repeated to anybody: in a NOTIFY, a
# log, a page.  No quote, backslash, angle bracket or control byte among it.
_PLAIN = re.compile(rb"[A-Za-z0-9][A-Za-z0-9 ._+/-]{0,47}")
_TOKEN = re.compile(rb"[A-Za-z0-9.!%*_+`'~-]{1,64}")


class Asker(NamedTuple):
    """Who asks, as far as it says so: each "" when it does not, or not plainly.

    ``vendor`` is in small letters, and snom for whoever says so in any way.
    """

    is_snom: bool
    model: str
    firmware: str
    vendor: str


def is_device_profile(message: Message) -> bool:
    """Whether *message* asks for the profile of a device, as booting phones do."""
    return (
        message.event_package.lower() == PACKAGE
        and message.profile_type.lower() == b"device"
    )


def plain(value: bytes) -> str:
    """Return *value* as text if it is short and harmless, else ""."""
    return value.decode("ascii") if _PLAIN.fullmatch(value) else ""


def asker_from_message(message: Message) -> Asker:
    """Return what Event and User-Agent say about the phone.

    Units built for others say ``vendor="OEM";model="OEM"`` in Event; then the model of
    the User-Agent is the better one.
    """
    agent_text = message.user_agent.decode("latin-1")
    agent = phone_from_user_agent(agent_text)
    event_model, version = plain(message.model), plain(message.version)
    model = model_from_text(event_model) or agent.model or event_model
    vendor = plain(message.vendor).lower()
    is_snom = (
        vendor == "snom"
        or is_snom_name(agent_text)
        or bool(model_from_text(event_model))
    )
    return Asker(
        is_snom, model, version or agent.firmware, "snom" if is_snom else vendor
    )


def echoed_event(message: Message) -> bytes:
    """Return the Event of the NOTIFY that answers *message*.

    The package and its ``id`` must match (RFC 6665 section 8.2.1); vendor, model and
    version are repeated for phones that compare them, but only when harmless.
    """
    parts = [b'ua-profile;profile-type="device"']
    for name, value in (
        (b"vendor", message.vendor),
        (b"model", message.model),
        (b"version", message.version),
    ):
        if _PLAIN.fullmatch(value):
            parts.append(b'%s="%s"' % (name, value))
    if _TOKEN.fullmatch(message.event_id):
        parts.append(b"id=" + message.event_id)
    return b";".join(parts)
