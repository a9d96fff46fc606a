"""Whatever octets a client sends as certificates, they prove nothing by accident."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.certificates.parsed import Parsed
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.revocation import lists_from_file
from bootwave.certificates.subject import mac_from_subject
from bootwave.certificates.verdict import Verdict
from bootwave.certificates.verdicts import Verdicts
from tests.certificates import factory
from tests.certificates.authorities import NOW
from tests.certificates.cases import CASES
from tests.certificates.encoding import CN, Attribute, name
from tests.certificates.factory import WORLD

GOOD = [case for case in CASES if case.mac and case.loads]
READABLE = [case for case in CASES if case.chain and len(case.chain[0]) < 5_000]

Mutation = Callable[[bytes], bytes]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> TrustPolicy:
    return factory.policy(tmp_path_factory.mktemp("policy"))


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """A change of a few octets, somewhere."""
    where = draw(st.floats(0, 1, exclude_max=True))
    kind = draw(st.sampled_from(["flip", "insert", "delete", "repeat", "swap"]))
    octets = draw(st.binary(min_size=1, max_size=4))
    size = draw(st.integers(1, 40))

    def mutate(der: bytes) -> bytes:
        at = int(where * len(der))
        if kind == "flip":
            return der[:at] + octets + der[at + len(octets) :]
        if kind == "insert":
            return der[:at] + octets + der[at:]
        if kind == "delete":
            return der[:at] + der[at + size :]
        if kind == "repeat":
            return der[: at + size] + der[at:]
        return (
            der[:at]
            + der[at + size : at + 2 * size]
            + der[at : at + size]
            + (der[at + 2 * size :])
        )

    return mutate


@settings(max_examples=600, deadline=None)
@given(data=st.data())
def test_a_leaf_with_any_octet_changed_proves_nothing(
    policy: TrustPolicy, data: st.DataObject
) -> None:
    case = data.draw(st.sampled_from(GOOD))
    mutate = data.draw(mutations())
    leaf = mutate(case.chain[0])
    verdict = policy.judge((leaf, *case.chain[1:]), NOW)
    if leaf == case.chain[0]:
        assert verdict.mac == case.mac
    else:
        assert verdict.mac == 0
        assert verdict.problem is not None


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_changes_of_what_is_sent_along_prove_no_other_mac(
    policy: TrustPolicy, data: st.DataObject
) -> None:
    case = data.draw(st.sampled_from(READABLE))
    others = [data.draw(mutations())(der) for der in case.chain[1:]]
    others += data.draw(st.lists(st.binary(max_size=64), max_size=2))
    verdict = policy.judge((case.chain[0], *others), NOW)
    assert verdict.mac in (0, case.mac)


@settings(max_examples=500, deadline=None)
@given(chain=st.lists(st.binary(max_size=300), max_size=10))
def test_octets_prove_nothing(policy: TrustPolicy, chain: list[bytes]) -> None:
    verdict = policy.judge(chain, NOW)
    assert isinstance(verdict, Verdict)
    assert (verdict.mac, verdict.denies) == (0, False)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_certificates_of_different_phones_mixed_prove_only_the_first(
    policy: TrustPolicy, data: st.DataObject
) -> None:
    first = data.draw(st.sampled_from(READABLE))
    rest = data.draw(st.lists(st.sampled_from(READABLE), max_size=3))
    sent = [der for case in (first, *rest) for der in case.chain][:8]
    verdict = policy.judge(sent, NOW)
    alone = policy.judge(first.chain, NOW)
    if alone.mac:
        assert verdict.mac == alone.mac
    assert not verdict.mac or verdict.leaf == alone.leaf


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_resumed_session_never_proves_more_than_was_remembered(
    policy: TrustPolicy, data: st.DataObject
) -> None:
    verdicts = Verdicts(policy, most=4)
    macs: dict[bytes, int] = {}
    for case in data.draw(st.lists(st.sampled_from(READABLE), max_size=8)):
        verdicts.remember(policy.judge(case.chain, NOW))
        macs[case.chain[0]] = case.mac
    for case in READABLE:
        mac = verdicts.recall(case.chain[0], NOW).mac
        assert mac in (0, macs.get(case.chain[0], 0))


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_parsing_raises_value_error_or_nothing(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(READABLE))
    der = data.draw(mutations())(case.chain[0])
    try:
        found = Parsed(der)
    except ValueError:
        return
    for read in (
        lambda: found.public_key,
        lambda: found.roles,
        lambda: found.name,
        lambda: mac_from_subject(found.subject),
    ):
        try:
            read()
        except ValueError:
            pass
    assert isinstance(found.issuer_text + found.subject_text, str)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_revocation_list_that_was_changed_is_refused_or_revokes_nothing_else(
    data: st.DataObject,
) -> None:
    der = WORLD.issuing.revokes(1, 2, 3)
    changed = data.draw(mutations())(der)
    try:
        lists = lists_from_file(changed, "a", [Parsed(WORLD.issuing.der)])
    except ValueError:
        return
    for each in lists:
        assert each.serials == {1, 2, 3} or each.issuer != WORLD.issuing.subject


@given(text=st.text(max_size=40), tag=st.sampled_from([0x0C, 0x13, 0x14, 0x16, 0x1E]))
def test_only_twelve_hex_digits_and_separators_are_a_mac(text: str, tag: int) -> None:
    found = mac_from_subject(name(Attribute(CN, text.encode(), tag)))
    digits = text.replace(":", "").replace("-", "")
    if found:
        assert f"{found:012X}" == digits.upper()
