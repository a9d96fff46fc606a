"""Settings and function keys, in each kind of layer."""

import httpx
import pytest

from bootwave.control.api.resources.layers import LAYERS, Layer
from bootwave.quoting import MASK
from tests.control.api.conftest import MAC, A, B, Served, problem


@pytest.fixture(autouse=True)
def there(api: Served) -> None:
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    api.call("profile.add", domain=A, name="sales")


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.scope)
def test_a_layer_says_settings_and_keys(admin: httpx.Client, layer: Layer) -> None:
    path = layer.path.format(
        **{"domain": A, "profile": "sales", "number": "401", "mac": MAC},
        **{"model": "D785", "versions": "8.4-8.7"},
    )
    put = admin.put(f"{path}/settings/language", json={"value": "Deutsch"})
    assert put.status_code == 200, put.text
    (one,) = admin.get(f"{path}/settings").json()
    assert (one["name"], one["permission"]) == ("language", "R")
    assert admin.delete(f"{path}/settings/language").status_code == 204
    assert problem(admin.delete(f"{path}/settings/language")) == "not-found"
    key = admin.put(f"{path}/keys/3", json={"value": "blf 402", "label": "Bob"})
    assert key.status_code == 200, key.text
    (one,) = admin.get(f"{path}/keys").json()
    assert one["label"] == "Bob"
    assert admin.delete(f"{path}/keys/3").status_code == 204
    for index in (4, 5):
        admin.put(f"{path}/keys/{index}", json={"value": "blf 402"})
    assert admin.delete(f"{path}/keys").status_code == 204
    assert problem(admin.delete(f"{path}/keys")) == "not-found"
    left = admin.get(f"{path}/keys")
    if layer.scope == "firmware":  # a range of which nothing is said is none
        assert problem(left) == "not-found"
    else:
        assert left.json() == []


def test_secrets_of_a_layer_are_not_shown(admin: httpx.Client) -> None:
    path = f"/api/v1/domains/{A}/settings"
    admin.put(f"{path}/http_pass", json={"value": "canary-word"})
    admin.put(f"{path}/http_user", json={"value": "admin"})
    shown = {one["name"]: one["value"] for one in admin.get(path).json()}
    assert shown == {"http_pass": MASK, "http_user": "admin"}


KEY = "url http://anna:canary-word@pbx.example.com/open?token=canary-two&door=3"
HIDDEN = f"url http://anna:{MASK}@pbx.example.com/open?token={MASK}&door=3"


def test_credentials_in_the_urls_of_keys_are_not_shown(
    admin: httpx.Client, api: Served
) -> None:
    path = f"/api/v1/domains/{A}/profiles/sales"
    assert admin.put(f"{path}/keys/3", json={"value": KEY}).status_code == 200
    url = {"value": KEY.removeprefix("url ")}
    admin.put(f"{path}/settings/action_incoming_url", json=url)
    reader = api.token("read", domains=[A])
    (key,) = reader.get(f"{path}/keys").json()
    assert key["value"] == HIDDEN
    (setting,) = reader.get(f"{path}/settings").json()
    assert setting["value"] == HIDDEN.removeprefix("url ")
    assert "canary" not in reader.get(path).text
    # What is shown instead is no value.
    for way, said in (("keys/3", HIDDEN), ("settings/http_pass", MASK)):
        assert problem(admin.put(f"{path}/{way}", json={"value": said})) == "invalid"


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.scope)
def test_what_a_layer_hides_is_revealed_and_written_down(
    api: Served, admin: httpx.Client, layer: Layer
) -> None:
    path = layer.path.format(
        **{"domain": A, "profile": "sales", "number": "401", "mac": MAC},
        **{"model": "D785", "versions": "8.4-8.7"},
    )
    admin.put(f"{path}/keys/3", json={"value": KEY})
    admin.put(f"{path}/settings/http_pass", json={"value": "canary-word"})
    assert problem(api.token("write").get(f"{path}/revealed")) == "forbidden"
    told = api.token("reveal").get(f"{path}/revealed").json()
    assert [one["value"] for one in told["keys"]] == [KEY]
    assert [one["value"] for one in told["settings"]] == ["canary-word"]
    newest = admin.get("/api/v1/audit").json()["items"][0]
    assert newest["action"] == "layer.revealed"
    assert newest["subject"].startswith(layer.scope)
    assert newest["actor"].startswith("token:")


def test_layers_of_others_and_of_all_are_not_for_who_has_one_domain(
    api: Served,
) -> None:
    theirs = api.token("read", "write", domains=[B])
    assert problem(theirs.get("/api/v1/settings")) == "forbidden"
    assert problem(theirs.get("/api/v1/models/D785/keys")) == "forbidden"
    for path in (f"/api/v1/domains/{A}", f"/api/v1/devices/{MAC}"):
        assert problem(theirs.get(f"{path}/settings")) == "not-found"
        revealing = api.token("reveal", domains=[B])
        assert problem(revealing.get(f"{path}/revealed")) == "not-found"
        answer = theirs.put(f"{path}/settings/language", json={"value": "Deutsch"})
        assert problem(answer) == "not-found"


def test_what_no_phone_can_be_told_is_refused(admin: httpx.Client) -> None:
    path = f"/api/v1/domains/{A}/settings"
    assert problem(admin.put(f"{path}/a-b", json={"value": "x"})) == "invalid"
    wrong = {"value": "x", "permission": "X"}
    assert problem(admin.put(f"{path}/language", json=wrong)) == "invalid"
    assert problem(admin.put(f"{path}/language", json={"value": "x\0y"})) == "invalid"


def test_ranges_of_firmware_are_listed(admin: httpx.Client) -> None:
    path = "/api/v1/models/D785/versions/8.4-8.7/settings/language"
    admin.put(path, json={"value": "Deutsch"})
    (one,) = admin.get("/api/v1/firmware-ranges").json()
    assert (one["firmware"], one["settings"]) == ("8.4-8.7", 1)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.scope)
@pytest.mark.parametrize(
    ("where", "first", "second"),
    [
        ("settings/language", {"value": "Deutsch"}, {"value": "English"}),
        ("keys/3", {"value": "blf 402"}, {"value": "blf 403"}),
    ],
)
def test_two_who_change_the_same_hear_of_each_other(
    admin: httpx.Client,
    layer: Layer,
    where: str,
    first: dict[str, str],
    second: dict[str, str],
) -> None:
    path = layer.path.format(
        **{"domain": A, "profile": "sales", "number": "401", "mac": MAC},
        **{"model": "D785", "versions": "8.4-8.7"},
    )
    one = f"{path}/{where}"
    only_new = {"If-None-Match": "*"}
    nothing = admin.put(one, json=first, headers={"If-Match": '"other"'})
    assert problem(nothing) == "precondition-failed"
    assert admin.put(one, json=first, headers=only_new).status_code == 200
    again = admin.put(one, json=second, headers=only_new)
    assert problem(again) == "precondition-failed"
    seen = admin.get(one)
    assert seen.json()["value"] == first["value"]
    same = {"If-Match": seen.headers["etag"]}
    assert admin.put(one, json=second, headers=same).status_code == 200
    assert problem(admin.put(one, json=first, headers=same)) == "precondition-failed"
    assert problem(admin.delete(one, headers=same)) == "precondition-failed"
    now = admin.get(one)
    assert now.json()["value"] == second["value"]
    gone = admin.delete(one, headers={"If-Match": now.headers["etag"]})
    assert gone.status_code == 204
    assert problem(admin.get(one)) == "not-found"


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("settings/http_pass", "{}"),
        ("settings/action_incoming_url", "http://anna:{}@pbx.example.com/x"),
        ("keys/3", "url http://pbx.example.com/open?token={}"),
    ],
)
def test_who_changes_a_secret_is_heard_of_by_who_saw_its_mask(
    admin: httpx.Client, where: str, value: str
) -> None:
    path = f"/api/v1/domains/{A}/{where}"
    admin.put(path, json={"value": value.format("canary-word")})
    seen = admin.get(path)
    assert "canary" not in seen.text
    admin.put(path, json={"value": value.format("canary-two")})
    same = {"If-Match": seen.headers["etag"]}
    late = admin.put(path, json={"value": value.format("canary-3")}, headers=same)
    assert problem(late) == "precondition-failed"
    now = admin.get(path, headers={"If-None-Match": seen.headers["etag"]})
    assert (now.status_code, now.json()) == (200, seen.json())


def test_one_of_several_settings_is_shown_and_removed(admin: httpx.Client) -> None:
    path = f"/api/v1/domains/{A}/settings/user_realname"
    for index in (1, 2):
        said = {"value": f"name {index}", "index": index}
        assert admin.put(path, json=said).status_code == 200
    second = admin.get(path, params={"index": 2})
    assert second.json()["value"] == "name 2"
    assert problem(admin.get(path)) == "not-found"
    same = {"If-Match": second.headers["etag"]}
    other = admin.delete(path, params={"index": 1}, headers=same)
    assert problem(other) == "precondition-failed"
    gone = admin.delete(path, params={"index": 2}, headers=same)
    assert gone.status_code == 204
    assert admin.get(path, params={"index": 1}).status_code == 200


def test_what_stands_for_a_secret_does_not_become_it(admin: httpx.Client) -> None:
    path = f"/api/v1/domains/{A}/settings/http_pass"
    admin.put(path, json={"value": "canary-word"})
    shown = admin.get(path).json()
    assert shown["value"] == MASK
    assert problem(admin.put(path, json={"value": shown["value"]})) == "invalid"
    key = f"/api/v1/domains/{A}/keys/1"
    admin.put(key, json={"value": "url http://anna:canary-word@pbx.example.com/"})
    shown = admin.get(key).json()
    assert MASK in shown["value"]
    assert "canary-word" not in shown["value"]
