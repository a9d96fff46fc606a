import pytest

from bootwave.firmware.loader import NO_LOADER, Loader, loader_from_user_agent
from bootwave.phone.firmware import FirmwareVersion as V


@pytest.mark.parametrize(
    ("agent", "loader"),
    [
        (
            "Mozilla/4.0 (compatible; snom320-SIP 6.5.20; snom320 jffs2 v3.36; "
            "snom320 linux 3.38)",
            Loader("jffs2", V(3, 36), V(3, 38)),
        ),
        (
            "Mozilla/4.0 (compatible; snom360-SIP 6.5.2; snom360 ramdisk v3.31; "
            "snom360 linux 3.25)",
            Loader("ramdisk", V(3, 31), V(3, 25)),
        ),
        ("Mozilla/4.0 (compatible; snom370-SIP 8.4.35 1.1.3-u)", NO_LOADER),
        ("linux 3.", Loader("", None, V(3))),
        ("", NO_LOADER),
        ("x" * 600 + " linux 3.38", NO_LOADER),
    ],
)
def test_the_loader_is_read_from_the_user_agent(agent: str, loader: Loader) -> None:
    assert loader_from_user_agent(agent) == loader
