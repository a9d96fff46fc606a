"""``bootwave dhcp render``: what a DHCP server tells phones."""

import sys
from typing import Annotated

import typer

from bootwave.cli.firstcontact import first_contact_url
from bootwave.cli.output import Json, print_json
from bootwave.dhcp.fragments import Server


def render(
    server: Annotated[
        Server,
        typer.Option(help="Whose file is to be written.", show_default=False),
    ],
    domain: Annotated[
        str,
        typer.Option(
            metavar="DOMAIN",
            help="Put the token of this domain into the URL.",
            show_default=False,
        ),
    ] = "",
    url: Annotated[
        str,
        typer.Option(metavar="URL", help="Where phones reach this server."),
    ] = "",
    vlan: Annotated[
        int | None,
        typer.Option(metavar="ID", help="The VLAN of desk phones.", show_default=False),
    ] = None,
    vlan_priority: Annotated[
        int | None,
        typer.Option(
            metavar="0-7", help="The priority in that VLAN.", show_default=False
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Print what makes a DHCP server tell snom phones where their settings are.

    Options 66 and 67, the same as option 43, and the VLAN, by vendor class; the m9 by
    its host name.  A domain's token is in it where the domain has one; showing it is
    audited.
    """
    from bootwave.dhcp.fragments import fragment
    from bootwave.dhcp.handout import handouts

    handouts(url or "http://h", vlan, vlan_priority)  # before a token is shown
    found = handouts(first_contact_url(url, domain), vlan, vlan_priority)
    text = fragment(server, found)
    if not json:
        sys.stdout.write(text)
        return
    print_json(
        {
            "server": server.value,
            "fragment": text,
            "options": {
                kind.value: {
                    **{str(code): value for code, value in told.texts},
                    **({"43": told.encapsulated.hex()} if told.encapsulated else {}),
                }
                for kind, told in found.items()
            },
        }
    )
