"""Who asks, and what he may: an administrator by his session, or a token.

    role or scopes ──► needs that are met       domains ──► what of it he reaches

A token can do what its scopes say and at most what its administrator can now.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from bootwave.control.api.problems import Problem
from bootwave.pairing.instant import Instant
from bootwave.store.access import apitokens, sessions
from bootwave.store.access.apitokens import ApiToken
from bootwave.store.access.sessions import AdminSession
from bootwave.store.work import Work


class Need(StrEnum):
    """What a route asks of whoever calls it."""

    NOTHING = "nothing"  # for everybody
    SIGNED_IN = "signed-in"
    READ = "read"
    WRITE = "write"
    REVEAL = "reveal"  # secrets
    TOKENS = "tokens"  # to make what opens the API for programs
    ACCESS = "access"  # to say who may use the API


_LOOKS = frozenset({Need.NOTHING, Need.SIGNED_IN, Need.READ})
_OF_ROLE = {
    "operator": frozenset(Need),
    "domain": frozenset(Need) - {Need.ACCESS},
    "read-only": _LOOKS | {Need.TOKENS},
}
_OF_SCOPE = {
    "read": frozenset({Need.READ}),
    "write": frozenset({Need.READ, Need.WRITE}),
    "reveal": frozenset({Need.READ, Need.REVEAL}),
    "access": frozenset({Need.TOKENS, Need.ACCESS}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks; ``domains`` are those he reaches, None for all.

    ``actor`` is how the audit log names him.  ``session`` and ``token`` say by what he
    is known; nobody has neither.
    """

    actor: str
    may: frozenset[Need]
    domains: frozenset[str] | None
    session: AdminSession | None = field(default=None, repr=False)
    token: ApiToken | None = field(default=None, repr=False)

    @property
    def identity(self) -> str:
        """Who it is among all there ever were, "" for nobody.

        A name may be somebody else's later, whom it must tell nothing.
        """
        if self.session is not None:
            return f"administrator/{self.session.administrator.id}"
        return f"token/{self.token.id}" if self.token is not None else ""

    @property
    def whose(self) -> str:
        """Who it is, by whichever of his tokens: he can make as many as he likes."""
        return self.administrator or self.actor

    def reaches(self, domain: str) -> bool:
        """Whether *domain*, in small letters, is one of his."""
        return self.domains is None or domain in self.domains

    def require_still(self, now: "Principal | None") -> None:
        """Raise Problem where he may not, as *now*, do what he might, or elsewhere.

        What is under way was begun for the domains of then.
        """
        if now is None or (now.may, now.domains) != (self.may, self.domains):
            raise Problem(
                "signed-out", "What was allowed at the beginning ended meanwhile."
            )

    def is_confirmed(self, at: Instant) -> bool:
        """Whether he proved lately that it is he: a token proves it each time."""
        return self.session is None or self.session.is_confirmed(at)

    @property
    def administrator(self) -> str | None:
        """The administrator that he is or whose token he has, None for neither."""
        if self.session is not None:
            return self.session.administrator.name
        if self.token is not None and self.token.administrator is not None:
            return self.token.administrator.name
        return None


def role_may(role: str) -> frozenset[Need]:
    """Return what an administrator of this *role* may."""
    return _OF_ROLE[role]


NOBODY = Principal("", frozenset({Need.NOTHING}), frozenset())


def of_now(work: Work, before: Principal) -> Principal | None:
    """Return who *before* is in the transaction of *work*, None when he is nobody.

    That is when his session or token ended.
    """
    if before.session is not None:
        session = sessions.by_id(work.connection, before.session.id, work.at)
        return of_session(session) if session is not None else None
    if before.token is not None:
        token = apitokens.by_id(work.connection, before.token.id, work.at.wall)
        return of_token(token) if token is not None else None
    return None


def of_session(session: AdminSession) -> Principal:
    """Return who is signed in by *session*."""
    administrator = session.administrator
    return Principal(
        f"admin:{administrator.name}",
        _OF_ROLE[administrator.role],
        administrator.domains,
        session=session,
    )


def of_token(token: ApiToken) -> Principal:
    """Return who comes with *token*."""
    may = frozenset({Need.NOTHING, Need.SIGNED_IN}).union(
        *(_OF_SCOPE[scope] for scope in token.scopes)
    )
    domains = token.domains
    if token.administrator is not None:
        may &= _OF_ROLE[token.administrator.role]
        his = token.administrator.domains
        if domains is None:
            domains = his
        elif his is not None:
            domains &= his
    owner = token.administrator
    whose = f"{owner.name}/" if owner is not None else ""
    return Principal(f"token:{whose}{token.name}", may, domains, token=token)
