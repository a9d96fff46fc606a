"""bootwave tls init."""

import stat
from pathlib import Path

from tests.cli.conftest import Command


def test_missing_certificates_are_made_and_others_kept(
    run: Command, options_file: Path
) -> None:
    rsa = options_file.parent / "bootwave-server.pem"
    ecdsa = options_file.parent / "bootwave-server-ecdsa.pem"
    kept = rsa.read_bytes()
    ecdsa.unlink()
    done = run("tls", "init")
    assert done.out == f"Made {ecdsa}.\n"
    assert rsa.read_bytes() == kept
    assert stat.S_IMODE(ecdsa.stat().st_mode) == 0o600
    assert run("tls", "check").status == 0
    assert "Nothing was made" in run("tls", "init").out
    rsa.unlink()
    assert run("tls", "init", "--json").json == {"made": [str(rsa)]}
