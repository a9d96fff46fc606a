"""Devices, and what proves that a phone is one: credentials, tokens, certificates."""

from collections.abc import Collection

from bootwave.phone.mac import required_mac, text_from_mac
from bootwave.store.domains import devices
from bootwave.store.operations.transactions import Object, Transactions
from bootwave.store.proofs import certificateblocks, credentials, tokens
from bootwave.store.reports import devicereport, procedures
from bootwave.store.settings.phoneport import port_notes


class DeviceOperations(Transactions):
    """Devices, and what proves that a phone is one."""

    def device_domain(self, mac: int) -> str | None:
        """Return the domain of a device, None when it is in none.

        Not for administrators: it decides who may ask for the device.
        """
        with self._look() as work:
            return devices.domain_of(work, mac)

    def device_within(
        self, macs: Collection[int], domains: Collection[str]
    ) -> dict[int, float]:
        """Return which of *macs* are devices of *domains*, and since when.

        Not for administrators: it decides what they are told.
        """
        with self._look() as work:
            return devices.within(work, macs, domains)

    def device_show(self, mac: str) -> Object:
        """Return what is stored and was seen of a MAC, and a verdict over it."""
        with self._look() as work:
            return devicereport.shown(work, self._sightings, mac)

    def document_revealed(self, mac: str) -> Object:
        """Write down that whoever asks was shown the passwords of a phone."""
        with self._change() as work:
            name = text_from_mac(required_mac(mac))
            work.note("document.revealed", name)
            return {"mac": name}

    def device_check(self, mac: str) -> Object:
        """Return what is to be done to provision a phone, and how far each step is."""
        with self._look() as work:
            found = procedures.checked(work, self._sightings, mac)
            port = self._waves.phone_port
            notes = port_notes(work.connection, required_mac(mac), port)
            return {**found, "notes": notes}

    def device_reset(self, mac: str) -> Object:
        """Let a phone be told its passwords again, as if it had never had them.

        It needs a grant for them as ever: a window, certificate or credentials.
        """
        with self._change() as work:
            return devices.reset(work, mac)

    def token_make(self, domain: str, *, required: bool | None = None) -> Object:
        """Give a domain a new token for URLs of first contacts, and return it.

        The one before stays good until the new one was used.  *required* refuses the
        domain's phones that ask without a right token; None leaves that as it is.
        """
        with self._change() as work:
            return tokens.make(work, domain, required=required)

    def token_require(self, domain: str, *, required: bool) -> Object:
        """Say whether a domain's phones are refused without a right token."""
        with self._change() as work:
            return tokens.require(work, domain, required=required)

    def token_show(self, domain: str) -> Object:
        """Return the token of a domain; the audit log is told who asked."""
        with self._change() as work:
            return tokens.show(work, domain)

    def token_remove(self, domain: str) -> Object:
        """Take the token of a domain away, and those of its devices."""
        with self._change() as work:
            return tokens.remove(work, domain)

    def token_rotate(self, mac: str) -> Object:
        """Give a device a new token; the one before is good until it was used."""
        with self._change() as work:
            return tokens.rotate(work, mac)

    def device_credentials_rotate(self, mac: str) -> Object:
        """Give a device new credentials, which it gets with its next document.

        Those it has stay good until it used the new ones.
        """
        with self._change() as work:
            return credentials.rotate(work, mac)

    def device_credentials_revoke(self, mac: str) -> Object:
        """End the credentials of a device, new and old, at once."""
        with self._change() as work:
            return credentials.revoke(work, mac)

    def device_is_blocked(self, mac: int) -> bool:
        """Whether a device's certificate is blocked; not for administrators."""
        with self._look() as work:
            return certificateblocks.is_blocked(work, mac)

    def certificate_block(
        self, *, serial: str = "", key: str = "", reason: str = ""
    ) -> Object:
        """Block certificates by *serial*, in hex, or by the SHA-256 of their *key*.

        Whoever shows one is denied everything, and so is whoever shows one issued by a
        CA that is blocked.  It holds for every worker when this returns.
        """
        with self._change() as work:
            return certificateblocks.block(work, serial, key, reason)

    def certificate_unblock(self, *, serial: str = "", key: str = "") -> Object:
        """End a block; raises StoreNotFound when there is none."""
        with self._change() as work:
            return certificateblocks.unblock(work, serial, key)

    def certificate_list(self) -> list[Object]:
        """Return the blocks of certificates, the oldest first."""
        with self._look() as work:
            return certificateblocks.listed(work)
