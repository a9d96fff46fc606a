"""What phones run, as they said when they were given their settings."""

from functools import lru_cache

from bootwave.firmware.decision import Running
from bootwave.phone.firmware import FirmwareVersion
from bootwave.phone.useragent import phone_from_user_agent
from bootwave.sightings import Sighting


def running_from(sighting: Sighting) -> Running:
    """Return model and version that a phone had at a *sighting*.

    The model is "" and the version None where it did not say.
    """
    return _running(sighting.detail.partition(";")[0])


# A fleet says few different things; the bound is for peers that invent them.
@lru_cache(512)
def _running(text: str) -> Running:
    agent = phone_from_user_agent(text)
    return Running(agent.model, FirmwareVersion.from_text(agent.firmware))
