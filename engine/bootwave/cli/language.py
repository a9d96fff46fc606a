"""``bootwave language``."""

from typing import Annotated

import typer

from bootwave.cli import place
from bootwave.cli.completion import one_of
from bootwave.cli.layers import print_change
from bootwave.cli.output import Json, print_json, print_table
from bootwave.cli.revealing import Reveal

Domain = Annotated[str, typer.Argument(metavar="DOMAIN", show_default=False)]
Kind = Annotated[
    str,
    typer.Argument(
        metavar="gui|web",
        help="The display or the web page.",
        show_default=False,
        autocompletion=one_of("gui", "web"),
    ),
]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="As phones list it: Deutsch.")
]
Model = Annotated[
    str, typer.Option(metavar="MODEL", help="Only phones of a model: snom370.")
]


def set_file(
    domain: Domain,
    kind: Kind,
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", show_default=False)],
    model: Model = "",
    json: Json = False,
) -> None:
    """Say where phones of a domain find a language they do not have.

    In the URL {model} and {firmware} stand for what a phone says it is.
    """
    with place.session() as session:
        done = session.call(
            "language.set", domain=domain, kind=kind, name=name, url=url, model=model
        )
    print_change(done, f"Set {done['name']} for {domain}.", json=json)


def unset(
    domain: Domain, kind: Kind, name: Name, model: Model = "", json: Json = False
) -> None:
    """Say it no longer; phones keep a language they have."""
    with place.session() as session:
        done = session.call(
            "language.unset", domain=domain, kind=kind, name=name, model=model
        )
    print_change(done, f"Unset {done['name']} for {domain}.", json=json)


def list_all(domain: Domain, reveal: Reveal = False, json: Json = False) -> None:
    """List the language files of a domain, credentials in their URLs masked."""
    with place.session() as session:
        found = session.call("language.list", domain=domain, reveal=reveal)
    if json:
        print_json(found)
        return
    print_table(
        ("for", "language", "model", "url"),
        [tuple(each.values()) for each in found],
        empty=f"The phones of {domain} are told no language files.",
    )
