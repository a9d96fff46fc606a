"""Which image a request means, and which part of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bootwave.http.response import FileContent, Response
from bootwave.http.target import target_from
from bootwave.metrics import CounterPage
from bootwave.native.http import recognise
from bootwave.provision.images import ImageRequests
from bootwave.sightings import Reason, Sighting
from tests.provision.bench import Clock, contact, request
from tests.provision.test_firmware import IMAGE, Site

CONTENT = b"0123456789"


class Asking:
    """One process that is asked for images; ``has_room`` is what its lane says."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.sha256 = site.upload(IMAGE, CONTENT)
        self.path = f"/firmware/{self.sha256}/{IMAGE}"
        self.etag = b'"%b"' % self.sha256.encode()
        self.has_room = True
        self.seen: list[Sighting] = []
        self.page = CounterPage(1)
        self._images = ImageRequests(
            *(site.answers, site.folder, self),
            *(Clock(), self.seen.append, self.page.row(0)),
        )

    def get(self, path: str = "", **fields: bytes) -> Response | None:
        asked = replace(request(path or self.path), **fields)  # type: ignore[arg-type]
        return self._images.response(asked, contact())

    def answer(self, path: str = "", **fields: bytes) -> Response:
        response = self.get(path, **fields)
        assert response is not None
        return response


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    site = Site(tmp_path)
    yield Asking(site)
    site.close()


def test_an_image_is_sent_from_its_file(asking: Asking) -> None:
    response = asking.answer()
    assert response.status == 200
    assert response.file == FileContent(asking.sha256, 0, 10)
    assert response.etag == asking.etag
    assert (b"Accept-Ranges", b"bytes") in response.headers
    assert asking.seen[-1].reason is Reason.FIRMWARE_SENT
    assert asking.seen[-1].detail == f"snom370 8.4.35: {IMAGE}"
    head = asking.answer(method=b"HEAD")
    assert head == response
    assert len(asking.seen) == 1


def test_a_part_is_sent(asking: Asking) -> None:
    response = asking.answer(range=b"bytes=2-4")
    assert response.status == 206
    assert response.file == FileContent(asking.sha256, 2, 3)
    assert (b"Content-Range", b"bytes 2-4/10") in response.headers
    assert not asking.seen  # it is another piece of the same
    other = asking.answer(range=b"bytes=2-4", if_range=b'"other"')
    assert (other.status, other.file) == (200, FileContent(asking.sha256, 0, 10))
    same = asking.answer(range=b"bytes=2-4", if_range=asking.etag)
    assert same == response
    assert asking.answer(range=b"bytes=2-4", method=b"HEAD").status == 200


def test_what_is_not_there_cannot_be_sent(asking: Asking) -> None:
    response = asking.answer(range=b"bytes=10-")
    assert response.status == 416
    assert response.headers == ((b"Content-Range", b"bytes */10"),)
    asking.site.folder.remove(asking.sha256)
    assert asking.answer().status == 404


def test_who_has_it_is_told_so(asking: Asking) -> None:
    response = asking.answer(if_none_match=asking.etag, range=b"bytes=2-4")
    assert (response.status, response.file) == (304, None)
    assert asking.answer(if_none_match=b'"other"').status == 200


def test_when_too_many_fetch_others_come_back(asking: Asking) -> None:
    asking.has_room = False
    response = asking.answer()
    assert response.status == 503
    assert response.headers == ((b"Retry-After", b"60"),)
    assert asking.answer(method=b"HEAD").status == 200
    assert asking.page.totals()["images_refused"] == 1


def test_the_name_in_the_url_does_not_matter(asking: Asking) -> None:
    for path in (
        f"/{asking.sha256}/other.bin",
        f"/any/prefix/firmware/{asking.sha256}/x.swu",
        f"/{'t' + 'a' * 26}/firmware/{asking.sha256}/{IMAGE}",
    ):
        assert asking.answer(path).file == FileContent(asking.sha256, 0, 10)


def test_a_base_makes_the_name_itself(asking: Asking) -> None:
    base = asking.site.upload("M700_v0520_b0001.fwu", b"base")
    for path in ("/M700/M700_v0520_b0001.fwu", "/m700_v0520_b0001.fwu"):
        assert asking.answer(path).file == FileContent(base, 0, 4)
    for path in ("/M700/M700_v0521_b0001.fwu", "/M85/M85_v0520_b0001.fwu"):
        assert asking.get(path) is None


def test_everything_else_is_for_others(asking: Asking) -> None:
    sha256 = asking.sha256
    for path in (
        "/",
        "/snom370.htm",
        f"/firmware/{IMAGE}",
        f"/firmware/{'ab' * 32}/{IMAGE}",
        f"/firmware/{sha256.upper()}/{IMAGE}",
        f"/firmware/{sha256}",
        f"/firmware/{sha256}/",
        f"/firmware/{sha256}/../{IMAGE}",
        f"/firmware/{sha256}/snom370.xml",
        f"/firmware/{sha256}/.bin",
        f"/firmware/{sha256}/x.bin/",
        f"/firmware/{sha256}/x.bin\n",
        f"/firmware/../images/{sha256}",
        f"{asking.path}?mac=0004132E08B4",
    ):
        assert asking.get(path) is None, path


def test_no_image_is_somebodys_document(asking: Asking) -> None:
    # What the lane recognises it answers itself.
    for path in (
        asking.path,
        f"/firmware/{asking.sha256}/0004132E08B4.bin",
        f"/firmware/{asking.sha256}/snom370-0004132E08B4.bin",
        f"/firmware/{asking.sha256}/snom370-firmware.bin",
        "/M700/M700_v0520_b0001.fwu",
    ):
        assert target_from(path, "") is None
        head = f"GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n"
        assert recognise(head.encode()) is None
