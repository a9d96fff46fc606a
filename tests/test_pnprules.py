"""Rules of who is answered: read, and applied in their order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.pnprules import MAX_RULES, rules_from_texts

MAC = 0x0004132E08B4
LISTS = ("other-pbx 0004132E08B4 00:04:13:41:AA:BB", "lab 000413410001")


def answered(
    *rules: str,
    mac: int = MAC,
    vendor: str = "snom",
    source: str = "10.1.7.9",
) -> bool:
    return rules_from_texts(rules, LISTS).answer(mac, vendor, source)


def test_without_rules_everybody_is_answered() -> None:
    assert answered()
    assert not rules_from_texts(())
    assert rules_from_texts(("answer",))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("", True),
        ("oui=000413", True),
        ("oui=00:04:13", True),
        ("oui=00-08-7b", False),
        ("vendor=snom", True),
        ("vendor=SNOM", True),
        ("vendor=yealink", False),
        ("subnet=10.1.0.0/16", True),
        ("subnet=10.1.7.9", True),
        ("subnet=0.0.0.0/0", True),
        ("subnet=10.2.0.0/16", False),
        ("mac=0004132E08B4", True),
        ("mac=00:04:13:2e:08:b4", True),
        ("mac=0004132E08B5", False),
        ("list=other-pbx", True),
        ("list=lab", False),
        ("oui=000413 vendor=snom subnet=10.1.0.0/16 list=other-pbx", True),
        ("oui=000413 vendor=snom subnet=10.2.0.0/16 list=other-pbx", False),
    ],
)
def test_a_rule_holds_when_all_its_conditions_do(condition: str, holds: bool) -> None:
    assert answered(f"ignore {condition}") is not holds
    assert answered(f"answer {condition}", "ignore") is holds


def test_the_first_rule_that_holds_counts() -> None:
    rules = ("answer mac=0004132E08B4", "ignore oui=000413", "answer")
    assert answered(*rules)
    assert not answered(*rules, mac=MAC + 1)
    assert answered(*rules, mac=0x805E0C112233, vendor="yealink")


def test_where_no_rule_holds_the_answer_is_as_without_rules() -> None:
    assert answered("ignore oui=00087B", "ignore vendor=yealink")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "must begin with answer or ignore"),
        ("deny", "must begin with answer or ignore"),
        ("ignore oui", "must have conditions such as oui=000413"),
        ("ignore oui=", "must have conditions"),
        ("ignore color=red", "not 'color=red'"),
        ("ignore oui=0004132E", "must have 6 hex digits"),
        ("ignore mac=0004132E08", "must have 12 hex digits"),
        ("ignore mac=0004132E08BG", "must have 12 hex digits"),
        ("ignore oui=\u0660\u0660\u0660\u0660\u0660\u0660", "must have 6 hex digits"),
        ("ignore subnet=10.1.0.0/8", "must name IPv4 subnets"),
        ("ignore subnet=fd00::/8", "must name IPv4 subnets"),
        ("ignore vendor=a;b", "must name a vendor"),
        ("ignore list=nobody", "not 'nobody': there is other-pbx, lab"),
        ("ignore oui=000413 oui=00087B", "one condition of each kind"),
        ("ignore mac=0004132E08B4 list=lab", "one condition of each kind"),
    ],
)
def test_what_is_no_rule_is_refused_in_a_clause(rule: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        rules_from_texts(("answer mac=000413000001", rule), LISTS)


@pytest.mark.parametrize("text", ["", "lab", "la;b 0004132E08B4", "lab 0004132E08"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        rules_from_texts((), (text,))


def test_rules_are_bounded() -> None:
    assert rules_from_texts(["ignore"] * MAX_RULES)
    with pytest.raises(ValueError, match="must be at most"):
        rules_from_texts(["ignore"] * (MAX_RULES + 1))


def test_whether_a_mac_alone_decides_is_known() -> None:
    of_mac = rules_from_texts(("ignore list=other-pbx", "ignore oui=00087B"), LISTS)
    assert of_mac.are_of_mac
    assert not of_mac.answer_mac(MAC)
    assert of_mac.answer_mac(MAC + 1)
    for more in ("ignore vendor=yealink", "answer subnet=10.0.0.0/8"):
        rules = rules_from_texts(("ignore list=other-pbx", more), LISTS)
        assert not rules.are_of_mac
        assert not rules.answer_mac(MAC + 1)


CONDITIONS = st.sampled_from(
    [
        *("oui=000413", "oui=00087B", "vendor=snom", "vendor=oem"),
        *("subnet=10.1.0.0/16", "list=other-pbx", "list=lab", "mac=000413410001"),
    ]
)
TEXTS = st.builds(
    lambda verb, condition: f"{verb} {condition or ''}",
    st.sampled_from(["answer", "ignore"]),
    st.none() | CONDITIONS,
)


@given(
    st.lists(TEXTS, max_size=6),
    st.sampled_from([MAC, 0x000413410001, 0x00087BD70001, 0x805E0C112233]),
    st.sampled_from(["snom", "oem", ""]),
    st.sampled_from(["10.1.7.9", "192.168.1.1"]),
)
def test_a_mac_that_is_always_answered_is_never_ignored(
    texts: list[str], mac: int, vendor: str, source: str
) -> None:
    rules = rules_from_texts(texts, LISTS)
    if rules.answer_mac(mac):
        assert rules.answer(mac, vendor, source)
