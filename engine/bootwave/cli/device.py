"""``bootwave device``."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.completion import one_of
from bootwave.cli.instants import instant_from_text
from bootwave.cli.leftout import left_out_of
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import (
    Json,
    duration,
    hint,
    moment,
    print_json,
    print_json_rows,
    print_line,
    print_table,
)
from bootwave.cli.rows import Row, Rows, listing
from bootwave.control.session import Session
from bootwave.store.names import required_domain

_COLUMNS = ("mac", "domain", "accounts", "model", "last seen", "from", "what happened")
_TOLD = ("mac", "domain", "model", "owns_certificate", "known", "accounts")
_TOLD_LAST = ("last_seen", "source", "reason", "sentence")
_BY_CONTACT = 100  # rows, unless said


def list_all(
    domain: Annotated[
        str | None, typer.Option(metavar="DOMAIN", help="Only those of this domain.")
    ] = None,
    unknown: Annotated[
        int,
        typer.Option(
            metavar="N", min=0, help="How many unknown MACs to list, the newest."
        ),
    ] = 1000,
    bound: Annotated[
        bool | None,
        typer.Option(
            "--bound/--unbound",
            help="Only those that have an account, or only others.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="Only phones of this model.")
    ] = "",
    firmware: Annotated[
        str,
        typer.Option(metavar="VERSIONS", help="Only what runs one, or 8.4-8.7."),
    ] = "",
    older_than: Annotated[
        str, typer.Option(metavar="VERSION", help="Only what runs an older one.")
    ] = "",
    heard_since: Annotated[
        str, typer.Option(metavar="WHEN", help="Only what was heard: 2026-11-27, 24h.")
    ] = "",
    not_heard_since: Annotated[
        str, typer.Option(metavar="WHEN", help="Only what was not, or never.")
    ] = "",
    state: Annotated[
        str,
        typer.Option(
            metavar="never|refused",
            help="Only what was never heard, or refused when it was decided last.",
            autocompletion=one_of("never", "refused"),
        ),
    ] = "",
    sort: Annotated[
        str,
        typer.Option(
            metavar="last-contact|firmware",
            help="Page by page, however many.",
            autocompletion=one_of("last-contact", "firmware"),
        ),
    ] = "",
    descending: Annotated[
        bool, typer.Option("--descending", help="With these: from the end.")
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="So many at most; with these 100 unless said."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List the devices with their last contact; then MACs that are bound nowhere.

    With --sort or what they did last it lists devices alone.
    """
    filters = {
        "model": model,
        "firmware": firmware,
        "older_than": older_than,
        "heard_since": _seconds(heard_since, "--heard-since"),
        "heard_before": _seconds(not_heard_since, "--not-heard-since"),
        "state": state,
    }
    if sort or descending or any(filters.values()):
        if bound is not None:
            raise Misuse("--bound and --unbound are for the list without order.")
        filters["domain"] = domain or ""
        limit = limit or _BY_CONTACT
        _list_by_contact(filters, sort, limit, descending=descending, json=json)
        return
    most = 0 if bound or domain is not None else unknown
    with place.session() as session, listing(json=json):
        found = _found(session, domain, most)
        if bound is not None:
            found = (one for one in found if bool(one["accounts"]) == bound)
        shown = islice(found, limit)
        if json:
            print_json_rows(shown)
        else:
            rows = [_cells(device) for device in shown]
        if limit is not None and next(found, None):
            _hint_at_more()
    if json:
        return
    print_table(
        _COLUMNS,
        rows,
        empty="There are no devices: bootwave account bind ACCOUNT MAC makes one.",
    )


def _found(session: Session, domain: str | None, most: int) -> Iterator[Row]:
    """Yield the devices, of *domain* or all, then the *most* newest unknown MACs."""
    here = {"domain": "" if domain is None else required_domain(domain)}
    for one in Rows(session, "devices", filters=here, sort="mac", seen=True):
        yield {name: (one | {"known": True})[name] for name in _TOLD + _TOLD_LAST}
    unknown = Rows(session, "unknown", most=most)
    for one in unknown:
        nothing: Row = dict.fromkeys(("domain", "model"), "")
        nothing |= {"owns_certificate": False, "known": False, "accounts": []}
        yield {name: (one | nothing)[name] for name in _TOLD + _TOLD_LAST}
    if unknown.more:
        hint("More unknown MACs asked before these: --unknown N lists them.")


def _list_by_contact(
    filters: dict[str, str], sort: str, limit: int, *, descending: bool, json: bool
) -> None:
    """Print *limit* devices in the order of what they did last."""
    chosen = {name: text for name, text in filters.items() if text}
    if not sort and chosen.keys() <= {"domain", "model"}:
        sort = "last-contact"
    with place.session() as session, listing(json=json):
        found = Rows(
            session,
            "devices",
            most=limit,
            filters=chosen,
            sort=sort,
            descending=descending,
            seen=True,
        )
        if json:
            print_json_rows(found)
        else:
            rows = []
            for device in found:
                mac, of, accounts, model, *last = _cells(device | {"known": True})
                rows.append((mac, of, accounts, model, device["firmware"], *last))
    if found.more:
        _hint_at_more()
    if json:
        return
    print_table(
        (*_COLUMNS[:4], "firmware", *_COLUMNS[4:]),
        rows,
        empty="No device is like that.",
    )


def _cells(device: Row) -> tuple[str, ...]:
    return (
        device["mac"],
        device["domain"] if device["known"] else "(unknown)",
        ", ".join(name.partition("@")[0] for name in device["accounts"]),
        device["model"],
        moment(device["last_seen"]),
        device["source"],
        device["sentence"],
    )


def _hint_at_more() -> None:
    hint("There may be more: --limit N lists them.")


def _seconds(text: str, option: str) -> str:
    return repr(instant_from_text(text, option)) if text else ""


def show(
    mac: Annotated[str, typer.Argument(metavar="MAC", show_default=False)],
    json: Json = False,
) -> None:
    """Say in one sentence why a phone was or was not provisioned, and what it did."""
    with place.session() as session:
        found = session.call("device.show", mac=mac)
    missing = left_out_of(found, place.loaded().options)
    found["left_out"] = [one.sentence for one in missing]
    if json:
        print_json(found)
        return
    about = [found["mac"], found["model"], found["domain"]]
    print_line("  ".join(part for part in about if part))
    for account in found["accounts"]:
        print_line(
            f"  identity {account['identity']}: {account['account']}, "
            f"{_window(account['window'])}"
        )
    if found["passwords_until"] is not None:
        over = found["passwords_until"] < time.time()
        print_line(
            f"  its SIP passwords {'were' if over else 'are'} told until "
            f"{moment(found['passwords_until'])}"
        )
    if found["credentials"]:
        print_line(f"  {_credentials(found['credentials'])}")
    if found["certificate"]:
        named = found["certificate"]
        print_line(f"  its certificate: serial {named['serial']}, key {named['key']}")
    print_line("")
    line = _time_line(found)
    headers = ["when", "from", "what happened"]
    if any(detail for *_, detail in line):
        headers.append("detail")
    print_table(
        headers,
        [(moment(at), *said)[: len(headers)] for at, *said in line],
        empty="It was never heard.",
    )
    if found["time_line"] or found["rollouts"]:
        print_line("")
    verdict, advice = found["verdict"], found["advice"]
    if advice:
        verdict = f"{verdict.rstrip('.')}: {advice}."
    print_line(verdict)
    other = found["refused_elsewhere"]
    if other:
        print_line(
            f"Another address, {other['source']}, asked for its document at "
            f"{moment(other['at'])} and was refused: {other['sentence']}: "
            f"{other['advice']}."
        )
    for sentence in found["left_out"]:
        print_line(sentence)


def check(
    mac: Annotated[str, typer.Argument(metavar="MAC", show_default=False)],
    json: Json = False,
) -> None:
    """Say step by step what is to be done to provision a phone, and how far that is.

    The status is 1 while something is left to do.
    """
    with place.session() as session:
        found = session.call("device.check", mac=mac)
    if json:
        print_json(found)
    else:
        print_line("  ".join(filter(None, (found["mac"], found["model"]))))
        print_line(f"The steps for {found['for']}:")
        for step in found["steps"]:
            print_line(f"  {step['number']}. {step['title']}")
            print_line(f"     {step['state']}: {step['because']}")
            if step["advice"] and step["state"] != "done":
                print_line(f"     {step['advice']}")
        for note in found["notes"]:
            print_line(f"  {note}")
        for told in found["rollouts"][:1]:
            print_line(f"  {moment(told['at'])}: {told['sentence']}.")
        following = found["next"]
        print_line(f"Go on with step {following}." if following else "Nothing is left.")
    if found["next"]:
        raise typer.Exit(1)


def reset(
    mac: Annotated[str, typer.Argument(metavar="MAC", show_default=False)],
    json: Json = False,
) -> None:
    """Let a phone be told its SIP passwords again, after pairing.passwords_hours.

    It needs a grant as ever: an open account, its certificate, or credentials.
    """
    with place.session() as session:
        done = session.call("device.reset", mac=mac)
    if json:
        print_json(done)
    else:
        print_line(f"{done['mac']} is told its SIP passwords again when it asks.")


def rotate(
    mac: Annotated[str, typer.Argument(metavar="MAC", show_default=False)],
    json: Json = False,
) -> None:
    """Give a phone new credentials with its next fetch.

    Those it has stay good until it used the new ones.
    """
    with place.session() as session:
        done = session.call("device.credentials.rotate", mac=mac)
    if json:
        print_json(done)
    else:
        print_line(
            f"{done['mac']} gets new credentials with its next fetch; the old ones are "
            "good until it used the new ones."
        )


def revoke(
    mac: Annotated[str, typer.Argument(metavar="MAC", show_default=False)],
    json: Json = False,
) -> None:
    """End the credentials of a phone at once, new and old."""
    with place.session() as session:
        done = session.call("device.credentials.revoke", mac=mac)
    if json:
        print_json(done)
    elif done["revoked"]:
        print_line(
            f"{done['mac']} has no credentials any more: bootwave window open ACCOUNT "
            "gives it new ones."
        )
    else:
        print_line(f"{done['mac']} had no credentials.")


def _time_line(found: dict[str, Any]) -> list[tuple[float, str, str, str]]:
    """Return what a phone did and what roll-outs told it, the oldest first."""
    did = [
        (seen["at"], seen["source"], seen["sentence"], seen["detail"])
        for seen in found["time_line"]
    ]
    told = [(each["at"], "", each["sentence"], "") for each in found["rollouts"]]
    return sorted([*reversed(did), *reversed(told)], key=lambda line: line[0])


def _credentials(found: dict[str, Any]) -> str:
    text = f"credentials of its own, made {moment(found['made_at'])}, "
    if found["used_at"] is None:
        text += "not used yet"
        return f"{text}; those before are still good" if found["previous"] else text
    return f"{text}first used {moment(found['used_at'])}"


def _window(window: dict[str, Any]) -> str:
    match window["state"]:
        case "open":
            return f"open for {duration(window['seconds_left'])}"
        case "used":
            return (
                f"used by {window['mac']} from {window['source']}, "
                f"for {duration(window['seconds_left'])} more"
            )
    return "not open"
