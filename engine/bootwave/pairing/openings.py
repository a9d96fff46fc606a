"""Whom the wildcard accounts of one opening are for."""

from bootwave.directory.records import Opening
from bootwave.pairing.sources import subnet_specificity


def admits(opening: Opening | None, mac: int, address: str, model: str | None) -> bool:
    """Whether the unknown phone *mac* at *address* may claim by *opening*.

    *model* is what the phone calls itself, "" when it does not; None before it could
    (it only sent a SUBSCRIBE), and then any model is possible.
    """
    if opening is None:
        return True
    if opening.most_claims and opening.claims >= opening.most_claims:
        return False
    if opening.ouis and mac >> 24 not in opening.ouis:
        return False
    if opening.models and model is not None and model.lower() not in opening.models:
        return False
    return subnet_specificity(opening.subnet, address) is not None
