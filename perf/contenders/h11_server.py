"""What h11 alone costs: a bare uvloop protocol that gives one document.

python h11_server.py PORT FILE
"""

import asyncio
import socket
import sys
from pathlib import Path
from typing import cast

import h11
import uvloop


class Bare(asyncio.Protocol):
    """One connection."""

    document = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        self._transport = cast("asyncio.Transport", transport)
        self._http = h11.Connection(h11.SERVER)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        http = self._http
        http.receive_data(data)
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                return
            if isinstance(event, h11.EndOfMessage):
                self._transport.write(self._answer())
                if http.our_state is h11.MUST_CLOSE:
                    self._transport.close()
                    return
                http.start_next_cycle()
            elif isinstance(event, h11.ConnectionClosed):
                self._transport.close()
                return

    def _answer(self) -> bytes:
        head = h11.Response(
            status_code=200,
            headers=[
                ("Content-Type", "application/xml"),
                ("Content-Length", str(len(self.document))),
            ],
        )
        parts = [
            self._http.send(head),
            self._http.send(h11.Data(data=self.document)),
            self._http.send(h11.EndOfMessage()),
        ]
        return b"".join(part for part in parts if part)


async def main(port: int) -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    server = await asyncio.get_running_loop().create_server(
        Bare, sock=listener, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    Bare.document = Path(sys.argv[2]).read_bytes()
    asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main(int(sys.argv[1])))
