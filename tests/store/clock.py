"""A clock that tests move."""

from bootwave.pairing.instant import Instant


class Clock:
    """Gives instants that only the test moves."""

    def __init__(self) -> None:
        self.at = Instant(1_000.0, "boot-one", 1_700_000_000.0)

    def __call__(self) -> Instant:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at = self.at._replace(
            boottime=self.at.boottime + seconds, wall=self.at.wall + seconds
        )

    def set_wall(self, wall: float) -> None:
        self.at = self.at._replace(wall=wall)

    def reboot(self, boot_id: str = "boot-two") -> None:
        self.at = self.at._replace(boottime=5.0, boot_id=boot_id)
