"""``bootwave url``: what to type into a phone that is told by nobody else."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.document import checked_url
from bootwave.cli.firstcontact import first_contact_url
from bootwave.cli.output import Json, hint, print_json, print_line, print_table

if TYPE_CHECKING:
    from bootwave.phone.pages import Page


def url(
    phone: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|MAC",
            help="A model such as snom370, or a phone's MAC; else all models.",
            show_default=False,
        ),
    ] = "",
    domain: Annotated[
        str,
        typer.Option(
            metavar="DOMAIN",
            help="Put its token into the URL; else that of the phone's domain.",
            show_default=False,
        ),
    ] = "",
    base: Annotated[
        str,
        typer.Option(
            "--url", metavar="URL", help="Where the phone reaches this server."
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Print the settings URL to type into a phone, and the way to the field for it.

    A domain's token is in it where the domain has one; showing it is audited.
    """
    from bootwave.phone.mac import mac_from_text, text_from_mac
    from bootwave.phone.model import required_model
    from bootwave.phone.models import model_data, model_of_mac
    from bootwave.phone.pages import pages

    base = checked_url(base)
    mac = mac_from_text(phone.strip()) or 0
    model = ""
    if mac:
        model, own = _known(phone)
        model, domain = model or model_of_mac(mac), domain or own
    elif phone:
        model = required_model(phone)
    start = first_contact_url(base, domain)
    if not phone:
        _print_all(start, json=json)
        return
    found = model_data(model)
    page = pages()[found.generation]
    spelt = text_from_mac(mac) if mac else ""
    typed = page.typed_url(start, mac) if page.field else ""
    told = {
        "model": model,
        "mac": spelt,
        "domain": domain,
        "url": typed,
        "web_page": page.page,
        "clicks": [*page.clicks],
        "field": page.field,
        "then": page.then,
        "address": page.address,
        "note": page.note,
    }
    if json:
        print_json(told)
        return
    print_line("  ".join(filter(None, (found.title or "unknown model", spelt))))
    _print_page(page, typed)


def _known(mac: str) -> tuple[str, str]:
    """Return model and domain of the device *mac*, "" for what is not known."""
    with place.session() as session:
        found = session.call("device.show", mac=mac)
    if not found["accounts"]:
        hint(f"{found['mac']} is bound to no account: bootwave account bind does that.")
    return found["model"] or "", found["domain"] or ""


def _print_page(page: "Page", typed: str) -> None:
    rows: list[tuple[str, Any]] = [
        ("URL:", typed),
        ("web page:", f"http://PHONE{page.page}" if page.page else ""),
        ("field:", page.way),
        ("then:", page.then),
        ("its address:", page.address),
        ("note:", page.note),
    ]
    for name, value in rows:
        if value:
            print_line(f"{name:<13}{value}")


def _print_all(base: str, *, json: bool) -> None:
    from bootwave.phone.models import known_models
    from bootwave.phone.pages import pages

    found = pages()
    rows = [
        (name, found[model.generation].typed_url(base), found[model.generation].way)
        for name, model in known_models().items()
        if found[model.generation].field
    ]
    if json:
        names = ("model", "url", "field")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table(("model", "URL", "field on its web page"), rows, empty="")
