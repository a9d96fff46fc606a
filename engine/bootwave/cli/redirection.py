"""``bootwave redirection``: phones that the vendor's service sends here."""

import asyncio
import math
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.completion import one_of
from bootwave.cli.misuse import NOTHING_GIVEN, Misuse
from bootwave.cli.output import (
    Json,
    duration,
    hint,
    moment,
    print_json,
    print_line,
    print_table,
)
from bootwave.cli.password import line_from_stdin, typed_password
from bootwave.cli.progress import Progress
from bootwave.control.session import DirectSession, Session
from bootwave.errors import OptionError

LOOK_SECONDS = 0.5
FAILED = 1
PAGE = 1_000
_TROUBLES = ("unreachable", "refused", "owned", "elsewhere")
_STATES = {
    "registered": "registered",
    "waiting": "to be registered",
    "removing": "to be taken away",
    "checking": "to be looked at",
    "unreachable": "waiting for an answer",
    "refused": "refused",
    "owned": "of another user",
    "elsewhere": "sent elsewhere",
    "none": "not redirected",
}
# Of one phone, and of any other number.
_COMPARED = {
    "right": ("comes here already", "come here already"),
    "nowhere": ("would be registered", "would be registered"),
    "elsewhere": (
        "would be registered instead of where it is sent now",
        "would be registered instead of where they are sent now",
    ),
    "unseen": (
        "would be looked at by itself: its type cannot be listed",
        "would be looked at one by one: their type cannot be listed",
    ),
    "refused": (
        "would be tried again: the service refused it",
        "would be tried again: the service refused them",
    ),
    "removing": (
        "would be taken away: it is bound no longer",
        "would be taken away: they are bound no longer",
    ),
    "strays": (
        "would be taken away: it is bound nowhere, and comes here",
        "would be taken away: they are bound nowhere, and come here",
    ),
}


def set_account(
    user: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the account that the vendor gave you."),
    ] = None,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read its password from standard input."),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where phones reach this engine; the first time else https.url or "
            "http.url.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Set the account with the redirection service, or change what is given of it.

    From then on every phone that is bound to an account is registered there.
    """
    if find_spec("httpx") is None or find_spec("defusedxml") is None:
        raise OptionError(
            "Redirection needs httpx and defusedxml: install bootwave[control]."
        )
    if user is None and url is None and not password_stdin:
        raise Misuse(NOTHING_GIVEN)
    from bootwave.store.redirection.account import checked_url, checked_user

    # Nobody types a password for what is refused.
    if user is not None:
        checked_user(user)
    if url is not None:
        checked_url(url)
    given: dict[str, Any] = {"user": user, "url": url}
    if password_stdin:
        given["password"] = line_from_stdin()
    elif user is not None:
        given["password"] = typed_password("Password of the service")
    if url is None:
        given["first_url"] = _own_url()
    with place.session() as session:
        done = session.call("redirection.set", **_said(given))
        live = session.live
    if json:
        print_json(done)
        return
    print_line(f"Phones are redirected to {done['url']} by the account {done['user']}.")
    if done["url"].startswith("http://"):
        hint("They come over clear HTTP: give --url https://... where they can do TLS.")
    if live:
        hint("bootwave redirection status says how it goes.")
    else:
        hint("No engine runs here: it is done when bootwave serve is started.")


def unset(json: Json = False) -> None:
    """Forget the account; phones stay redirected as they are."""
    with place.session() as session:
        done = session.call("redirection.unset")
    if json:
        print_json(done)
        return
    print_line("The account is forgotten.")
    if done["phones"]:
        hint(
            f"The service sends {_phones(done['phones'])} here all the same: to end "
            "that, set the account again, and unbind "
            f"{'it' if done['phones'] == 1 else 'them'} first."
        )


def sync(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done; change nothing."),
    ] = False,
    json: Json = False,
) -> int:
    """Compare all phones with what the service holds, and make it right.

    Those that come here and are bound nowhere are taken away, too.
    """
    with place.session() as session:
        if dry_run:
            with Progress("Asking the service") as progress:
                found = _compared(session, progress.update)
            if json:
                print_json(found)
            else:
                _print_compared(found)
            return 0
        shown = session.call("redirection.sync")
        if not session.live:
            hint("No engine runs here: it is done when bootwave serve is started.")
            if json:
                print_json(shown)
            return 0
        shown = _followed(session, shown)
    if json:
        print_json(shown)
    else:
        _print_status(shown)
    return _exit_status(shown)


def status(
    phone: Annotated[
        str,
        typer.Argument(metavar="MAC", help="Only this phone.", show_default=False),
    ] = "",
    json: Json = False,
) -> None:
    """Say how the service behaves, and which phones are in trouble, or all of one."""
    with place.session() as session:
        if phone:
            found = session.call("redirection.status", mac=phone)
        else:
            found = session.call("redirection.status")
    if json:
        print_json(found)
    elif phone:
        _print_phone(found)
    else:
        _print_status(found)


def troubled(
    state: Annotated[
        str,
        typer.Option(
            metavar="STATE",
            help="Only these: unreachable, refused, owned or elsewhere.",
            autocompletion=one_of(*_TROUBLES),
            show_default=False,
        ),
    ] = "",
    json: Json = False,
) -> None:
    """List all phones in trouble, with what the service says of each."""
    found: list[dict[str, Any]] = []
    with place.session() as session:
        cursor = ""
        while True:
            page = session.call(
                "redirection.troubled", state=state, after=cursor, limit=PAGE
            )
            found += page["phones"]
            cursor = page["cursor"]
            if not cursor:
                break
    if json:
        print_json(found)
    else:
        _print_troubled(found, empty="No phone is in trouble.")


def _said(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _own_url() -> str | None:
    options = place.loaded().options
    return options.https.url or options.http.url or None


def _compared(session: Session, progress: Callable[[int, int], None]) -> dict[str, Any]:
    found: dict[str, Any]
    if session.live:
        found = session.call("redirection.compare", progress=progress)
        return found
    from bootwave.control.redirections import compared_directly

    assert isinstance(session, DirectSession)
    options = place.loaded().options.redirection
    return asyncio.run(compared_directly(session.administration, options, progress))


def _followed(session: Session, shown: dict[str, Any]) -> dict[str, Any]:
    """Return the status once the sync that was *shown* is through, or comes to a halt.

    That is when the service does not answer, or on Ctrl-C.
    """
    most = 0
    try:
        with Progress("Redirecting") as progress:
            while not _is_over(shown):
                time.sleep(LOOK_SECONDS)
                shown = session.call("redirection.status")
                if not shown["listed"]:
                    progress.update(shown["lists_done"], shown["lists"])
                else:
                    most = max(most, shown["outstanding"])
                    progress.update(most - shown["outstanding"], most)
    except KeyboardInterrupt:
        hint("It goes on without you: bootwave redirection status says how.")
    return shown


def _is_over(shown: dict[str, Any]) -> bool:
    if shown["state"] in ("refused", "unreachable"):
        return True
    return bool(shown["listed"]) and not shown["outstanding"]


def _exit_status(shown: dict[str, Any]) -> int:
    is_wrong = shown["state"] in ("refused", "unreachable") or shown["troubled"]
    return FAILED if is_wrong else 0


def _print_status(found: dict[str, Any]) -> None:
    print_line(f"account:     {found['user']}, set by {found['set_by']}")
    print_line(f"sends to:    {found['url']}")
    print_line(f"the service: {_behaviour(found)}")
    told = [
        f"{many:,} {_STATES[state]}" for state, many in found["phones"].items() if many
    ]
    print_line(f"phones:      {', '.join(told) or 'none yet'}")
    listed = moment(found["listed_at"])
    print_line(f"compared:    {listed or 'not yet'}")
    if found["strays"]:
        strays, whom = "come here that are bound nowhere", "them"
        if found["strays"] == 1:
            strays, whom = "comes here that is bound nowhere", "it"
        print_line(
            f"strays:      {found['strays']:,} {strays}; "
            f"bootwave redirection sync takes {whom} away"
        )
    if found["troubled"]:
        print_line("")
        _print_troubled(found["troubled"])
    more = sum(found["phones"].get(state, 0) for state in _TROUBLES)
    more -= len(found["troubled"])
    if more > 0:
        hint(f"And {more:,} more: bootwave redirection troubled lists all.")


def _print_troubled(phones: list[dict[str, Any]], empty: str = "") -> None:
    print_table(
        ("phone", "state", "the service says", "tried", "again"),
        [
            (
                one["mac"],
                _STATES[one["state"]],
                one["words"] or _elsewhere(one),
                moment(one["tried_at"]),
                moment(one["next_at"]),
            )
            for one in phones
        ],
        empty=empty,
    )


def _behaviour(found: dict[str, Any]) -> str:
    if found["state"] == "answers":
        return f"answers, last at {moment(found['answered_at'])}"
    if not found["state"]:
        if found["answered_at"] is None:
            return "was not asked yet"
        # A command came in since: what was known of it is found out anew.
        return f"is to be asked anew, answered last at {moment(found['answered_at'])}"
    wait = math.ceil((found["next_at"] or 0.0) - time.time())
    again = f"in {duration(wait)}" if wait > 0 else "now"
    what = {
        "refused": "does not accept the account",
        "unreachable": "does not answer as it should",
    }[found["state"]]
    return f"{what} ({found['words']}); again {again}"


def _print_phone(found: dict[str, Any]) -> None:
    rows = [
        ("phone:", found["mac"]),
        ("state:", _STATES[found["state"]]),
        ("because:", found["why"]),
        ("sent to:", found["url"]),
        ("confirmed:", moment(found["confirmed_at"])),
        ("it says:", found["words"]),
        ("attempts:", _attempts(found["attempts"])),
        ("tried:", moment(found["tried_at"])),
        ("again:", moment(found["next_at"])),
        ("elsewhere:", _elsewhere(found)),
    ]
    for name, value in rows:
        if value:
            print_line(f"{name:<12}{value}")


def _attempts(many: int) -> str:
    # Each of those begins the waits anew, and counting with them.
    return f"{many} since the last change or sync" if many else ""


def _elsewhere(one: dict[str, Any]) -> str:
    if one["elsewhere_at"] is None:
        return ""
    return f"was sent to {one['elsewhere']} at {moment(one['elsewhere_at'])}"


def _print_compared(found: dict[str, Any]) -> None:
    for kind, (of_one, of_many) in _COMPARED.items():
        many = found[kind]["count"]
        if many or kind == "right":
            print_line(f"{_phones(many)} {of_one if many == 1 else of_many}.")
            if kind != "right":
                for mac in found[kind]["macs"][:20]:
                    print_line(f"  {mac}")
                if many > 20:
                    print_line("  ...")


def _phones(many: int) -> str:
    return f"{many:,} phone{'' if many == 1 else 's'}"
