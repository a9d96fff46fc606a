"""Phones that stay after their boot: told by check-sync, they fetch again.

Told to load a firmware, they restart with it, which is to fetch again as phones of that
version.  Each has an address of this machine for itself, and all of them listen on one
port by one socket: the kernel says for which address a datagram came.  Those that are
told within a moment fetch together, each from its own address, as one fleet.
"""

import asyncio
import errno
import socket
import struct
import time
from collections.abc import Collection, Mapping
from dataclasses import replace

from bootwave.errors import ServerFault
from bootwave.wave.checksync import check_sync_from
from bootwave.wave.credentials import Credentials
from bootwave.wave.fleet import Fleet, Wave
from bootwave.wave.identity import version_of_image
from bootwave.wave.phone import Offer, Outcome
from bootwave.wave.report import Report

_IP_PKTINFO = 8  # Linux's number; Python's module has none for it
_PKTINFO = struct.Struct("@i4s4s")  # interface, its address, where it was sent to
_DATAGRAM_BYTES = 4096
_PER_TURN = 128
_RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024
_GATHER_SECONDS = 0.1
_MOST_FAULTS = 20
_AGAIN_SECONDS = 2.0  # until a phone asks again for an image that has to wait
# Some load several versions one after the other, and some wait for minutes.
_MOST_RESTARTS = 100


class StayingFleet:
    """The phones of *wave*, listening on *port* between ``start`` and ``stop``.

    ``silent`` are the MACs of phones that hear nothing, and ``deaf`` of those that
    confirm and fetch nothing; both may be changed at any time.  ``notified`` has the
    moment (monotonic) and the MAC of each NOTIFY that was not a repetition,
    ``fetched`` how often each phone has fetched since it booted, ``versions`` the
    firmware of those that have loaded another since, and ``faults`` what was wrong with
    what was sent and served.
    """

    def __init__(
        self,
        wave: Wave,
        port: int,
        *,
        silent: Collection[int] = (),
        deaf: Collection[int] = (),
    ) -> None:
        """Prepare phones; raises ValueError unless each has a source of its own."""
        if not wave.url or wave.macs or len(set(wave.sources)) != wave.count:
            raise ValueError("phones that stay need a URL, and an address each")
        self._wave = wave
        self._port = port
        self._mac_at = {
            address: wave.mac + number for number, address in enumerate(wave.sources)
        }
        self._address_of = {mac: address for address, mac in self._mac_at.items()}
        self.silent = silent
        self.deaf = deaf
        self.notified: list[tuple[float, int]] = []
        self.fetched: dict[int, int] = {}
        self.versions: dict[int, str] = {}
        self.faults: list[str] = []
        self._credentials: dict[int, Credentials] = {}
        self._answered: dict[tuple[int, str], bytes] = {}
        self._due: dict[int, None] = {}
        self._restarts: dict[int, int] = {}  # since it was told, or booted
        self._socket: socket.socket | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def start(self) -> Report:
        """Boot the phones, let them listen, and return how they booted.

        Raises OSError when somebody else has the port; then nothing booted.
        """
        self._socket = _listening(self._port)
        fleet = Fleet(self._wave)
        try:
            report = await fleet.run()
        except BaseException:
            await self.stop()
            raise
        self._credentials = fleet.credentials
        self._load(fleet.offers)
        asyncio.get_running_loop().add_reader(self._socket, self._readable)
        self._fetching = asyncio.create_task(self._fetch())
        return report

    async def stop(self) -> None:
        """Listen no longer."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
            self._fetching = None

    def _readable(self) -> None:
        assert self._socket is not None
        for _ in range(_PER_TURN):
            try:
                data, ancillary, _flags, source = self._socket.recvmsg(
                    _DATAGRAM_BYTES, socket.CMSG_SPACE(_PKTINFO.size)
                )
            except BlockingIOError:
                return
            for _level, _kind, content in ancillary:
                _interface, _ours, address = _PKTINFO.unpack(content)
                self._hear(data, source, socket.inet_ntoa(address))

    def _hear(self, data: bytes, source: tuple[str, int], address: str) -> None:
        mac = self._mac_at.get(address)
        if mac is None or mac in self.silent:
            return
        try:
            asked = check_sync_from(data, source, (address, self._port))
        except ServerFault as fault:
            self._fault(f"a datagram to {address}: {fault}")
            return
        call = (mac, asked.call_id)
        if call not in self._answered:
            self._answered[call] = asked.answer
            self.notified.append((time.monotonic(), mac))
            self._restarts.pop(mac, None)
            if mac not in self.deaf:
                self._due[mac] = None
        # As the phone at that address: the kernel would answer as 127.0.0.1.
        packed = _PKTINFO.pack(0, socket.inet_aton(address), b"\0\0\0\0")
        assert self._socket is not None
        try:
            self._socket.sendmsg(
                [asked.answer], [(socket.IPPROTO_IP, _IP_PKTINFO, packed)], 0, source
            )
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
                raise
            # As if lost: the NOTIFY is repeated.

    async def _fetch(self) -> None:
        while True:
            await asyncio.sleep(_GATHER_SECONDS)
            macs = tuple(self._due)
            if not macs:
                continue
            self._due.clear()
            wave = replace(
                self._wave,
                macs=macs,
                count=len(macs),
                rate=0.0,
                sources=tuple(self._address_of[mac] for mac in macs),
                credentials=self._credentials,
                versions=self.versions,
            )
            fleet = Fleet(wave)
            report = await fleet.run()
            self._credentials.update(fleet.credentials)
            for reason in report.reasons:
                if reason.outcome is not Outcome.BOOTED:
                    self._fault(f"{reason.example}: {reason.text}")
            for mac in macs:
                self.fetched[mac] = self.fetched.get(mac, 0) + 1
            self._load(fleet.offers)

    def _load(self, offers: Mapping[int, Offer]) -> None:
        """Have phones restart with what they loaded, or ask again for an image.

        An image whose name tells no version changes nothing.
        """
        for mac, offer in offers.items():
            version = version_of_image(offer.url)
            if offer.loaded:
                if version in ("", self.versions.get(mac, self._wave.firmware)):
                    continue
                self.versions[mac] = version
            restarts = self._restarts[mac] = self._restarts.get(mac, 0) + 1
            if restarts > _MOST_RESTARTS:
                self._fault(f"{mac:012X} is told to load {offer.url} again and again")
            elif offer.loaded:
                self._due[mac] = None
            else:
                loop = asyncio.get_running_loop()
                loop.call_later(_AGAIN_SECONDS, self._due.setdefault, mac, None)

    def _fault(self, text: str) -> None:
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(text)


def _listening(port: int) -> socket.socket:
    end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        end.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        end.bind(("0.0.0.0", port))
    except BaseException:
        end.close()
        raise
    return end
