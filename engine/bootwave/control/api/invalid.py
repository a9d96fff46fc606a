"""What is wrong with a request, place by place, in words that tell what to write.

Names of members and parameters are told back, no more than their beginning, and of
what was sent only what the store's own sentences quote (``refused_in_place``): MACs and
what is said of a domain, whose length is looked at first.  All else may be a password.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bootwave.control.api.forms import DOMAIN_NAME, ONE_LINE
from bootwave.control.api.problems import Problem, shortened_name
from bootwave.control.api.resources.accounts import NUMBER, TARGET
from bootwave.control.api.resources.layers import SETTING
from bootwave.control.api.resources.sessions import NAME
from bootwave.control.api.resources.windows import RANGE, STATES
from bootwave.control.api.targets import MEMBER
from bootwave.limits import MAX_API_ERRORS

_IN_DETAIL: Final = 3
# By the type that pydantic gives an error; what is in braces is its context.
_WORDS: Final[Mapping[str, str]] = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such member",
    "string_too_short": "it must have at least {min_length} characters",
    "string_too_long": "it may have at most {max_length} characters",
    "too_short": "it must have at least {min_length} items",
    "too_long": "it may have at most {max_length} items",
    "string_type": "it must be a text",
    "int_type": "it must be a whole number",
    "int_parsing": "it must be a whole number",
    "float_type": "it must be a number",
    "float_parsing": "it must be a number",
    "bool_type": "it must be true or false",
    "bool_parsing": "it must be true or false",
    "list_type": "it must be a list",
    "dict_type": "it must be an object",
    "model_type": "it must be an object",
    "model_attributes_type": "it must be an object",
    "greater_than_equal": "it must be {ge} or more",
    "less_than_equal": "it must be {le} or less",
    "greater_than": "it must be more than {gt}",
    "less_than": "it must be less than {lt}",
    "literal_error": "it must be {expected}",
    "enum": "it must be {expected}",
}
FORMS: Final[Mapping[str, str]] = {
    TARGET: "it is not a MAC address: write twelve hex digits such as 0004132E08B4, as "
    "printed on the phone's label",
    NUMBER: "it is not an account's number: up to 32 letters, digits and _ . + - are",
    NAME: "it is not a name: up to 64 letters, digits and . _ @ + - are, beginning and "
    "ending with a letter or digit",
    DOMAIN_NAME: "it is not a domain such as pbx.example.com",
    MEMBER: "it is not the name of a profile or group: one line of up to 64 "
    "characters, without @ and /, is",
    RANGE: "it is neither a number nor a range such as 400-449: up to 65 letters, "
    "digits and _ . + - are",
    STATES: "it is no state of windows, such as open, or some with commas between them",
    SETTING: "it is not the name of a setting: up to 64 letters, digits and _ are",
    ONE_LINE: "it must be one line, without control characters",
}


def problem_of(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Return the problem that *errors* are, which pydantic found in a request."""
    places = [
        {
            "at": "/".join(shortened_name(str(part)) for part in each["loc"]),
            "detail": _of(each),
        }
        for each in errors[:MAX_API_ERRORS]
    ]
    told = [f"{place['at']}: {place['detail']}" for place in places[:_IN_DETAIL]]
    if len(errors) > len(told):
        told.append(f"and {len(errors) - len(told)} more")
    detail = "; ".join(told)
    return Problem("invalid", f"{detail}.", errors=places)


def _of(error: Mapping[str, Any]) -> str:
    context = error.get("ctx") or {}
    if error["type"] == "string_pattern_mismatch":
        return FORMS[context["pattern"]]
    if error["type"] == "string_too_short" and context.get("min_length") == 1:
        return "it must not be empty"
    words = _WORDS.get(error["type"])
    if words is None:
        return str(error["msg"]).removesuffix(".")
    return words.format(**{name: _plain(value) for name, value in context.items()})


def _plain(value: object) -> object:
    """Return a bound as people write it: 1440, not 1440.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
