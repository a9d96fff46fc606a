"""What a user installs is a wheel: it must build, hold the right files and work."""

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, made from a copy of what git would ship."""
    out = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "-o", out, cwd=ROOT)
    return next(out.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive as an installer would."""
    source = tmp_path_factory.mktemp("source")
    with tarfile.open(sdist) as archive:
        archive.extractall(source, filter="data")
    out = tmp_path_factory.mktemp("wheel")
    tree = next(source.iterdir())
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", out, cwd=tree)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_modules_stubs_and_migrations_and_no_sources(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for stub in (ROOT / "engine/bootwave/native").glob("*.pyi"):
        assert f"bootwave/native/{stub.name}" in names
        assert any(
            name.startswith(f"bootwave/native/{stub.stem}.") and name.endswith(".so")
            for name in names
        )
    assert "bootwave/py.typed" in names
    shipped = {path.name for path in ROOT.glob("engine/bootwave/store/migrations/**/*")}
    packed = {Path(name).name for name in names if "store/migrations/" in name}
    assert {n for n in shipped if n.endswith((".py", ".mako"))} <= packed
    for kind in ("*.toml", "*.json"):
        tables = [*(ROOT / "engine/bootwave").rglob(kind)]
        assert tables
        kept = {path.relative_to(ROOT / "engine").as_posix() for path in tables}
        assert kept <= {*names}
    assert not [n for n in names if n.endswith((".c", ".pyx", ".pxd"))]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"bootwave"}


def test_the_wheel_works_in_an_environment_that_has_nothing_else(
    wheel: Path, tmp_path: Path
) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    bin_ = home / "bin"
    run(
        bin_ / "python",
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "-c",
        ROOT / "requirements.lock",
        wheel,
    )
    run(bin_ / "bootwave", "init", tmp_path / "made", cwd=tmp_path)
    options = tmp_path / "made" / "bootwave.toml"
    run(bin_ / "bootwave", "-o", options, "domain", "add", "pbx.example.com")
    listed = run(bin_ / "bootwave", "-o", options, "domain", "list", "--json")
    assert "pbx.example.com" in listed
    where = run(bin_ / "python", "-c", "import bootwave; print(bootwave.__file__)")
    assert where.startswith(str(home))
