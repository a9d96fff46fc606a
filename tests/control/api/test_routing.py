import pytest
from fastapi import FastAPI

from bootwave.control.api.routing import DeclaredRoute, Routes


async def undeclared() -> None: ...


def test_a_route_without_a_declaration_is_not_made() -> None:
    app = FastAPI()
    app.router.route_class = DeclaredRoute
    with pytest.raises(TypeError, match="does not declare"):
        app.add_api_route("/x", undeclared)
    with pytest.raises(TypeError, match="does not declare"):
        Routes("x").get("/x", None)(undeclared)
