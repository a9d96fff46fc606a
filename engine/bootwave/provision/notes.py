"""What is written down of a phone that was served, and nobody waits for.

A phone is served whether or not it can be written; what the audit log was not told is
counted.
"""

from collections import OrderedDict
from concurrent.futures import Future

from bootwave.directory.records import Device
from bootwave.http.target import DocumentKind
from bootwave.metrics import Counter, CounterRow
from bootwave.pairing.decisions import Grant
from bootwave.pairing.tokens import TokenUse
from bootwave.provision.asked import Asked
from bootwave.provision.ports import PhoneWrites
from bootwave.provision.revocations import RevocationPage
from bootwave.provision.tokens import Checked
from bootwave.store.changelog import Change
from bootwave.store.serving.phonewrites import Taken

# Phones of which it is remembered that the audit log knows what they took.
TAKEN_REMEMBERED = 16_384


class _Noted:
    """What was noted of one phone, and whether it is known that it was not written."""

    __slots__ = ("failed", "what")

    def __init__(self, what: tuple[object, ...]) -> None:
        self.what = what
        self.failed = False


class Notes:
    """Writes them; for one thread."""

    def __init__(
        self, writes: PhoneWrites, revocations: RevocationPage, counters: CounterRow
    ) -> None:
        """Write with *writes*."""
        self._writes = writes
        self._revocations = revocations
        self._counters = counters
        self._using: set[int] = set()  # phones whose first use is being written
        self._taken: OrderedDict[int, _Noted] = OrderedDict()

    def certificate(self, mac: int) -> None:
        """Note that the device *mac* owns a certificate.

        Then nothing that is kept of it is good for clear HTTP any more.
        """

        def owns(written: "Future[bool]") -> None:
            # In the writer's thread, for whom the page is as good as for any.
            if not written.cancelled() and not written.exception() and written.result():
                self._revocations.revoke([Change("device", mac)])

        self._writes.own_certificate(mac).add_done_callback(owns)

    def credentials(self, mac: int, user: str) -> None:
        """Note that the device's new credentials, those of *user*, were used."""
        if mac in self._using:
            return
        self._using.add(mac)
        writing = self._writes.use(mac, user)
        # In the writer's thread, where a set may be told to forget.
        writing.add_done_callback(lambda _future: self._using.discard(mac))

    def token(self, device: Device, checked: Checked) -> None:
        """Note by which token the phone came, if that is news."""
        token, domain = device.token, checked.domain
        if checked.use is TokenUse.STEADY and token is not None and not token.used:
            self._writes.device_token_used(device.mac, token.sealed)
        if checked.use is TokenUse.FIRST_CONTACT and domain and not domain.used:
            assert device.domain is not None
            self._writes.domain_token_used(device.domain.id, domain.sealed)

    def taken(
        self, asked: Asked, device: Device, grant: Grant, stamp: int, *, told: bool
    ) -> None:
        """Tell the audit log what was taken, once for each grant.

        *told* is whether it held passwords.  Of what is taken by the use of a window
        that tells.  What could not be written is told when the phone's settings are
        made again, at the latest when its passwords end: since when it has them stands
        there, too.
        """
        if asked.key.kind is not DocumentKind.SETTINGS:
            return
        # A phone whose time with one account is over may have claimed another since,
        # which revokes nothing.
        ids = tuple([binding.account.id for binding in device.bindings])
        serial, key = 0, b""
        if grant.kind == "certificate":
            serial, key = asked.identity.serial, asked.identity.key
        what = grant.kind, stamp, told, ids, serial, key
        before = self._taken.get(device.mac)
        if before is not None and before.what == what and not before.failed:
            return
        noted = self._taken[device.mac] = _Noted(what)
        self._taken.move_to_end(device.mac)
        if len(self._taken) > TAKEN_REMEMBERED:
            self._taken.popitem(last=False)
        assert device.domain is not None
        accounts = [
            f"{binding.account.number}@{device.domain.name}"
            for binding in device.bindings
            if told
        ]
        taken = Taken(asked.mac, grant.kind, asked.source, tuple(accounts), serial, key)

        def is_known(written: "Future[None]") -> None:
            # In the writer's thread.
            if written.cancelled() or written.exception() is not None:
                noted.failed = True
                self._counters.add(Counter.AUDIT_LOST)

        self._writes.taken(taken).add_done_callback(is_known)

    def is_new_certificate(self, asked: Asked) -> bool:
        """Whether the phone's settings were last noted as taken on another proof.

        Other than the certificate that *asked* shows.  Of a phone of which nothing is
        remembered, it is not.
        """
        before = self._taken.get(asked.mac)
        if before is None or asked.key.kind is not DocumentKind.SETTINGS:
            return False
        kind, *_, serial, key = before.what
        shown = "certificate", asked.identity.serial, asked.identity.key
        return (kind, serial, key) != shown
