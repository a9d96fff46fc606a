"""The reconciler as transcripts: entries and answers in, orders and entries out."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from bootwave.redirection import plan
from bootwave.redirection.plan import (
    Action,
    Alarm,
    Asked,
    Order,
    Outcome,
    Result,
    after,
    begun,
    conversation,
    is_settled,
    order_for,
    target_entry,
)
from bootwave.redirection.vendors import Call, Verdict
from bootwave.redirection.xmlrpc import Answer
from bootwave.store.redirection.rows import Account, Entry
from bootwave.store.redirection.urls import digest_of

MAC = 0x0004132E08B4
HERE = "https://pbx.example.com/{mac}.xml"
NEW = "https://new.example.com/{mac}.xml"
OTHER = "https://other.example.com/secret/{mac}.xml"
HERE_DIGEST, NEW_DIGEST = digest_of(HERE), digest_of(NEW)
NOW = 1_000.0
DONE = Answer(Verdict.DONE)
OWNED = Answer(Verdict.OWNED, "Error:owned_by_other_user")
UNKNOWN = Answer(Verdict.UNKNOWN, "Error:no_such_mac")
SETTLED = Entry(MAC, HERE_DIGEST, HERE_DIGEST, HERE_DIGEST, confirmed_at=NOW)


def carried_out(order: Order, *answers: Answer) -> tuple[list[Asked], Outcome]:
    """Return the calls of *order* when it gets these *answers*, and what it came to."""
    talk = conversation(order)
    asked = [next(talk)]
    for answer in answers[:-1]:
        asked.append(talk.send(answer))
    with pytest.raises(StopIteration) as ended:
        talk.send(answers[-1])
    outcome: Outcome = ended.value.value
    return asked, outcome


def turn(entry: Entry, url: str, *answers: Answer) -> tuple[Entry | None, Alarm | None]:
    order = order_for(entry, url)
    entry = begun(entry, order, NOW, 0.5)
    return after(entry, order, carried_out(order, *answers)[1], NOW, 0.5)


def test_a_new_binding_is_registered_and_then_settled() -> None:
    entry = target_entry(None, MAC, HERE_DIGEST, NOW)
    assert entry is not None
    assert entry.next_at == NOW
    order = order_for(entry, HERE)
    assert order == Order(MAC, Action.REGISTER, HERE)
    assert carried_out(order, DONE)[0] == [Asked(Call.REGISTER, MAC, HERE)]
    settled, alarm = turn(entry, HERE, DONE)
    assert settled is not None
    assert is_settled(settled)
    assert (settled.next_at, settled.confirmed_at, alarm) == (None, NOW, None)


def test_nothing_changes_where_nothing_is_to_change() -> None:
    assert target_entry(SETTLED, MAC, HERE_DIGEST, 2 * NOW) is SETTLED
    waiting = Entry(MAC, HERE_DIGEST, attempts=4, next_at=5_000.0)
    assert target_entry(waiting, MAC, HERE_DIGEST, 2 * NOW) is waiting
    assert target_entry(None, MAC, "", NOW) is None


def test_who_was_never_told_is_forgotten_and_others_are_deregistered() -> None:
    assert target_entry(Entry(MAC, HERE_DIGEST, next_at=NOW), MAC, "", NOW) is None
    leaving = target_entry(SETTLED, MAC, "", NOW)
    assert leaving is not None
    order = order_for(leaving, "")
    assert order == Order(MAC, Action.DEREGISTER, "", (HERE_DIGEST,))
    asked, _ = carried_out(order, Answer(Verdict.DONE, url=HERE), DONE)
    assert asked == [Asked(Call.LOOK, MAC), Asked(Call.DEREGISTER, MAC)]
    assert turn(leaving, "", Answer(Verdict.DONE, url=HERE), DONE) == (None, None)


@pytest.mark.parametrize(
    "answer", [UNKNOWN, OWNED, Answer(Verdict.DONE, url=OTHER)], ids=lambda one: one[0]
)
def test_what_is_not_ours_any_more_is_not_taken_away(answer: Answer) -> None:
    leaving = SETTLED._replace(target="", next_at=NOW)
    asked, outcome = carried_out(order_for(leaving, ""), answer)
    assert asked == [Asked(Call.LOOK, MAC)]
    assert outcome.result is Result.LEFT
    assert turn(leaving, "", answer) == (None, None)


def test_a_phone_that_was_taken_away_between_look_and_call_is_gone_too() -> None:
    leaving = SETTLED._replace(target="", next_at=NOW)
    assert turn(leaving, "", Answer(Verdict.DONE, url=HERE), UNKNOWN) == (None, None)


def test_one_that_is_redirected_nowhere_is_taken_away() -> None:
    leaving = SETTLED._replace(target="", next_at=NOW)
    asked, _ = carried_out(order_for(leaving, ""), Answer(Verdict.DONE), DONE)
    assert len(asked) == 2


def test_another_url_is_registered_over_the_one_before() -> None:
    changed = target_entry(SETTLED, MAC, NEW_DIGEST, 2 * NOW)
    assert changed is not None
    assert changed.next_at == 2 * NOW
    assert order_for(changed, NEW) == Order(MAC, Action.REGISTER, NEW, (HERE_DIGEST,))
    back = target_entry(changed, MAC, HERE_DIGEST, 2 * NOW)
    assert back is not None
    assert back.next_at is None  # nobody was told of the other one


def test_a_url_that_was_told_without_an_answer_is_not_trusted_to_be_the_old_one() -> (
    None
):
    changed = target_entry(SETTLED, MAC, NEW_DIGEST, NOW)
    assert changed is not None
    told = begun(changed, order_for(changed, NEW), NOW, 0.5)
    back = target_entry(told, MAC, HERE_DIGEST, NOW)
    assert back is not None
    assert order_for(back, HERE).action is Action.REGISTER
    assert set(order_for(back, HERE).ours) == {HERE_DIGEST, NEW_DIGEST}


def test_who_is_bound_again_before_the_answer_is_registered_again() -> None:
    leaving = target_entry(SETTLED, MAC, "", NOW)
    assert leaving is not None
    order = order_for(leaving, "")
    away = begun(leaving, order, NOW, 0.5)
    back = target_entry(away, MAC, HERE_DIGEST, NOW)
    assert back is not None
    assert order_for(back, HERE).action is Action.REGISTER
    entry, _ = after(back, order, Outcome(Result.DONE), NOW, 0.5)
    assert entry is not None
    assert order_for(entry, HERE).action is Action.REGISTER
    assert entry.next_at == NOW


def test_a_registration_that_was_overtaken_is_taken_away_after_all() -> None:
    entry = target_entry(None, MAC, HERE_DIGEST, NOW)
    assert entry is not None
    order = order_for(entry, HERE)
    told = begun(entry, order, NOW, 0.5)
    leaving = target_entry(told, MAC, "", NOW)
    assert leaving is not None
    left, _ = after(leaving, order, Outcome(Result.DONE), NOW, 0.5)
    assert left is not None
    assert order_for(left, "") == Order(MAC, Action.DEREGISTER, "", (HERE_DIGEST,))


def test_an_owner_elsewhere_is_an_alarm_once_and_is_tried_slowly() -> None:
    entry = Entry(MAC, HERE_DIGEST, next_at=NOW)
    owned, alarm = turn(entry, HERE, OWNED)
    assert alarm == Alarm(MAC, "")
    assert owned is not None
    assert (owned.trouble, owned.words) == ("owned", "Error:owned_by_other_user")
    assert owned.next_at is not None
    assert owned.next_at >= NOW + 0.75 * 21_600
    again, alarm = turn(owned, HERE, OWNED)
    assert alarm is None
    assert again is not None
    released, alarm = turn(again, HERE, DONE)
    assert released is not None
    assert (released.trouble, released.words, alarm) == ("", "", None)


def test_words_that_nobody_knows_are_kept_and_tried_slowly() -> None:
    entry = Entry(MAC, HERE_DIGEST, next_at=NOW)
    refused, alarm = turn(entry, HERE, Answer(Verdict.REFUSED, "Error:no_licence"))
    assert refused is not None
    assert (refused.trouble, refused.words) == ("refused", "Error:no_licence")
    assert refused.next_at is not None
    assert refused.next_at >= NOW + 0.75 * 3_600
    assert alarm is None


def test_who_points_elsewhere_raises_an_alarm_and_is_registered_again() -> None:
    due = SETTLED._replace(next_at=NOW)
    order = order_for(due, HERE)
    assert order.action is Action.LOOK
    found, alarm = turn(due, HERE, Answer(Verdict.DONE, url=OTHER))
    assert alarm == Alarm(MAC, "https://other.example.com")
    assert found is not None
    assert (found.trouble, found.elsewhere) == ("elsewhere", alarm.where)
    assert "secret" not in repr(found)
    assert order_for(found, HERE).action is Action.REGISTER
    failed, _ = after(
        begun(found, order_for(found, HERE), NOW, 0.5),
        order_for(found, HERE),
        Outcome(Result.UNREACHABLE, "no connection"),
        NOW,
        0.5,
    )
    assert failed is not None
    assert failed.trouble == "elsewhere"
    back, alarm = turn(failed, HERE, DONE)
    assert back is not None
    assert (back.trouble, back.elsewhere_at, alarm) == ("", NOW, None)


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        (Answer(Verdict.DONE, url=HERE), None),
        (UNKNOWN, Action.REGISTER),
        (Answer(Verdict.DONE), Action.REGISTER),
    ],
)
def test_a_look_settles_or_registers(answer: Answer, action: Action | None) -> None:
    entry, _ = turn(SETTLED._replace(next_at=NOW), HERE, answer)
    assert entry is not None
    if action is None:
        assert entry.next_at is None
    else:
        assert entry.next_at == NOW
        assert order_for(entry, HERE).action is action


def test_no_answer_is_tried_later_and_later_up_to_an_hour() -> None:
    entry = Entry(MAC, HERE_DIGEST, next_at=NOW)
    waits = []
    for _ in range(12):
        order = order_for(entry, HERE)
        entry = begun(entry, order, NOW, 0.5)
        lost, _ = after(entry, order, Outcome(Result.UNREACHABLE, "HTTP 500"), NOW, 0.5)
        assert lost is not None
        assert lost.next_at is not None
        assert (lost.trouble, lost.words) == ("unreachable", "HTTP 500")
        waits.append(lost.next_at - NOW)
        entry = lost
    assert waits[:4] == [15.0, 30.0, 60.0, 120.0]
    assert waits[-1] == 3_600.0


def test_chance_spreads_a_wait() -> None:
    waits = [plan.wait((100.0, 1e4), 1, chance / 10) for chance in range(11)]
    assert (waits[0], waits[-1]) == (75.0, 125.0)
    assert waits == sorted(set(waits))
    assert plan.wait((100.0, 1e4), 10_000, 1.0) == 12_500.0


def test_who_was_not_begun_is_due_as_before() -> None:
    entry = Entry(MAC, HERE_DIGEST, attempts=2, next_at=NOW)
    order = order_for(entry, HERE)
    put_back, _ = after(
        begun(entry, order, NOW, 0.5), order, Outcome(Result.NOT_BEGUN), NOW, 0.5
    )
    assert put_back is not None
    assert (put_back.attempts, put_back.next_at) == (2, NOW)


def account() -> Account:
    return Account(
        *(1, "snom", "u", b"", "https://pbx.example.com", 0.0, "anna", 1),
        *("", "", "", 0, None, None, None, None, 0, 0, 0),
    )


def test_a_service_that_fails_again_and_again_is_left_alone_for_a_while() -> None:
    found = account()
    for _ in range(plan.PATIENCE - 1):
        found = plan.failed(found, "HTTP 500", NOW, 0.5)
        assert not plan.is_left_alone(found, NOW)
        assert not found.state
    found = plan.failed(found, "HTTP 500", NOW, 0.5)
    assert (found.state, found.words) == ("unreachable", "HTTP 500")
    assert plan.is_left_alone(found, NOW)
    assert not plan.is_left_alone(found, NOW + 5.0)
    assert not plan.is_left_alone(found, NOW - 1e6)  # the clock was set back
    back = plan.answered(found, NOW + 5.0)
    assert (back.state, back.failures, back.next_at) == ("answers", 0, None)


def test_an_account_that_is_refused_is_tried_once_a_minute_and_less() -> None:
    first = plan.refused(account(), "HTTP 401", NOW, 0.5)
    assert first.state == "refused"
    assert plan.is_left_alone(first, NOW + 59.0)
    second = plan.refused(first, "HTTP 401", NOW, 0.5)
    assert plan.is_left_alone(second, NOW + 119.0)


class Kills(RuleBasedStateMachine):
    """Any order of bindings, calls, lost answers and kills ends as it shall."""

    def __init__(self) -> None:
        super().__init__()
        self.bound = ""
        self.entry: Entry | None = None
        self.there = ""  # what the service holds

    @rule(url=st.sampled_from(["", HERE, NEW]))
    def bind(self, url: str) -> None:
        self.bound = url
        self.entry = target_entry(self.entry, MAC, digest_of(url), NOW)

    @rule(killed=st.sampled_from(["", "before", "after"]))
    def carry_out(self, killed: str) -> None:
        self.turn(killed)

    @precondition(lambda self: self.entry is not None)
    @rule(killed=st.booleans(), url=st.sampled_from(["", HERE, NEW]))
    def overtake(self, killed: bool, url: str) -> None:
        """Bind otherwise while a call is under way."""
        assert self.entry is not None
        if self.entry.next_at is None:
            return
        order = order_for(self.entry, self.bound)
        self.entry = begun(self.entry, order, NOW, 0.5)
        outcome = self.served(order)
        self.bind(url)
        if not killed and self.entry is not None:
            self.entry, _ = after(self.entry, order, outcome, NOW, 0.5)

    def turn(self, killed: str) -> None:
        if self.entry is None or self.entry.next_at is None:
            return
        order = order_for(self.entry, self.bound)
        self.entry = begun(self.entry, order, NOW, 0.5)
        if killed == "before":
            return
        outcome = self.served(order)
        if killed == "after":
            return
        self.entry, _ = after(self.entry, order, outcome, NOW, 0.5)

    def served(self, order: Order) -> Outcome:
        talk = conversation(order)
        asked = next(talk)
        try:
            while True:
                asked = talk.send(self.call(asked))
        except StopIteration as ended:
            outcome: Outcome = ended.value
            return outcome

    def call(self, asked: Asked) -> Answer:
        if asked.call is Call.REGISTER:
            self.there = asked.url
            return DONE
        if not self.there:
            return UNKNOWN
        if asked.call is Call.LOOK:
            return Answer(Verdict.DONE, url=self.there)
        self.there = ""
        return DONE

    @invariant()
    def what_is_settled_is_so(self) -> None:
        if self.entry is not None and self.entry.next_at is None:
            assert self.there == self.bound

    @invariant()
    def nothing_is_forgotten_that_is_there(self) -> None:
        if self.entry is None:
            assert self.there == self.bound == ""

    def teardown(self) -> None:
        for _ in range(4):
            self.turn("")
        assert self.there == self.bound
        assert self.entry is None or self.entry.next_at is None


TestKills = Kills.TestCase
TestKills.settings = settings(max_examples=200, stateful_step_count=12)


def test_a_service_that_asks_to_be_left_alone_is_at_once_and_not_for_ever() -> None:
    found = plan.failed(account(), "HTTP 429", NOW, 0.5, 40.0)
    assert (found.state, found.failures, found.next_at) == ("unreachable", 1, NOW + 40)
    for_ever = plan.failed(account(), "HTTP 429", NOW, 0.5, 1e9)
    assert for_ever.next_at == NOW + plan.ASKED_SECONDS
    # What it would have been left alone for anyhow is no less for its asking.
    late = account()._replace(failures=20)
    assert plan.failed(late, "HTTP 429", NOW, 0.5, 1.0).next_at == NOW + 900
