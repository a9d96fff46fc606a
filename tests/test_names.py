"""Where things are: tests mirror the package, and names say what they hold."""

from pathlib import Path

import bootwave

PACKAGE = Path(bootwave.__file__).parent
TESTS = Path(__file__).parent
EXT = TESTS.parent / "ext"

# Modules that only declare: there is nothing in them that could be wrong alone.
DECLARATIONS = {
    "certificates/blocks.py",
    "directory/records.py",
    "errors.py",
    "http/effects.py",
    "limits.py",
    "provision/ports.py",
    "server/peer.py",
    "store/schema/capacity.py",
    "store/schema/domains.py",
    "store/schema/firmware.py",
    "store/schema/logs.py",
    "store/schema/metadata.py",
    "store/schema/proofs.py",
    "store/schema/redirection.py",
    "store/schema/rollouts.py",
}
# Folders of tests that prove a property of many modules and mirror none.
ACROSS = {"end_to_end", "faults", "oracle", "peers", "property", "torture"}
# Files of tests in mirroring folders that prove one of every route.
OF_EVERY_ROUTE = {"control/api/test_secrets.py", "control/api/test_tenants.py"}
# What such names hide is better named after what it does.
EMPTY_NAMES = {"utils", "helpers", "manager", "base", "common", "misc"}


def modules() -> set[str]:
    found = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return {
        path.as_posix()
        for path in found
        if not path.name.startswith("__") and "migrations" not in path.parts
    }


def test_every_module_has_its_test_file() -> None:
    missing = {
        name
        for name in modules() - DECLARATIONS
        if not (TESTS / name).with_name(f"test_{Path(name).name}").exists()
    }
    assert not missing


def test_every_compiled_module_has_its_stub_and_its_test_file() -> None:
    for source in EXT.glob("*.pyx"):
        assert (PACKAGE / "native" / source.name).with_suffix(".pyi").exists()
        assert (TESTS / "native" / f"test_{source.stem}.py").exists()


def test_every_test_file_in_a_mirroring_folder_has_its_module() -> None:
    known = modules() | {f"native/{path.stem}.py" for path in EXT.glob("*.p[yx][xd]")}
    packages = {name.split("/")[0] for name in known if "/" in name}
    for path in TESTS.glob("*/**/test_*.py"):
        test = path.relative_to(TESTS)
        if test.parts[0] in packages and test.parts[0] not in ACROSS:
            module = test.with_name(test.name.removeprefix("test_")).as_posix()
            assert module in known or test.as_posix() in OF_EVERY_ROUTE, test


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not {name for name in modules() if Path(name).stem in EMPTY_NAMES}
