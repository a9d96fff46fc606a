"""``bootwave search``: any list page by page, narrowed down and sorted."""

from typing import Annotated, Any

import typer

from bootwave.cli import place
from bootwave.cli.completion import one_of
from bootwave.cli.misuse import Misuse
from bootwave.cli.output import Json, hint, moment, print_json, print_table

# What a table shows of each list; --json has everything.
_SHOWN: dict[str, tuple[str, ...]] = {
    "domains": ("name", "registrar", "language", "token"),
    "accounts": ("account", "name", "bound", "wildcard", "profile"),
    "wildcards": ("account", "wildcard", "name", "bound"),
    "devices": ("mac", "domain", "model", "group", "accounts"),
    "bindings": ("mac", "identity", "account", "name", "temporary"),
    "windows": ("account", "state", "seconds_left", "mac", "source"),
    "profiles": ("name",),
    "groups": ("name",),
    "audit": ("seq", "at", "actor", "action", "subject"),
    "rollouts": ("id", "started_at", "action", "selection", "state", "started_by"),
    "rollout-phones": ("mac", "notified_at", "back_at", "fate", "result", "detail"),
    "sightings": ("at", "source", "reason", "sentence", "detail"),
    "unknown": ("mac", "last_seen", "contacts", "source", "sentence"),
}
# The same of devices that are listed by what they did last.
_BY_CONTACT = ("mac", "domain", "model", "firmware", "last_seen", "accounts")
_MOMENTS = frozenset({"at", "started_at", "notified_at", "back_at", "last_seen"})


def _sorts(ctx: typer.Context) -> list[str]:
    """Return what the list that was named can be sorted by."""
    from bootwave.store.listing.devicecontacts import CONTACTS
    from bootwave.store.listing.resources import RESOURCES

    # Words that stand before an option without its value are only split.
    named = ctx.params.get("resource") or next(iter(ctx.args), "")
    offers = [RESOURCES.get(named, ())]
    if named == "devices":
        offers += CONTACTS.orders.values()
    return sorted({order.sort for orders in offers for order in orders})


def search(
    resource: Annotated[
        str,
        typer.Argument(
            metavar="LIST",
            help=f"One of {', '.join(_SHOWN)}.",
            autocompletion=one_of(*_SHOWN),
            show_default=False,
        ),
    ],
    filters: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILTER=VALUE",
            help="As domain=pbx.example.com name_prefix=an.",
            show_default=False,
        ),
    ] = None,
    sort: Annotated[
        str,
        typer.Option(
            metavar="FIELD", help="What it is sorted by.", autocompletion=_sorts
        ),
    ] = "",
    descending: Annotated[
        bool, typer.Option("--descending", help="From the end.")
    ] = False,
    limit: Annotated[int, typer.Option(metavar="N", help="Rows at most.")] = 100,
    cursor: Annotated[
        str, typer.Option(metavar="CURSOR", help="Behind the page that told it.")
    ] = "",
    json: Json = False,
) -> None:
    """List what there is, page by page, however much that is.

    A filter or sorting that no index carries is refused, with those that are offered.
    """
    with place.session() as session:
        found = session.call(
            "records.page",
            resource=resource,
            filters=_filters(filters or []),
            sort=sort,
            descending=descending,
            limit=limit,
            cursor=cursor,
        )
    if json:
        # In the names of the API.
        print_json({"items": found["rows"], "next": found["cursor"]})
        return
    rows, columns = found["rows"], _SHOWN[resource]
    if resource == "devices" and rows and "firmware" in rows[0]:
        columns = _BY_CONTACT
    print_table(
        [_heading(column) for column in columns],
        [[_cell(column, row[column]) for column in columns] for row in rows],
        empty="Nothing is found.",
    )
    if found["cursor"]:
        hint(f"There is more: add --cursor {found['cursor']}")


def _filters(texts: list[str]) -> dict[str, str]:
    filters: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise Misuse(f"{text!r} is no filter: write one as domain=pbx.example.com.")
        if name in filters:
            raise Misuse(f"The filter {name} is there twice.")
        filters[name] = value
    return filters


def _heading(column: str) -> str:
    name = "when" if column == "at" else column.removesuffix("_at")
    return name.replace("_", " ")


def _cell(column: str, value: Any) -> Any:
    if column in _MOMENTS:
        return moment(value)
    if isinstance(value, list):
        return ", ".join(one["mac"] if isinstance(one, dict) else one for one in value)
    return value
