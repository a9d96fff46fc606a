"""All that the service holds of this account, asked for list by list, and compared.

It lists phones by type.  Asked with a URL it says which of a type point there; asked
without, which are of this account at all.  So each type is one call, and each pair of a
type and a URL in use is one.  Nothing is concluded from a list alone: what differs is
looked at or registered again, by an order of its own.  A list that cannot be had, from
a service that answers otherwise, is passed over: one type must not end the others.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from enum import StrEnum

from bootwave.redirection.plan import is_settled
from bootwave.store.redirection.rows import Entry
from bootwave.store.redirection.urls import digest_of

LIST_PATIENCE = 3  # times that a list may fail


class Place(StrEnum):
    """How a phone was found in the lists."""

    RIGHT = "right"
    ELSEWHERE = "elsewhere"
    NOWHERE = "nowhere"
    UNSEEN = "unseen"
    """Phones of its type cannot be listed."""


class Survey:
    """One look at everything, from ``next_list`` to ``compared``."""

    def __init__(
        self,
        types: Iterable[str],
        urls: Mapping[str, Iterable[str]],
        began: float,
    ) -> None:
        """Ask for all of *types*, and of a type for those of its *urls*.

        *began* is wall-clock time: what was done since then is not judged.
        """
        self.began = began
        self._lists = deque(
            (type_, url)
            for type_ in types
            for url in ("", *sorted(set(urls.get(type_, ()))))
        )
        self.lists = len(self._lists)
        self._of_account: set[int] = set()
        self._at: dict[str, set[int]] = {}
        self._unlisted = {""}
        self._entries: set[int] = set()
        self._failures = 0  # of the list that is asked for now
        self.doubt = ""
        """Why the list that is asked for now did not come the last time.

        It may be the list or the service, until ``fail`` says that it was the list.
        """
        self.differing = 0

    @property
    def done(self) -> int:
        """How many lists have come."""
        return self.lists - len(self._lists)

    def next_list(self) -> tuple[str, str] | None:
        """Return the type and the URL ("" for any) to ask for now, None at the end."""
        return self._lists[0] if self._lists else None

    def receive(self, macs: Iterable[int]) -> None:
        """Take the list that was asked for."""
        _type, url = self._lists.popleft()
        self._failures, self.doubt = 0, ""
        if url:
            self._at.setdefault(digest_of(url), set()).update(macs)
        else:
            self._of_account.update(macs)

    def pass_over(self) -> None:
        """Go on without the list that was asked for, and without others of its type."""
        refused, _url = self._lists.popleft()
        self._failures, self.doubt = 0, ""
        self._unlisted.add(refused)
        while self._lists and self._lists[0][0] == refused:
            self._lists.popleft()

    def fail(self) -> bool:
        """Note that the list asked for did not come; whether it is passed over now."""
        self._failures += 1
        self.doubt = ""
        if self._failures < LIST_PATIENCE:
            return False
        self.pass_over()
        return True

    def place_of(self, mac: int, digest: str, type_: str) -> Place:
        """Return how a phone of *type_* that shall point to *digest* was found."""
        self._entries.add(mac)
        if mac in self._at.get(digest, ()):
            return Place.RIGHT
        if type_ in self._unlisted:
            return Place.UNSEEN
        return Place.ELSEWHERE if mac in self._of_account else Place.NOWHERE

    def compared(self, entry: Entry, type_: str, now: float) -> Entry:
        """Return what *entry* becomes by what was seen; *type_* is "" if not listed.

        The same entry where nothing differs from what is known.
        """
        place = self.place_of(entry.mac, entry.target, type_)
        if not entry.target or self.began <= (entry.tried_at or 0.0) <= now:
            return entry
        if place is Place.RIGHT:
            return entry._replace(
                known=entry.target,
                told=entry.target,
                trouble="",
                words="",
                attempts=0,
                next_at=None,
                confirmed_at=now,
            )
        if not is_settled(entry) or entry.next_at is not None:
            return entry  # something is done about it already
        if place is not Place.UNSEEN:
            self.differing += 1
        # Who is in no list is registered again, others are looked at.
        known = "" if place is Place.NOWHERE else entry.known
        return entry._replace(known=known, attempts=0, next_at=now)

    def strays(self) -> dict[int, str]:
        """Return who points here and is not wanted, with the digest of its URL.

        Once every entry was compared.
        """
        return {
            mac: digest
            for digest, macs in self._at.items()
            for mac in macs
            if mac not in self._entries
        }
