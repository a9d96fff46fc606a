"""How each vendor's service is called: the table ``vendors.toml``, with its sources.

Vendors copied one from another: other URLs, names of methods and orders of arguments,
and the same few results.
"""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

_TABLE: Final = Path(__file__).with_name("vendors.toml")


class Call(StrEnum):
    """What a service can be asked for."""

    ECHO = "echo"
    REGISTER = "register"
    DEREGISTER = "deregister"
    LOOK = "look"
    LIST = "list"


class Shape(StrEnum):
    """How a result reads; the table says what each is."""

    ECHO = "echo"
    VERDICT = "verdict"
    TARGET = "target"
    MACS = "macs"


class Verdict(StrEnum):
    """What an answer says: it is done, or why not."""

    DONE = "done"
    OWNED = "owned"
    UNKNOWN = "unknown"
    MALFORMED = "malformed"
    REFUSED = "refused"
    """In words that the table does not have."""


class Method(NamedTuple):
    """A call's name there, its arguments in order, and how its result reads."""

    name: str
    arguments: tuple[str, ...]
    result: Shape


class Vendor(NamedTuple):
    """One vendor's service."""

    name: str
    title: str
    url: str
    is_upper: bool
    types: tuple[str, ...]
    methods: Mapping[Call, Method]
    errors: Mapping[str, Verdict]

    def mac(self, mac: int) -> str:
        """Return *mac* as the service spells it."""
        return f"{mac:012X}" if self.is_upper else f"{mac:012x}"

    def type_of(self, model: str) -> str:
        """Return the phone type of a *model*, "" when it cannot be listed."""
        return _types(self.types).get(model.lower(), "")


@lru_cache(1)
def vendors() -> Mapping[str, Vendor]:
    """Return the services by the names of their vendors."""
    table = tomllib.loads(_TABLE.read_text())
    return MappingProxyType(
        {
            name: Vendor(
                name,
                found["title"],
                found["url"],
                found["mac"] == "upper",
                tuple(found["types"]),
                {
                    call: Method(
                        found["methods"][call]["name"],
                        tuple(found["methods"][call]["arguments"]),
                        Shape(found["methods"][call]["result"]),
                    )
                    for call in Call
                },
                {words: Verdict(what) for words, what in found["errors"].items()},
            )
            for name, found in table.items()
        }
    )


@lru_cache(8)
def _types(types: tuple[str, ...]) -> Mapping[str, str]:
    return {each.lower(): each for each in types}
