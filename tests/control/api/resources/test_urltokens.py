"""/api/v1/domains/{domain}/url-token"""

from tests.control.api.conftest import A, Served, problem

PATH = f"/api/v1/domains/{A}/url-token"


def test_the_token_is_revealed_and_that_is_written_down(api: Served) -> None:
    client = api.token("reveal", domains=[A])
    assert problem(client.get(PATH)) == "not-found"
    made = api.call("token.make", domain=A)
    assert client.get(PATH).json()["token"] == made["token"]
    (row,) = [row for row in api.notes(subject=A) if row["action"] == "token.shown"]
    assert row["actor"] == "token:t0"
    assert problem(api.token("read", "write", "access").get(PATH)) == "forbidden"
