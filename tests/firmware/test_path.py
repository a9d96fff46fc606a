import pytest

from bootwave.firmware.definitions import Definition, Part
from bootwave.firmware.loader import NO_LOADER, Loader
from bootwave.firmware.path import Key, gates_of, is_dect, needs_loader, way
from bootwave.phone.firmware import FirmwareVersion as V

READY = Loader("jffs2", V(3, 36), V(3, 38))


def version(text: str) -> V:
    found = V.from_text(text)
    assert found is not None
    return found


def images(*texts: str, model: str = "snom370") -> dict[Key, Definition]:
    """Return images of the versions, those as ``linux 3.38`` of a part."""
    made: dict[Key, Definition] = {}
    for text in texts:
        part, _, number = text.rpartition(" ")
        key: Key = (_part(part), version(number))
        made[key] = Definition(model, key[1], f"{part}{number}.bin", part=key[0])
    return made


def _part(text: str) -> Part:
    return "rootfs" if text == "rootfs" else "linux" if text == "linux" else ""


def led(
    at: str,
    to: str,
    *there: str,
    model: str = "snom370",
    loader: Loader = NO_LOADER,
) -> list[str] | None:
    found = way(model, version(at), loader, version(to), images(*there, model=model))
    if found is None:
        return None
    return [f"{step.part} {step.version}".strip().removesuffix(".0") for step in found]


EVERY = (
    *("5.5", "6.5.20", "rootfs 3.36", "linux 3.38", "7.3.14", "7.3.30", "8.4.35"),
    *("8.7.5.35", "8.9.3.80", "10.1.33.33"),
)


@pytest.mark.parametrize(
    ("at", "to", "steps"),
    [
        ("8.4.35", "8.5.36", ["8.5.36"]),
        ("8.4.35", "8.7.5.35", ["8.7.5.35"]),
        ("8.4.35", "8.4.35", []),
        ("8.4.35.1", "8.4.35.2", ["8.4.35.2"]),
        ("8.7.5.35", "10.1.33.33", ["8.9.3.80", "10.1.33.33"]),
        ("7.1.30", "8.4.35", ["7.3.30", "8.4.35"]),
        ("7.3.30", "8.7.5.35", ["8.4.35", "8.7.5.35"]),
        (
            "7.3.14",
            "10.1.33.33",
            ["7.3.30", "8.4.35", "8.7.5.35", "8.9.3.80", "10.1.33.33"],
        ),
        ("10.1.30.0", "10.1.33.33", ["10.1.33.33"]),
        ("4.5", "5.5", ["5.5"]),
        ("4.5", "6.5.20", ["5.5", "6.5.20"]),
    ],
)
def test_no_gate_is_jumped(at: str, to: str, steps: list[str]) -> None:
    assert led(at, to, *EVERY, to) == steps


def test_from_six_to_seven_leads_one_image_only() -> None:
    there = ("6.5.20", "7.3.14", "7.3.30")
    assert led("6.5.2", "7.3.30", *there, loader=READY) == [
        *("6.5.20", "7.3.14", "7.3.30"),
    ]
    assert led("6.5.20", "7.3.30", "7.3.30", loader=READY) is None
    assert led("6.5.20", "7.3.14", "7.3.14", loader=READY) == ["7.3.14"]
    # An older target than the conversion cannot be reached by it.
    assert led("6.5.20", "7.1.2", "7.1.2", "7.3.14", loader=READY) is None


@pytest.mark.parametrize(
    ("loader", "before"),
    [
        (READY, []),
        (NO_LOADER, ["rootfs 3.36", "linux 3.38"]),
        (Loader("ramdisk", V(3, 36), V(3, 38)), ["rootfs 3.36"]),
        (Loader("jffs2", V(3, 31), V(3, 38)), ["rootfs 3.36"]),
        (Loader("jffs2", V(3, 36), V(3, 25)), ["linux 3.38"]),
    ],
)
def test_the_conversion_needs_a_file_system_and_a_linux(
    loader: Loader, before: list[str]
) -> None:
    there = ("rootfs 3.36", "linux 3.38", "7.3.14")
    assert led("6.5.20", "7.3.14", *there, loader=loader) == [*before, "7.3.14"]
    if before:
        assert led("6.5.20", "7.3.14", "7.3.14", loader=loader) is None


@pytest.mark.parametrize(
    ("at", "to", "there"),
    [
        ("7.1.30", "8.4.35", ["8.4.35"]),
        ("7.1.30", "8.4.35", ["7.3.14", "8.4.35"]),
        ("8.4.35", "10.1.33.33", ["10.1.33.33"]),
        ("8.4.35", "10.1.33.33", ["8.7.5.35", "10.1.33.33"]),
        ("8.4.35", "8.5.36", []),
        ("8.4.35", "8.5.36", ["8.5.37"]),
    ],
)
def test_half_a_way_is_none(at: str, to: str, there: list[str]) -> None:
    assert led(at, to, *there) is None


@pytest.mark.parametrize(
    ("at", "to", "steps"),
    [
        ("8.7.5.44", "8.7.5.35", ["8.7.5.35"]),
        ("10.1.40", "10.1.33.33", ["10.1.33.33"]),
        ("8.5.36", "8.4.35", None),
        ("10.1.33.33", "8.9.3.80", None),
        ("8.9.3.82", "8.9.3.80", None),
        ("7.3.30", "6.5.20", None),
        ("8.7.5.44", "8.7.5.36", None),
    ],
)
def test_downwards_no_gate_is_passed(at: str, to: str, steps: list[str] | None) -> None:
    assert led(at, to, *EVERY) == steps


@pytest.mark.parametrize(
    ("at", "to", "steps"),
    [
        ("4.10.1", "5.20.1", ["4.50.1", "5.1.1", "5.20.1"]),
        ("4.50.1", "5.1.1", ["5.1.1"]),
        ("5.1.1", "5.20.1", ["5.20.1"]),
        ("5.20.1", "5.1.1", None),
        ("4.50.1", "4.10.1", ["4.10.1"]),
        ("5.0.1", "4.50.1", None),
    ],
)
def test_bases_have_gates_of_their_own(
    at: str, to: str, steps: list[str] | None
) -> None:
    there = ("4.10.1", "4.50.1", "5.1.1", "5.20.1")
    assert led(at, to, *there, model="snomM700") == steps


def test_the_m9_has_none() -> None:
    assert led("9.1.43", "9.6.2", "9.6.2", model="snomm9") == ["9.6.2"]
    assert gates_of("snomm9") == ()


def test_bases_are_known_by_their_names() -> None:
    assert all(map(is_dect, ("snomM200SC", "snomM300", "snomM700", "snomM900")))
    assert not any(map(is_dect, ("snomMP", "snomm9", "snom300", "snomD785", "")))


def test_only_version_six_asks_for_the_loader() -> None:
    asking = [text for text in ("5.5", "6.0", "6.5.20", "7.0") if _asks(text)]
    assert asking == ["6.0", "6.5.20"]


def _asks(text: str) -> bool:
    return needs_loader(version(text))
