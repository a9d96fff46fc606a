import ssl
import time
from pathlib import Path

import pytest

from bootwave.cli.tlsfiles import self_signed_files
from bootwave.control.api.tls import tls_context
from bootwave.errors import OptionError


@pytest.fixture
def certificates(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "rsa.pem", tmp_path / "ecdsa.pem"]
    for path, content in self_signed_files(paths, time.time()).items():
        path.write_bytes(content)
        path.chmod(0o600)
    return paths


def test_certificates_of_both_kinds_are_shown(certificates: list[Path]) -> None:
    context = tls_context(certificates)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_one_that_cannot_be_used_is_said_in_a_sentence(
    certificates: list[Path], tmp_path: Path
) -> None:
    certificates[0].chmod(0o644)
    with pytest.raises(OptionError, match=r"control\.certificates .* chmod 600"):
        tls_context(certificates)
    with pytest.raises(OptionError, match=r"control\.certificates"):
        tls_context([tmp_path / "none.pem"])
