"""A small PnP and HTTP server that shares no code with the engine or the simulator.

It answers each SUBSCRIBE with a 200 and a NOTIFY, repeats the NOTIFY until it is
confirmed, and serves documents from a function.  Datagrams can be lost on purpose.
"""

import asyncio
import random
import re
import socket
from collections.abc import Callable

Documents = Callable[[str], tuple[int, bytes]]

SETTINGS = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<settings><phone-settings e="2">'
    '<user_active idx="1" perm="R">on</user_active>'
    '<user_name idx="1" perm="R">401</user_name>'
    '<user_pass idx="1" perm="R">abc</user_pass>'
    '<user_host idx="1" perm="R">pbx.example.com</user_host>'
    '<firmware_status perm="R">{base}/snom370/snom370-firmware.htm?mac={mac}'
    "</firmware_status></phone-settings></settings>"
)


def field(data: bytes, name: str) -> str:
    found = re.search(rf"(?im)^{name}:[ \t]*([^\r\n]*)", data.decode())
    assert found, name
    return found[1]


def ok_to(data: bytes, source: tuple[str, int], local: tuple[str, int]) -> bytes:
    via = field(data, "Via")
    if ";rport" in via:
        via = via.replace(";rport", f";rport={source[1]}")
    via += f";received={source[0]}"
    return (
        "SIP/2.0 200 OK\r\n"
        f"Via: {via}\r\n"
        f"From: {field(data, 'From')}\r\n"
        f"To: {field(data, 'To')};tag=ours{field(data, 'Call-ID')[:6]}\r\n"
        f"Call-ID: {field(data, 'Call-ID')}\r\n"
        f"CSeq: {field(data, 'CSeq')}\r\n"
        f"Contact: <sip:{local[0]}:{local[1]}>\r\n"
        "Expires: 0\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def notify_for(data: bytes, local: tuple[str, int], url: str) -> bytes:
    contact = field(data, "Contact").strip("<>")
    return (
        f"NOTIFY {contact} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {local[0]}:{local[1]};branch=z9hG4bK"
        f"{field(data, 'Call-ID').split('@')[0]};rport\r\n"
        "Max-Forwards: 70\r\n"
        f"From: {field(data, 'To')};tag=ours{field(data, 'Call-ID')[:6]}\r\n"
        f"To: {field(data, 'From')}\r\n"
        f"Call-ID: {field(data, 'Call-ID')}\r\n"
        "CSeq: 1 NOTIFY\r\n"
        f"Contact: <sip:{local[0]}:{local[1]}>\r\n"
        f"Event: {field(data, 'Event')}\r\n"
        "Subscription-State: terminated;reason=timeout\r\n"
        "Content-Type: application/url\r\n"
        f"Content-Length: {len(url)}\r\n\r\n{url}"
    ).encode()


class FakeServer(asyncio.DatagramProtocol):
    """``async with FakeServer(...) as server:`` on ports the kernel chose.

    *loss* is the share of datagrams lost in each direction; *group* joins that
    multicast group on loopback; *answers* false leaves every SUBSCRIBE alone; *path*
    is what follows the address in the URL of the NOTIFY.
    """

    def __init__(
        self,
        documents: Documents | None = None,
        *,
        path: str = "/{mac}.xml",
        loss: float = 0.0,
        group: str = "",
        answers: bool = True,
    ) -> None:
        self.documents = documents or self.settings
        self.path = path
        self.loss = loss
        self.group = group
        self.answers = answers
        self.chance = random.Random(7)
        self.subscribes = 0
        self.confirmed: set[str] = set()
        self.paths: list[str] = []
        self.requests: list[bytes] = []
        self.repeats: dict[str, asyncio.TimerHandle] = {}

    def settings(self, path: str) -> tuple[int, bytes]:
        if "firmware" in path:
            return 200, b""
        return 200, SETTINGS.replace("{base}", self.base).encode()

    async def __aenter__(self) -> "FakeServer":
        self.loop = asyncio.get_running_loop()
        self.http = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=4096)
        host, port = self.http.sockets[0].getsockname()
        self.base = f"http://{host}:{port}"
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind(("", 0) if self.group else ("127.0.0.1", 0))
        if self.group:
            member = socket.inet_aton(self.group) + socket.inet_aton("127.0.0.1")
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self.local = ("127.0.0.1", sock.getsockname()[1])
        self.udp, _ = await self.loop.create_datagram_endpoint(lambda: self, sock=sock)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.udp.close()
        self.http.close()
        for repeat in self.repeats.values():
            repeat.cancel()
        await self.http.wait_closed()

    def lost(self) -> bool:
        return self.chance.random() < self.loss

    def send(self, data: bytes, source: tuple[str, int]) -> None:
        if not self.lost() and not self.udp.is_closing():
            self.udp.sendto(data, source)

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        if self.lost():
            return
        if data.startswith(b"SUBSCRIBE "):
            self.subscribes += 1
            if not self.answers:
                return
            self.send(ok_to(data, source, self.local), source)
            call_id = field(data, "Call-ID")
            if call_id not in self.repeats:
                notify = notify_for(data, self.local, self.base + self.path)
                self.notify(call_id, notify, source, 0.05)
        elif data.startswith(b"SIP/2.0 200 "):
            call_id = field(data, "Call-ID")
            self.confirmed.add(call_id)
            self.repeats[call_id].cancel()

    def notify(
        self, call_id: str, data: bytes, source: tuple[str, int], again: float
    ) -> None:
        self.send(data, source)
        self.repeats[call_id] = self.loop.call_later(
            again, self.notify, call_id, data, source, again * 2
        )

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                path = head.split(b" ")[1].decode()
                self.paths.append(path)
                status, content = self.documents(path)
                closes = b"keep-alive" not in head
                writer.write(
                    (
                        f"HTTP/1.1 {status} Any\r\n"
                        f"Connection: {'close' if closes else 'keep-alive'}\r\n"
                        + ("WWW-Authenticate: Digest x\r\n" if status == 401 else "")
                        + f"Content-Length: {len(content)}\r\n\r\n"
                    ).encode()
                    + content
                )
                await writer.drain()
                if closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()
