"""What drives a request sees of its way: each step, and what follows from it."""

from bootwave.directory.records import Device
from bootwave.http.response import Response
from bootwave.pairing.decisions import Claim, Consume
from bootwave.provision.asked import Asked, asked_from
from bootwave.provision.steps import Course, Look, Ready, Write
from bootwave.provision.way import ROUNDS
from bootwave.sightings import Reason
from tests.provision.bench import MAC, Bench, contact, request


def asked_for(bench: Bench, path: str = "") -> Asked:
    asked = asked_from(request(path), contact(), bench.provisioner._options)
    assert asked is not None
    return asked


def look(bench: Bench) -> Look:
    return bench.provisioner._looks.read([MAC])[MAC]


def test_a_phone_with_an_open_window_looks_writes_looks_and_is_ready() -> None:
    bench = Bench()
    bench.store.add_account(401)
    bench.store.bind(401, MAC)
    bench.open(401)
    course = Course(asked_for(bench))
    assert bench.provisioner._way.begun(course) == MAC
    write = bench.provisioner._way.gone_on(course, look(bench))
    assert isinstance(write, Write)
    assert isinstance(write.decision, Consume)
    assert write.model == "snom370"
    assert bench.provisioner._way.submit(write).result()
    assert bench.provisioner._way.gone_on(course, True) == MAC
    outcome = bench.provisioner._way.gone_on(course, look(bench))
    assert isinstance(outcome, Ready)
    # Who gives it says so; that it is ready is no contact of the phone.
    assert bench.reasons == []
    assert bench.ready() is not None


def test_what_belongs_to_no_phone_is_ready_at_once() -> None:
    bench = Bench()
    outcome = bench.provisioner._way.begun(Course(asked_for(bench, "/general.xml")))
    assert isinstance(outcome, Ready)
    assert bench.store.reads == []


def test_a_lost_claim_is_remembered_only_until_the_next_write() -> None:
    bench = Bench()
    bench.store.add_account(401, wildcard="*")
    bench.open(401)
    course = Course(asked_for(bench))
    bench.provisioner._way.begun(course)
    write = bench.provisioner._way.gone_on(course, look(bench))
    assert isinstance(write, Write)
    assert isinstance(write.decision, Claim)
    bench.provisioner._way.gone_on(course, False)
    assert course.lost_claim
    nothing = look(bench)._replace(device=Device(MAC, None), wildcards=())
    outcome = bench.provisioner._way.gone_on(course, nothing)
    assert isinstance(outcome, Response)
    assert bench.reasons == [Reason.WILDCARD_TAKEN]


def test_a_request_that_never_gets_its_write_is_refused_in_the_end() -> None:
    bench = Bench()
    bench.store.add_account(401)
    bench.store.bind(401, MAC)
    bench.open(401)
    course = Course(asked_for(bench))
    step: object = bench.provisioner._way.begun(course)
    looks = 0
    while not isinstance(step, Response):
        assert step == MAC
        looks += 1
        assert isinstance(bench.provisioner._way.gone_on(course, look(bench)), Write)
        step = bench.provisioner._way.gone_on(course, False)
    assert looks == ROUNDS
    assert bench.reasons == [Reason.NOT_DECIDED]
