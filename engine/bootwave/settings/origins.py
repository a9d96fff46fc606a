"""Where something was said, in the words that people read."""

from bootwave.phone.firmwarerange import FirmwareRange
from bootwave.phone.mac import text_from_mac

BUILT_IN = "built in"
ENGINE = "engine"


def of_model(model: str) -> str:
    """Return the origin of what is said to a model."""
    return f"model {model}"


def of_firmware(range_: FirmwareRange, model: str) -> str:
    """Return the origin of what is said to a firmware range of a model."""
    return f"firmware {range_} of {model}"


def of_domain(name: str) -> str:
    """Return the origin of what the layer of a domain says."""
    return f"domain {name}"


def of_profile(name: str, domain: str) -> str:
    """Return the origin of what a button profile says."""
    return f"profile {name}@{domain}"


def of_account(number: str, domain: str) -> str:
    """Return the origin of what the layer of an account says."""
    return f"account {number}@{domain}"


def of_device(mac: int) -> str:
    """Return the origin of what the layer of a device says."""
    return f"device {text_from_mac(mac)}"


def fields_of(origin: str) -> str:
    """Return the origin of what stands in the fields of a domain or account itself."""
    return f"{origin}, its own fields"
