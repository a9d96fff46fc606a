"""``bootwave domain token`` and ``bootwave device token``."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.document import default_url
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, moment, print_json, print_line


class DomainAction(StrEnum):
    """What is done with the token of a domain."""

    make = "make"
    require = "require"
    show = "show"
    remove = "remove"


class DeviceAction(StrEnum):
    """What is done with the token of a device."""

    rotate = "rotate"


def domain(
    action: Annotated[
        DomainAction, typer.Argument(help="What to do.", show_default=False)
    ],
    name: Annotated[str, typer.Argument(metavar="DOMAIN", show_default=False)],
    required: Annotated[
        bool | None,
        typer.Option(
            "--required/--optional",
            help="Whether phones are refused without it; of make else as before, "
            "optional at first, of require else they are.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make, show, require or remove the token in the URL of a domain's phones.

    It is for DHCP option 66, redirection and lists, where many phones share one URL.
    Each phone is then told a URL with a token of its own.  It opens nothing by itself.
    """
    if action in (DomainAction.show, DomainAction.remove) and required is not None:
        raise Misuse("--required and --optional are for make and require.")
    given: dict[str, Any] = {"domain": name}
    if action is DomainAction.require:
        given["required"] = required is not False
    elif required is not None:
        given["required"] = required
    with place.session() as session:
        done = session.call(f"token.{action.value}", **given)
    if json:
        print_json(done)
    elif action is DomainAction.remove:
        print_line(f"{done['domain']} has no token any more, nor have its devices.")
    elif action is DomainAction.require:
        print_line(_required(done))
    else:
        _show(done)


def device(
    action: Annotated[
        DeviceAction, typer.Argument(help="What to do.", show_default=False)
    ],
    mac: Annotated[str, typer.Argument(metavar="MAC", show_default=False)],
    json: Json = False,
) -> None:
    """Give a phone a new token in its URL; the old one is good until it was used."""
    with place.session() as session:
        done = session.call(f"token.{action.value}", mac=mac)
    if json:
        print_json(done)
    else:
        print_line(f"{done['mac']} is told a new URL when it next has its settings.")


def _show(done: dict[str, Any]) -> None:
    base = default_url(place.loaded().options)
    print_line(f"token:  {done['token']}")
    print_line(f"URL:    {base}/{done['token']}/")
    if done["required"]:
        print_line(_required(done))
    if done.get("used_at") is not None:
        print_line(f"First used at {moment(done['used_at'])}.")
    if done.get("previous_good"):
        print_line("The one before is good until this one was used.")
    if not done["required"]:
        hint(
            f"Phones of {done['domain']} are served without it, too: bootwave domain "
            f"token require {done['domain']} changes that."
        )


def _required(done: dict[str, Any]) -> str:
    if done["required"]:
        return f"Phones of {done['domain']} are refused without a right token."
    return f"Phones of {done['domain']} are served without a right token, too."
