"""Commands do what the API does, and the API what commands do; else it says why not.

Which operations an endpoint or a command calls is read from its code: the words in it
and in the functions that it uses.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Annotated, Any, get_args, get_origin

from bootwave.cli.tree import TREE, Branch, Leaf
from bootwave.control.api.application import RESOURCES
from bootwave.control.operations import OPERATIONS

# What the control process answers beside the operations of the store.
BESIDE = {"engine.status", "engine.metrics", "device.outlook", "redirection.compare"}
KNOWN = OPERATIONS | BESIDE

LISTED = "records.page lists it, in pages"
NARROWED = "access_tokens tells whose they may be, for whoever asks"
# Operations that no endpoint calls.
NO_ROUTE: Mapping[str, str] = {
    **dict.fromkeys(("domain.list", "group.list", "profile.list"), LISTED),
    "rollout.list": LISTED,
    "account.import": "rows come by stage.import, which holds few of them in memory",
    "admin.link": "it is the way in, for who has none yet",
    "bulk": "it is the control socket's way to send many operations at once",
    "device.outlook": "/health/would-serve calls what this does without the socket",
    "document.revealed": "no answer has a document with its passwords",
    "engine.metrics": "/metrics reads the counters without the socket",
    **dict.fromkeys(("admin.token.list", "admin.token.revoke"), NARROWED),
    "events.read": "/api/v1/events tells them as they happen",
    "firmware.discard": "called without it, whatever who uploads may do by then",
    "stage.drop": "dropped without it, whatever who sent the rows may do by then",
}
# Operations that no command calls.
NO_COMMAND: Mapping[str, str] = {
    "account.import": "account import sends rows by stage.import",
}
REVEALED = "commands show settings and keys as they are"
LAYERS = (
    *("", "/domains/{domain}", "/domains/{domain}/accounts/{number}"),
    *("/domains/{domain}/profiles/{profile}", "/devices/{mac}"),
    *("/models/{model}", "/models/{model}/versions/{versions}"),
)
DESCRIBED = "it describes the API"
BROWSER = "a browser signs in; commands are let in by the kernel"
# Endpoints that call no operation, and the command that does it, or why none does.
ENDPOINT_ALONE: Mapping[str, str] = {
    **{f"GET /api/v1{layer}/revealed": REVEALED for layer in LAYERS},
    "GET /api/v1/administrators/{name}": "admin list",
    "GET /api/v1/tokens": "admin token list",
    "DELETE /api/v1/tokens/{name}": "admin token revoke",
    "GET /api/v1/events": "watch",
    "GET /metrics": "metrics",
    "GET /health/live": "status",
    "GET /health/ready": "status",
    "GET /health/would-serve/{mac}": "device would-serve",
    "POST /api/v1/session": BROWSER,
    "GET /api/v1/session": BROWSER,
    "DELETE /api/v1/session": BROWSER,
    "POST /api/v1/session/confirmation": BROWSER,
    "PUT /api/v1/session/password": "admin passwd",
    "POST /api/v1/setup": "admin add",
    "GET /setup": BROWSER,
    "GET /setup.css": BROWSER,
    "GET /setup.js": BROWSER,
    "POST /setup": "admin add",
    "GET /openapi.json": DESCRIBED,
}
HERE = "it makes or reads files of the machine it runs on"
PEER = "it is a phone or a network's tool of its own, and asks no engine's store"
DOCUMENT = "the command makes a document from the files; the control process makes none"
# Commands that no endpoint does the work of.
COMMAND_ALONE: Mapping[str, str] = {
    **dict.fromkeys(("init", "options check", "tls init", "tls dev", "lint"), HERE),
    **dict.fromkeys(("store upgrade", "store rekey", "tls check", "version"), HERE),
    **dict.fromkeys(("phone boot", "pnp probe", "demo"), PEER),
    **dict.fromkeys(("document", "settings explain", "settings diff"), DOCUMENT),
    "admin link": "it is the way in, for who has none yet",
    "audit verify": "it trusts the file alone, and no engine's word about it",
    "serve": "it is the engine",
}
# Commands whose endpoint calls no operation by name, and that endpoint.
COMMAND_OTHERWISE: Mapping[str, str] = {
    "device would-serve": "GET /health/would-serve/{mac}",
    "metrics": "GET /metrics",
    "watch": "GET /api/v1/events",
    "admin token list": "GET /api/v1/tokens",
    "admin token revoke": "DELETE /api/v1/tokens/{name}",
}


def functions_in(code: CodeType, names: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what *code* names among *names*, and what it imports itself."""
    modules = [
        importlib.import_module(name)
        for name in code.co_names
        if name.startswith("bootwave.")
    ]
    for name in code.co_names:
        if name in names:
            modules += [names[name]] if isinstance(names[name], ModuleType) else []
            yield names[name]
    for module in modules:
        for name in code.co_names:
            yield getattr(module, name, None)


def is_ours(thing: Any) -> bool:
    module = getattr(thing, "__module__", "") or ""
    # Who carries any call says nothing of which it is.
    return module != "bootwave.control.session" and module.startswith(
        ("bootwave.cli.", "bootwave.control.")
    )


def words_in(thing: Any, seen: set[int]) -> Iterator[str]:
    """Yield the words in the code of *thing* and of what it uses."""
    if id(thing) in seen or not is_ours(thing):
        return
    seen.add(id(thing))
    if isinstance(thing, type):
        for each in vars(thing).values():
            yield from words_in(each, seen)
        return
    if not isinstance(thing, FunctionType):
        return
    for cell in thing.__closure__ or ():
        yield from words_in(cell.cell_contents, seen)
    for annotation in thing.__annotations__.values():
        if get_origin(annotation) is Annotated:  # what FastAPI makes for the endpoint
            yield from words_in(get_args(annotation)[0], seen)
    codes = [thing.__code__]
    while codes:
        code = codes.pop()
        for each in code.co_consts:
            if isinstance(each, str):
                yield each
            elif isinstance(each, CodeType):
                codes.append(each)
        for used in functions_in(code, thing.__globals__):
            yield from words_in(used, seen)


def operations_of(thing: Any) -> set[str]:
    words = set(words_in(thing, set()))
    # f"token.{action}" is any of them.
    begins = tuple(word for word in words if word.endswith(".") and len(word) > 1)
    return {op for op in KNOWN if op in words or op.startswith(begins)}


@cache
def routes() -> dict[str, set[str]]:
    return {
        f"{route.method} {route.path}": operations_of(route.endpoint)
        for resource in RESOURCES
        for route in resource.all
    }


def leaves(
    tree: Mapping[str, Leaf | Branch], above: str = ""
) -> Iterator[tuple[str, Leaf]]:
    for word, one in tree.items():
        name = f"{above} {word}".strip()
        if isinstance(one, Branch):
            yield from leaves(one.commands, name)
        else:
            yield name, one


@cache
def commands() -> dict[str, set[str]]:
    found = {}
    for name, leaf in leaves(TREE):
        module, _, function = leaf.target.partition(":")
        loaded = importlib.import_module(f"bootwave.cli.{module}")
        found[name] = operations_of(getattr(loaded, function))
    return found


def of_all(found: Iterable[set[str]]) -> set[str]:
    return set().union(*found)


def test_every_operation_is_called_by_an_endpoint_or_says_why_not() -> None:
    called = of_all(routes().values())
    assert set(NO_ROUTE) == KNOWN - called


def test_every_operation_is_called_by_a_command_or_says_why_not() -> None:
    assert set(NO_COMMAND) == KNOWN - of_all(commands().values())


def test_every_endpoint_is_a_command_or_says_why_not() -> None:
    by_commands = of_all(commands().values())
    for name, called in routes().items():
        assert called <= by_commands, name
    assert set(ENDPOINT_ALONE) == {
        name for name, called in routes().items() if not called
    }
    reasons = {REVEALED, BROWSER, DESCRIBED}
    assert set(ENDPOINT_ALONE.values()) <= commands().keys() | reasons


def test_every_command_is_an_endpoint_or_says_why_not() -> None:
    by_endpoints = of_all(routes().values()) | {
        op for op, why in NO_ROUTE.items() if why is LISTED
    }
    alone = {name for name, called in commands().items() if not called & by_endpoints}
    explained = COMMAND_ALONE.keys() | COMMAND_OTHERWISE.keys()
    assert alone <= explained
    assert explained <= commands().keys()
    assert set(COMMAND_OTHERWISE.values()) <= routes().keys()


def test_the_words_of_a_function_are_found_in_what_it_uses() -> None:
    assert routes()["PUT /api/v1/domains/{domain}/phonebook"] == {"phonebook.import"}
    assert routes()["GET /api/v1/devices"] == {"records.page"}
    assert commands()["keys clear"] == {"keys.clear"}
    assert commands()["firmware pin"] == {"firmware.pin"}
    assert not commands()["version"]
