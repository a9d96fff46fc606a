"""Whatever happens in whatever order, a window has one taker and an end.

The machine runs the decision table with a store whose writes are conditional, and holds
what comes out against a model that knows nothing of records, pins or reasons: only who
took which opening first, and when that opening stops.
"""

from dataclasses import dataclass
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bootwave.pairing.decisions import Claim, Consume, Decision, Policy, Serve
from bootwave.pairing.instant import Instant
from bootwave.pairing.rules import decide
from bootwave.pairing.sources import source_key
from tests.provision.memory import MemoryStore

WINDOW, PAIRING = 600.0, 300.0
POLICY = Policy(clear_secrets=True, pairing_seconds=PAIRING)
BOUND, SHARED = 0x000413000001, 0x000413000002
MACS = (BOUND, SHARED, 0x000413000003, 0x000413000004)  # two of them strangers
SOURCES = ("192.168.4.4", "fd00:1:2:3::4", "fd00:1:2:3::5")
ACCOUNTS = (1, 2, 3)  # 1 and 2 are on BOUND, 2 on SHARED too, 3 is a wildcard


class Taker(NamedTuple):
    mac: int
    address: str


@dataclass
class Opening:
    """One opening of one account, as an administrator would tell the story."""

    account: int
    deadline: float
    taker: tuple[int, str] | None = None
    end: float = 0.0
    over: bool = False

    def is_free(self, now: float) -> bool:
        return not self.over and self.taker is None and now < self.deadline

    def serves(self, now: float, mac: int, source: str) -> bool:
        return not self.over and self.taker == (mac, source) and now < self.end

    def take(self, now: float, mac: int, source: str) -> None:
        self.taker, self.end = (mac, source), max(self.deadline, now + PAIRING)


takers = st.builds(Taker, st.sampled_from(MACS), st.sampled_from(SOURCES))
accounts = st.sampled_from(ACCOUNTS)


class Pairing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        for id in ACCOUNTS:
            self.store.add_account(id, wildcard="*" if id == 3 else "")
        self.store.bind(1, BOUND)
        self.store.bind(2, BOUND)
        self.store.bind(2, SHARED)
        self.holders = {1: {BOUND}, 2: {BOUND, SHARED}, 3: set[int]()}
        self.now, self.boot, self.wall = 1000.0, 1, 1.7e9
        self.openings: dict[int, Opening] = {}
        self.served: dict[int, set[tuple[int, str]]] = {}  # by window id
        self.waiting: list[tuple[Taker, Decision]] = []
        self.regulars: list[Taker] = []  # who was served, the latest last

    def at(self) -> Instant:
        return Instant(self.now, f"boot-{self.boot}", self.wall)

    def look(self, taker: Taker) -> Decision:
        device = self.store.devices([taker.mac]).get(taker.mac)
        wildcards = self.store.wildcards()
        return decide(
            taker.mac, device, wildcards, taker.address, False, self.at(), POLICY
        )

    def finish(self, taker: Taker, decision: Decision) -> None:
        """Carry out *decision*, however old it is, and check what comes of it."""
        source = source_key(taker.address)
        for _ in range(3):
            if isinstance(decision, Consume):
                if self.store.consume(decision).result():
                    self.check_taken(taker, source, decision)
            elif isinstance(decision, Claim):
                if self.store.claim(decision).result():
                    self.check_taken(taker, source, decision)
            else:
                break
            decision = self.look(taker)
        entitled = [
            opening
            for account, opening in self.openings.items()
            if taker.mac in self.holders[account]
            and opening.serves(self.now, taker.mac, source)
        ]
        assert isinstance(decision, Serve) == bool(entitled)
        if isinstance(decision, Serve):
            self.regulars.append(taker)
            # Nothing is left open for a second taker of the same document.
            for account, opening in self.openings.items():
                if taker.mac in self.holders[account]:
                    assert not opening.is_free(self.now)
            assert decision.grant.until == max(opening.end for opening in entitled)
            for opening in entitled:
                window = self.store.windows[opening.account].id
                self.served.setdefault(window, set()).add((taker.mac, source))

    def check_taken(self, taker: Taker, source: str, write: Consume | Claim) -> None:
        if isinstance(write, Claim):
            taken = [self.openings[3]]
            self.holders[3] = {taker.mac}
        else:
            taken = [
                self.openings[window.account_id]
                for window in self.store.windows.values()
                if window.id in write.windows
            ]
        for opening in taken:
            assert opening.is_free(write.at)
            opening.take(write.at, taker.mac, source)

    @rule(account=accounts)
    def open(self, account: int) -> None:
        self.store.open(account, self.at(), WINDOW)
        self.openings[account] = Opening(account, self.now + WINDOW)

    @rule(account=accounts)
    def close(self, account: int) -> None:
        self.store.close(account)
        if account in self.openings:
            self.openings[account].over = True

    @rule(taker=takers)
    def fetch(self, taker: Taker) -> None:
        self.finish(taker, self.look(taker))

    @precondition(lambda self: self.regulars)
    @rule()
    def fetch_again(self) -> None:
        self.finish(self.regulars[-1], self.look(self.regulars[-1]))

    @rule(taker=takers)
    def look_and_dawdle(self, taker: Taker) -> None:
        self.waiting.append((taker, self.look(taker)))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def act_on_an_old_decision(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.waiting) - 1))
        taker, decision = self.waiting.pop(at)
        # A decision to serve is acted on at once; only writes can be late.
        if not isinstance(decision, Consume | Claim):
            decision = self.look(taker)
        self.finish(taker, decision)

    @rule(seconds=st.sampled_from((0.5, 60.0, 299.5, 300.0, 301.0, 600.0, 1e6)))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.sampled_from((-1e9, -3600.0, 660.0, 86_400.0, 1e9)))
    def jump_the_wall_clock(self, seconds: float) -> None:
        self.wall += seconds

    @rule(boottime=st.sampled_from((5.0, 1000.0, 1300.0, 5e6)))
    def reboot(self, boottime: float) -> None:
        self.boot += 1
        self.now = boottime
        self.waiting.clear()  # requests do not survive
        for opening in self.openings.values():
            opening.over = True

    @invariant()
    def no_window_has_two_takers(self) -> None:
        assert all(len(takers) == 1 for takers in self.served.values())


Pairing.TestCase.settings = settings(
    max_examples=400, stateful_step_count=50, deadline=None, derandomize=True
)


TestPairing = Pairing.TestCase
