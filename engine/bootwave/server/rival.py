"""Finding another plug-and-play server on the LAN.

Two servers answer every phone both, and nobody knows which answer wins.  So the engine
asks once, at its start, as a phone that nobody has would: whoever answers is a rival.
Our own engine never hears the question, since it is not looped back to this machine.
"""

from collections.abc import Callable

from bootwave.server.interfaces import list_interfaces
from bootwave.server.pnpsockets import PnpSockets
from bootwave.server.probe import PROBE_SECONDS, Probe

_MAX_RIVALS = 8  # more are forged
_MAX_URL_CHARACTERS = 100


async def warn_of_rivals(
    sockets: PnpSockets,
    warn: Callable[[str], None],
    *,
    seconds: float = PROBE_SECONDS,
) -> None:
    """Ask on every joined interface; *warn* of each other server after *seconds*.

    Raises OSError when the interfaces cannot be listed.
    """
    # Loopback would loop it back all the same, and has no other machines.
    asked = [
        each
        for each in list_interfaces()
        if each.index in sockets.memberships.joined
        and each.ipv4
        and not each.is_loopback
    ]
    probe = Probe((sockets.group_address, sockets.group_port), asked)
    rivals = {answer.host: answer for answer in reversed(await probe.run(seconds))}
    for address, rival in [*rivals.items()][:_MAX_RIVALS]:
        url = rival.url[:_MAX_URL_CHARACTERS]
        told = f" and sends them to {url}" if url else ""
        warn(
            f"Another plug-and-play server, {address} on {rival.interface}, answers "
            f"the same phones{told}: switch one of the two off."
        )
