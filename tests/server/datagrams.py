"""Datagrams, waited for in the loop that serves."""

import asyncio
import socket


async def received(sock: socket.socket) -> tuple[bytes, tuple[str, int]]:
    """Return the next datagram that comes to *sock*, and from where."""
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sock, ready.set)
    try:
        async with asyncio.timeout(10):
            await ready.wait()
    finally:
        loop.remove_reader(sock)
    return sock.recvfrom(2000)
