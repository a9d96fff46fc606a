"""What stands in a path, as operations name it, and which domain it belongs to."""

from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, Field
from starlette.requests import Request

from bootwave.control.api.declarations import DomainIn, Everywhere, Found
from bootwave.control.api.desk import Desk
from bootwave.control.api.forms import DomainName, refused_in_place
from bootwave.control.api.resources.accounts import Number
from bootwave.errors import OperatorError
from bootwave.phone.mac import required_mac


def _checked_mac(text: str) -> str:
    with refused_in_place():
        required_mac(text)
    return text


Domain = DomainName
# The length first: what is refused is told back.
MacText = Annotated[str, Field(max_length=17), AfterValidator(_checked_mac)]
Mac = Annotated[MacText, Path(examples=["0004132E08B4"])]
# Of a group or a profile: an @ would name another domain.
MEMBER = r"^[^@/\x00-\x1f]{1,64}$"
Member = Annotated[str, Path(pattern=MEMBER, examples=["sales"])]
Model = Annotated[str, Path(max_length=64, examples=["D785"])]
VersionRange = Annotated[str, Path(max_length=49, examples=["8.4-8.7"])]


async def _domain_of_device(request: Request, desk: Desk) -> str | None:
    try:
        mac = required_mac(request.path_params["mac"])
    except OperatorError:
        return None
    return await desk.look(lambda store: store.device_domain(mac))


async def _domain_of_rollout(request: Request, desk: Desk) -> str | None:
    text = request.path_params["rollout"]
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        return None
    return await desk.look(lambda store: store.rollout_domain(int(text)))


OF_DOMAIN = DomainIn()
OF_DEVICE = Found("device", "mac", _domain_of_device)
OF_ROLLOUT = Found("roll-out", "rollout", _domain_of_rollout)
OF_ENGINE = Everywhere()


def engine() -> str:
    """Return how operations name the engine."""
    return ""


def domain(domain: Domain) -> str:
    """Return the domain in the path."""
    return domain


def account(domain: Domain, number: Number) -> str:
    """Return the account in the path as ``number@domain``."""
    return f"{number}@{domain}"


def profile(domain: Domain, profile: Member) -> str:
    """Return the profile in the path as ``name@domain``."""
    return f"{profile}@{domain}"


def group(domain: Domain, group: Member) -> str:
    """Return the group in the path as ``name@domain``."""
    return f"{group}@{domain}"


def device(mac: Mac) -> str:
    """Return the MAC in the path."""
    return mac


def model(model: Model) -> str:
    """Return the model in the path."""
    return model


def firmware(model: Model, versions: VersionRange) -> str:
    """Return the firmware range in the path as ``model low-high``."""
    return f"{model} {versions}"
