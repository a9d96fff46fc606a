"""The slow twin of native.pnp.Transactions: a delay queue for each thing that waits."""

from collections import OrderedDict
from dataclasses import dataclass

from tests.oracle.delays import DelayQueue
from tests.oracle.sources import UnprovenSources


@dataclass
class Notify:
    data: bytes
    destination: tuple[str, int]
    local: tuple[str, int]
    call_id: bytes
    mac: int
    detail: str
    most_sends: int
    sends: int = 1
    timer_e: int = 0

    def given_up(self) -> tuple[str, int, str]:
        return self.destination[0], self.mac, self.detail


class Transactions:
    def __init__(
        self,
        *,
        lookups: int,
        answered: int,
        notifies: int,
        proven: int,
        sources: int,
        notify_bytes: int,
        burst: float,
        per_second: float,
        delays: tuple[float, ...],
    ) -> None:
        self._sources = UnprovenSources(sources, burst, per_second)
        self._most_notify_bytes = notify_bytes
        lookup, timer_j, timer_f, timer_k, *timers_e = delays
        self._waiting: DelayQueue[bytes, object] = DelayQueue(lookup, lookups)
        self._answered: DelayQueue[bytes, float] = DelayQueue(timer_j, answered)
        self._notifies: DelayQueue[bytes, Notify] = DelayQueue(timer_f, notifies)
        self._completed: DelayQueue[bytes, None] = DelayQueue(timer_k, notifies)
        self._resends: list[DelayQueue[bytes, Notify]] = [
            DelayQueue(seconds, notifies) for seconds in timers_e
        ]
        self._proven: OrderedDict[str, None] = OrderedDict()
        self._most_proven = proven

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def answered(self) -> int:
        return len(self._answered)

    @property
    def pending(self) -> int:
        return len(self._notifies)

    @property
    def pending_bytes(self) -> int:
        return sum(len(notify.data) for notify in self._notifies.values())

    def lets_pass(self, host: str, now: float) -> bool:
        return host in self._proven or self._sources.lets_pass(host, now)

    def refused(self, host: str, now: float, tell_seconds: float) -> int:
        try:
            return self._sources.refused(host, now, tell_seconds)
        except KeyError:
            raise ValueError from None

    def wait(self, key: bytes, value: object, now: float) -> bool:
        if self._waiting.is_full:
            return False
        if key in self._waiting:
            raise ValueError
        self._waiting.put(key, value, now)
        return True

    def waiting_for(self, key: bytes) -> object:
        return self._waiting.get(key)

    def settle(self, key: bytes) -> None:
        self._waiting.pop(key)

    def is_answered(self, key: bytes) -> bool:
        return key in self._answered

    def answered_after(self, key: bytes, instant: float) -> bool:
        answered = self._answered.get(key)
        return answered is not None and answered > instant

    def accept(self, key: bytes, now: float) -> None:
        if key in self._answered:
            raise ValueError
        self._answered.put(key, now, now)

    def expect(
        self,
        branch: bytes,
        data: bytes,
        destination: tuple[str, int],
        local: tuple[str, int],
        call_id: bytes,
        mac: int,
        detail: str,
        most_sends: int,
        now: float,
    ) -> list[tuple[str, int, str]]:
        self._drop(branch)
        notify = Notify(data, destination, local, call_id, mac, detail, most_sends)
        pushed = self._notifies.put(branch, notify, now)
        self._start_timer_e(branch, notify, now)
        ended = [] if pushed is None else [pushed]
        while self.pending_bytes > self._most_notify_bytes:
            ended.append(self._notifies.take_oldest())
        for gone, one in ended:
            self._resends[one.timer_e].pop(gone)
        return [one.given_up() for _, one in ended]

    def told(self, branch: bytes) -> tuple[str, bytes, int, str] | None:
        notify = self._notifies.get(branch)
        if notify is None:
            return None
        return notify.destination[0], notify.call_id, notify.mac, notify.detail

    def complete(self, branch: bytes, host: str, now: float) -> None:
        if self._notifies.get(branch) is None:
            raise ValueError
        self._drop(branch)
        self._completed.put(branch, None, now)
        self._proven[host] = None
        self._proven.move_to_end(host)
        self._sources.forget(host)
        if len(self._proven) > self._most_proven:
            self._proven.popitem(last=False)

    def is_completed(self, branch: bytes) -> bool:
        return branch in self._completed

    def next_due(self) -> float | None:
        dues = [
            *(resends.next_due() for resends in self._resends),
            self._waiting.next_due(),
            self._answered.next_due(),
            self._notifies.next_due(),
            self._completed.next_due(),
        ]
        return min((due for due in dues if due is not None), default=None)

    def forget(self, now: float, most: int) -> None:
        self._answered.drop_due(now, most)
        self._completed.drop_due(now, most)

    def overdue(self, now: float, most: int) -> list[object]:
        return [value for _, value in self._waiting.take_due(now, most)]

    def expire(self, now: float, most: int) -> list[tuple[str, int, str]]:
        found = []
        for branch, notify in self._notifies.take_due(now, most):
            self._resends[notify.timer_e].pop(branch)
            found.append(notify.given_up())
        return found

    def resend(self, now: float, most: int) -> list[tuple[bytes, str, int, str, int]]:
        found = []
        for resends in self._resends:
            for branch, notify in resends.take_due(now, most - len(found)):
                found.append((notify.data, *notify.destination, *notify.local))
                notify.sends += 1
                self._start_timer_e(branch, notify, now)
        return found

    def _drop(self, branch: bytes) -> None:
        notify = self._notifies.pop(branch)
        if notify is not None:
            self._resends[notify.timer_e].pop(branch)

    def _start_timer_e(self, branch: bytes, notify: Notify, now: float) -> None:
        notify.timer_e = min(notify.sends, len(self._resends)) - 1
        if notify.destination[0] in self._proven or notify.sends < notify.most_sends:
            self._resends[notify.timer_e].put(branch, notify, now)
