from bootwave.control.api.principals import NOBODY, Need, of_session, of_token
from bootwave.pairing.instant import Instant
from bootwave.store.access.administrators import Administrator
from bootwave.store.access.apitokens import ApiToken
from bootwave.store.access.sessions import AdminSession

A, B = "a.example.com", "b.example.com"


def administrator(role: str, *domains: str) -> Administrator:
    return Administrator(1, "anna", role, frozenset(domains) or None, "hash")


def token(scopes: str, domains: set[str] | None, owner: Administrator | None = None):  # type: ignore[no-untyped-def]
    reached = None if domains is None else frozenset(domains)
    kept = frozenset(scopes.split())
    return of_token(ApiToken(1, "pbx", kept, reached, owner, None, None))


def test_a_session_may_what_its_role_says() -> None:
    session = AdminSession(1, administrator("domain", A), 0.0, 0.0, 0.0)
    who = of_session(session)
    assert (who.actor, who.administrator) == ("admin:anna", "anna")
    assert who.may == set(Need) - {Need.ACCESS}
    assert who.reaches(A)
    assert not who.reaches(B)
    assert who.is_confirmed(Instant(599.0, "boot"))
    assert not who.is_confirmed(Instant(600.0, "boot"))


def test_a_token_may_no_more_than_its_administrator() -> None:
    assert token("write", None).may >= {Need.READ, Need.WRITE}
    looks = token("write reveal access", None, administrator("read-only"))
    assert looks.may == {Need.NOTHING, Need.SIGNED_IN, Need.READ, Need.TOKENS}
    assert token("read", None, administrator("domain", A)).domains == {A}
    assert token("read", {A, B}, administrator("domain", A)).domains == {A}
    assert token("read", {B}, administrator("domain", A)).domains == set()
    assert token("read", {B}, administrator("operator")).domains == {B}
    assert token("read", None).is_confirmed(Instant(1e9, "boot"))


def test_nobody_is_who_had_his_name_before() -> None:
    anna = administrator("domain", A)
    session = of_session(AdminSession(5, anna, 0.0, 0.0, 0.0))
    later = of_session(AdminSession(6, anna._replace(id=2), 0.0, 0.0, 0.0))
    assert session.identity == "administrator/1"
    assert session.identity != later.identity
    assert token("read", None).identity == "token/1"
    assert token("read", None, anna).identity == "token/1"
    assert NOBODY.identity == ""
    # And in the audit log each token is its administrator's.
    assert token("read", None).actor == "token:pbx"
    assert token("read", None, anna).actor == "token:anna/pbx"


def test_nobody_may_nothing_and_reaches_nothing() -> None:
    assert NOBODY.may == {Need.NOTHING}
    assert not NOBODY.reaches(A)
    assert NOBODY.administrator is None
