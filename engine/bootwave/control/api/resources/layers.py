"""What phones are told, layer by layer: settings and function keys.

The same routes for each kind of layer, which stands in the path: the engine, a model
and its firmware ranges, a domain, and the profiles, accounts and devices of one.
"""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import Depends, Path, Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from bootwave.control.api import targets
from bootwave.control.api.answers import Answer, nothing, shown
from bootwave.control.api.declarations import Touches, needs
from bootwave.control.api.entitytags import IfMatch, IfNoneMatch, State, conditions
from bootwave.control.api.forms import Body
from bootwave.control.api.principals import Need
from bootwave.control.api.routing import Asker, Routes, TheDesk
from bootwave.control.api.targets import OF_DEVICE, OF_DOMAIN, OF_ENGINE
from bootwave.errors import StoreNotFound
from bootwave.settings.functionkeys import MAX_ATTRIBUTES
from bootwave.store.settings import layers

routes = Routes("settings")
_DOMAIN = "/api/v1/domains/{domain}"

SETTING = r"^[A-Za-z0-9_]{1,64}$"
Name = Annotated[str, Path(pattern=SETTING, examples=["ringer_headset_device"])]
Index = Annotated[int, Path(ge=0, le=999, examples=[5])]
Which = Annotated[
    int | None,
    Query(ge=0, le=999, description="Which of them, for settings that have several."),
]
Object = dict[str, Any]


class Layer(NamedTuple):
    """One kind of layer: whose it is, where it stands, and how operations name it."""

    scope: str
    path: str
    touches: Touches
    target: Callable[..., str]


LAYERS = (
    Layer("engine", "/api/v1", OF_ENGINE, targets.engine),
    Layer("model", "/api/v1/models/{model}", OF_ENGINE, targets.model),
    Layer(
        "firmware",
        "/api/v1/models/{model}/versions/{versions}",
        OF_ENGINE,
        targets.firmware,
    ),
    Layer("domain", _DOMAIN, OF_DOMAIN, targets.domain),
    Layer("profile", _DOMAIN + "/profiles/{profile}", OF_DOMAIN, targets.profile),
    Layer("account", _DOMAIN + "/accounts/{number}", OF_DOMAIN, targets.account),
    Layer("device", "/api/v1/devices/{mac}", OF_DEVICE, targets.device),
)


class Setting(Body):
    """What a setting is in a layer."""

    value: Annotated[str, Field(max_length=16_384)] = Field(examples=["on"])
    index: Annotated[int, Field(ge=0, le=999)] | None = Field(
        None, description="Which of them, for settings that have several."
    )
    permission: Literal["R", "RW", "!"] = "R"


class FunctionKey(Body):
    """What a function key is in a layer."""

    value: Annotated[str, Field(max_length=1_024)] = Field(examples=["blf 402"])
    label: Annotated[str, Field(max_length=128)] = ""
    context: Annotated[str, Field(max_length=6)] = "active"
    permission: Literal["R", "RW", "!"] = "R"
    attributes: Annotated[dict[str, str], Field(max_length=MAX_ATTRIBUTES)] | None = (
        None
    )


def _add(layer: Layer) -> None:
    """Add the routes of one kind of layer."""
    needs_read = needs(Need.READ, layer.touches)
    needs_write = needs(Need.WRITE, layer.touches)
    named = Depends(layer.target)

    async def list_settings(
        target: Annotated[str, named], asker: Asker, desk: TheDesk
    ) -> Response:
        """List the settings of a layer; secrets among them are masked."""
        return Answer(
            await desk.read(asker, "settings.list", scope=layer.scope, target=target)
        )

    async def show_setting(
        name: Name,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        index: Which = None,
    ) -> Response:
        """Show a setting of a layer; a secret is masked."""
        state = current_setting(target, name, index)
        found, tag = await desk.read_tagged(
            asker, state, "settings.list", scope=layer.scope, target=target
        )
        return shown(_setting(found, name, index), tag)

    def current_setting(target: str, name: str, index: int | None) -> State:
        return lambda work: _setting(
            layers.settings(work, layer.scope, target), name, index
        )

    async def set_setting(
        request: Request,
        name: Name,
        setting: Setting,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Set a setting in a layer; warning may say what phones make of it."""
        args = {"scope": layer.scope, "target": target, "name": name}
        now = current_setting(target, name, setting.index)
        return await desk.write(
            request,
            asker,
            "settings.set",
            {**args, **setting.model_dump()},
            Answer,
            check=conditions(if_match, if_none_match, now),
        )

    async def unset_setting(
        request: Request,
        name: Name,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        index: Which = None,
        if_match: IfMatch = None,
    ) -> Response:
        """Take a setting out of a layer."""
        args = {"scope": layer.scope, "target": target, "name": name, "index": index}
        return await desk.write(
            request,
            asker,
            "settings.unset",
            args,
            lambda _gone: nothing(),
            check=conditions(if_match, None, current_setting(target, name, index)),
        )

    async def list_keys(
        target: Annotated[str, named], asker: Asker, desk: TheDesk
    ) -> Response:
        """List the function keys of a layer; credentials in their URLs are masked."""
        return Answer(
            await desk.read(asker, "keys.list", scope=layer.scope, target=target)
        )

    async def show_key(
        index: Index, target: Annotated[str, named], asker: Asker, desk: TheDesk
    ) -> Response:
        """Show a function key of a layer; credentials in its URLs are masked."""
        state = current_key(target, index)
        found, tag = await desk.read_tagged(
            asker, state, "keys.list", scope=layer.scope, target=target
        )
        return shown(_key(found, index), tag)

    def current_key(target: str, index: int) -> State:
        return lambda work: _key(layers.keys(work, layer.scope, target), index)

    async def set_key(
        request: Request,
        index: Index,
        key: FunctionKey,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
    ) -> Response:
        """Set a function key in a layer; it is counted from 0."""
        args = {"scope": layer.scope, "target": target, "index": index}
        return await desk.write(
            request,
            asker,
            "keys.set",
            {**args, **key.model_dump()},
            Answer,
            check=conditions(if_match, if_none_match, current_key(target, index)),
        )

    async def clear_key(
        request: Request,
        index: Index,
        target: Annotated[str, named],
        asker: Asker,
        desk: TheDesk,
        if_match: IfMatch = None,
    ) -> Response:
        """Take a function key out of a layer."""
        args = {"scope": layer.scope, "target": target, "index": index}
        return await desk.write(
            request,
            asker,
            "keys.clear",
            args,
            lambda _gone: nothing(),
            check=conditions(if_match, None, current_key(target, index)),
        )

    async def clear_keys(
        request: Request, target: Annotated[str, named], asker: Asker, desk: TheDesk
    ) -> Response:
        """Take every function key out of a layer."""
        args = {"scope": layer.scope, "target": target}
        return await desk.write(
            request, asker, "keys.clear", args, lambda _gone: nothing()
        )

    async def reveal(
        target: Annotated[str, named], asker: Asker, desk: TheDesk
    ) -> Response:
        """Reveal what a layer says, secrets too, which the audit log is told."""
        found = await desk.change_still(
            asker, lambda store: store.layer_revealed(layer.scope, target)
        )
        return Answer(found)

    settings, keys = f"{layer.path}/settings", f"{layer.path}/keys"
    tagged = partial(routes.get, tagged=True)
    reveals = needs(Need.REVEAL, layer.touches)
    for add, path, shows, need, endpoint in (
        (routes.get, settings, list[Object], needs_read, list_settings),
        (tagged, settings + "/{name}", Object, needs_read, show_setting),
        (routes.put, settings + "/{name}", Object, needs_write, set_setting),
        (routes.delete, settings + "/{name}", None, needs_write, unset_setting),
        (routes.get, keys, list[Object], needs_read, list_keys),
        (routes.delete, keys, None, needs_write, clear_keys),
        (tagged, keys + "/{index}", Object, needs_read, show_key),
        (routes.put, keys + "/{index}", Object, needs_write, set_key),
        (routes.delete, keys + "/{index}", None, needs_write, clear_key),
        (routes.get, layer.path + "/revealed", Object, reveals, reveal),
    ):
        endpoint.__name__ = f"{endpoint.__name__}_of_{layer.scope}"
        add(path, shows)(need(endpoint))


def _setting(rows: list[Object], name: str, index: int | None) -> Object:
    for one in rows:
        if (one["name"], one["index"]) == (name, index):
            return one
    raise StoreNotFound(f"{name} is not set there: see the list of its settings.")


def _key(rows: list[Object], index: int) -> Object:
    for one in rows:
        if one["index"] == index:
            return one
    raise StoreNotFound(f"Key {index} is not set there: see the list of its keys.")


@routes.get("/api/v1/firmware-ranges", list[Object])
@needs(Need.READ, OF_ENGINE)
async def list_ranges(asker: Asker, desk: TheDesk) -> Response:
    """List the ranges of firmware that something is set for, and how much."""
    return Answer(await desk.read(asker, "settings.ranges"))


for _layer in LAYERS:
    _add(_layer)
