"""What can be listed: each resource with the orders that an index carries.

A test asks SQLite for the plan of every combination here and refuses those that read a
table through or sort.  Joins are written CROSS JOIN where the first table is the one
that is in order: SQLite keeps them so.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bootwave.store.listing.orders import Order, Part, statement

_OF_ACCOUNT = (
    "CROSS JOIN domains d ON d.id = a.domain_id "
    "LEFT JOIN profiles p ON p.id = a.profile_id"
)
_ACCOUNTS = f"accounts a {_OF_ACCOUNT}"
_ACCOUNT = (
    "a.id, a.number, d.name, a.display_name, a.auth_user, a.mailbox, a.wildcard, "
    "COALESCE(p.name, '')"
)
DEVICES = (
    "devices v LEFT JOIN domains d ON d.id = v.domain_id "
    "LEFT JOIN groups g ON g.id = v.group_id"
)
DEVICE = (
    "v.mac, COALESCE(d.name, ''), v.model, v.owns_certificate, v.provisioned_at, "
    "COALESCE(g.name, '')"
)
_OF_BINDING = (
    "CROSS JOIN accounts a ON a.id = b.account_id "
    "CROSS JOIN domains d ON d.id = a.domain_id"
)
_BINDINGS = f"bindings b {_OF_BINDING}"
_BINDING = "b.mac, b.identity, a.number, d.name, a.display_name, b.expires, b.boot_id"
_WINDOWS = (
    "windows w CROSS JOIN accounts a ON a.id = w.account_id "
    "CROSS JOIN domains d ON d.id = a.domain_id "
    "LEFT JOIN openings o ON o.id = w.opening_id"
)
# As domains.windows reads them.
_WINDOW = (
    "a.number, d.name, a.wildcard, w.id, w.account_id, w.boot_id, w.opened, "
    "w.deadline, w.consumed_mac, w.consumed_source, w.pairing_end, w.closed_at, "
    "w.closed_by, o.opened_at, o.opened_by, o.most_claims, o.claims, o.ouis, "
    "o.subnet, o.models"
)
_ROLLOUT = (
    "r.id, r.action, r.selection, r.started_at, r.started_by, r.ended_at, r.state, "
    "r.chosen_seq"
)
_PHONE = "p.mac, p.fate, p.result, p.detail, p.notified_at, p.back_at"

_DOMAIN_FIELDS = (
    "d.name, d.registrar, d.outbound_proxy, d.language, d.timezone, d.tone_scheme, "
    "d.wildcard_subnet, d.reach, "
    "COALESCE((SELECT CASE t.required WHEN 0 THEN 'optional' ELSE 'required' END "
    "FROM domain_tokens t WHERE t.domain_id = d.id), '')"
)

_BY_NUMBER = ("a.number", "a.id")
_BY_NAME = ("a.sort_name", "a.id")


def _of_domain(table: str, letter: str) -> tuple[Order, ...]:
    return (
        Order(
            "name",
            f"{table} {letter}",
            f"{letter}.id, {letter}.name",
            (f"{letter}.name",),
            {"domain": f"{letter}.domain_id"},
            prefix="name_prefix",
        ),
    )


RESOURCES: Final[Mapping[str, tuple[Order, ...]]] = {
    "domains": (
        Order("name", "domains d", _DOMAIN_FIELDS, ("d.name",), prefix="name_prefix"),
    ),
    "accounts": (
        Order("number", _ACCOUNTS, _ACCOUNT, _BY_NUMBER, prefix="number_prefix"),
        Order(
            "number",
            _ACCOUNTS,
            _ACCOUNT,
            _BY_NUMBER,
            {"domain": "a.domain_id"},
            prefix="number_prefix",
        ),
        Order("name", _ACCOUNTS, _ACCOUNT, _BY_NAME, prefix="name_prefix"),
        Order(
            "name",
            _ACCOUNTS,
            _ACCOUNT,
            _BY_NAME,
            {"domain": "a.domain_id"},
            prefix="name_prefix",
        ),
        # Those of one phone, in the order in which it shows them.
        Order(
            "identity",
            f"bindings b CROSS JOIN accounts a ON a.id = b.account_id {_OF_ACCOUNT}",
            _ACCOUNT,
            ("b.identity",),
            {"mac": "b.mac"},
        ),
        Order("made", _ACCOUNTS, _ACCOUNT, ("a.id",), {"profile": "a.profile_id"}),
        Order(
            "domain",
            "domains d CROSS JOIN accounts a ON a.domain_id = d.id "
            "LEFT JOIN profiles p ON p.id = a.profile_id",
            _ACCOUNT,
            ("d.name", "a.number"),
        ),
    ),
    "wildcards": (
        Order(
            "made",
            _ACCOUNTS,
            _ACCOUNT,
            ("a.id",),
            {"domain": "a.domain_id"},
            always="a.wildcard <> ''",
        ),
        Order(
            "domain",
            _ACCOUNTS,
            _ACCOUNT,
            ("a.domain_id", "a.id"),
            always="a.wildcard <> ''",
        ),
    ),
    "devices": (
        Order("mac", DEVICES, DEVICE, ("v.mac",), prefix="mac_prefix"),
        Order(
            "mac",
            DEVICES,
            DEVICE,
            ("v.mac",),
            {"domain": "v.domain_id"},
            prefix="mac_prefix",
        ),
        Order(
            "mac",
            DEVICES,
            DEVICE,
            ("v.mac",),
            {"model": "v.model"},
            prefix="mac_prefix",
            always="v.model <> ''",
        ),
        Order(
            "mac",
            DEVICES,
            DEVICE,
            ("v.mac",),
            {"domain": "v.domain_id", "model": "v.model"},
            prefix="mac_prefix",
            always="v.model <> ''",
        ),
        Order(
            "mac",
            DEVICES,
            DEVICE,
            ("v.mac",),
            {"group": "v.group_id"},
            prefix="mac_prefix",
        ),
    ),
    "bindings": (
        Order("mac", _BINDINGS, _BINDING, ("b.mac", "b.identity"), prefix="mac_prefix"),
        Order(
            "mac",
            f"devices v CROSS JOIN bindings b ON b.mac = v.mac {_OF_BINDING}",
            _BINDING,
            ("v.mac", "b.identity"),
            {"domain": "v.domain_id"},
            prefix="mac_prefix",
        ),
        Order(
            "mac",
            _BINDINGS,
            _BINDING,
            ("b.mac", "b.identity"),
            {"account": "b.account_id"},
            prefix="mac_prefix",
        ),
        # Claims of "?", by their end.
        Order(
            "expires",
            _BINDINGS,
            _BINDING,
            ("b.expires", "b.mac", "b.identity"),
            always="b.expires IS NOT NULL",
        ),
    ),
    "windows": (
        Order("opened", _WINDOWS, _WINDOW, ("w.id",)),
        Order("opened", _WINDOWS, _WINDOW, ("w.id",), {"opening": "w.opening_id"}),
        # An account may have none: then the row has no window and is passed over.
        Order(
            "number",
            "accounts a CROSS JOIN domains d ON d.id = a.domain_id "
            "LEFT JOIN windows w ON w.account_id = a.id "
            "LEFT JOIN openings o ON o.id = w.opening_id",
            _WINDOW,
            ("a.number",),
            {"domain": "a.domain_id"},
            prefix="number_prefix",
        ),
    ),
    "profiles": _of_domain("profiles", "p"),
    "groups": _of_domain("groups", "g"),
    "audit": (
        Order(
            "seq",
            "audit u",
            "u.seq, u.at, u.actor, u.action, u.subject, u.detail",
            ("u.seq",),
            # Numbers from "since" to "until" (filters).
            prefix="between",
        ),
    ),
    "rollouts": (Order("id", "rollouts r", _ROLLOUT, ("r.id",)),),
    "rollout-phones": (
        Order(
            "place",
            "rollout_phones p",
            _PHONE,
            ("p.place",),
            {"rollout": "p.rollout_id"},
        ),
        Order(
            "mac",
            "rollout_phones p",
            _PHONE,
            ("p.mac",),
            {"rollout": "p.rollout_id"},
            prefix="mac_prefix",
        ),
    ),
}

# The types of the keys, as a cursor holds them.
_TEXTS = frozenset(
    {"a.number", "a.sort_name", "d.name", "p.name", "g.name", "c.firmware"}
)
_NUMBERS = frozenset({"b.expires", "c.at", "c.decided_at"})


def kinds_of(order: Order) -> list[type]:
    """Return the types of the keys of *order*."""
    return [
        str if key in _TEXTS else float if key in _NUMBERS else int
        for key in order.keys
    ]


def lowest_of(order: Order) -> str | float:
    """Return what no first key of *order* is lower than."""
    return "" if kinds_of(order)[0] is str else float("-inf")


Statements = Mapping[tuple[str, int, Part, bool, bool], str]


class Offer(NamedTuple):
    """Lists of one file: the orders of each, and the statements that read them."""

    orders: Mapping[str, tuple[Order, ...]]
    statements: Statements


def offer_of(resources: Mapping[str, tuple[Order, ...]]) -> Offer:
    """Return *resources* with the statements of their pages."""
    statements = {
        (name, place, part, prefixed, descending): statement(
            order, part, prefixed=prefixed, descending=descending
        )
        for name, orders in resources.items()
        for place, order in enumerate(orders)
        for part in Part
        if part is not Part.ALIKE or len(order.keys) > 1
        for prefixed in ((False, True) if order.prefix else (False,))
        for descending in (False, True)
    }
    return Offer(resources, statements)


STORED: Final = offer_of(RESOURCES)
