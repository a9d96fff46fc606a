"""Which HTTP authentication a phone is asked for, by the model its User-Agent names.

What is stored has no part in it: whoever asks with one User-Agent is challenged alike,
whether there is such a phone or not.

What is public about snom phones contradicts itself (and what a model does with two
challenges, nobody has written down), so each is asked for one thing only:

| who says it                          | what                                      |
| ------------------------------------ | ----------------------------------------- |
| fspbx, DigestProvisionAuth.php       | Basic for every User-Agent with "snom":   |
|                                      | it is listed as knowing no digest         |
| FusionPBX, app/provision/index.php   | Digest for everybody, unless told else    |
| FusionPBX, templates of the series D | tell phones http_client_user and _pass    |

So a snom is asked for Basic where TLS hides it.  Over clear HTTP it is asked for Digest
with MD5, the algorithm of RFC 2617 that every client of Digest has; ``http.basic`` has
all but the series D, for which alone Digest is attested twice, asked for Basic there:
``challenge`` in the table of models.
Whoever is no snom may choose, the strongest first (RFC 7616 section 3.7).
"""

from functools import lru_cache
from typing import Final, Literal

from bootwave.phone.models import model_data

Offer = Literal["Digest SHA-256", "Digest MD5", "Basic"]

_OTHERS: Final[tuple[Offer, ...]] = ("Digest SHA-256", "Digest MD5")
_OTHERS_SECURE: Final[tuple[Offer, ...]] = (*_OTHERS, "Basic")
_SNOM_CLEAR: Final[tuple[Offer, ...]] = ("Digest MD5",)
_SNOM_BASIC: Final[tuple[Offer, ...]] = ("Basic",)


@lru_cache(256)  # peers name models
def offers(model: str, *, secure: bool, basic: bool) -> tuple[Offer, ...]:
    """Return what a phone of *model* ("" for no snom) is asked for, preferred first.

    *secure* says that TLS protects the connection, *basic* that ``http.basic`` lets
    passwords be sent without it.
    """
    if not model:
        return _OTHERS_SECURE if secure else _OTHERS
    if secure or (basic and model_data(model).challenge == "basic"):
        return _SNOM_BASIC
    return _SNOM_CLEAR
