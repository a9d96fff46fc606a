"""``bootwave dialplan``."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.completion import one_of
from bootwave.cli.layers import print_change
from bootwave.cli.output import Json, print_json, print_line, print_table

Domain = Annotated[str, typer.Argument(metavar="DOMAIN", show_default=False)]
Pattern = Annotated[str, typer.Argument(metavar="PATTERN", show_default=False)]


def set_rule(
    domain: Domain,
    pattern: Pattern,
    timeout: Annotated[
        int, typer.Option(metavar="SECONDS", help="How long to wait for another key.")
    ] = 0,
    user: Annotated[
        str,
        typer.Option(
            metavar="Phone|IP",
            help="What the number is said to be.",
            autocompletion=one_of("Phone", "IP"),
        ),
    ] = "",
    rewrite: Annotated[
        str, typer.Option(metavar="NUMBER", help="What is sent instead.")
    ] = "",
    json: Json = False,
) -> None:
    """Say what phones do with numbers of a pattern: '9,1..........' or '9*'.

    In it . is any one key and * one or more; at a comma the phone plays its second
    dial tone. Of the patterns that match, the longest counts.
    """
    with place.session() as session:
        done = session.call(
            "dialplan.set",
            domain=domain,
            match=pattern,
            timeout=timeout,
            user=user,
            rewrite=rewrite,
        )
    print_change(done, f"Set {done['match']} for {domain}.", json=json)


def unset(domain: Domain, pattern: Pattern, json: Json = False) -> None:
    """Say nothing of a pattern any more."""
    with place.session() as session:
        done = session.call("dialplan.unset", domain=domain, match=pattern)
    print_change(done, f"Unset {done['match']} for {domain}.", json=json)


def list_all(
    domain: Domain,
    dial: Annotated[
        str, typer.Option(metavar="NUMBER", help="Say which rule this would take.")
    ] = "",
    json: Json = False,
) -> None:
    """List the dial plan of a domain."""
    with place.session() as session:
        found = session.call("dialplan.list", domain=domain, dialled=dial)
    if json:
        print_json(found)
        return
    print_table(
        ("pattern", "seconds", "user", "rewrite"),
        [tuple(rule.values()) for rule in found["rules"]],
        empty=f"The dial plan of {domain} is empty."
        if found["told"]
        else f"{domain} has no dial plan: its phones keep theirs.",
    )
    if dial:
        print_line(_taken(dial, found["taken"]))


def clear(
    domain: Domain,
    forget: Annotated[
        bool, typer.Option("--forget", help="Leave phones the plan they have.")
    ] = False,
    json: Json = False,
) -> None:
    """Empty the dial plan of a domain; phones empty theirs when they come again."""
    with place.session() as session:
        done = session.call("dialplan.clear", domain=domain, forget=forget)
    if json:
        print_json(done)
        return
    what = "Phones keep the plan they have." if forget else "Phones empty theirs."
    print_line(f"Took {done['rules']} rules out of {domain}. {what}")


def _taken(dialled: str, rule: dict[str, Any] | None) -> str:
    if rule is None:
        return f"No rule is for {dialled}."
    sent = rule["rewrite"] or dialled
    when = f"after {rule['timeout']} s" if rule["timeout"] else "at once"
    return f"{dialled} takes {rule['match']}: {sent} is sent {when}."
