"""The PnP core as transcripts: datagrams and time in, effects out."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from bootwave import limits
from bootwave.pnprules import rules_from_texts
from bootwave.sightings import Reason
from bootwave.sip import pnp
from bootwave.sip.effects import Effect, Endpoint, Local, LookUp, SendDatagram, Sight
from bootwave.sip.pnp import PnpCore

CAPTURES = Path(__file__).parents[1] / "captures"
SNOM370 = (CAPTURES / "snom370-8.7.5.48.txt").read_bytes()
M700 = (CAPTURES / "snomM700-03.23.txt").read_bytes()
PLANET = (CAPTURES / "planet.txt").read_bytes()
PHONE = Endpoint("192.168.12.155", 1053)
HERE = Local("192.168.12.1", 2)
URL = "http://192.168.12.1/prov/snom370-{mac}.htm"
MAC = 0x0004132E08B4


def core(*, off_subnet: bool = False) -> PnpCore:
    return PnpCore(secret=b"0123456789abcdef", port=5060, off_subnet=off_subnet)


def lookup_of(effects: list[Effect]) -> LookUp:
    (lookup,) = effects
    assert isinstance(lookup, LookUp)
    return lookup


def sight_of(effects: list[Effect]) -> Sight:
    (sight,) = effects
    assert isinstance(sight, Sight)
    return sight


def datagrams(effects: Iterable[Effect]) -> list[SendDatagram]:
    return [effect for effect in effects if isinstance(effect, SendDatagram)]


def reasons(effects: Iterable[Effect]) -> list[Reason]:
    return [effect.reason for effect in effects if isinstance(effect, Sight)]


def head(data: bytes) -> dict[bytes, bytes]:
    """Headers by name, the start line under b""."""
    first, *lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return {b"": first} | {
        name: value for name, _, value in (line.partition(b": ") for line in lines)
    }


def answered(
    data: bytes = SNOM370,
    *,
    machine: PnpCore | None = None,
    source: Endpoint = PHONE,
    now: float = 0.0,
    url: str = URL,
) -> tuple[SendDatagram, SendDatagram]:
    """The 200 and the NOTIFY that *data* gets."""
    machine = machine or core()
    lookup = lookup_of(machine.receive_datagram(data, source, HERE, now))
    effects = machine.answer(lookup, url, now)
    assert reasons(effects) == [Reason.PNP_ANSWERED]
    ok, notify = datagrams(effects)
    return ok, notify


def response_to(notify: SendDatagram, status: bytes = b"200 OK") -> bytes:
    """What a phone answers to *notify*."""
    headers = head(notify.data)
    names = (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
    lines = [name + b": " + headers[name] for name in names]
    return b"\r\n".join((b"SIP/2.0 " + status, *lines, b"Content-Length: 0", b"", b""))


def run_timers(machine: PnpCore, until: float = 1e9) -> list[tuple[float, Effect]]:
    happened: list[tuple[float, Effect]] = []
    while (due := machine.next_timer()) is not None and due <= until:
        happened += [(due, effect) for effect in machine.handle_timer(due)]
    return happened


def test_a_snom370_is_looked_up_by_its_mac() -> None:
    lookup = lookup_of(core().receive_datagram(SNOM370, PHONE, HERE, 0.0))
    assert lookup.mac == MAC
    assert lookup.is_snom
    assert (lookup.model, lookup.firmware) == ("snom370", "8.7.5.48")
    assert (lookup.source, lookup.local) == (PHONE, HERE)


def test_the_200_of_a_snom370_opens_a_dialog() -> None:
    ok, _ = answered()
    headers = head(ok.data)
    tag = headers[b"To"].rpartition(b";tag=")[2]
    assert len(tag) == 16
    assert headers == {
        b"": b"SIP/2.0 200 OK",
        b"Via": b"SIP/2.0/UDP 192.168.12.155:1053;rport=1053;received=192.168.12.155",
        b"From": b"<sip:MAC%3a0004132E08B4@lan>;tag=668717252",
        b"To": b"<sip:MAC%3a0004132E08B4@lan>;tag=" + tag,
        b"Call-ID": b"949137397@192.168.12.155",
        b"CSeq": b"1 SUBSCRIBE",
        b"Contact": b"<sip:192.168.12.1:5060>",
        b"Expires": b"0",
        b"Content-Length": b"0",
    }
    assert (ok.destination, ok.local) == (PHONE, HERE)


def test_the_notify_of_a_snom370_is_in_that_dialog_and_carries_the_url() -> None:
    ok, notify = answered()
    headers = head(notify.data)
    via, _, branch = headers.pop(b"Via").partition(b";branch=")
    assert via == b"SIP/2.0/UDP 192.168.12.1:5060"
    assert branch.startswith(b"z9hG4bK")
    assert branch.endswith(b";rport")
    assert headers == {
        b"": b"NOTIFY sip:192.168.12.155:1053 SIP/2.0",
        b"Max-Forwards": b"70",
        b"From": head(ok.data)[b"To"],
        b"To": b"<sip:MAC%3a0004132E08B4@lan>;tag=668717252",
        b"Call-ID": b"949137397@192.168.12.155",
        b"CSeq": b"1 NOTIFY",
        b"Contact": b"<sip:192.168.12.1:5060>",
        b"Event": head(SNOM370)[b"Event"],
        b"Subscription-State": b"terminated;reason=timeout",
        b"Content-Type": b"application/url",
        b"Content-Length": b"%d" % len(URL),
    }
    assert notify.data.endswith(b"\r\n\r\n" + URL.encode())
    assert (notify.destination, notify.local) == (PHONE, HERE)


def test_a_base_without_rport_is_answered_at_the_port_of_its_sent_by() -> None:
    source = Endpoint("10.0.0.90", 49152)
    ok, notify = answered(M700, source=source)
    assert ok.destination == notify.destination == Endpoint("10.0.0.90", 5060)
    assert b"rport" not in head(ok.data)[b"Via"]
    assert head(ok.data)[b"CSeq"] == b"20264 SUBSCRIBE"
    assert head(notify.data)[b""] == b"NOTIFY sip:512@10.0.0.90 SIP/2.0"
    assert head(notify.data)[b"To"] == b"<sip:512@10.0.0.90>;tag=dmrud.mzfyg66"


def test_a_sent_by_without_port_means_5060() -> None:
    data = M700.replace(b"10.0.0.90:5060", b"10.0.0.90")
    ok, _ = answered(data, source=Endpoint("10.0.0.90", 49152))
    assert ok.destination == Endpoint("10.0.0.90", 5060)


@pytest.mark.parametrize(
    "change",
    [
        (b"Via: SIP/2.0/UDP 192.168.12.155", b"Via: SIP/2.0/UDP 6.6.6.6"),
        (b";rport", b";maddr=6.6.6.6;rport"),
        (b";rport", b";received=6.6.6.6;rport=666"),
        (b"Contact: <sip:192.168.12.155:1053>", b"Contact: <sip:6.6.6.6:666>"),
        (b"sip:MAC%3a0004132E08B4@lan SIP", b"sip:MAC%3a0004132E08B4@6.6.6.6 SIP"),
    ],
)
def test_answers_go_to_the_source_whatever_the_message_says(
    change: tuple[bytes, bytes],
) -> None:
    assert change[0] in SNOM370
    machine = core()
    answers = answered(SNOM370.replace(*change), machine=machine)
    later = datagrams(effect for _, effect in run_timers(machine))
    assert {sent.destination for sent in (*answers, *later)} == {PHONE}


def test_a_phone_with_the_mac_in_from_only_is_looked_up() -> None:
    lookup = lookup_of(core().receive_datagram(PLANET, PHONE, HERE, 0.0))
    assert lookup.mac == 0x00304FA99948
    assert not lookup.is_snom


@pytest.mark.parametrize(
    ("capture", "is_snom"),
    [
        ("snom-7.1.19-oem", False),
        ("snomD120-10.1.39.11", True),
        ("yealink-t53w", False),
        ("yealink-t21p", False),
        ("grandstream-grp2612w", False),
        ("gigaset-de900", False),
        ("panasonic-kx-utg", False),
        ("fanvil", False),
    ],
)
def test_every_vendor_with_a_mac_is_looked_up(capture: str, is_snom: bool) -> None:
    data = (CAPTURES / f"{capture}.txt").read_bytes()
    assert lookup_of(core().receive_datagram(data, PHONE, HERE, 0)).is_snom is is_snom


@pytest.mark.parametrize(
    "data",
    [
        SNOM370.replace(b'vendor="snom"', b'vendor="OEM"'),
        SNOM370.replace(b"0004132E08B4", b"00135E874B49"),
        SNOM370.replace(b"0004132E08B4", b"00135E874B49")
        .replace(b'vendor="snom"', b'vendor="OEM"')
        .replace(b'model="snom370"', b'model="OEM"'),
    ],
)
def test_oui_vendor_and_user_agent_each_make_a_phone_snoms(data: bytes) -> None:
    assert lookup_of(core().receive_datagram(data, PHONE, HERE, 0.0)).is_snom


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reason.SIP_SYNTAX),
        (b"\r\n\r\n", Reason.SIP_SYNTAX),
        (b"GET / HTTP/1.1\r\n\r\n", Reason.SIP_SYNTAX),
        ((CAPTURES / "register-noise.txt").read_bytes(), Reason.SIP_METHOD),
        (SNOM370.replace(b"SUBSCRIBE", b"OPTIONS"), Reason.SIP_METHOD),
        (SNOM370.replace(b"SUBSCRIBE", b"subscribe"), Reason.SIP_METHOD),
        (SNOM370.replace(b"ua-profile", b"message-summary"), Reason.SIP_EVENT),
        (SNOM370.replace(b"ua-profile", b"ua-profile.winfo"), Reason.SIP_EVENT),
        (SNOM370.replace(b'"device"', b'"user"'), Reason.SIP_EVENT),
        (SNOM370.replace(b'profile-type="device";', b""), Reason.SIP_EVENT),
        (SNOM370.replace(b"Event:", b"Ereignis:"), Reason.SIP_EVENT),
        ((CAPTURES / "audiocodes-420hd.txt").read_bytes(), Reason.SIP_EVENT),
        (SNOM370.replace(b"@lan>\r\n", b"@lan>;tag=7\r\n"), Reason.SIP_IN_DIALOG),
        (SNOM370.replace(b"MAC%3a", b"PHONE"), Reason.SIP_NO_MAC),
        (SNOM370.replace(b"0004132E08B4", b"0104132E08B4"), Reason.SIP_NO_MAC),
        (SNOM370.replace(b"0004132E08B4", b"FFFFFFFFFFFF"), Reason.SIP_NO_MAC),
    ],
)
def test_what_is_not_ours_meets_silence_and_a_reason(
    data: bytes, reason: Reason
) -> None:
    machine = core()
    assert sight_of(machine.receive_datagram(data, PHONE, HERE, 0.0)).reason is reason
    assert machine.next_timer() is None


def test_an_off_link_source_meets_silence_unless_wanted() -> None:
    sight = sight_of(core().receive_datagram(SNOM370, PHONE, HERE, 0.0, on_link=False))
    assert (sight.reason, sight.mac) == (Reason.PNP_OFF_SUBNET, MAC)
    wanted = core(off_subnet=True)
    lookup_of(wanted.receive_datagram(SNOM370, PHONE, HERE, 0.0, on_link=False))


@pytest.mark.parametrize(
    "rule",
    [
        "ignore",
        "ignore mac=0004132E08B4",
        "ignore oui=000413 vendor=snom",
        "ignore subnet=192.168.12.0/24",
    ],
)
def test_a_phone_that_a_rule_ignores_meets_silence_and_is_not_looked_up(
    rule: str,
) -> None:
    machine = PnpCore(
        secret=b"0123456789abcdef", port=5060, rules=rules_from_texts((rule,))
    )
    for now in (0.0, 0.5):
        sight = sight_of(machine.receive_datagram(SNOM370, PHONE, HERE, now))
        assert (sight.reason, sight.mac) == (Reason.PNP_IGNORED, MAC)
    assert machine.waiting == machine.answered == 0


def test_a_phone_that_no_rule_ignores_is_looked_up() -> None:
    rules = rules_from_texts(("answer vendor=snom", "ignore"))
    machine = PnpCore(secret=b"0123456789abcdef", port=5060, rules=rules)
    lookup_of(machine.receive_datagram(SNOM370, PHONE, HERE, 0.0))
    without = SNOM370.replace(b'vendor="snom";model="snom370"', b'vendor="x"').replace(
        b"User-Agent: snom370/", b"User-Agent: x/"
    )
    sight = sight_of(machine.receive_datagram(without, PHONE, HERE, 0.0))
    assert sight.reason is Reason.PNP_IGNORED


def test_a_source_port_of_0_cannot_be_answered() -> None:
    nowhere = Endpoint(PHONE.host, 0)
    sight = sight_of(core().receive_datagram(SNOM370, nowhere, HERE, 0.0))
    assert sight.reason is Reason.SIP_SYNTAX


def test_a_mac_that_is_not_to_be_told_meets_silence_and_is_forgotten() -> None:
    machine = core()
    lookup = lookup_of(machine.receive_datagram(SNOM370, PHONE, HERE, 0.0))
    sight = sight_of(machine.answer(lookup, None, 0.0))
    assert (sight.reason, sight.mac) == (Reason.PNP_NOT_BOUND, MAC)
    assert machine.next_timer() is None
    lookup_of(machine.receive_datagram(SNOM370, PHONE, HERE, 0.5))


def test_an_unbound_phone_of_another_vendor_is_not_ours() -> None:
    machine = core()
    lookup = lookup_of(machine.receive_datagram(PLANET, PHONE, HERE, 0.0))
    assert sight_of(machine.answer(lookup, None, 0.0)).reason is Reason.PNP_NOT_OURS


def test_a_retransmission_while_looking_up_is_ignored() -> None:
    machine = core()
    lookup_of(machine.receive_datagram(SNOM370, PHONE, HERE, 0.0))
    assert machine.receive_datagram(SNOM370, PHONE, HERE, 0.5) == []
    assert machine.waiting == 1


def test_a_lookup_nobody_settles_is_given_up_and_may_come_again() -> None:
    machine = core()
    lookup = lookup_of(machine.receive_datagram(SNOM370, PHONE, HERE, 0.0))
    assert machine.next_timer() == pnp.LOOKUP_SECONDS
    assert reasons(machine.handle_timer(pnp.LOOKUP_SECONDS)) == [Reason.PNP_OVERLOAD]
    assert machine.answer(lookup, URL, 6.0) == []
    assert lookup_of(machine.receive_datagram(SNOM370, PHONE, HERE, 6.0)) == lookup


def test_a_lookup_is_settled_once() -> None:
    machine = core()
    lookup = lookup_of(machine.receive_datagram(SNOM370, PHONE, HERE, 0.0))
    assert len(datagrams(machine.answer(lookup, URL, 0.0))) == 2
    assert machine.answer(lookup, URL, 0.0) == []
    assert machine.answer(lookup, None, 0.0) == []
    assert machine.pending == 1


def test_a_retransmission_gets_the_same_200_and_no_second_notify() -> None:
    machine = core()
    ok, _ = answered(machine=machine)
    for now in (0.5, 1.5, 31.9):
        assert machine.receive_datagram(SNOM370, PHONE, HERE, now) == [ok]
    assert machine.pending == 1


def test_a_retransmission_that_waited_here_before_the_200_left_gets_no_other() -> None:
    machine = core()
    accepted, _ = answered(machine=machine, now=10.0)

    def again(now: float, received: float) -> list[SendDatagram]:
        effects = machine.receive_datagram(SNOM370, PHONE, HERE, now, received=received)
        return datagrams(effects)

    assert again(10.2, 9.9) == []
    assert again(10.2, 10.0) == [accepted]
    assert again(10.2, 10.1) == [accepted]


def test_what_a_wave_has_due_together_is_done_in_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pnp, "MAX_SIP_DUE_AT_ONCE", 2)
    machine = core()
    for number in range(5):
        answered(
            SNOM370.replace(b"Call-ID: ", b"Call-ID: %d" % number), machine=machine
        )
    sent = []
    while machine.next_timer() == 0.5:
        sent.append(len(datagrams(machine.handle_timer(0.5))))
    assert sent == [2, 2, 1]


def test_after_timer_j_the_same_subscribe_is_a_new_one() -> None:
    machine = core()
    answered(machine=machine)
    run_timers(machine)
    lookup_of(machine.receive_datagram(SNOM370, PHONE, HERE, 32.0))


@pytest.mark.parametrize(
    "change",
    [
        (b"949137397@", b"949137398@"),
        (b"CSeq: 1 ", b"CSeq: 2 "),
        (b"tag=668717252", b"tag=668717253"),
        (b";rport", b";rport;branch=x"),
        (b"@lan SIP", b"@lan.example SIP"),
    ],
)
def test_a_subscribe_that_differs_is_another_transaction(
    change: tuple[bytes, bytes],
) -> None:
    machine = core()
    first, _ = answered(machine=machine)
    second, _ = answered(SNOM370.replace(*change), machine=machine, now=0.1)
    assert head(first.data)[b"To"] != head(second.data)[b"To"]


def test_the_same_subscribe_from_elsewhere_is_another_transaction() -> None:
    machine = core()
    answered(machine=machine)
    answered(machine=machine, source=Endpoint("192.168.12.156", 1053))
    answered(machine=machine, source=Endpoint("192.168.12.155", 1054))
    assert machine.pending == 3


def test_tags_and_branches_depend_on_the_secret() -> None:
    one, other = core(), PnpCore(secret=b"another secret...", port=5060)
    first, second = answered(machine=one), answered(machine=other)
    assert head(first[0].data)[b"To"] != head(second[0].data)[b"To"]
    assert head(first[1].data)[b"Via"] != head(second[1].data)[b"Via"]


def test_two_processes_with_one_secret_agree_on_the_dialog() -> None:
    assert answered(machine=core()) == answered(machine=core())


def test_a_confirmed_notify_is_over() -> None:
    machine = core()
    _, notify = answered(machine=machine)
    sight = sight_of(machine.receive_datagram(response_to(notify), PHONE, HERE, 0.1))
    assert (sight.reason, sight.mac) == (Reason.PNP_CONFIRMED, MAC)
    assert sight.detail == "snom370 8.7.5.48"
    assert machine.pending == 0
    assert run_timers(machine) == []
    assert machine.next_timer() is None


@pytest.mark.parametrize("status", [b"481 Gone", b"405 No", b"302 Moved", b"600 Busy"])
def test_a_rejected_notify_is_over_and_not_tried_again(status: bytes) -> None:
    machine = core()
    _, notify = answered(machine=machine)
    data = response_to(notify, status)
    sight = sight_of(machine.receive_datagram(data, PHONE, HERE, 0.1))
    assert sight.reason is Reason.PNP_REJECTED
    assert sight.detail == f"{status[:3].decode()} snom370 8.7.5.48"
    assert run_timers(machine) == []


def test_a_provisional_response_changes_nothing() -> None:
    machine = core()
    _, notify = answered(machine=machine)
    trying = response_to(notify, b"100 Trying")
    assert machine.receive_datagram(trying, PHONE, HERE, 0.1) == []
    assert machine.next_timer() == 0.5
    assert machine.pending == 1


def test_a_repeated_answer_to_the_notify_is_absorbed_for_timer_k() -> None:
    machine = core()
    _, notify = answered(machine=machine)
    data = response_to(notify)
    machine.receive_datagram(data, PHONE, HERE, 0.1)
    assert machine.receive_datagram(data, PHONE, HERE, 0.2) == []
    machine.handle_timer(5.2)
    sight = sight_of(machine.receive_datagram(data, PHONE, HERE, 5.2))
    assert sight.reason is Reason.SIP_FOREIGN_RESPONSE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"z9hG4bK", b"z9hG4bKa"),
        (b"949137397@", b"949137398@"),
        (b"1 NOTIFY", b"2 NOTIFY"),
        (b"1 NOTIFY", b"1 SUBSCRIBE"),
        (b"Via: ", b"Via: SIP/2.0/UDP 9.9.9.9, "),
        (b"From: ", b"Via: SIP/2.0/UDP 9.9.9.9\r\nFrom: "),
    ],
)
def test_a_response_that_does_not_match_confirms_nothing(
    old: bytes, new: bytes
) -> None:
    machine = core()
    _, notify = answered(machine=machine)
    data = response_to(notify)
    assert old in data
    effects = machine.receive_datagram(data.replace(old, new, 1), PHONE, HERE, 0.1)
    assert sight_of(effects).reason is Reason.SIP_FOREIGN_RESPONSE
    assert machine.pending == 1


def test_nobody_else_can_confirm_for_the_phone() -> None:
    machine = core()
    _, notify = answered(machine=machine)
    other = Endpoint("192.168.12.200", 1053)
    effects = machine.receive_datagram(response_to(notify), other, HERE, 0.1)
    assert sight_of(effects).reason is Reason.SIP_FOREIGN_RESPONSE
    assert machine.pending == 1


def test_a_phone_may_confirm_from_another_port() -> None:
    machine = core()
    _, notify = answered(machine=machine)
    other = Endpoint(PHONE.host, 40000)
    effects = machine.receive_datagram(response_to(notify), other, HERE, 0.1)
    assert sight_of(effects).reason is Reason.PNP_CONFIRMED


def test_an_unproven_source_is_sent_few_notifies() -> None:
    machine = core()
    _, notify = answered(machine=machine)
    happened = run_timers(machine)
    assert [now for now, effect in happened if effect == notify] == [0.5, 1.5, 3.5]
    assert 1 + 3 == limits.MAX_NOTIFY_SENDS_UNPROVEN
    assert happened[-1][0] == 32.0
    assert reasons(effect for _, effect in happened) == [Reason.PNP_UNCONFIRMED]
    assert machine.next_timer() is None


def test_a_late_confirmation_still_counts_after_the_last_send() -> None:
    machine = core()
    _, notify = answered(machine=machine)
    run_timers(machine, until=31.0)
    effects = machine.receive_datagram(response_to(notify), PHONE, HERE, 31.0)
    assert sight_of(effects).reason is Reason.PNP_CONFIRMED


def test_a_proven_source_is_sent_eleven_notifies_by_timers_e_and_f() -> None:
    machine = core()
    _, first = answered(machine=machine)
    machine.receive_datagram(response_to(first), PHONE, HERE, 0.1)
    again = SNOM370.replace(b"949137397@", b"949137398@")
    _, notify = answered(again, machine=machine, now=100.0)
    happened = run_timers(machine)
    sends = [now - 100.0 for now, effect in happened if effect == notify]
    assert sends == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert reasons(effect for _, effect in happened) == [Reason.PNP_UNCONFIRMED]


def test_timers_handled_late_send_each_notify_once() -> None:
    machine = core()
    answered(machine=machine)
    assert len(datagrams(machine.handle_timer(10.0))) == 1
    assert datagrams(machine.handle_timer(10.0)) == []
    assert machine.next_timer() == 11.0


def test_an_answered_exchange_is_no_amplification_worth_having() -> None:
    ok, notify = answered()
    assert len(ok.data) + len(notify.data) <= 2.0 * len(SNOM370)


def test_a_forged_source_on_our_links_gets_six_times_the_bytes_at_most() -> None:
    machine = core()
    answers = answered(machine=machine)
    later = datagrams(effect for _, effect in run_timers(machine))
    # Timer E alone would make it fifteen times: eleven NOTIFYs of 553 bytes.
    sent = sum(len(effect.data) for effect in (*answers, *later))
    assert sent <= 6 * len(SNOM370)


SHORTEST = (
    b"SUBSCRIBE sip:MAC0004132E08B4@h SIP/2.0\nv:SIP/2.0/UDP h;rport\nf:<a:b>\n"
    b"t:<a:b>\ni:1\nCSeq:1 SUBSCRIBE\no:ua-profile;profile-type=device\n\n"
)


@pytest.mark.parametrize("data", [SNOM370, M700])
def test_a_forged_source_off_our_links_gets_four_times_the_bytes_at_most(
    data: bytes,
) -> None:
    assert off_link_bytes(data) <= limits.MAX_OFF_SUBNET_AMPLIFICATION * len(data)


def test_the_shortest_subscribe_there_is_gets_one_notify_off_our_links() -> None:
    # No phone is so terse; the first NOTIFY is sent whatever it weighs.
    assert off_link_bytes(SHORTEST) <= 5 * len(SHORTEST)


def off_link_bytes(data: bytes) -> int:
    machine = core(off_subnet=True)
    effects = machine.receive_datagram(data, PHONE, HERE, 0.0, on_link=False)
    effects = machine.answer(lookup_of(effects), URL, 0.0)
    later = [effect for _, effect in run_timers(machine)]
    return sum(len(effect.data) for effect in datagrams((*effects, *later)))


def test_a_url_that_is_none_is_wrong_use_and_the_phone_goes_on_waiting() -> None:
    machine = core()
    lookup = lookup_of(machine.receive_datagram(SNOM370, PHONE, HERE, 0.0))
    for url in ("", "http://h/ x", "http://h/\r\nVia: x", "http://h/ü"):
        with pytest.raises(ValueError, match="not a URL"):
            machine.answer(lookup, url, 0.0)
    assert len(datagrams(machine.answer(lookup, URL, 0.0))) == 2


@pytest.mark.parametrize("secret", [b"", b"short", b"x" * 65])
def test_a_secret_that_cannot_key_the_hash_is_wrong_use(secret: bytes) -> None:
    with pytest.raises(ValueError, match="secret"):
        PnpCore(secret=secret, port=5060)


def numbered(number: int) -> bytes:
    return SNOM370.replace(b"949137397@", b"%d@" % number)


def test_waiting_subscribes_are_bounded_and_the_phone_asks_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pnp, "MAX_PENDING_LOOKUPS", 3)
    machine = core()
    for number in range(3):
        lookup_of(machine.receive_datagram(numbered(number), PHONE, HERE, 0.0))
    effects = machine.receive_datagram(numbered(3), PHONE, HERE, 0.0)
    assert sight_of(effects).reason is Reason.PNP_OVERLOAD
    assert machine.waiting == 3


def test_pending_notifies_are_bounded_and_the_oldest_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pnp, "MAX_PENDING_NOTIFIES", 2)
    machine = core()
    answered(numbered(0), machine=machine)
    answered(numbered(1), machine=machine)
    lookup = lookup_of(machine.receive_datagram(numbered(2), PHONE, HERE, 0.0))
    effects = machine.answer(lookup, URL, 0.0)
    assert reasons(effects) == [Reason.PNP_ANSWERED, Reason.PNP_UNCONFIRMED]
    assert machine.pending == 2
    assert len(datagrams(machine.handle_timer(0.5))) == 2


def largest(number: int) -> bytes:
    """A SUBSCRIBE that is sent back as much as one can be, in a full datagram."""
    contact = b"<sip:%s@h%s>" % (b"u" * 64, (b";p=" + b"v" * 64) * 8)
    data = SNOM370.replace(b"<sip:192.168.12.155:1053>", contact)
    data = data.replace(b"949137397@", b"%08d" % number + b"c" * 700 + b"@")
    padding = limits.MAX_SIP_DATAGRAM_BYTES - len(data) - len(b"X: \r\n")
    return data.replace(b"Expires:", b"X: " + b"x" * padding + b"\r\nExpires:")


def test_a_flood_of_the_largest_subscribes_holds_so_many_bytes_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert len(largest(0)) == limits.MAX_SIP_DATAGRAM_BYTES
    monkeypatch.setattr(pnp, "MAX_PENDING_NOTIFY_BYTES", 20_000)
    machine = core()
    ended: list[Reason] = []
    for number in range(200):
        data = largest(number)
        lookup = lookup_of(machine.receive_datagram(data, PHONE, HERE, 0.0))
        effects = machine.answer(lookup, URL, 0.0)
        held = {sent.data for sent in datagrams(effects)[1:]}
        ended += reasons(effects)[1:]
        assert machine.pending_bytes <= 20_000
    (notify,) = held
    assert 1800 < len(notify) < 3000
    assert machine.pending == 20_000 // len(notify)
    assert ended == [Reason.PNP_UNCONFIRMED] * (200 - machine.pending)
    # What was given up is sent no more, either.
    assert len(datagrams(machine.handle_timer(0.5))) == machine.pending
    run_timers(machine)
    assert machine.pending_bytes == 0


def test_the_bytes_of_a_confirmed_notify_are_free_again() -> None:
    machine = core()
    _, notify = answered(machine=machine)
    assert machine.pending_bytes == len(notify.data)
    machine.receive_datagram(response_to(notify), PHONE, HERE, 0.1)
    assert machine.pending_bytes == 0


def test_a_notify_that_is_answered_anew_is_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pnp, "MAX_SIP_TRANSACTIONS", 1)
    machine = core()
    answered(machine=machine)
    machine.handle_timer(0.5)
    answered(numbered(1), machine=machine, now=0.6)  # the first is not known any more
    _, notify = answered(machine=machine, now=0.7)
    assert machine.pending == 2
    happened = run_timers(machine)
    assert [now for now, effect in happened if effect == notify] == [1.2, 2.2, 4.2]
    assert machine.pending_bytes == 0


@pytest.mark.parametrize("name", [b"From: ", b"To: ", b"Call-ID: ", b"Via: "])
def test_more_than_a_phone_sends_is_not_sent_back(name: bytes) -> None:
    line = next(line for line in SNOM370.split(b"\r\n") if line.startswith(name))
    names = (b"Via: ", b"From: ", b"To: ", b"Call-ID: ")
    echoed = sum(
        len(value.partition(b": ")[2])
        for value in SNOM370.split(b"\r\n")
        if value.startswith(names)
    )
    room = limits.MAX_SIP_ECHOED_BYTES - echoed
    fill = {b"Call-ID: ": b"%s", b"Via: ": b";x=%s"}.get(name, b";x=%s")
    room -= len(fill) - 2
    for more, accepted in ((0, True), (1, False)):
        long = SNOM370.replace(line, line + fill % (b"a" * (room + more)))
        (effect,) = core().receive_datagram(long, PHONE, HERE, 0.0)
        assert isinstance(effect, LookUp) is accepted
        if not accepted:
            assert isinstance(effect, Sight)
            assert (effect.reason, effect.mac) == (Reason.SIP_SYNTAX, MAC)


def test_a_source_that_never_confirmed_is_answered_so_often_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pnp, "MAX_SIP_BURST_UNPROVEN", 5)
    machine = core()
    for number in range(3):
        answered(numbered(number), machine=machine)
    # Retransmissions are answered, so they count.
    assert len(machine.receive_datagram(numbered(0), PHONE, HERE, 0.0)) == 1
    assert len(machine.receive_datagram(numbered(0), PHONE, HERE, 0.0)) == 1
    sight = sight_of(machine.receive_datagram(numbered(0), PHONE, HERE, 0.0))
    assert (sight.reason, sight.source) == (Reason.PNP_OVERLOAD, PHONE.host)
    for number in range(100):
        assert machine.receive_datagram(numbered(number), PHONE, HERE, 0.001) == []
    assert machine.answered == 3
    other = Endpoint("192.168.12.156", 1053)
    lookup_of(machine.receive_datagram(numbered(9), other, HERE, 0.001))
    lookup_of(machine.receive_datagram(numbered(9), PHONE, HERE, 0.1))


def test_a_source_that_confirmed_is_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pnp, "MAX_SIP_BURST_UNPROVEN", 2)
    machine = core()
    _, notify = answered(machine=machine)
    machine.receive_datagram(response_to(notify), PHONE, HERE, 0.0)
    for number in range(50):
        answered(numbered(number), machine=machine)


def test_answered_transactions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pnp, "MAX_SIP_TRANSACTIONS", 2)
    machine = core()
    for number in range(3):
        answered(numbered(number), machine=machine)
    assert machine.answered == 2
    lookup_of(machine.receive_datagram(numbered(0), PHONE, HERE, 0.0))


def test_proven_sources_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pnp, "MAX_PROVEN_SOURCES", 1)
    machine = core()
    for number in range(2):
        source = Endpoint(f"192.168.12.{number + 1}", 5060)
        _, notify = answered(numbered(number), machine=machine, source=source)
        machine.receive_datagram(response_to(notify), source, HERE, 0.1)
    for number, sends in ((0, 3), (1, 10)):
        source = Endpoint(f"192.168.12.{number + 1}", 5060)
        answered(numbered(number + 10), machine=machine, source=source, now=50.0)
        later = datagrams(effect for _, effect in run_timers(machine))
        assert len([sent for sent in later if sent.destination == source]) == sends


def test_what_a_phone_says_is_recorded_without_what_could_do_harm() -> None:
    data = SNOM370.replace(b'model="snom370"', b'model="\'<script>"').replace(
        b"snom370/8.7.5.48", b"evil\x1b[2J"
    )
    sight = sight_of(core().receive_datagram(data, PHONE, HERE, 0.0))
    assert sight.reason is Reason.SIP_SYNTAX  # the escape byte
    data = data.replace(b"\x1b", b"")
    lookup = lookup_of(core().receive_datagram(data, PHONE, HERE, 0.0))
    assert (lookup.model, lookup.firmware) == ("", "8.7.5.48")


def test_a_sighting_is_cut_to_what_the_log_keeps() -> None:
    version = b"9" * 48
    data = SNOM370.replace(b'model="snom370"', b'model="%s"' % (b"x" * 48))
    data = (
        data.replace(b"snom370/", b"other/")
        .replace(b"8.7.5.48", version)
        .replace(b"MAC%3a", b"no")
    )
    sight = sight_of(core().receive_datagram(data, PHONE, HERE, 0.0))
    assert len(sight.detail) == limits.MAX_SIGHTING_DETAIL_CHARACTERS
