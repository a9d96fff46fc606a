"""/openapi.json"""

from typing import Any

import httpx

from bootwave.control.api.application import application
from tests.control.api.conftest import Served

ROUTES: list[Any] = list(application(None).routes)  # type: ignore[arg-type]


def test_every_route_is_described_with_what_it_needs(api: Served) -> None:
    found = api.client().get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    for route in ROUTES:
        if not route.include_in_schema:  # a page for people
            assert route.path.startswith("/setup")
            continue
        (method,) = route.methods
        told = found["paths"][route.path][method.lower()]
        assert told["summary"]
        assert told["operationId"]
        assert bool(told["security"]) == (route.declared.need != "nothing")
        assert "application/problem+json" in told["responses"]["default"]["content"]
        assert "422" not in told["responses"]
    names = [
        told["operationId"]
        for path in found["paths"].values()
        for told in path.values()
    ]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere(admin: httpx.Client) -> None:
    found = admin.get("/openapi.json").json()
    schemas = found["components"]["schemas"]
    text = str(found)
    for part in text.split("#/components/schemas/")[1:]:
        assert part.split("'")[0] in schemas
    assert "Problem" in text


def test_bodies_have_examples(admin: httpx.Client) -> None:
    schemas = admin.get("/openapi.json").json()["components"]["schemas"]
    for name in ("NewDomain", "NewAccount", "SignIn", "NewAdministrator"):
        properties = schemas[name]["properties"].values()
        assert any("examples" in each for each in properties), name
