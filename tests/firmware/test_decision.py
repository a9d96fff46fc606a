from collections.abc import Container

import pytest

from bootwave.firmware.decision import (
    KEEP,
    Decision,
    Running,
    ScopeRules,
    Why,
    decide,
    rules_for,
)
from bootwave.firmware.definitions import Definition
from bootwave.phone.firmware import FirmwareVersion as V

OLD, NEW = V(8, 4, 35), V(8, 5, 36)


def of(
    version: V, model: str = "snom370", *, step: bool = False, location: str = ""
) -> Definition:
    return Definition(model, version, location or f"{model}-{version}-SIP-f.bin", step)


def told(
    *scopes: ScopeRules,
    model: str = "snom370",
    runs: V | None = OLD,
    missing: Container[str] = (),
) -> Decision:
    return decide(
        Running(model, runs),
        rules_for(model, scopes),
        lambda definition: definition.location not in missing,
    )


ENGINE = ScopeRules((of(NEW),))


def test_a_phone_of_the_model_is_told_the_version_that_is_defined() -> None:
    assert told(ENGINE) == Decision(of(NEW), Why.TOLD, (of(NEW),))


@pytest.mark.parametrize(
    ("model", "runs", "why"),
    [
        ("snom370", NEW, Why.CURRENT),
        ("snom370", V(8, 5, 36, 0), Why.CURRENT),
        ("snom370", None, Why.UNKNOWN),
        ("snom320", OLD, Why.UNDEFINED),
        ("", OLD, Why.UNDEFINED),
        ("snom370", V(7, 3, 30), Why.NO_WAY),
        ("snom370", V(8, 9, 3, 80), Why.NO_WAY),
    ],
)
def test_others_are_told_nothing(model: str, runs: V | None, why: Why) -> None:
    assert told(ENGINE, model=model, runs=runs)[:2] == (None, why)


def test_the_fourth_number_counts() -> None:
    found = told(ENGINE, runs=V(8, 5, 36, 1))
    assert found.step == of(NEW)


def test_a_missing_image_is_not_told() -> None:
    found = told(ENGINE, missing={of(NEW).location})
    assert (found.step, found.why) == (None, Why.MISSING)


def test_a_way_is_not_begun_whose_end_is_missing() -> None:
    scope = ScopeRules((of(V(8, 7, 5, 35)), of(V(8, 4, 35), step=True)))
    runs = V(7, 3, 30)
    assert told(scope, runs=runs).step == of(V(8, 4, 35), step=True)
    missing = {of(V(8, 7, 5, 35)).location}
    assert told(scope, runs=runs, missing=missing).why is Why.MISSING


def test_a_step_is_no_version_to_run() -> None:
    assert told(ScopeRules((of(NEW, step=True),))).why is Why.UNDEFINED


def test_the_more_specific_scope_decides() -> None:
    domain = ScopeRules((of(V(8, 7, 5, 35)),))
    assert told(domain, ENGINE).step == of(V(8, 7, 5, 35))
    assert told(ScopeRules(), ENGINE).step == of(NEW)
    other = ScopeRules((of(V(8, 7, 5, 35), "snom320"),))
    assert told(other, ENGINE).step == of(NEW)


def test_one_version_may_be_elsewhere_for_some() -> None:
    theirs = of(NEW, location="http://mirror.example/370.bin")
    assert told(ScopeRules((theirs,)), ENGINE).step == theirs


def test_what_is_defined_below_may_be_a_step() -> None:
    engine = ScopeRules((of(V(8, 4, 35)),))
    domain = ScopeRules((of(V(8, 7, 5, 35)),))
    found = told(domain, engine, runs=V(7, 3, 30))
    assert [step.version for step in found.way] == [V(8, 4, 35), V(8, 7, 5, 35)]


def test_a_pin_holds_whatever_is_defined_above() -> None:
    device = ScopeRules((of(V(8, 7, 5, 35)),))
    pinned = ScopeRules(pins={"snom370": "8.5.36"})
    assert told(device, pinned, ENGINE).step == of(NEW)
    assert told(device, ScopeRules(pins={"snom320": "8.5.36"}), ENGINE).step == of(
        V(8, 7, 5, 35)
    )


def test_of_pins_the_most_specific_holds() -> None:
    device = ScopeRules(pins={"snom370": KEEP})
    domain = ScopeRules(pins={"snom370": "8.5.36"})
    assert told(device, domain, ENGINE).why is Why.KEPT
    assert told(domain, device, ENGINE).step == of(NEW)


def test_a_pin_to_what_is_not_defined_tells_nothing() -> None:
    pinned = ScopeRules(pins={"snom370": "8.6.0"})
    assert told(pinned, ENGINE).why is Why.PIN_UNDEFINED


def test_a_step_may_be_pinned() -> None:
    steps = ScopeRules((of(NEW, step=True),), {"snom370": "8.5.36"})
    assert told(steps).step == of(NEW, step=True)


def test_what_is_forbidden_is_neither_told_nor_a_step() -> None:
    forbidden = ScopeRules(forbidden=frozenset({("snom370", NEW)}))
    assert told(forbidden, ENGINE).why is Why.FORBIDDEN
    assert told(ENGINE, forbidden).why is Why.FORBIDDEN
    other = ScopeRules(forbidden=frozenset({("snom320", NEW)}))
    assert told(other, ENGINE).step == of(NEW)
    way = ScopeRules((of(V(8, 7, 5, 35)), of(V(8, 4, 35), step=True)))
    step = ScopeRules(forbidden=frozenset({("snom370", V(8, 4, 35))}))
    assert told(way, step, runs=V(7, 3, 30)).why is Why.NO_WAY


def test_a_phone_that_runs_what_is_forbidden_and_pinned_stays() -> None:
    scope = ScopeRules((of(NEW),), {}, frozenset({("snom370", NEW)}))
    assert told(scope, runs=NEW).why is Why.CURRENT


BASE, HANDSET = of(V(5, 20, 1), "snomM700"), of(V(5, 20, 1), "M85")


def test_a_base_is_told_of_its_handsets() -> None:
    scope = ScopeRules((BASE, HANDSET))
    found = told(scope, model="snomM700", runs=V(5, 1, 1))
    assert (found.step, found.handsets) == (BASE, (HANDSET,))
    at_home = told(scope, model="snomM700", runs=V(5, 20, 1))
    assert (at_home.step, at_home.handsets) == (BASE, (HANDSET,))
    assert told(ScopeRules((BASE,)), model="snomM700", runs=V(5, 20, 1)).step is None
    assert told(scope).handsets == ()


def test_handsets_without_image_are_left_out() -> None:
    scope = ScopeRules((BASE, HANDSET))
    found = told(scope, model="snomM700", runs=V(5, 1, 1), missing={HANDSET.location})
    assert (found.step, found.handsets) == (BASE, ())
    forbidden = ScopeRules(forbidden=frozenset({("M85", V(5, 20, 1))}))
    assert not told(scope, forbidden, model="snomM700", runs=V(5, 1, 1)).handsets


def test_a_scope_without_rules_says_nothing() -> None:
    assert ScopeRules().says_nothing
    assert not ENGINE.says_nothing
    assert not ScopeRules(pins={"snom370": KEEP}).says_nothing


def test_who_may_stay_is_told_nothing_and_others_are_not_told_it() -> None:
    low = V(8, 5, 30)
    stays = ScopeRules(stays=frozenset({("snom370", NEW)}))
    defined = ScopeRules((of(low),))
    assert not stays.says_nothing
    assert told(stays, defined, runs=NEW)[:2] == (None, Why.STAYS)
    assert told(defined, runs=V(8, 5, 37)).step == of(low)
    assert told(stays, defined, runs=low).why is Why.CURRENT
    assert told(stays, defined, runs=V(8, 5, 37)).step == of(low)
    # A pin and what is forbidden count more.
    pinned = ScopeRules((of(low),), {"snom370": "8.5.30"})
    assert told(stays, pinned, runs=NEW).step == of(low)
    forbidden = ScopeRules((of(low),), forbidden=frozenset({("snom370", NEW)}))
    assert told(stays, forbidden, runs=NEW).step == of(low)
