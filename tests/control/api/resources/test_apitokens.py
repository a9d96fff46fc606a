"""/api/v1/tokens"""

import httpx
import pytest

from tests.control.api.conftest import PASSWORD, A, B, Served, problem

PATH = "/api/v1/tokens"


def names(client: httpx.Client) -> list[str]:
    return [row["name"] for row in client.get(PATH).json()["items"]]


@pytest.fixture
def anna(api: Served) -> httpx.Client:
    """A client of an administrator of the domain A."""
    api.call("admin.add", name="anna", password=PASSWORD, role="domain", domains=[A])
    return api.signed_in("anna")


def test_a_token_is_made_used_listed_and_revoked(
    api: Served, admin: httpx.Client
) -> None:
    new = {"name": "pbx", "scopes": ["write", "read"], "domains": [A], "days": 30}
    made = admin.post(PATH, json=new).json()
    assert made["scopes"] == ["read", "write"]
    client = api.client(made["token"])
    assert client.get(f"/api/v1/domains/{A}").status_code == 200
    assert client.get(f"/api/v1/domains/{B}").status_code == 404
    row = next(row for row in admin.get(PATH).json()["items"] if row["name"] == "pbx")
    assert (row["domains"], row["everywhere"]) == ([A], False)
    assert row["expires_at"] - row["made_at"] == 30 * 86_400
    assert "token" not in row
    assert admin.delete(f"{PATH}/pbx").status_code == 204
    assert problem(client.get("/api/v1/domains")) == "signed-out"


def test_when_a_token_was_used_last_is_written_down(
    api: Served, admin: httpx.Client
) -> None:
    made = admin.post(PATH, json={"name": "pbx", "scopes": ["read"]}).json()
    with api.client(made["token"]) as client:
        client.get("/api/v1/domains")
    # Written behind the answer, by the thread that made what is asked for here.
    api.call("domain.add", name="c.example.com")
    row = next(row for row in api.call("admin.token.list") if row["name"] == "pbx")
    assert row["used_at"] >= row["made_at"]
    assert row["used_from"] == "127.0.0.1"


def test_who_has_a_domain_makes_and_sees_tokens_of_it_alone(
    api: Served, anna: httpx.Client
) -> None:
    api.token("read")  # of the machine
    made = anna.post(PATH, json={"name": "mine", "scopes": ["read", "write"]}).json()
    assert (made["domains"], made["administrator"]) == ([A], "anna")
    assert names(anna) == ["mine"]
    assert problem(anna.delete(f"{PATH}/t1")) == "not-found"
    other = {"name": "x", "scopes": ["read"], "domains": [B]}
    assert problem(anna.post(PATH, json=other)) == "not-found"
    more = {"name": "x", "scopes": ["access"]}
    assert problem(anna.post(PATH, json=more)) == "forbidden"
    assert anna.delete(f"{PATH}/mine").status_code == 204


def test_a_token_of_the_machine_for_one_domain_makes_none(api: Served) -> None:
    client = api.token("read", "access", domains=[A])
    assert problem(client.get(PATH)) == "forbidden"
    new = {"name": "x", "scopes": ["read"]}
    assert problem(client.post(PATH, json=new)) == "forbidden"


def test_a_token_makes_none_that_outlives_it(api: Served, admin: httpx.Client) -> None:
    api.call("admin.add", name="otto", password=PASSWORD)
    made = api.call(
        "admin.token.add",
        name="short",
        scopes=["access", "read"],
        administrator="otto",
        domains=[A],
        days=2,
    )
    client = api.client(made["token"])
    new = {"name": "x", "scopes": ["read"]}
    assert problem(client.post(PATH, json={**new, "days": 3})) == "forbidden"
    heir = client.post(PATH, json=new).json()
    assert heir["expires_at"] == made["expires_at"]
    brief = client.post(PATH, json={**new, "name": "y", "days": 1}).json()
    assert brief["expires_at"] < made["expires_at"]


def test_a_token_sees_and_revokes_none_that_can_do_more(
    api: Served, admin: httpx.Client
) -> None:
    api.call("admin.add", name="otto", password=PASSWORD)

    def made(name: str, *scopes: str, domains: list[str] | None = None) -> str:
        token = api.call(
            "admin.token.add",
            name=name,
            scopes=list(scopes),
            administrator="otto",
            domains=domains or [],
        )
        return str(token["token"])

    limited = api.client(made("own", "read", "access", domains=[A]))
    made("less", "read", domains=[A])
    made("writes", "write", domains=[A])
    made("elsewhere", "read", domains=[B])
    made("wider", "read", domains=[A, B])
    made("everywhere", "read")
    assert names(limited) == ["less", "own"]
    for name in ("writes", "elsewhere", "wider", "everywhere", "t0", "nobody"):
        answer = limited.delete(f"{PATH}/{name}")
        assert problem(answer) == "not-found"
        assert answer.json()["detail"].startswith(f"There is no token {name}:")
    assert limited.delete(f"{PATH}/less").status_code == 204
    # Of all domains, it is shown what is of the machine's users, too, and no more.
    wide = api.token("read", "access")
    assert "everywhere" in names(wide)
    assert {"writes", "t0"} & set(names(wide)) == set()
    assert {"writes", "t0", "own"} < set(names(admin))
    assert {"writes", "everywhere"} < set(names(api.signed_in("otto")))


def test_what_a_token_reaches_is_what_its_administrator_does(api: Served) -> None:
    api.call("admin.add", name="anna", password=PASSWORD, role="domain", domains=[A, B])
    for name, domains in (("all", []), ("ofa", [A])):
        made = api.call(
            "admin.token.add",
            name=name,
            scopes=["read", "access"],
            administrator="anna",
            domains=domains,
        )
    client = api.client(made["token"])
    assert names(client) == ["ofa"]
    api.call("admin.set", name="anna", domains=[A])
    assert names(client) == ["all", "ofa"]


def test_a_secret_answer_is_not_given_twice(admin: httpx.Client) -> None:
    key = {"Idempotency-Key": "once"}
    new = {"name": "pbx", "scopes": ["read"]}
    assert admin.post(PATH, json=new, headers=key).status_code == 201
    again = admin.post(PATH, json=new, headers=key)
    assert (again.status_code, problem(again)) == (409, "answer-lost")
    assert "bw_" not in again.text
