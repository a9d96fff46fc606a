"""The identities of a phone: what an account's fields become, and the unused ones."""

from collections.abc import Sequence
from typing import Final

from bootwave.directory.records import Account, Domain
from bootwave.settings.catalogue import IDENTITIES
from bootwave.settings.layers import Line, Slot

# The fields of an account that differ from phone to phone, in the order of values_of.
FIELDS: Final = ("user_realname", "user_name", "user_pname", "user_mailbox")


def identity_lines(domain: Domain, slots: Sequence[Slot]) -> list[Line]:
    """Return the settings of one used identity; *slots* are those of ``FIELDS``.

    A domain without registrar is its own; an empty outbound proxy or mailbox is told
    as such, or a phone would keep the one of the account it had before.
    """
    return [
        Line("user_active", "on"),
        *(Line(name, slot) for name, slot in zip(FIELDS, slots, strict=True)),
        Line("user_host", domain.registrar or domain.name),
        Line("user_outbound", domain.outbound_proxy),
    ]


def values_of(account: Account) -> tuple[str, str, str, str]:
    """Return the values of ``FIELDS``, in their order."""
    number = account.number
    return (
        account.display_name,
        number,
        account.auth_user or number,
        account.mailbox,
    )


def unused_lines(used: Sequence[int]) -> list[Line]:
    """Return what takes the identities not *used* out of service.

    Told explicitly, or an old registration would survive when a phone is bound anew.
    They are the lowest layer: a layer may still use such an identity by its index.
    """
    return [
        Line("user_active", "off", identity, "RW")
        for identity in range(1, IDENTITIES + 1)
        if identity not in used
    ]
