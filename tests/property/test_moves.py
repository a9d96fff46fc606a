"""What a phone did in one domain changes nothing that its next one is told of it.

Two worlds go through the same.  In one the phone does this and that while another
domain has it; in the other it is silent all that time, and where it comes from there
for the first time it never was there.  Who administers the next domain must not be able
to tell which of the two he is in, by no list, filter, order, page or time-line, however
the file of contacts is kept in between.
"""

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bootwave.errors import OperatorError, StoreConflict, StoreUnavailable
from bootwave.options import PairingOptions
from bootwave.phone.mac import text_from_mac
from bootwave.sightings import Reason, Sighting
from bootwave.store.administration import Administration
from bootwave.store.changelog import EVERYTHING, record
from bootwave.store.connection import connect, transaction
from bootwave.store.create import create
from bootwave.store.secrets import KeyRing
from bootwave.store.serving.phonewrites import Taken, note_taken
from bootwave.store.sightings import contactkeeper
from bootwave.store.sightings.contactkeeper import ContactKeeper
from bootwave.store.sightings.contacts import ContactFile
from bootwave.store.sightings.sightings import SightingLog
from tests.store.clock import Clock

THERE, HERE, BESIDE = "there.test", "here.test", "beside.test"
PHONE = 0x000413000005
STAYING = (0x000413000003, 0x000413000007)  # in HERE all the time
KEYRING = KeyRing({b"test": b"k" * 32})
# What is told where, so that what should not be is found.
ADDRESS = {THERE: "10.66.0.6", HERE: "10.1.0.1", "": "10.1.0.1"}
AGENT = {
    THERE: ("snom370-SIP 8.4.35", "snomD785-SIP 10.1.66.6"),
    HERE: ("snom370-SIP 8.7.5.48", "snomD785-SIP 10.1.198.19"),
    "": ("snom370-SIP 8.7.5.48", "snomD785-SIP 10.1.198.19"),
}
REASONS = (
    Reason.SERVED_WINDOW,
    Reason.SERVED_CERTIFICATE,
    Reason.NOT_MODIFIED,
    Reason.CLOSED,
    Reason.UNBOUND,
    Reason.PNP_ANSWERED,
    Reason.FIRMWARE_TOLD,
)
FILTERS: tuple[dict[str, str], ...] = (
    {},
    {"domain": HERE},
    {"model": "snom370"},
    {"firmware": "8"},
    {"firmware": "10.1.0-10.1.100", "domain": HERE},
    {"older_than": "10.1.100"},
    {"heard_since": "{}"},
    {"heard_before": "{}"},
    {"state": "never"},
    {"state": "refused"},
)
SORTS = ("", "last-contact", "firmware", "refused")
# Backwards, and how many rows in a page.
WAYS = ((False, 1), (True, 2), (False, 100))

# How often each step comes.
LIKELY = {
    **{"seen": 8, "kept": 6, "bound": 5, "caught up": 4, "remade": 1, "everything": 1},
    **{"passed": 2, "imported": 1, "unbound": 2, "taken": 2, "told": 2, "others": 3},
}
STEPS = 50


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three domains, and the phones that stay."""
    path = tmp_path_factory.mktemp("template") / "bootwave.db"
    create(path)
    with closing(connect(path)) as connection:
        admin = administration(connection, Clock())
        for domain in (THERE, HERE, BESIDE):
            admin.domain_add(domain)
            admin.account_add(f"1@{domain}", password="pw")
        for number, mac in enumerate(STAYING, 10):
            admin.account_add(f"{number}@{HERE}", password="pw", mac=text(mac))
    return path


def text(mac: int) -> str:
    return text_from_mac(mac)


def administration(connection: Any, clock: Clock, **more: Any) -> Administration:
    return Administration(
        connection,
        KEYRING,
        PairingOptions(),
        now=clock,
        committed=lambda changes: None,
        **more,
    )


class World:
    """A store, what phones were seen to do, and the file of contacts."""

    def __init__(self, template: Path, directory: Path, clock: Clock) -> None:
        path = directory / "bootwave.db"
        shutil.copy(template, path)
        self.clock = clock
        self.connection = connect(path)
        self.log = SightingLog(directory / "sightings.db", clock=lambda: clock.at.wall)
        self.admin = administration(self.connection, clock, sightings=self.log)
        self.keeper = ContactKeeper(self.log, path, clock=lambda: clock.at.wall)
        self.account = ""  # that the phone has
        self.was_here = False

    def close(self) -> None:
        self.keeper.close()
        self.connection.close()

    def unbind(self) -> None:
        if self.account:
            self.admin.account_unbind(self.account, text(PHONE))
            self.account = ""

    def bind(self, domain: str) -> None:
        self.unbind()
        self.account = f"1@{domain}"
        self.admin.account_bind(self.account, text(PHONE))
        self.was_here = self.was_here or domain == HERE

    def bring(self, extension: str) -> None:
        self.unbind()
        row = {"extension": extension, "password": "pw", "mac": text(PHONE)}
        self.account = f"{extension}@{HERE}"
        assert self.admin.account_import([row], domain=HERE)["added"] == 1
        self.was_here = True

    def touch_everything(self) -> None:
        with transaction(self.connection):
            record(self.connection, [EVERYTHING])


class Worlds:
    """The real one, and the other, in which nothing happened there."""

    def __init__(self, template: Path, directory: Path) -> None:
        self.clock = Clock()
        places = [directory / name for name in ("real", "other")]
        for place in places:
            place.mkdir()
        self.real, self.other = (World(template, at, self.clock) for at in places)
        self.where = [(0.0, "")]  # since when the phone is in which domain
        self.imported = 100

    def close(self) -> None:
        self.real.close()
        self.other.close()

    def domain(self, at: float) -> str:
        return next(domain for since, domain in self.where[::-1] if since <= at)

    def named(self, which: str) -> list[World]:
        both = {"real": self.real, "other": self.other}
        return [both[which]] if which in both else [*both.values()]

    def act(self, what: str, *how: Any) -> None:
        self.clock.pass_seconds(0.01)
        now = self.clock.at.wall
        here = self.where[-1][1]
        match what, *how:
            case "bound", domain if domain != here:
                self.real.bind(domain)
                if domain == HERE or self.other.was_here:
                    self.other.bind(domain)
                self.where.append((now, domain))
            case ("imported",) if here != HERE:
                self.imported += 1
                for world in (self.real, self.other):
                    world.bring(str(self.imported))
                self.where.append((now, HERE))
            case ("unbound",) if here:
                self.real.unbind()
                self.other.unbind()
                self.where.append((now, ""))
            case "seen", reason, number, ago:
                domain = self.domain(now - ago)
                seen = Sighting(
                    now - ago, PHONE, ADDRESS[domain], reason, AGENT[domain][number]
                )
                self.real.log.append([seen])
                if domain != THERE:
                    self.other.log.append([seen])
            case ("others",):
                for world in (self.real, self.other):
                    world.log.append(
                        [
                            Sighting(now, mac, ADDRESS[HERE], reason, agent)
                            for mac, reason, agent in zip(
                                STAYING,
                                (Reason.CLOSED, Reason.SERVED_WINDOW),
                                AGENT[HERE],
                                strict=True,
                            )
                        ]
                    )
            case ("taken",) if here:
                key = here.encode().ljust(32, b"-")
                taken = Taken(PHONE, "certificate", ADDRESS[here], (), len(here), key)
                note_taken(self.real.connection, taken, self.clock.at)
                if here == HERE:
                    note_taken(self.other.connection, taken, self.clock.at)
            case ("told",) if here == THERE:
                with suppress(StoreConflict):  # it was never provisioned there
                    made = self.real.admin.rollout_start("device", text(PHONE))
                    self.real.admin.rollout_cancel(made["id"])
            case "passed", seconds:
                self.clock.pass_seconds(seconds)
            case "kept", name:
                for world in self.named(name):
                    world.keeper.step()
            case "caught up", name:
                for world in self.named(name):
                    world.keeper.catch_up()
            case "remade", name:
                for world in self.named(name):
                    world.keeper.close()
                    ContactFile(world.log.contacts).remove()
            case "everything", name:
                for world in self.named(name):
                    world.touch_everything()


def pages(world: World, resource: str, **how: Any) -> list[Any]:
    """Return all pages of a list, or why there is none."""
    found: list[Any] = []
    cursor = ""
    while True:
        try:
            page = world.admin.records_page(resource, cursor=cursor, **how)
        except StoreUnavailable:
            return ["away"]
        except OperatorError as error:
            return [str(error)]
        cursor = page["cursor"]
        found.append((page["rows"], bool(cursor)))
        if not cursor:
            return found


def told(world: World, *reach: str, ways: Any = WAYS) -> dict[str, Any]:
    """Return all that is told to who reaches some domains."""
    world.admin.reach = frozenset(reach)
    middle = str(world.clock.at.wall - 10)
    found: dict[str, Any] = {}
    for filters in FILTERS:
        given = {name: value.format(middle) for name, value in filters.items()}
        for sort in SORTS:
            for descending, limit in ways:
                name = f"{filters} {sort} {descending} {limit}"
                found[name] = pages(
                    world,
                    "devices",
                    filters=given,
                    sort=sort,
                    descending=descending,
                    limit=limit,
                )
    found["seen"] = pages(world, "devices", seen=True)
    found["time-line"] = pages(world, "sightings", filters={"mac": text(PHONE)})
    for resource in ("domains", "accounts", "bindings", "windows", "rollouts"):
        found[resource] = pages(world, resource)
    for name, look in (
        ("show", world.admin.device_show),
        ("check", world.admin.device_check),
    ):
        try:
            found[name] = look(text(PHONE))
        except OperatorError as error:
            found[name] = str(error)
    since = world.admin.device_within([PHONE], reach)
    found["since"] = [*since.values()]
    world.admin.reach = None
    return found


def says_nothing_of_there(found: dict[str, Any]) -> None:
    for name, what in found.items():
        said = orjson.dumps(what, default=str).decode()
        for word in (ADDRESS[THERE], "8.4.35", "10.1.66.6", THERE):
            assert word not in said, name


@contextmanager
def small_steps(seeded: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contactkeeper, "RECORDS", 3)
        patch.setattr(contactkeeper, "DEVICES", 2)
        patch.setattr(contactkeeper, "SEEDED", seeded)
        yield


def are_alike(worlds: Worlds, *reach: str, ways: Any = WAYS) -> None:
    """Both worlds are the same to who reaches some domains."""
    real, other = (
        told(world, *reach, ways=ways) for world in (worlds.real, worlds.other)
    )
    says_nothing_of_there(real)
    assert real.keys() == other.keys()
    for name, what in real.items():
        assert what == other[name], name


def some_step(chance: random.Random) -> tuple[Any, ...]:
    """Return what happens next."""
    (what,) = chance.choices([*LIKELY], [*LIKELY.values()])
    which = chance.choice(("real", "other", "both", "both"))
    how: dict[str, tuple[Any, ...]] = {
        "bound": (chance.choice((THERE, HERE)),),
        "seen": (
            chance.choice(REASONS),
            chance.randrange(2),
            chance.choice((0.0, 0.0, 0.503, 20.003)),  # how long ago
        ),
        "passed": (chance.choice((1.0, 60.0)),),
        **dict.fromkeys(("kept", "caught up", "remade", "everything"), (which,)),
    }
    return (what, *how.get(what, ()))


# Chosen by a number, for a list that hypothesis makes is mostly short.
@settings(max_examples=20, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 1 << 32), st.sampled_from((0, 5_000)))
def test_nobody_is_told_what_a_phone_did_in_another_domain(
    template: Path, number: int, seeded: int
) -> None:
    chance = random.Random(number)
    directory = Path(tempfile.mkdtemp(prefix="bootwave-test-"))
    worlds = Worlds(template, directory)
    try:
        with small_steps(seeded):
            for _ in range(STEPS):
                step = some_step(chance)
                worlds.act(*step)
                if step[0] == "kept":
                    # Whatever was not read yet.
                    says_nothing_of_there(told(worlds.real, HERE, ways=WAYS[-1:]))
                elif step == ("caught up", "both"):
                    are_alike(worlds, HERE, ways=WAYS[-1:])
            worlds.act("caught up", "both")
        for reach in ((HERE,), (HERE, BESIDE)):
            are_alike(worlds, *reach)
    finally:
        worlds.close()
        shutil.rmtree(directory)
