"""The durable side of a survey: which URLs it asks for, and what it found is stored.

All MACs are walked over twice, some at a time: once for the URLs in use, and once, when
the lists have come, to compare.  Commands and phones come in between, so what is stored
is decided by what is bound at that moment.
"""

from typing import Final, NamedTuple

from bootwave.phone.models import model_of_mac
from bootwave.redirection.addresses import Addresses
from bootwave.redirection.survey import Place, Survey
from bootwave.redirection.vendors import vendors
from bootwave.store.administration import Administration
from bootwave.store.redirection import rows
from bootwave.store.redirection.rows import Account, Bound, Entry
from bootwave.store.redirection.urls import digest_of, url_for
from bootwave.store.work import Work

WALK = 500  # MACs in one transaction: some 20 ms at most, for phones write, too
STRAYS = 500
KINDS: Final = (*(place.value for place in Place), "refused", "removing", "strays")
_REFUSED = ("owned", "refused")  # of an entry's troubles


class Strays(NamedTuple):
    """How many come here that are bound nowhere, and are taken away for that."""

    found: int
    taken: int


class Comparison:
    """One survey of *account*: ``gather``, then the lists, then ``compare`` or not.

    Steps take the MAC to go on behind, at first 0, and return the next, None at the
    end.  They end at once when the account was changed meanwhile.
    """

    def __init__(
        self,
        administration: Administration,
        account: Account,
        began: float,
        *,
        for_sync: bool,
    ) -> None:
        """Begin at the wall-clock time *began*."""
        self._administration = administration
        self._account = account
        self._vendor = vendors()[account.vendor]
        self._addresses = Addresses()
        self._began = began
        self._for_sync = for_sync
        self._urls: dict[str, set[str]] = {}
        self._strays: list[tuple[int, str]] = []
        self._bound_nowhere = 0
        self.found: dict[str, list[int]] = {kind: [] for kind in KINDS}
        # What phones of a type would be told that is in use nowhere: it may be there
        # from before.
        for type_ in self._vendor.types:
            plain = url_for(account.url, "", type_, 0)
            self._urls.setdefault(type_, set()).add(plain)

    def gather(self, after: int) -> int | None:
        """Note the URLs of some phones."""
        with self._administration.redirection_look() as work:
            bound, _, further = rows.within(work.connection, after, WALK)
            for one in bound:
                url = self._addresses.url(work, self._account, one)
                if url is not None:
                    self._urls.setdefault(self._type_of(one), set()).add(url)
        return further

    def survey(self) -> Survey:
        """Return the survey that asks for what was gathered."""
        return Survey(self._vendor.types, self._urls, self._began)

    def save_lists(self, survey: Survey) -> None:
        """Store how far *survey* is."""
        with self._administration.redirection_change() as work:
            rows.save_lists(
                work.connection, self._account.id, survey.done, survey.lists
            )

    def compare(self, survey: Survey, after: int) -> int | None:
        """Store what *survey* found of some phones."""
        with self._administration.redirection_change() as work:
            if not self._is_current(work):
                return None
            now = work.at.wall
            bound, entries, further = rows.within(work.connection, after, WALK)
            types = {one.mac: self._type_of(one) for one in bound}
            changed = [
                new
                for old in entries
                if (new := survey.compared(old, types.get(old.mac, ""), now)) is not old
            ]
            rows.save(work.connection, changed)
        if further is None:
            self._strays = sorted(survey.strays().items())
        return further

    def sort_strays(self, at: int) -> int | None:
        """Have some of those taken away that come here and are bound nowhere.

        After ``compare``.  Without a sync they are counted only.
        """
        some = self._strays[at : at + STRAYS]
        macs = [mac for mac, _ in some]
        with self._administration.redirection_change() as work:
            if not self._is_current(work):
                return None
            # Bound since, or not walked over by the ledger yet.
            ours = {one.mac for one in rows.bound_of(work.connection, macs)}
            ours |= {entry.mac for entry in rows.entries_of(work.connection, macs)}
            strays = [(mac, digest) for mac, digest in some if mac not in ours]
            self._bound_nowhere += len(strays)
            if self._for_sync:
                now = work.at.wall
                rows.save(
                    work.connection,
                    (
                        Entry(mac, "", known=digest, told=digest, next_at=now)
                        for mac, digest in strays
                    ),
                )
        return at + STRAYS if at + STRAYS < len(self._strays) else None

    def finish(self, survey: Survey) -> Strays:
        """Store that it is through; return the strays found and those taken away."""
        strays = Strays(
            self._bound_nowhere, self._bound_nowhere if self._for_sync else 0
        )
        with self._administration.redirection_change() as work:
            if self._is_current(work):
                account_id = self._account.id
                rows.save_lists(work.connection, account_id, survey.done, survey.lists)
                left = strays.found - strays.taken
                rows.save_listed(work.connection, account_id, self._began, left)
        return strays

    def preview(self, survey: Survey, after: int) -> int | None:
        """Add to ``found`` what a sync would do with some phones; nothing is stored."""
        with self._administration.redirection_look() as work:
            bound, entries, further = rows.within(work.connection, after, WALK)
            refused = {entry.mac for entry in entries if entry.trouble in _REFUSED}
            wanted = set()
            for one in bound:
                url = self._addresses.url(work, self._account, one)
                wanted.add(one.mac)
                digest = digest_of(url or "")
                place = survey.place_of(one.mac, digest, self._type_of(one))
                is_refused = place is Place.NOWHERE and one.mac in refused
                self.found["refused" if is_refused else place].append(one.mac)
            for entry in entries:
                if entry.mac not in wanted:
                    survey.place_of(entry.mac, "", "")
                    self.found["removing"].append(entry.mac)
        if further is None:
            self.found["strays"] = sorted(survey.strays())
        return further

    def _is_current(self, work: Work) -> bool:
        now = rows.account(work.connection)
        return now is not None and now.version == self._account.version

    def _type_of(self, one: Bound) -> str:
        """Return the type by which the service lists a phone: it goes by the MAC."""
        return self._vendor.type_of(model_of_mac(one.mac) or one.model)
