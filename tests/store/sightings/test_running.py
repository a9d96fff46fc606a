"""What a phone runs, as its sightings tell it."""

import pytest

from bootwave.firmware.decision import Running
from bootwave.phone.firmware import FirmwareVersion as V
from bootwave.sightings import Reason, Sighting
from bootwave.store.sightings.running import running_from


@pytest.mark.parametrize(
    ("detail", "running"),
    [
        ("snom370 8.7.5.48", Running("snom370", V(8, 7, 5, 48))),
        (
            "snomM700 05.20.0001; its certificate is of x",
            Running("snomM700", V(5, 20, 1)),
        ),
        ("snom370", Running("snom370", None)),
        ("", Running("", None)),
    ],
)
def test_model_and_version_are_what_it_said(detail: str, running: Running) -> None:
    seen = Sighting(0.0, 1, "10.0.0.1", Reason.SERVED_WINDOW, detail)
    assert running_from(seen) == running
