"""bootwave domain trust."""

import ssl
from pathlib import Path

from tests.cli.conftest import Command
from tests.cli.test_main import refused
from tests.store.authority import certificate, digest

DOMAIN = "pbx.example.com"
DER = certificate()


def test_a_ca_comes_as_pem_or_der_and_goes_again(
    store: Command, tmp_path: Path
) -> None:
    (tmp_path / "ca.der").write_bytes(DER)
    (tmp_path / "ca.pem").write_text(ssl.DER_cert_to_PEM_cert(DER))
    for name in ("ca.der", "ca.pem"):
        done = store("domain", "trust", "add", DOMAIN, tmp_path / name)
        assert done.out == f"Phones of {DOMAIN} are told to trust CN=Example CA.\n"
    (listed,) = store("domain", "trust", "list", DOMAIN, "--json").json
    assert listed["digest"] == digest(DER)
    assert digest(DER)[:16] in store("domain", "trust", "list", DOMAIN).out
    document = store("document", "0004132E08B4").out
    assert document.index("<certificates>") < document.index("<phone-settings")
    gone = store("domain", "trust", "remove", DOMAIN, digest(DER)[:8])
    assert "not told" in gone.out
    assert "firmware does" in store("domain", "trust", "list", DOMAIN).err


def test_a_file_that_holds_no_certificate_is_refused(
    store: Command, tmp_path: Path
) -> None:
    (tmp_path / "no").write_text("nothing")
    done = store("domain", "trust", "add", DOMAIN, tmp_path / "no")
    assert refused(done).endswith("give that of a CA, in PEM or DER.")
    (tmp_path / "no").write_text("-----BEGIN CERTIFICATE-----\nMII\n")
    done = store("domain", "trust", "add", DOMAIN, tmp_path / "no")
    assert "cannot be used" in refused(done)
