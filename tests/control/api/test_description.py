"""/openapi.json"""

from typing import Any

import httpx
import pytest

from bootwave.control.api.application import application
from tests.control.api.conftest import B, Served

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
        assert "HTTPValidationError" not in str(told["responses"])
    names = [
        told["operationId"]
        for path in found["paths"].values()
        for told in path.values()
    ]
    assert len(names) == len(set(names))


def test_every_answer_says_what_it_is(admin: httpx.Client) -> None:
    for path in admin.get("/openapi.json").json()["paths"].values():
        for told in path.values():
            for status, answer in told["responses"].items():
                named = told["operationId"], status
                assert answer.get("description", "$ref" in answer), named
                assert answer.get("description") != "Successful Response", named
                assert answer.get("description") != f"{told['summary']}.", named


@pytest.mark.parametrize(
    ("path", "method", "status", "sentence"),
    [
        ("/domains", "post", "201", "A domain."),
        ("/domains/{domain}", "delete", "204", "It is done, and there is nothing"),
        ("/bindings", "get", "200", "Some rows, and the cursor behind them"),
        ("/domains/{domain}/settings", "get", "200", "All of it, one after the other"),
        (
            "/domains/{domain}/settings/{name}",
            "get",
            "200",
            "What was asked for, as it is now.",
        ),
        ("/domains/{domain}/settings/{name}", "put", "200", "What was done, or would"),
        ("/domains/{domain}/groups", "post", "201", "What was made."),
        ("/domains/{domain}/export", "get", "200", "A text that comes piece by piece"),
    ],
)
def test_an_answer_without_a_model_is_told_by_its_shape(
    admin: httpx.Client, path: str, method: str, status: str, sentence: str
) -> None:
    told = admin.get("/openapi.json").json()["paths"][f"/api/v1{path}"][method]
    assert told["responses"][status]["description"].startswith(sentence)


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


def test_what_is_no_json_is_described(admin: httpx.Client) -> None:
    paths = admin.get("/openapi.json").json()["paths"]
    of_domain = "/api/v1/domains/{domain}"
    for told in (
        paths[of_domain + "/imports"]["post"],
        paths[of_domain + "/accounts"]["put"],
    ):
        content = told["requestBody"]["content"]
        assert {"text/csv", "application/jsonl"} <= content.keys()
        for type_, body in content.items():
            assert (
                admin.post(
                    f"/api/v1/domains/{B}/imports?dry_run=true",
                    content=body["example"],
                    headers={"Content-Type": type_},
                ).json()["error_count"]
                == 0
            )
    export = paths[of_domain + "/export"]["get"]["responses"]["200"]["content"]
    assert export.keys() == {"text/csv", "application/jsonl"}
    metrics = paths["/metrics"]["get"]["responses"]["200"]["content"]
    assert [*metrics] == ["text/plain"]


def test_fields_of_requests_and_answers_are_described(admin: httpx.Client) -> None:
    paths = admin.get("/openapi.json").json()["paths"]
    domain = paths["/api/v1/domains/{domain}"]
    assert "ETag" in domain["get"]["responses"]["200"]["headers"]
    assert "304" in domain["get"]["responses"]
    added = paths["/api/v1/domains"]["post"]
    assert added["responses"]["201"]["headers"].keys() == {"ETag", "Location"}
    assert [each["name"] for each in added["parameters"]] == ["Idempotency-Key"]
    made = paths["/api/v1/tokens"]["post"]["parameters"]
    assert [each["name"] for each in made] == ["Idempotency-Key"]
    # What makes a session is done each time that it is asked for.
    assert not paths["/api/v1/session"]["post"].get("parameters")


def test_refusals_are_described_by_their_status(admin: httpx.Client) -> None:
    told = admin.get("/openapi.json").json()
    paths, responses = told["paths"], told["components"]["responses"]
    patched = paths["/api/v1/domains/{domain}"]["patch"]["responses"]
    assert {"400", "401", "403", "404", "409", "412", "422", "428"} <= patched.keys()
    assert "502" in paths["/api/v1/redirection/sync"]["post"]["responses"]
    assert "401" not in paths["/health/live"]["get"]["responses"]
    for path in paths.values():
        for operation in path.values():
            for status in operation["responses"]:
                is_done = status < "3" or status in ("304", "default")
                assert is_done or status in responses


def test_links_lead_from_what_was_added_to_it(admin: httpx.Client) -> None:
    paths = admin.get("/openapi.json").json()["paths"]
    links = paths["/api/v1/domains/{domain}/accounts"]["post"]["responses"]["201"][
        "links"
    ]
    assert links["accounts_show"]["parameters"] == {
        "domain": "$request.path.domain",
        "number": "$response.body#/number",
    }
    added = admin.post(
        f"/api/v1/domains/{B}/accounts", json={"number": "77", "password": "word-word"}
    )
    assert added.json()["number"] == "77"
    operations = {
        told["operationId"] for path in paths.values() for told in path.values()
    }
    schemas = admin.get("/openapi.json").json()["components"]["schemas"]
    for path in paths.values():
        for told in path.values():
            answer = told["responses"].get("201", {})
            for link in answer.get("links", {}).values():
                assert link["operationId"] in operations
                shown = answer["content"]["application/json"]["schema"]
                name = shown.get("$ref", "").rpartition("/")[2]
                members = schemas.get(name, {}).get("properties")
                for value in link["parameters"].values():
                    member = value.partition("$response.body#/")[2]
                    assert not member or members is None or member in members
    # Of several that were opened it is none in particular.
    opened = paths["/api/v1/domains/{domain}/windows"]["post"]["responses"]["201"]
    assert "links" not in opened
