"""Which web page has the field for a settings URL."""

import pytest

from bootwave.http.target import DocumentKind, target_from
from bootwave.phone.models import known_models, model_data
from bootwave.phone.pages import pages

BASE = "http://192.168.4.1:8080"
MAC = 0x0004132E08B4


def test_every_model_has_the_page_of_its_generation_and_none_is_left_over() -> None:
    used = {model.generation for model in known_models().values()}
    assert used == set(pages())
    assert model_data("snomHD350W").generation in pages()


@pytest.mark.parametrize(
    ("model", "url", "with_mac"),
    [
        ("snom370", f"{BASE}/{{mac}}.xml", f"{BASE}/0004132E08B4.xml"),
        ("snomD785", f"{BASE}/{{mac}}.xml", f"{BASE}/0004132E08B4.xml"),
        ("snomm9", f"{BASE}/snomm9-{{mac}}.htm", f"{BASE}/snomm9-0004132E08B4.htm"),
        ("snomM700", f"{BASE}/", f"{BASE}/"),
    ],
)
def test_the_url_is_the_one_its_phones_make_most_of(
    model: str, url: str, with_mac: str
) -> None:
    page = pages()[model_data(model).generation]
    assert page.typed_url(BASE) == url
    assert page.typed_url(BASE, MAC) == with_mac


def test_what_is_typed_in_is_a_document_of_that_phone() -> None:
    for page in pages().values():
        path = page.typed_url("", MAC)
        if path == "/":
            continue
        target = target_from(path, "")
        assert target is not None
        assert target.kind in (DocumentKind.SETTINGS, DocumentKind.FILES)
        assert target.mac == MAC


def test_the_way_to_the_field_is_one_line() -> None:
    assert pages()["classic"].way == "Setup > Advanced > Update > Setting URL"
    assert pages()["m3"].way == ""
