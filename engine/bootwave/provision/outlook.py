"""What a phone would be given if it asked now, without anything happening.

Looked up and decided by what decides for phones, so that it says what they get; nothing
is written, nothing is used up, and no document is made.
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Final

from bootwave.pairing.decisions import (
    Claim,
    Consume,
    Decision,
    Policy,
    Proofs,
    Refuse,
    Serve,
)
from bootwave.pairing.rules import decide
from bootwave.phone.mac import text_from_mac
from bootwave.provision.looks import Looks
from bootwave.provision.steps import Look
from bootwave.provision.tokens import TokenGate
from bootwave.sightings import Reason

_SERVED: Final = {
    "window": (
        Reason.SERVED_WINDOW,
        "it would be given its settings under the window that it used",
    ),
    "certificate": (
        Reason.SERVED_CERTIFICATE,
        "it would be given its settings on its factory certificate",
    ),
    "credentials": (
        Reason.SERVED_CREDENTIALS,
        "it would be given its settings on user name and password",
    ),
}
_ASKED: Final = re.compile("^it asked ")
_NO_CAS: Final = "no certificate proves anything without https.factory_cas, and "
_NAME_CAS: Final = "name the CAs of its factory in https.factory_cas"
_CONSUMED = "it would be given its settings, and use its open window up"
_CLAIMED = "it would claim a wildcard account, and be given its settings"


@dataclass(frozen=True)
class Way:
    """A way in which a phone may ask.

    ``certificate`` and ``credentials`` tell that it shows its own, and they are right.
    """

    name: str
    secure: bool
    certificate: bool = False
    credentials: bool = False


WAYS: Final = (
    Way("https with its certificate", secure=True, certificate=True),
    Way("https with its credentials", secure=True, credentials=True),
    Way("https", secure=True),
    Way("http with its credentials", secure=False, credentials=True),
    Way("http", secure=False),
)


class Outlook:
    """Tells what phones would be given; for one thread."""

    def __init__(
        self,
        looks: Looks,
        tokens: TokenGate,
        policy: Policy,
        *,
        trusts_factory: bool,
    ) -> None:
        """Look up by *looks* and *tokens*, and decide by *policy*.

        *trusts_factory* tells that some CA is trusted to have signed phones.
        """
        self._looks = looks
        self._tokens = tokens
        self._policy = policy
        self._trusts_factory = trusts_factory

    def of(
        self,
        mac: int,
        source: str,
        *,
        token: str | None = "",
        model: str = "",
        is_blocked: bool = False,
        reach: Container[str] | None = None,
    ) -> dict[str, Any]:
        """Return what the phone *mac* would be given that asks from *source*.

        *token* is that of the URL it asks by, "" for none, and None for one that is
        good for it; *model* is what it calls itself.  *is_blocked* tells that its
        certificate is.  *reach* are the domains whose wildcards are looked at, None for
        all.  ``ways`` has an answer for each way that it may ask in: whether it is
        ``served``, and the reason.

        Raises StoreError.
        """
        look = self._looks.read([mac])[mac]
        if reach is not None:
            reached = [row for row in look.wildcards if row.domain_name in reach]
            look = look._replace(wildcards=reached)
        if token is None:
            token = self._tokens.good_for(look)
        ways = [
            self._answer(way, mac, source, token, model, is_blocked, look)
            for way in WAYS
        ]
        return {
            "mac": text_from_mac(mac),
            "source": source,
            "served": any(way["served"] for way in ways),
            "ways": ways,
        }

    def _answer(
        self,
        way: Way,
        mac: int,
        source: str,
        token: str,
        model: str,
        is_blocked: bool,
        look: Look,
    ) -> dict[str, Any]:
        shows = way.certificate and self._trusts_factory
        checked = self._tokens.check(token, look)
        decision: Decision
        if checked.refused:
            decision = Refuse(Reason.TOKEN_WRONG)
        else:
            denied = shows and is_blocked
            decision = decide(
                mac,
                look.device,
                checked.wildcards,
                source,
                way.secure,
                look.at,
                self._policy,
                Proofs(
                    certificate=mac if shows else 0,
                    denial=Reason.CERTIFICATE_BLOCKED if denied else None,
                    credentials=True if way.credentials else None,
                ),
                model=model,
                decoy=look.decoy,
            )
        told = _told(decision)
        if way.certificate and not shows and not told["served"]:
            told["sentence"] = _NO_CAS + told["sentence"]
            told["advice"] = "; or ".join(filter(None, (_NAME_CAS, told["advice"])))
        return {"way": way.name, **told}


def _told(decision: Decision) -> dict[str, Any]:
    if isinstance(decision, Refuse):
        reason = decision.reason
        return {
            "served": False,
            "by": "",
            "reason": reason.name,
            # It is said of phones that asked.
            "sentence": _ASKED.sub("it would ask ", reason.sentence),
            "advice": reason.advice,
        }
    if isinstance(decision, Serve):
        reason, sentence = _SERVED[decision.grant.kind]
        return {
            "served": True,
            "by": decision.grant.kind,
            "reason": reason.name,
            "sentence": sentence,
            "advice": "",
        }
    assert isinstance(decision, Consume | Claim)
    consumes = isinstance(decision, Consume)
    return {
        "served": True,
        "by": "window" if consumes else "wildcard",
        "reason": Reason.SERVED_WINDOW.name,
        "sentence": _CONSUMED if consumes else _CLAIMED,
        "advice": "",
    }
