"""Until when a phone's document holds the SIP passwords of its accounts.

They are told for ``Policy.passwords_seconds`` after the phone was provisioned first;
then they are left out, and the phone keeps what it has.  Opening an account, another
password, another binding and a reset make it anew: ``Device.provisioned_at`` is then
that of the next time, or None.
"""

import math

from bootwave.directory.records import Device
from bootwave.pairing.decisions import Policy
from bootwave.pairing.instant import Instant


def passwords_end(device: Device, at: Instant, policy: Policy) -> float:
    """Return the boottime from which on passwords are left out; infinite for never.

    A phone that was not provisioned yet is at *at*.  ``provisioned_at`` is of the wall
    clock, for it must outlive a reboot; set back, that adds at most the whole time.
    Where it was set back by more the time is over: the phone has its passwords, and
    would be told them until the clock is there again.
    """
    seconds = policy.passwords_seconds
    if not seconds:
        return math.inf
    since = at.wall if device.provisioned_at is None else device.provisioned_at
    ahead = since - at.wall
    if ahead > seconds:
        return at.boottime
    return at.boottime + min(ahead + seconds, seconds)
