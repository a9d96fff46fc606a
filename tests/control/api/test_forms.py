"""Which names, bodies and members have the form that the description promises."""

import re

import pytest
from pydantic import ValidationError

from bootwave.control.api.forms import DOMAIN_NAME, ONE_LINE, Body, Shown, not_given


@pytest.mark.parametrize("name", ["pbx", "PBX.example.com", "a-1.b", "x" * 63 + ".de"])
def test_names_of_domains_have_their_form(name: str) -> None:
    assert re.search(DOMAIN_NAME, name)


@pytest.mark.parametrize(
    "name", ["", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "x" * 64, "a/b"]
)
def test_what_is_no_domain_has_not(name: str) -> None:
    assert not re.search(DOMAIN_NAME, name)


@pytest.mark.parametrize("end", ["\n", "\r", "\x00", "\x85", "\u2028", "\uffff"])
def test_what_ends_a_line_is_on_none(end: str) -> None:
    assert re.search(ONE_LINE, "Größe: 4 ✓")
    assert not re.search(ONE_LINE, f"a{end}b")


class Change(Body):
    """A change of one of two members."""

    name: str
    display_name: str = not_given(max_length=4)


def test_only_what_was_given_is_a_change() -> None:
    change = Change.model_validate({"name": "a"})
    assert change.model_dump(exclude_unset=True) == {"name": "a"}


@pytest.mark.parametrize(
    "given",
    [
        {"name": "a", "display_name": None},  # null is not how to leave it out
        {"name": "a", "display_name": "longer"},
        {"name": "a", "nmae": "b"},
        {"name": 5},
    ],
)
def test_a_body_has_exactly_its_members_and_their_types(given: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Change.model_validate(given)
    assert "longer" not in str(caught.value)


def test_an_answer_is_described_without_other_members() -> None:
    assert Shown.model_json_schema()["additionalProperties"] is False
