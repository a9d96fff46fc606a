"""Every operation of /openapi.json as programs may call it, by schemathesis.

Requests are made up from the description, right and wrong ones, and answers are held
against it: no fault of the server, no status, media type or content that it does not
name.  As an operator, and as the administrator of another domain, to whom no answer
may show anything of the first.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings import SightingLog
from tests.control.api.conftest import PASSWORD, A, B, Served, never

EXAMPLES = 3  # of each operation, right ones and wrong ones
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FIRST_MAC = "00041377C0DE"
CANARY = "canarybird"
ENDLESS = {"/api/v1/events"}


@schemathesis.serializer(
    *("text/csv", "application/jsonl", "application/x-ndjson"),
    "application/octet-stream",
)
def _as_text(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


@pytest.fixture
def first_domain(api: Served) -> list[str]:
    """Everything that a domain can have, each with a word that is nowhere else."""
    account = f"7788@{A}"
    words = {name: f"{CANARY}-{name}" for name in ("name", "profile", "group", "token")}
    api.call("account.add", account=account, password="word-word", mac=FIRST_MAC)
    api.call("account.set", account=account, name=words["name"])
    api.call("profile.add", domain=A, name=words["profile"])
    api.call("profile.assign", domain=A, name=words["profile"], accounts=[account])
    api.call("group.add", domain=A, name=words["group"])
    api.call("group.assign", domain=A, name=words["group"], macs=[FIRST_MAC])
    api.call(
        "settings.set", scope="domain", target=A, name="user_realname", value=CANARY
    )
    api.call("window.open", accounts=[account])
    api.call("token.make", domain=A)
    api.call("admin.token.add", name=words["token"], scopes=["read"], domains=[A])
    seen = Sighting(
        time.time(), int(FIRST_MAC, 16), "127.0.0.9", Reason.SERVED_WINDOW, CANARY
    )
    SightingLog(api.options.store.sightings).append([seen])
    api.call("rollout.start", scope="domain", target=A, hours=never())
    return [CANARY, FIRST_MAC, A, f'"{account}"']


def walked(
    api: Served, client: httpx.Client, seen: Callable[[Any], None] = lambda _: None
) -> int:
    """Call every operation as *client*; returns how many requests were sent."""
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    headers = {"Authorization": client.headers["Authorization"]}
    sent = 0
    with requests.Session() as session:
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path in ENDLESS:
                continue
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

                @settings(
                    max_examples=EXAMPLES,
                    deadline=None,
                    derandomize=True,
                    database=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=operation.as_strategy(generation_mode=mode))
                def run(case: Any) -> None:
                    nonlocal sent
                    sent += 1
                    answer = case.call_and_validate(
                        session=session, headers=headers, checks=CHECKS, timeout=20
                    )
                    seen(answer)

                # What takes nothing cannot be asked wrongly.
                with suppress(Unsatisfiable):
                    run()
    return sent


def test_an_operator_finds_the_api_as_it_is_described(
    api: Served, first_domain: list[str]
) -> None:
    unseen = set(first_domain)

    def seen(answer: Any) -> None:
        text = answer.content.decode(errors="replace")
        unseen.difference_update([word for word in unseen if word in text])

    assert walked(api, api.token("read", "write", "reveal", "access"), seen) > 300
    # So these are words that answers to somebody else would show.
    assert unseen == set()


def test_another_domains_administrator_sees_nothing_of_the_first(
    api: Served, first_domain: list[str]
) -> None:
    api.call("admin.add", name="ofb", password=PASSWORD, role="domain", domains=[B])
    made = api.call(
        "admin.token.add",
        name="theirs",
        scopes=["read", "write", "reveal", "access"],
        administrator="ofb",
    )

    def seen(answer: Any) -> None:
        text = answer.content.decode(errors="replace")
        if not answer.request.url.endswith("/openapi.json"):
            assert not [word for word in first_domain if word in text], text

    assert walked(api, api.client(made["token"]), seen) > 300
    assert api.call("account.show", account=f"7788@{A}")["name"].startswith(CANARY)
