"""From a request to the response of who asks for firmware."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bootwave.http.response import Response
from bootwave.metrics import CounterPage
from bootwave.options import Options
from bootwave.provision.asked import Asked, asked_from
from bootwave.provision.firmwaretelling import FirmwareTelling, NotWhole
from bootwave.sightings import Reason, Sighting
from tests.provision.bench import MAC, Clock, contact, request
from tests.provision.test_firmware import Site

PATH = "/snom370/snom370-firmware.htm"
SIX = (
    "Mozilla/4.0 (compatible; snom370-SIP 6.5.20; snom370 jffs2 v3.36; "
    "snom370 linux 3.38)"
)


class Telling:
    """One process that tells phones, and what it counted and saw."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.seen: list[Sighting] = []
        self.page = CounterPage(1)
        self.telling = FirmwareTelling(
            site.answers, Clock(), self.seen.append, self.page.row(0)
        )

    def asked(self, path: str = PATH, **how: object) -> Asked:
        found = asked_from(
            request(path, **how),  # type: ignore[arg-type]
            contact(),
            Options(),
        )
        assert found is not None
        return found

    def response(self, path: str = PATH, **how: object) -> Response | None:
        return self.telling.response(self.asked(path, **how))


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[Telling]:
    site = Site(tmp_path)
    yield Telling(site)
    site.close()


def test_who_asks_for_something_else_is_not_told(telling: Telling) -> None:
    telling.site.define("8.5.36")
    assert telling.response("/snom370.htm") is None
    assert telling.response("/0004132E08B4.xml") is None


def test_while_all_are_told_the_same_it_is_left_to_what_keeps_it(
    telling: Telling,
) -> None:
    assert telling.response() is None
    assert telling.response(f"{PATH}?mac={MAC:012X}&scope={'a' * 26}") is not None


def test_a_phone_is_told_and_that_is_seen(telling: Telling) -> None:
    telling.site.define("8.5.36")
    response = telling.response(f"{PATH}?mac={MAC:012X}")
    assert response is not None
    (told,) = ElementTree.fromstring(response.body)
    assert told.text == "http://downloads.snom.com/fw/a.bin"
    assert telling.seen[-1][1:] == (
        *(MAC, "192.168.4.4", Reason.FIRMWARE_TOLD),
        "snom370 8.4.35: snom370 8.5.36",
    )
    totals = telling.page.totals()
    assert (totals["documents"], totals["firmware_told"]) == (1, 1)
    again = telling.response(if_none_match=response.etag)
    assert again is not None
    assert again.status == 304


def test_a_phone_that_is_told_nothing_is_seen_as_before(telling: Telling) -> None:
    telling.site.define("8.5.36", "snom320")
    response = telling.response()
    assert response is not None
    assert len(ElementTree.fromstring(response.body)) == 0
    assert telling.seen[-1].reason is Reason.SERVED_GENERAL
    assert telling.page.totals()["firmware_told"] == 0


def test_the_model_is_the_user_agents_not_that_of_the_url(telling: Telling) -> None:
    telling.site.define("8.5.36", "snom320")
    assert telling.response("/snom320/snom320-firmware.htm") == telling.response()


def test_no_mac_changes_the_answer(telling: Telling) -> None:
    telling.site.bind()
    telling.site.define("8.5.36")
    telling.site.admin.firmware_pin("device", f"{MAC:012X}", "keep", model="snom370")
    answers = {
        response.body
        for mac in (MAC, MAC + 1, 0)
        if (response := telling.response(f"{PATH}?mac={mac:012X}")) is not None
    }
    assert len(answers) == 1
    scope = telling.site.answers.handle_of(MAC, 1)
    kept = telling.response(f"{PATH}?mac={MAC:012X}&scope={scope}")
    assert kept is not None
    assert kept.body not in answers


def test_version_six_needs_the_whole_user_agent(telling: Telling) -> None:
    telling.site.define("7.3.14")
    asked = telling.asked(agent=SIX)
    response = telling.telling.response(asked)
    assert response is not None
    assert response.content_type == "text/plain"
    with pytest.raises(NotWhole):
        telling.telling.response(asked._replace(loader=None))


def test_with_the_store_away_nothing_new_is_told(telling: Telling) -> None:
    telling.site.define("8.5.36")
    telling.site.reader.close()
    telling.site.path.rename(telling.site.place / "away.db")
    response = telling.response()
    assert response is not None
    assert len(ElementTree.fromstring(response.body)) == 0
    assert telling.page.totals()["store_failures"] == 1
    (telling.site.place / "away.db").rename(telling.site.path)
    response = telling.response()
    assert response is not None
    assert len(ElementTree.fromstring(response.body)) == 1
