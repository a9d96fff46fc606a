"""Why a phone was or was not provisioned: what is stored, beside what was seen."""

from typing import Any, NamedTuple

from bootwave.pairing.sources import source_key
from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.sightings import Reason, Sighting
from bootwave.store.domains.devices import told_since
from bootwave.store.domains.windows import state_of
from bootwave.store.proofs import credentials
from bootwave.store.reports import rolloutreport
from bootwave.store.sightings.outcomes import PROVISIONED, REFUSED
from bootwave.store.sightings.sightings import UNKNOWN, SightingLog
from bootwave.store.work import Work

TIME_LINE = 50  # sightings shown, and the last success when it is older

_DEVICE = """
SELECT v.mac, d.name, v.model, v.owns_certificate, a.id, a.number, ad.name, b.identity,
  b.expires, b.boot_id, v.provisioned_at
FROM devices v
LEFT JOIN domains d ON d.id = v.domain_id
LEFT JOIN bindings b ON b.mac = v.mac
LEFT JOIN accounts a ON a.id = b.account_id
LEFT JOIN domains ad ON ad.id = a.domain_id
WHERE v.mac = :mac ORDER BY b.identity
"""

_CERTIFICATE = """
SELECT certificate_serial, certificate_key FROM devices
WHERE mac = :mac AND certificate_key IS NOT NULL
"""

# A later contact of these kinds does not undo that a phone has its settings.
_INCIDENTAL = frozenset(
    {
        Reason.SERVED_GENERAL,
        Reason.FIRMWARE_TOLD,
        Reason.FIRMWARE_SENT,
        Reason.PHONE_BOOK_SERVED,
        Reason.NO_DOCUMENT,
        Reason.HTTP_TIMEOUT,
    }
)
# Within this, SIP and HTTP belong to one start: timer F is 32 s, a start takes longer.
_ONE_START_SECONDS = 60.0
# A phone asks without credentials first and again at once when it is asked for them.
_CHALLENGED = "it was asked for user name and password, as usual before it shows them"
_CHALLENGES = frozenset({Reason.CLOSED, Reason.WINDOW_ENDED})
_CHALLENGE_ANSWERED = frozenset(
    {Reason.SERVED_CREDENTIALS, Reason.NOT_MODIFIED, Reason.PHONE_BOOK_SERVED}
)
_CHALLENGE_SECONDS = 5.0
_FETCHED_NOTHING = "check that the settings URL is reachable from the phone's network"


class Verdict(NamedTuple):
    """Whether the phone was provisioned, why in a sentence, and what to do, or ""."""

    provisioned: bool
    sentence: str
    advice: str


class _Bound(NamedTuple):
    account_id: int
    account: str
    identity: int
    temporary: bool


class _Known(NamedTuple):
    mac: int
    domain: str
    model: str
    owns_certificate: bool
    bound: list[_Bound]
    provisioned_at: float | None = None


def shown(work: Work, log: SightingLog | None, text: str) -> dict[str, Any]:
    """Return all about the MAC *text*: state, verdict, time-line newest first.

    The verdict is over the address that holds a window, else the one last served: MACs
    can be made up, and what another address is told says nothing about the phone.
    ``refused_elsewhere`` is the newest refusal of such an address since, or None;
    ``credentials`` when those of the device were made and used, or None without any;
    ``certificate`` the serial number and the key, in hex, of the one it had a grant by
    last, or None.  ``rollouts`` are those that it was part of, newest first.  Who does
    not reach all domains is told what happened since his has the phone.
    """
    mac = required_mac(text)
    work.require_reached(mac)
    rows = work.connection.execute(_DEVICE, {"mac": mac}).fetchall()
    one = _known(work, rows).get(mac)
    since = told_since(work, [mac]).get(mac, 0.0)
    time_line = [
        seen for seen in (_time_line(log, mac) if log else ()) if seen.at >= since
    ]
    accounts = [
        {
            "account": bound.account,
            "identity": bound.identity,
            "temporary": bound.temporary,
            "window": state_of(work, bound.account_id),
        }
        for bound in (one.bound if one else ())
    ]
    opened = [
        bound["account"]
        for bound in accounts
        if bound["window"]["state"] == "open"  # type: ignore[index]
    ]
    homes = _homes(mac, accounts, time_line)
    own = [seen for seen in time_line if source_key(seen.source) in homes]
    verdict = verdict_from(one is not None, accounts, opened, own or time_line)
    other = _refused_elsewhere(time_line, homes)
    return {
        **_identity(one or _Known(mac, "", "", False, [])),
        "known": one is not None,
        **_passwords(work, one),
        "accounts": accounts,
        "credentials": credentials.state_of(work, mac),
        "certificate": _certificate(work, mac),
        "provisioned": verdict.provisioned,
        "verdict": verdict.sentence,
        "advice": verdict.advice,
        "refused_elsewhere": told(other) if other else None,
        "rollouts": rolloutreport.of_device(
            work.connection, mac, everything=work.reach is None
        ),
        "time_line": _told_in_turn(time_line),
    }


def verdict_from(
    known: bool,
    accounts: list[dict[str, Any]],
    opened: list[Any],
    time_line: list[Sighting],
) -> Verdict:
    """Return the verdict over a phone from what is stored and what was seen of it.

    *opened* are the accounts whose window waits for a phone; *time_line* holds what
    the phone itself did, newest first.
    """
    last = _decisive(time_line)
    if not accounts:
        if last is None:
            state = "is known but bound to no account" if known else "is unknown"
            return Verdict(
                False,
                f"Not provisioned: its MAC {state}, and it was never heard.",
                Reason.UNKNOWN_MAC.advice,
            )
        reason = last.reason
        if reason not in UNKNOWN and not reason.advice:
            reason = Reason.UNBOUND if known else Reason.UNKNOWN_MAC
        return _refused(reason)
    if last is None:
        return Verdict(
            False,
            "Not provisioned: it is bound, but it was never heard.",
            "restart the phone, and check that its multicast, DHCP option or settings "
            "URL leads to this server",
        )
    if last.reason in PROVISIONED:
        return Verdict(True, f"Provisioned: {last.reason.sentence}.", "")
    if last.reason in UNKNOWN or (opened and last.reason is Reason.CLOSED):
        since = f"{opened[0]} is open now" if opened else "it was bound since then"
        return Verdict(
            False,
            f"Not provisioned: when it last asked, {last.reason.sentence}; {since}.",
            "restart the phone"
            if opened
            else "open its account with bootwave window open, then restart the phone",
        )
    if last.reason in (Reason.PNP_ANSWERED, Reason.PNP_CONFIRMED):
        return Verdict(
            False,
            f"Not provisioned since it last started: {last.reason.sentence}, but it "
            "fetched nothing yet.",
            _FETCHED_NOTHING,
        )
    return _refused(last.reason)


def _passwords(work: Work, one: _Known | None) -> dict[str, Any]:
    """Return when the phone got its passwords, and until when they are told."""
    since = one.provisioned_at if one else None
    hours = work.pairing.passwords_hours
    return {
        "provisioned_at": since,
        "passwords_until": since + hours * 3600 if since and hours else None,
    }


def _certificate(work: Work, mac: int) -> dict[str, str] | None:
    rows = work.connection.execute(_CERTIFICATE, {"mac": mac}).fetchall()
    if not rows:
        return None
    serial, key = rows[0]
    return {"serial": f"{int(serial):X}", "key": key}


def _refused(reason: Reason) -> Verdict:
    return Verdict(False, f"Not provisioned: {reason.sentence}.", reason.advice)


def _time_line(log: SightingLog, mac: int) -> list[Sighting]:
    """Return the newest sightings and, however many came since, the last success."""
    time_line = log.time_line(mac, TIME_LINE)
    if not any(seen.reason in PROVISIONED for seen in time_line):
        served = log.last_of(mac, PROVISIONED)
        time_line += [served] if served else []
    return time_line


def _homes(
    mac: int, accounts: list[dict[str, Any]], time_line: list[Sighting]
) -> set[str]:
    """Return where the phone is: what pins its windows, else who was last served."""
    windows = [account["window"] for account in accounts]
    pins = {
        window["source"]
        for window in windows
        if window["state"] == "used" and window["mac"] == text_from_mac(mac)
    }
    served = [seen for seen in time_line if seen.reason in PROVISIONED]
    return pins or {source_key(seen.source) for seen in served[:1]}


def _refused_elsewhere(time_line: list[Sighting], homes: set[str]) -> Sighting | None:
    """Return the newest refusal elsewhere since *homes* were served first."""
    served = [
        seen.at
        for seen in time_line
        if seen.reason in PROVISIONED and source_key(seen.source) in homes
    ]
    # Who answers a challenge was refused first.
    proved: dict[str, float] = {}
    for seen in time_line:
        if seen.reason in PROVISIONED or seen.reason is Reason.PHONE_BOOK_SERVED:
            proved.setdefault(source_key(seen.source), seen.at)
    refused = [
        seen
        for seen in time_line
        if seen.reason in REFUSED
        and source_key(seen.source) not in homes
        and (not served or seen.at >= min(served))
        and seen.at > proved.get(source_key(seen.source), -1.0)
    ]
    return refused[0] if homes and refused else None


def _told_in_turn(time_line: list[Sighting]) -> list[dict[str, Any]]:
    """Return what is told of each, and of a challenge that was answered that it was."""
    turns = []
    answered: dict[str, float] = {}
    for seen in time_line:
        source = source_key(seen.source)
        row = told(seen)
        if seen.reason in _CHALLENGE_ANSWERED:
            answered[source] = seen.at
        elif seen.reason not in _CHALLENGES:
            answered.pop(source, None)
        elif answered.get(source, float("inf")) - seen.at <= _CHALLENGE_SECONDS:
            row |= {"sentence": _CHALLENGED, "advice": ""}
        turns.append(row)
    return turns


def told(sighting: Sighting) -> dict[str, Any]:
    """Return a sighting as people read it."""
    return {
        "at": sighting.at,
        "source": sighting.source,
        "reason": sighting.reason.name,
        "code": int(sighting.reason),
        "sentence": sighting.reason.sentence,
        "advice": sighting.reason.advice,
        "detail": sighting.detail,
    }


def _decisive(time_line: list[Sighting]) -> Sighting | None:
    """Return the sighting that tells how the phone's last start ended.

    An HTTP answer outweighs the SIP before it, and the SIP around it: that a phone
    never confirmed the NOTIFY is noticed half a minute after it fetched its settings.
    """
    fetched = asked = None
    for seen in reversed(time_line):
        if seen.reason in _INCIDENTAL:
            continue
        if seen.reason < Reason.SERVED_GENERAL:
            asked = seen
        else:
            fetched = seen
    if fetched is None or asked is None:
        return fetched or asked
    return asked if asked.at - fetched.at > _ONE_START_SECONDS else fetched


def _identity(one: _Known) -> dict[str, Any]:
    return {
        "mac": text_from_mac(one.mac),
        "domain": one.domain,
        "model": one.model,
        "owns_certificate": one.owns_certificate,
        "known": True,
    }


def _known(work: Work, rows: list[tuple[Any, ...]]) -> dict[int, _Known]:
    known: dict[int, _Known] = {}
    for mac, domain, model, owns, account_id, number, account_domain, *binding in rows:
        one = known.get(mac)
        if one is None:
            one = _Known(mac, domain or "", model, bool(owns), [], binding[3])
            known[mac] = one
        identity, expires, boot_id, _ = binding
        if account_id is not None and work.holds(expires, boot_id):
            name = f"{number}@{account_domain}"
            one.bound.append(_Bound(account_id, name, identity, expires is not None))
    return known
