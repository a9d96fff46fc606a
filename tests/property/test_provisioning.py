"""Two workers with caches answer exactly as one that never remembers anything would.

The machine drives two provisioners over one store and one revocation page.  The model
knows only openings and who took them; every answer must be the one it foretells.
"""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from bootwave.provision.revocations import RevocationPage
from bootwave.store.changelog import Change
from tests.provision.bench import Bench, Clock
from tests.provision.memory import MemoryStore

WINDOW, PAIRING = 600.0, 300.0
BOUND, SHARED = 0x000413000001, 0x000413000002
MACS = (BOUND, SHARED, 0x000413000003, 0x000413000004)  # two of them strangers
SOURCES = ("192.168.4.4", "192.168.4.5")
ACCOUNTS = (1, 2, 3)  # 1 and 2 are on BOUND, 2 on SHARED too, 3 is a wildcard


@dataclass
class Opening:
    deadline: float
    taker: tuple[int, str] | None = None
    end: float = 0.0


takers = st.tuples(st.sampled_from(MACS), st.sampled_from(SOURCES))
accounts = st.sampled_from(ACCOUNTS)
workers = st.sampled_from((0, 1))
again = st.booleans()
paths = st.sampled_from(("/{:012X}.xml", "/snom370-{:012X}.htm"))


class Provisioning(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        store, page, self.clock = MemoryStore(), RevocationPage(), Clock()
        for id in ACCOUNTS:
            store.add_account(id, wildcard="*" if id == 3 else "")
        for account, mac in ((1, BOUND), (2, BOUND), (2, SHARED)):
            store.bind(account, mac)
        self.store = store
        self.holders = {1: {BOUND}, 2: {BOUND, SHARED}, 3: set[int]()}
        self.workers = [
            Bench(store=store, revocations=page, clock=self.clock) for _ in range(2)
        ]
        self.openings: dict[int, Opening] = {}
        self.last = (BOUND, SOURCES[0])

    def foretell(self, taker: tuple[int, str]) -> bool:
        """Take what *taker* can take; whether it gets its document then."""
        now = self.clock.boottime
        mac = taker[0]
        held = [account for account in ACCOUNTS if mac in self.holders[account]]
        if not held and not self.holders[3] and self.is_free(3):
            self.holders[3] = {mac}
            held = [3]
        for account in held:
            if self.is_free(account):
                opening = self.openings[account]
                opening.taker = taker
                opening.end = max(opening.deadline, now + PAIRING)
        mine = [self.openings[account] for account in held if account in self.openings]
        return any(row.taker == taker and now < row.end for row in mine)

    def is_free(self, account: int) -> bool:
        opening = self.openings.get(account)
        return (
            opening is not None
            and opening.taker is None
            and self.clock.boottime < opening.deadline
        )

    def ask(self, worker: int, path: str, taker: tuple[int, str]) -> None:
        mac, source = taker
        answer = self.workers[worker].get(path.format(mac), source=source)
        assert answer.status == (200 if self.foretell(taker) else 401)
        if answer.status == 200:
            assert f"{mac:012X}".encode() in answer.body
            self.last = taker

    @initialize(opened=st.sets(accounts))
    def begin(self, opened: set[int]) -> None:
        for account in sorted(opened):
            self.open(account, False)

    @rule(worker=workers, path=paths, taker=takers, times=st.integers(1, 2))
    def fetch(self, worker: int, path: str, taker: tuple[int, str], times: int) -> None:
        for _ in range(times):  # the second time from the cache, if at all
            self.ask(worker, path, taker)

    def afterwards(self, again: bool) -> None:
        """Let the latest phone come back: what it left in caches is most at risk."""
        if again:
            for worker in (0, 1):
                self.ask(worker, "/{:012X}.xml", self.last)

    @rule(account=accounts, again=again)
    def open(self, account: int, again: bool) -> None:
        self.workers[0].open(account, WINDOW)
        self.openings[account] = Opening(self.clock.boottime + WINDOW)
        self.afterwards(again)

    @precondition(lambda self: self.openings)
    @rule(account=accounts, again=again)
    def close(self, account: int, again: bool) -> None:
        self.workers[0].close(account)
        self.openings.pop(account, None)
        self.afterwards(again)

    @rule(account=accounts, again=again)
    def close_without_the_engine(self, account: int, again: bool) -> None:
        self.store.close(account)
        self.openings.pop(account, None)
        changes = [Change("account", account)]
        changes += [Change("device", mac) for mac in self.holders[account]]
        for worker in self.workers:
            worker.provisioner.apply(changes)
        self.afterwards(again)

    @rule(kind=st.sampled_from(("domain", "model", "all")), told=st.booleans())
    def change_what_all_share(self, kind: str, told: bool) -> None:
        for worker in self.workers:
            if told:
                worker.provisioner.apply([Change(kind, 1)])
        if not told:
            self.workers[0].revocations.revoke([Change(kind, 1)])

    @rule(seconds=st.sampled_from((0.5, 60.0, 299.5, 300.0, 600.0)), again=again)
    def wait(self, seconds: float, again: bool) -> None:
        self.clock.boottime += seconds
        self.afterwards(again)

    @rule(seconds=st.sampled_from((-1e9, -3600.0, 660.0, 1e9)))
    def jump_the_wall_clock(self, seconds: float) -> None:
        self.clock.wall += seconds

    @rule(boottime=st.sampled_from((5.0, 1000.0, 1300.0, 5e6)), again=again)
    def reboot(self, boottime: float, again: bool) -> None:
        self.clock.boot_id += "'"
        self.clock.boottime = boottime
        self.openings.clear()
        self.afterwards(again)


Provisioning.TestCase.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, derandomize=True
)
TestProvisioning = Provisioning.TestCase
