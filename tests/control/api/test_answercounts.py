"""How many answers there were, by the class of their status."""

import re

import httpx
import pytest

from bootwave.control.api.answercounts import AnswerCounts
from bootwave.store.administration import Administration
from tests.control.api.conftest import Served
from tests.control.api.test_connections import connected, ended

LINE = r"^bootwave_api_answers_total\{class=\"(.)xx\"\} (\d+)$"


def counted(api: Served) -> dict[str, int]:
    text = api.call("engine.metrics")["text"]
    return {kind: int(many) for kind, many in re.findall(LINE, text, re.M)}


def test_answers_are_counted_by_the_class_of_their_status(
    api: Served, admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert counted(api) == dict.fromkeys("2345", 0)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    assert admin.get("/health/live").status_code == 200
    tag = admin.get("/api/v1/domains/a.example.com").headers["ETag"]
    unchanged = {"If-None-Match": tag}
    same = admin.get("/api/v1/domains/a.example.com", headers=unchanged)
    assert same.status_code == 304
    assert admin.head("/nowhere").status_code == 404
    astray = admin.get("/health/live", headers={"Host": "astray.example.com"})
    assert astray.status_code == 421
    with monkeypatch.context() as faulty:
        faulty.setattr(Administration, "domain_show", broken)
        assert admin.get("/api/v1/domains/a.example.com").status_code == 500
    assert counted(api) == {"2": 2, "3": 1, "4": 2, "5": 1}


def test_what_is_no_http_is_counted_too(api: Served) -> None:
    with connected(api) as end:
        end.sendall(b"nothing of the kind\r\n\r\n")
        assert ended(end).startswith(b"HTTP/1.1 400 ")
    assert counted(api)["4"] == 1


def test_labels_are_those_four_only() -> None:
    counts = AnswerCounts()
    for status in (200, 299, 599):
        counts.count(status)
    (metric,) = counts.metrics()
    assert metric.values == {
        'class="2xx"': 2,
        'class="3xx"': 0,
        'class="4xx"': 0,
        'class="5xx"': 1,
    }
