"""What is read before the fork, and again on HUP."""

import logging
from pathlib import Path

import pytest

from bootwave import log
from bootwave.errors import OptionError
from bootwave.options import HttpsOptions
from bootwave.server.tls.shared import TlsShared, present
from tests.certificates import authorities, factory
from tests.server.tls.serving import https_options


def test_what_is_broken_changes_nothing_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = https_options(tmp_path)
    shared = TlsShared(options)
    contexts, policy, page = shared.contexts, shared.policy, shared.page
    for path in (options.certificates[0], options.factory_cas[0], options.crls[0]):
        right = path.read_bytes()
        path.write_text("broken")
        with caplog.at_level(logging.ERROR):
            assert not shared.reload(options)
        assert str(path) in caplog.text
        assert shared.contexts is contexts
        assert shared.policy is policy
        path.write_bytes(right)
        caplog.clear()
    assert shared.reload(options)
    assert shared.contexts is not contexts
    assert shared.page is page  # verdicts outlive a reload


def test_a_crl_is_read_again(tmp_path: Path) -> None:
    crl = tmp_path / "phones.crl"
    crl.write_bytes(factory.WORLD.issuing.revokes(1))
    options = https_options(tmp_path, crls=(crl,))
    shared = TlsShared(options)
    chain, _ = factory.phone()
    assert shared.policy.judge(chain, authorities.NOW).mac == factory.MAC
    from cryptography.x509 import load_der_x509_certificate

    serial = load_der_x509_certificate(chain[0]).serial_number
    crl.write_bytes(factory.WORLD.issuing.revokes(serial))
    assert shared.reload(options)
    assert shared.policy.judge(chain, authorities.NOW).denies


def test_a_broken_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    options = https_options(tmp_path)
    options.certificates[0].write_text("broken")
    with pytest.raises(OptionError):
        TlsShared(options)


def test_files_of_the_defaults_need_not_be_there(tmp_path: Path) -> None:
    default = HttpsOptions.model_fields["certificates"].default
    paths = tuple(tmp_path / path for path in default)
    options = HttpsOptions(certificates=paths)
    assert present(options).certificates == ()
    paths[0].touch()
    assert present(options).certificates == paths[:1]
    unseen = tuple(tmp_path / ("x" * 300) / path for path in default)
    assert present(HttpsOptions(certificates=unseen)).certificates == unseen
    named = HttpsOptions(certificates=(tmp_path / "mine.pem",))
    assert present(named) == named


def test_what_has_expired_is_told_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(log, "note", lambda event, warning: told.append(warning))
    later = authorities.NOW + 2 * authorities.YEAR
    monkeypatch.setattr("bootwave.server.tls.shared.time.time", lambda: later)
    TlsShared(https_options(tmp_path))
    assert any("server.pem has expired" in text for text in told)
    assert any("issuing.crl" in text for text in told)
