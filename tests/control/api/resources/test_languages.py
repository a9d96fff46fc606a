"""Language files of domains."""

import httpx

from tests.control.api.conftest import A, B, Served, problem

PATH = f"/api/v1/domains/{A}/languages"
URL = "http://pbx.example.com/{model}/gui_lang_DE.xml"


def test_a_language_is_for_all_models_or_one(admin: httpx.Client) -> None:
    said = admin.put(f"{PATH}/gui/Deutsch", json={"url": URL})
    assert said.status_code == 200, said.text
    of_one = {"model": "snom370"}
    assert admin.put(f"{PATH}/gui/Deutsch", json={"url": URL}, params=of_one).is_success
    shown = admin.get(PATH).json()
    assert [(one["name"], one["model"]) for one in shown] == [
        ("Deutsch", ""),
        ("Deutsch", "snom370"),
    ]
    assert admin.delete(f"{PATH}/gui/Deutsch", params=of_one).status_code == 204
    gone = admin.delete(f"{PATH}/gui/Deutsch", params=of_one)
    assert problem(gone) == "not-found"
    assert len(admin.get(PATH).json()) == 1


def test_what_phones_would_not_take_is_refused(admin: httpx.Client) -> None:
    for path, url in (("web/Deutsch", URL), ("gui/Deutsch", "x"), ("tv/Deutsch", URL)):
        assert problem(admin.put(f"{PATH}/{path}", json={"url": url})) == "invalid"


def test_credentials_in_a_url_are_shown_to_phones_alone(
    api: Served, admin: httpx.Client
) -> None:
    url = "http://anna:canary@pbx.example.com/gui_lang_DE.xml?token=canary"
    masked = "http://anna:********@pbx.example.com/gui_lang_DE.xml?token=********"
    assert admin.put(f"{PATH}/gui/Deutsch", json={"url": url}).is_success
    (shown,) = admin.get(PATH).json()
    assert shown["url"] == masked
    again = admin.put(f"{PATH}/gui/Deutsch", json={"url": masked})
    assert (again.status_code, problem(again)) == (422, "invalid")
    wrong = admin.put(f"{PATH}/gui/Deutsch", json={"url": url + " " * 2 + "x"})
    assert (wrong.status_code, problem(wrong)) == (422, "invalid")
    told = [wrong.text, str(api.notes())]
    assert not any("canary" in text for text in told)
    assert "anna" in told[1]
    (kept,) = api.call("language.list", domain=A, reveal=True)
    assert kept["url"] == url


def test_languages_of_others_are_not_there(api: Served) -> None:
    theirs = api.token("read", "write", domains=[B])
    assert problem(theirs.get(PATH)) == "not-found"
    answer = theirs.put(f"{PATH}/gui/Deutsch", json={"url": URL})
    assert problem(answer) == "not-found"
