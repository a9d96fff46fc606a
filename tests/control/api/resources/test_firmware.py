"""Firmware and its images, over HTTP."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from bootwave.errors import StoreUnavailable
from bootwave.options import Options
from bootwave.quoting import MASK
from bootwave.store.administration import Administration
from bootwave.store.firmware.imagefolder import ImageFolder, Taken
from tests.control.api.conftest import MAC, A, B, Served, problem

IMAGES = "/api/v1/firmware/images"
NAME = "snom370-8.7.5.35-SIP-f.bin"
CONTENT = bytes(range(256)) * 9_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def pieces() -> Iterator[bytes]:
    for at in range(0, len(CONTENT), 50_000):
        yield CONTENT[at : at + 50_000]


def test_an_image_is_uploaded_as_it_comes_and_removed(
    api: Served, admin: httpx.Client
) -> None:
    added = admin.put(f"{IMAGES}/{NAME}", content=pieces(), params={"sha256": SHA256})
    assert added.status_code == 200, added.text
    (image,) = admin.get(IMAGES).json()
    assert (image["name"], image["size"]) == (NAME, len(CONTENT))
    folder = ImageFolder(api.options.store.images)
    assert folder.digest(SHA256) == SHA256
    path = "/api/v1/firmware/snom370/versions/8.7.5.35"
    assert admin.put(path, json={}).status_code == 200
    assert problem(admin.delete(f"{IMAGES}/{NAME}")) == "conflict"
    assert admin.delete(path).status_code == 204
    assert admin.delete(f"{IMAGES}/{NAME}").status_code == 204
    assert folder.digest(SHA256) == ""


def test_what_arrives_otherwise_than_it_should_leaves_no_file(
    api: Served, admin: httpx.Client
) -> None:
    def cut() -> Iterator[bytes]:
        yield CONTENT[:50_000]
        raise ConnectionError

    wrong = admin.put(f"{IMAGES}/{NAME}", content=pieces(), params={"sha256": "0" * 64})
    assert problem(wrong) == "invalid"
    assert problem(admin.put(f"{IMAGES}/{NAME}", content=b"")) == "invalid"
    short = admin.put(f"{IMAGES}/{NAME}", content=b"x", params={"sha256": "x"})
    assert problem(short) == "invalid"
    with pytest.raises(ConnectionError):
        admin.put(f"{IMAGES}/{NAME}", content=cut())
    assert admin.get(IMAGES).json() == []
    for _ in range(200):
        if not [*api.options.store.images.iterdir()]:
            break
        api.call("domain.list")
    assert [*api.options.store.images.iterdir()] == []


def test_it_is_told_what_arrived_otherwise_though_its_file_cannot_be_removed(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise StoreUnavailable("It is away.")

    monkeypatch.setattr(Administration, "firmware_discard", away)
    wrong = admin.put(f"{IMAGES}/{NAME}", content=CONTENT, params={"sha256": "0" * 64})
    assert problem(wrong) == "invalid"
    assert SHA256 in wrong.json()["detail"]


def test_one_that_fails_leaves_the_file_to_another_of_the_same_content(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = ImageFolder.take
    others: list[int] = []

    def taken_beside_another(*args: Any) -> Taken:
        taken = take(*args)
        if not others:
            others.append(0)
            other = admin.put(f"{IMAGES}/other.bin", content=CONTENT)
            others.append(other.status_code)
        return taken

    monkeypatch.setattr(ImageFolder, "take", taken_beside_another)
    assert problem(admin.put(f"{IMAGES}/{NAME}", content=CONTENT)) == "conflict"
    assert others == [0, 200]
    (one,) = admin.get(IMAGES).json()
    assert (one["name"], one["missing"]) == ("other.bin", False)


@pytest.mark.parametrize("path", ["", f"/domains/{A}", f"/devices/{MAC}"])
def test_versions_are_defined_pinned_and_forbidden(
    api: Served, admin: httpx.Client, path: str
) -> None:
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    firmware = f"/api/v1{path}/firmware"
    url = {"location": "http://images.example.com/f.bin"}
    defined = admin.put(f"{firmware}/snom370/versions/8.7.5.1", json=url)
    if defined.status_code == 422:  # the host must be among firmware.hosts
        assert "firmware.hosts" in defined.json()["detail"]
    pinned = admin.put(f"{firmware}/snom370/pin/keep")
    assert pinned.status_code == 200, pinned.text
    assert "keep" in admin.get(firmware).text
    assert admin.delete(f"{firmware}/snom370/pin").status_code == 204
    why = {"reason": "it has no sound"}
    assert admin.put(f"{firmware}/snom370/forbidden/8.7.5.2", json=why).is_success
    assert "no sound" in admin.get(firmware).text
    assert admin.delete(f"{firmware}/snom370/forbidden/8.7.5.2").status_code == 204
    assert problem(admin.delete(f"{firmware}/snom370/pin")) == "not-found"


def test_images_are_for_who_reaches_all_domains(api: Served) -> None:
    theirs = api.token("read", "write", domains=[B])
    assert problem(theirs.get(IMAGES)) == "forbidden"
    assert problem(theirs.put(f"{IMAGES}/{NAME}", content=b"x")) == "forbidden"
    assert problem(theirs.get(f"/api/v1/domains/{A}/firmware")) == "not-found"


@pytest.mark.parametrize("path", ["", f"/domains/{A}", f"/devices/{MAC}"])
def test_versions_are_defined_by_a_document(
    api: Served, admin: httpx.Client, path: str
) -> None:
    api.call("account.bind", account=f"401@{A}", mac=MAC)
    admin.put(f"{IMAGES}/{NAME}", content=pieces())
    firmware = f"/api/v1{path}/firmware"
    document = f"{firmware}/document"
    empty = admin.get(document)
    admin.put(f"{firmware}/snom370/versions/8.7.5.35", json={})
    held = admin.get(document)
    assert held.headers["etag"] != empty.headers["etag"]
    assert "8.7.5.35" in held.json()["document"]
    nothing = {"document": empty.json()["document"]}
    assert problem(admin.put(document, json=nothing)) == "precondition-required"
    stale = {"If-Match": empty.headers["etag"]}
    refused = admin.put(document, json=nothing, headers=stale)
    assert problem(refused) == "precondition-failed"
    now = {"If-Match": held.headers["etag"]}
    tried = admin.put(document, json=nothing, headers=now, params={"dry_run": True})
    assert not tried.json()["stored"]
    assert admin.get(document).headers["etag"] == held.headers["etag"]
    done = admin.put(document, json=nothing, headers=now)
    assert [one["version"] for one in done.json()["removed"]] == ["8.7.5.35"]
    wrong = admin.put(document, json={"document": "<x"}, headers={"If-Match": "*"})
    assert problem(wrong) == "invalid"


@pytest.fixture
def hosted(serving: Callable[[Options], Served], options: Options) -> Served:
    """An API whose phones may load images from elsewhere."""
    firmware = options.firmware.model_copy(update={"hosts": ("images.example.com",)})
    served = serving(options.model_copy(update={"firmware": firmware}))
    served.call("domain.add", name=A)
    return served


LOCATION = "http://images.example.com/f.bin?token={}&x=1"


def test_credentials_in_urls_of_images_are_not_shown(hosted: Served) -> None:
    admin = hosted.token("read", "write")
    firmware = f"/api/v1/domains/{A}/firmware"
    versions = f"{firmware}/snom370/versions"
    url = {"location": LOCATION.format("canary-word")}
    hidden = LOCATION.format(MASK)
    defined = admin.put(f"{versions}/8.7.5.1", json=url)
    assert defined.json()["location"] == hidden
    listed = admin.get(firmware)
    assert listed.json()["definitions"][0]["location"] == hidden
    document = admin.get(f"{firmware}/document")
    assert f"token={MASK}" in document.json()["document"]
    asked = {"version": "8.7.5.0", "model": "snom370"}
    explained = admin.get(f"{firmware}/explanation", params=asked)
    assert explained.json()["told"]["location"] == hidden
    other = {"location": LOCATION.format("canary-two")}
    replaced = admin.put(f"{versions}/8.7.5.2", json=other)
    assert replaced.json()["replaced"][0]["location"] == hidden
    now = {"If-Match": "*"}
    nothing = {"document": '<?xml version="1.0"?><firmware-settings/>'}
    imported = admin.put(f"{firmware}/document", json=nothing, headers=now)
    assert imported.json()["removed"][0]["location"] == hidden
    audit = admin.get("/api/v1/audit")
    for answer in (*(defined, listed, document, explained, replaced, imported, audit),):
        assert "canary" not in answer.text
    # What is shown instead is no URL.
    masked = {"location": hidden}
    assert problem(admin.put(f"{versions}/8.7.5.1", json=masked)) == "invalid"
    back = {"document": document.json()["document"]}
    sent = admin.put(f"{firmware}/document", json=back, headers=now)
    assert problem(sent) == "invalid"
    rolled = {"model": "snom370", "version": "8.7.5.1", "location": hidden}
    for path in (f"{firmware}/rollouts", "/api/v1/firmware/rollouts"):
        assert problem(admin.post(path, json=rolled)) == "invalid"


def test_what_is_said_for_a_scope_has_one_tag(hosted: Served) -> None:
    admin = hosted.token("read", "write")
    firmware = f"/api/v1/domains/{A}/firmware"
    version = f"{firmware}/snom370/versions/8.7.5.1"

    def url(token: str) -> dict[str, str]:
        return {"location": LOCATION.format(token)}

    def tag() -> dict[str, str]:
        return {"If-Match": admin.get(firmware).headers["etag"]}

    first = tag()
    assert admin.put(version, json=url("one"), headers=first).status_code == 200
    seen = tag()
    # Also where only what is not shown was changed.
    document = admin.get(f"{firmware}/document").headers["etag"]
    assert admin.put(version, json=url("two"), headers=seen).status_code == 200
    known = {"If-None-Match": document}
    assert admin.get(f"{firmware}/document", headers=known).status_code == 200
    pin, forbidden = (
        f"{firmware}/snom370/{what}" for what in ("pin/keep", "forbidden/8.7.5.2")
    )
    late = [
        admin.put(version, json=url("three"), headers=seen),
        admin.delete(version, headers=seen),
        admin.delete(f"{firmware}/snom370/versions", headers=seen),
        admin.put(pin, headers=seen),
        admin.delete(f"{firmware}/snom370/pin", headers=seen),
        admin.put(forbidden, json={}, headers=seen),
        admin.delete(forbidden, headers=seen),
    ]
    for answer in late:
        assert problem(answer) == "precondition-failed"
    assert admin.put(pin, headers=tag()).status_code == 200
    assert admin.put(forbidden, json={}, headers=tag()).status_code == 200
    assert admin.delete(forbidden, headers=tag()).status_code == 204
    assert admin.delete(version, headers=tag()).status_code == 204


def test_what_a_phone_would_be_told_is_explained(admin: httpx.Client) -> None:
    admin.put(f"{IMAGES}/{NAME}", content=pieces())
    firmware = "/api/v1/firmware"
    admin.put(f"{firmware}/snom370/versions/8.7.5.35", json={})
    asked = {"version": "8.7.5.1", "model": "snom370"}
    found = admin.get(f"{firmware}/explanation", params=asked).json()
    assert found["told"]["version"] == "8.7.5.35"
    nothing = {"version": "new", "model": "snom370"}
    wrong = admin.get(f"{firmware}/explanation", params=nothing)
    assert problem(wrong) == "invalid"
    assert admin.delete(f"{firmware}/snom370/versions").status_code == 204
    assert problem(admin.delete(f"{firmware}/snom370/versions")) == "not-found"
