"""The operations of administrators by name, and how one is called.

An operation ``account.import`` is the method ``account_import`` of the store's
``Administration``: named arguments and results that JSON can carry, one transaction.
The table is written out, so that a new method is not reachable by accident.
"""

import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Protocol, get_args, get_origin

from bootwave.errors import EngineError, StoreNotFound

if TYPE_CHECKING:
    from bootwave.store.work import Work

OPERATIONS = frozenset(
    {
        *("domain.add", "domain.set", "domain.list", "domain.remove"),
        "domain.show",
        *("account.add", "account.import", "account.set"),
        *("account.show", "account.remove", "account.bind", "account.unbind"),
        *("window.open", "window.close"),
        *("device.show", "device.check", "device.reset"),
        *("document.revealed", "records.page"),
        "events.read",
        *("token.make", "token.require", "token.show", "token.remove", "token.rotate"),
        *("device.credentials.rotate", "device.credentials.revoke"),
        *("profile.add", "profile.list", "profile.show", "profile.remove"),
        "profile.assign",
        *("group.add", "group.list", "group.remove", "group.assign"),
        *("settings.set", "settings.unset", "settings.list", "settings.ranges"),
        *("keys.set", "keys.clear", "keys.list"),
        *("phonebook.import", "phonebook.list", "phonebook.clear"),
        *("dialplan.set", "dialplan.unset", "dialplan.list", "dialplan.clear"),
        *("language.set", "language.unset", "language.list"),
        *("trust.add", "trust.remove", "trust.list"),
        *("certificate.block", "certificate.unblock", "certificate.list"),
        *("firmware.list", "firmware.set", "firmware.unset", "firmware.explain"),
        *("firmware.pin", "firmware.unpin", "firmware.forbid", "firmware.permit"),
        *("firmware.export", "firmware.import"),
        *("rollout.start", "rollout.firmware", "rollout.list", "rollout.show"),
        *("rollout.pause", "rollout.resume", "rollout.cancel"),
        *("redirection.set", "redirection.unset", "redirection.sync"),
        *("redirection.status", "redirection.troubled"),
        *("firmware.images", "firmware.upload", "firmware.discard", "firmware.remove"),
        *("stage.begin", "stage.add", "stage.drop", "stage.import", "stage.replace"),
        "account.export",
        *("admin.add", "admin.set", "admin.password", "admin.list", "admin.remove"),
        *("admin.link", "admin.token.add", "admin.token.list", "admin.token.revoke"),
        "bulk",
    }
)

# What is of all domains: who does not reach them all does not reach it.  The others are
# held to his domains where they look things up (store.work).
OF_ALL_DOMAINS = frozenset(
    {
        *("domain.add", "domain.remove", "bulk", "settings.ranges"),
        *("certificate.block", "certificate.unblock", "certificate.list"),
        *("firmware.images", "firmware.upload", "firmware.discard", "firmware.remove"),
        *(op for op in OPERATIONS if op.startswith("redirection.")),
        *("admin.add", "admin.set", "admin.password", "admin.list", "admin.remove"),
        *("admin.link", "events.read"),
    }
)

# Those that are done step by step, by ``steps``, where others wait for their turn.
STEPPED = frozenset({"account.import", "domain.remove"})

MAX_WHOLE_NUMBER = 2**63 - 1  # what the store's columns hold
_WORDS: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
}

ProgressFunction = Callable[[int, int], None]
"""Told the steps done and their total, from the thread that runs the operation."""


def method_name(op: str) -> str:
    """Return the name of the method of ``Administration`` that *op* stands for."""
    return op.replace(".", "_")


class Acts(Protocol):
    """What operations are run on (store.administration.Administration)."""

    actor: str
    reach: frozenset[str] | None
    before: "Callable[[Work], None] | None"
    after: "Callable[[Work], None] | None"


def run(
    administration: Acts,
    op: str,
    args: Mapping[str, Any],
    progress: ProgressFunction | None = None,
    *,
    actor: str,
    reach: frozenset[str] | None = None,
    before: "Callable[[Work], None] | None" = None,
    after: "Callable[[Work], None] | None" = None,
) -> Any:
    """Return the result of *op*, committed.

    *actor* is who asked for it, for the audit log, and *reach* the domains that he
    reaches, None for all.  *before* is called in the transaction of a write and may
    raise what ends it, and *after* behind it.  What is of all domains is not there for
    who reaches some: StoreNotFound.  *progress* reaches the operations that take one.
    Raises EngineError for an unknown operation or wrong arguments, and what the
    operation raises.  An iterator among the arguments is read to its end first.
    """
    call = _checked(administration, op, method_name(op), args, progress, reach)
    with acting(administration, actor=actor, reach=reach, before=before, after=after):
        return call()


def steps(
    administration: Acts,
    op: str,
    args: Mapping[str, Any],
    progress: ProgressFunction | None = None,
    *,
    actor: str,
    reach: frozenset[str] | None = None,
    before: "Callable[[Work], None] | None" = None,
) -> Generator[float, None, Any]:
    """Do as ``run`` with *op*, one of STEPPED, step by step, and return its result.

    Other operations may be run between two steps, for others.  Yields for how many
    seconds they are to have their turn.
    """
    call = _checked(
        administration, op, f"{method_name(op)}_steps", args, progress, reach
    )
    taken: Generator[float, None, Any] = call()
    try:
        while True:
            with acting(administration, actor=actor, reach=reach, before=before):
                try:
                    pause = next(taken)
                except StopIteration as over:
                    return over.value
                finally:
                    before = administration.before  # none, once it was called
            yield pause
    finally:
        with acting(administration, actor=actor, reach=reach):
            taken.close()


def _checked(
    administration: Acts,
    op: str,
    name: str,
    args: Mapping[str, Any],
    progress: ProgressFunction | None,
    reach: frozenset[str] | None,
) -> Callable[[], Any]:
    """Return the call of the method *name* for *op*; raises as ``run`` says."""
    if op not in OPERATIONS:
        raise EngineError(f"There is no operation {op!r}.")
    if reach is not None and op in OF_ALL_DOMAINS:
        raise StoreNotFound(
            f"{op} is of all domains: ask an operator, who administers them."
        )
    method = getattr(administration, name)
    signature = inspect.signature(method)
    extra = {"progress": progress} if "progress" in signature.parameters else {}
    try:
        bound = signature.bind(**{**args, **extra})
    except TypeError as error:
        raise EngineError(f"The operation {op} cannot be called so: {error}.") from None
    for argument, value in bound.arguments.items():
        parameter = signature.parameters[argument]
        kind = parameter.annotation
        if argument in extra or kind is inspect.Parameter.empty:
            continue
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            given = value
        else:
            if get_origin(kind) is Iterable and _comes_one_by_one(value):
                bound.arguments[argument] = value = list(value)
            given = {argument: value}
        for each, part in given.items():
            if not _fits(part, kind):
                raise EngineError(
                    f"The operation {op} cannot be called so: {each} must be "
                    f"{kind_in_words(kind)}."
                )
    return lambda: method(*bound.args, **bound.kwargs)


@contextmanager
def acting(
    administration: Acts,
    *,
    actor: str,
    reach: frozenset[str] | None,
    before: "Callable[[Work], None] | None" = None,
    after: "Callable[[Work], None] | None" = None,
) -> Iterator[None]:
    """Have *administration* work for *actor*, as ``run`` says, and then as before.

    All of it together: whoever sets one alone works with the reach of somebody else.
    """
    was = administration.actor, administration.reach
    were = administration.before, administration.after
    administration.actor, administration.reach = actor, reach
    administration.before, administration.after = before, after
    try:
        yield
    finally:
        administration.actor, administration.reach = was
        administration.before, administration.after = were


def kind_in_words(annotation: Any) -> str:
    """Return what an argument of this type is, in words: ``a list of texts``."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is UnionType:
        return " or ".join(
            "nothing" if part is NoneType else kind_in_words(part) for part in parts
        )
    if origin is Mapping:
        return "an object"
    if origin in (Sequence, Iterable):
        return "a list of texts" if parts[0] is str else "a list of objects"
    return _WORDS.get(annotation, "something else")


def _fits(value: Any, annotation: Any) -> bool:
    """Whether *value* is of the type; what an object holds is the operation's to say.

    Rows of an import that hold wrong values are reported one by one.
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is UnionType:
        return any(_fits(value, part) for part in parts)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    if origin in (Sequence, Iterable):
        return isinstance(value, Sequence) and (
            not isinstance(value, str | bytes | bytearray)
            and all(_fits(part, parts[0]) for part in value)
        )
    if annotation is str:
        return isinstance(value, str) and _is_unicode(value)
    if annotation in (int, float):  # true is a number to Python and to nobody else
        return (
            isinstance(value, int | annotation)
            and not isinstance(value, bool)
            and abs(value) <= MAX_WHOLE_NUMBER
        )
    return not isinstance(annotation, type) or isinstance(value, annotation)


def _comes_one_by_one(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, Sequence | Mapping)


def _is_unicode(text: str) -> bool:
    """Whether *text* is without lone surrogates, which nothing can store."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
