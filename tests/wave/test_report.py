from bootwave.wave.identity import Identity
from bootwave.wave.phone import Outcome, Phone, Verdict
from bootwave.wave.report import as_json, reasons_of, sentence, shares_of


def ended(mac: int, outcome: Outcome, reason: str = "") -> Phone:
    phone = Phone(Identity(mac), url="http://127.0.0.1/")
    names = ("401@pbx",) if outcome is Outcome.BOOTED else ()
    phone.verdict = Verdict(outcome, reason, 0.25, names)
    return phone


def test_a_share_is_reached_by_the_phone_that_completes_it() -> None:
    assert shares_of([3.0, 1.0, 2.0, 4.0]) == {50: 2.0, 95: 4.0, 99: 4.0, 100: 4.0}
    assert shares_of(float(n) for n in range(1, 1001)) == {
        50: 500.0,
        95: 950.0,
        99: 990.0,
        100: 1000.0,
    }
    assert shares_of([0.5]) == {50: 0.5, 95: 0.5, 99: 0.5, 100: 0.5}


def test_no_booted_phone_is_no_share() -> None:
    assert shares_of([]) == {}


def test_equal_reasons_are_counted_with_their_first_phone() -> None:
    phones = [
        ended(1, Outcome.BOOTED),
        ended(2, Outcome.FAILED, "a"),
        ended(3, Outcome.REFUSED, "b"),
        ended(4, Outcome.REFUSED, "b"),
        Phone(Identity(5), url="http://127.0.0.1/"),
    ]
    found = [tuple(getattr(r, n) for n in ("outcome", "text", "phones", "example"))
             for r in reasons_of(phones)]  # fmt: skip
    assert found == [
        (Outcome.REFUSED, "b", 2, "000000000003"),
        (Outcome.FAILED, "a", 1, "000000000002"),
    ]


def test_each_verdict_is_one_sentence() -> None:
    who = "0004132E08B4 (snom370 8.4.35)"
    mac = 0x0004132E08B4
    assert (
        sentence(ended(mac, Outcome.BOOTED)) == f"{who} booted in 0.250 s as 401@pbx."
    )
    assert sentence(ended(mac, Outcome.REFUSED, "x")) == f"{who} was refused: x."
    assert sentence(ended(mac, Outcome.SILENT, "x")) == f"{who} heard nothing: x."
    assert sentence(ended(mac, Outcome.FAILED, "x")) == f"{who} failed: x."
    stopped = Phone(Identity(mac), url="http://127.0.0.1/")
    assert "was stopped" in sentence(stopped)


def test_a_boot_is_plain_values_for_machines() -> None:
    phone = Phone(Identity(0x0004132E08B4), url="ftp://127.0.0.1/")
    phone.start(1000.0)
    plain = as_json(phone)
    assert plain["outcome"] == "failed"
    assert [step["at"] for step in plain["steps"]] == [0.0, 0.0]
    assert as_json(Phone(Identity(1), url="x"))["outcome"] == "unfinished"
