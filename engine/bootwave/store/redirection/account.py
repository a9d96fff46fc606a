"""What administrators do with redirection: the service's account, and how it goes."""

from typing import Any

from pydantic import TypeAdapter

from bootwave.errors import OptionError
from bootwave.options import MAX_URL_CHARACTERS, Url
from bootwave.phone.mac import is_snom, required_mac, text_from_mac
from bootwave.quoting import shortened, without_userinfo
from bootwave.settings.credentials import without_credentials
from bootwave.store.redirection.rows import (
    ENTRY,
    Entry,
    account,
    entries_of,
    required_account,
    sealed_token,
)
from bootwave.store.redirection.urls import url_for
from bootwave.store.secrets import redirection_owner
from bootwave.store.work import Work

SNOM = "snom"
MAX_USER_CHARACTERS, MAX_PASSWORD_CHARACTERS = 128, 256
MAX_TROUBLED, MAX_TROUBLED_PAGE = 100, 1_000  # phones in a status, and in a page
_LONGEST = "t" + 26 * "x"  # a token, and what stands behind it

_MAKE = """
INSERT INTO redirection_accounts (vendor, user, sealed_password, url, set_at, set_by,
  revision, state, words, failures, next_at, answered_at, sync_at, listed_at,
  lists_done, lists, strays)
VALUES (:vendor, :user, :nothing, :url, :wall, :actor, 1, '', '', 0, NULL, NULL, NULL,
  NULL, 0, 0, 0)
RETURNING id
"""
_CHANGE = """
UPDATE redirection_accounts
SET user = :user, url = :url, set_at = :wall, set_by = :actor,
  revision = revision + 1, state = '', words = '', failures = 0, next_at = NULL
WHERE id = :id
"""
_SEAL = "UPDATE redirection_accounts SET sealed_password = :sealed WHERE id = :id"
# Another user may own nothing of what is there; the next look at all of it says.  It
# takes strays away only if it is for a sync that is still to be done.
_OTHER_USER = """
UPDATE redirection_accounts
SET listed_at = NULL,
  sync_at = CASE WHEN listed_at >= sync_at THEN NULL ELSE sync_at END
WHERE id = :id
"""
_FORGET = """
UPDATE redirection_phones SET known = '', trouble = '', words = '', attempts = 0,
  next_at = :wall
WHERE target <> ''
"""
_REMOVE = (
    "DELETE FROM redirection_phones",
    "DELETE FROM redirection_accounts",
)
_SYNC = """
UPDATE redirection_accounts
SET sync_at = :wall, state = '', words = '', failures = 0, next_at = NULL,
  lists_done = 0, lists = 0, revision = revision + 1
"""
_AGAIN = """
UPDATE redirection_phones SET attempts = 0, next_at = :wall WHERE next_at IS NOT NULL
"""
_COUNTS = """
SELECT CASE
  WHEN trouble <> '' THEN trouble
  WHEN target = '' THEN 'removing'
  WHEN next_at IS NULL THEN 'registered'
  WHEN known = target AND told = target AND confirmed_at IS NOT NULL THEN 'checking'
  ELSE 'waiting' END AS state, COUNT(*)
FROM redirection_phones GROUP BY state
"""
_OUTSTANDING = """
SELECT COUNT(*) FROM redirection_phones
WHERE next_at IS NOT NULL AND (tried_at IS NULL OR tried_at < :since OR next_at <= :now
  OR trouble = '' OR words = '')
"""
# Both by an index of those alone, which holds all that is asked.
_ON_THE_LIST = "SELECT COUNT(*) FROM redirection_phones WHERE next_at IS NOT NULL"
_IN_TROUBLE = """
SELECT trouble, COUNT(*) FROM redirection_phones WHERE trouble <> '' GROUP BY trouble
"""
_PHONES = "SELECT COUNT(*) FROM redirection_phones WHERE known <> ''"
_TROUBLED_BY = (
    ENTRY
    + """
WHERE trouble <> '' AND (:state = '' OR trouble = :state) AND mac > :after
ORDER BY mac LIMIT :most
"""
)
_DOMAIN_NAME = """
SELECT v.domain_id, v.model, EXISTS (SELECT 1 FROM bindings b WHERE b.mac = v.mac),
  EXISTS (SELECT 1 FROM bindings b WHERE b.mac = v.mac AND b.expires IS NULL)
FROM devices v WHERE v.mac = :mac
"""
TROUBLES = ("unreachable", "refused", "owned", "elsewhere")
STATES = ("registered", "waiting", "removing", "checking", *TROUBLES)
UNSETTLED = ("pending", *TROUBLES)


def set_account(
    work: Work,
    user: str | None,
    password: str | None,
    url: str | None,
    first_url: str | None = None,
) -> dict[str, Any]:
    """Store the account, or change what is given of it; None leaves a value.

    *first_url* stands for *url* where there is no account yet.
    """
    known = account(work.connection)
    if known is None and url is None:
        url = first_url
    if known is None and None in (user, password, url):
        raise OptionError(
            "The first time user, password and URL are needed: the vendor gives the "
            "first two, the URL is where phones reach this engine."
        )
    named = {
        "user": known.user if user is None and known else checked_user(user or ""),
        "url": known.url if url is None and known else checked_url(url or ""),
        "wall": work.at.wall,
        "actor": work.actor,
    }
    if password is not None:
        password = _checked_password(password)
    if known is None:
        made = {**named, "vendor": SNOM, "nothing": b""}
        ((number,),) = work.connection.execute(_MAKE, made).fetchall()
    else:
        number = known.id
        work.connection.execute(_CHANGE, {**named, "id": number})
        work.connection.execute(_AGAIN, {"wall": work.at.wall})
        if known.user != named["user"]:
            work.connection.execute(_OTHER_USER, {"id": number})
            work.connection.execute(_FORGET, {"wall": work.at.wall})
    if password is not None:
        sealed = work.keyring.seal(password, owner=redirection_owner(number))
        work.connection.execute(_SEAL, {"id": number, "sealed": sealed})
    work.note(
        "redirection.set",
        SNOM,
        user=named["user"],
        url=named["url"],
        password=password is not None or None,
    )
    return status(work)


def unset_account(work: Work) -> dict[str, Any]:
    """Forget the account and what is known of phones; the service is told nothing."""
    required_account(work.connection)
    ((phones,),) = work.connection.execute(_PHONES).fetchall()
    for statement in _REMOVE:
        work.connection.execute(statement)
    work.note("redirection.unset", SNOM, phones=phones)
    return {"phones": phones}


def sync(work: Work) -> dict[str, Any]:
    """Have everything compared with the service now, and what failed tried again."""
    required_account(work.connection)
    work.connection.execute(_SYNC, {"wall": work.at.wall})
    work.connection.execute(_AGAIN, {"wall": work.at.wall})
    work.note("redirection.synced", SNOM)
    return status(work)


def status(work: Work) -> dict[str, Any]:
    """Return the account without its password, how it goes, and phones in trouble."""
    found = required_account(work.connection)
    counts = dict.fromkeys(STATES, 0)
    counts.update(work.connection.execute(_COUNTS).fetchall())
    # Also what was tried and is to be done now, for some phones take two calls, and
    # what is tried at this moment: an attempt that failed leaves trouble and words.
    named = {"since": found.sync_at or 0.0, "now": work.at.wall}
    ((outstanding,),) = work.connection.execute(_OUTSTANDING, named).fetchall()
    some = troubled(work, "", "", MAX_TROUBLED)["phones"]
    listed = found.listed_at is not None and found.listed_at >= (found.sync_at or 0.0)
    return {
        "vendor": found.vendor,
        "user": found.user,
        "url": found.url,
        "set_at": found.set_at,
        "set_by": found.set_by,
        "state": found.state,
        "words": found.words,
        "next_at": found.next_at,
        "answered_at": found.answered_at,
        "sync_at": found.sync_at,
        "listed_at": found.listed_at,
        "listed": listed,
        "lists_done": found.lists_done,
        "lists": found.lists,
        "strays": found.strays,
        "outstanding": outstanding,
        "phones": counts,
        "troubled": some,
    }


def unsettled(work: Work) -> dict[str, int]:
    """Return how many phones are in each trouble, and ``pending``: on the list without.

    Those that are registered are not counted, which would read all of them.
    """
    counts = dict.fromkeys(UNSETTLED, 0)
    counts.update(work.connection.execute(_IN_TROUBLE).fetchall())
    ((due,),) = work.connection.execute(_ON_THE_LIST).fetchall()
    counts["pending"] = max(0, due - sum(counts.values()))
    return counts


def said(work: Work) -> dict[str, Any]:
    """Return what was set of the account, its password sealed; raises StoreNotFound."""
    found = required_account(work.connection)
    sealed = bytes(found.sealed_password).hex()
    return {"user": found.user, "url": found.url, "password": sealed}


def troubled(work: Work, state: str, after: str, limit: int) -> dict[str, Any]:
    """Return phones in trouble by MAC, *limit* of them behind the MAC *after*.

    Those in *state*, "" for any.  ``cursor`` is the MAC to go on behind, "" at the end.
    """
    required_account(work.connection)
    if state and state not in TROUBLES:
        raise OptionError(
            f"A phone in trouble is {', '.join(TROUBLES)}, not {state!r}."
        )
    most = max(1, min(limit, MAX_TROUBLED_PAGE))
    named = {"state": state, "after": required_mac(after) if after else 0}
    rows = work.connection.execute(_TROUBLED_BY, {**named, "most": most + 1}).fetchall()
    phones = [_shown(Entry(*row)) for row in rows[:most]]
    return {"phones": phones, "cursor": phones[-1]["mac"] if len(rows) > most else ""}


def status_of(work: Work, text: str) -> dict[str, Any]:
    """Return what is known of one MAC, and why it is not redirected if it is not."""
    mac = required_mac(text)
    found = required_account(work.connection)
    rows = entries_of(work.connection, [mac])
    shown = _shown(rows[0] if rows else Entry(mac, ""))
    device = work.connection.execute(_DOMAIN_NAME, {"mac": mac}).fetchall()
    domain_id, model, bound, lasting = device[0] if device else (0, "", 0, 0)
    url = why = ""
    if not is_snom(mac):
        why = "its MAC is none of snom's"
    elif not bound:
        why = "it is bound to no account"
    elif not lasting:
        why = "it claimed a ? account, for a time only"
    else:
        has_token = bool(sealed_token(work.connection, domain_id))
        url = url_for(found.url, "TOKEN" if has_token else "", model, mac)
    if not rows:
        shown["state"] = "waiting" if not why else "none"
    return {**shown, "url": url, "why": why}


def _shown(entry: Entry) -> dict[str, Any]:
    is_known = entry.known == entry.told == entry.target
    if entry.trouble:
        state = entry.trouble
    elif not entry.target:
        state = "removing"
    elif entry.next_at is None:
        state = "registered"
    else:
        state = "checking" if is_known and entry.confirmed_at else "waiting"
    return {
        "mac": text_from_mac(entry.mac),
        "state": state,
        "words": entry.words,
        "attempts": entry.attempts,
        "next_at": entry.next_at,
        "tried_at": entry.tried_at,
        "confirmed_at": entry.confirmed_at,
        "elsewhere": entry.elsewhere,
        "elsewhere_at": entry.elsewhere_at,
    }


def checked_user(user: str) -> str:
    """Return the name of the account with the service, as it is stored.

    Raises OptionError.
    """
    text = user.strip()
    # RFC 7617 section 2: a user-id with a colon cannot be told from its password.
    if not text or ":" in text or not text.isprintable():
        raise OptionError(
            "The user name of the redirection service is not one: write what the "
            "vendor gave, without a colon."
        )
    if len(text) > MAX_USER_CHARACTERS:
        raise OptionError(f"A user name has {MAX_USER_CHARACTERS} characters at most.")
    return text


def _checked_password(password: str) -> str:
    if not password or not password.isprintable():
        raise OptionError("The password of the redirection service is not one.")
    if len(password) > MAX_PASSWORD_CHARACTERS:
        raise OptionError(
            f"A password has {MAX_PASSWORD_CHARACTERS} characters at most."
        )
    return password


def checked_url(url: str) -> str:
    """Return the base *url* by which phones reach this engine, as it is stored.

    Raises OptionError, which quotes no credentials.
    """
    text = url.strip().rstrip("/")
    try:
        TypeAdapter(Url).validate_python(text)
    except ValueError:
        text = ""
    room = MAX_URL_CHARACTERS - len(url_for("", _LONGEST, "snomM100KLE", 0))
    if not text or "{" in text or "?" in text or "#" in text or len(text) > room:
        told = without_credentials(without_userinfo(url.strip()))
        raise OptionError(
            f"{shortened(told)} is not where phones reach this engine: write its base "
            "URL, such as https://pbx.example.com, without {mac}, ? and #, without "
            "user and password, and so with no @ behind a port."
        )
    return text
