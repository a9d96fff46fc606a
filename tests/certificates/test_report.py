"""What is said of certificates; how it is printed is in tests/cli/test_tlscheck.py."""

from pathlib import Path

from bootwave.certificates.report import look
from bootwave.options import ControlOptions, HttpsLegacyOptions, HttpsOptions
from tests.certificates import authorities, factory
from tests.certificates.authorities import NOW, YEAR


def test_everything_that_is_named_is_told(tmp_path: Path) -> None:
    found = look(factory.https_options(tmp_path), NOW)
    (server,) = found["certificates"]
    assert server["names"] == ["localhost"]
    assert server["self_signed"]
    modern, legacy, issuing = found["factory_cas"]
    assert "RSA from 2048 bits" in modern["may"]
    assert "on https.legacy.listen" in legacy["may"]
    assert "https.legacy_roots pins it" in legacy["may"]
    assert "on https.listen" not in legacy["may"]
    assert (issuing["kind"], issuing["issuers"]) == ("issuing", [])
    assert len(modern["issuers"]) == len(factory.ISSUERS)
    assert [each["revoked"] for each in found["crls"]] == [1, 1, 1]
    assert found["problems"] == []


def test_a_pinned_root_is_nothing_without_the_legacy_listener(tmp_path: Path) -> None:
    https = factory.https_options(tmp_path, crls=())
    (told,) = look(https, NOW)["warnings"]
    assert told.startswith("The factory CA CN=factory CA,O=factory of tests,C=DE")
    assert told.endswith("proves phones on https.legacy.listen only, which is empty.")
    legacy = HttpsLegacyOptions(listen=("127.0.0.1:8444",))
    assert look(https.model_copy(update={"legacy": legacy}), NOW)["warnings"] == []
    unpinned = https.model_copy(update={"legacy_roots": ()})
    assert not any("legacy.listen" in each for each in look(unpinned, NOW)["warnings"])


def test_a_strong_root_that_is_pinned_says_what_it_may_where(tmp_path: Path) -> None:
    pinned = authorities.key_digest(factory.WORLD.root).hex()
    found = look(factory.https_options(tmp_path, legacy_roots=(pinned,)), NOW)
    may = found["factory_cas"][0]["may"]
    assert "on https.legacy.listen by RSA from 1024 bits, or EC, and SHA-1" in may
    assert may.endswith(
        "; on https.listen by RSA from 2048 bits, or EC, and SHA-256 or better"
    )
    assert not any("legacy.listen only" in each for each in found["warnings"])


def test_times_count_from_the_moment_given(tmp_path: Path) -> None:
    found = look(factory.https_options(tmp_path), NOW + 11 * YEAR)
    expired, *outdated = found["problems"]
    assert expired == f"{tmp_path / 'server.pem'} has expired."
    # Whoever watches by the exit status must learn that revocations are not known.
    assert ["is out of date" in each for each in outdated] == [True] * 3
    assert not any("out of date" in each for each in found["due"])
    assert all(each["outdated"] for each in found["crls"])
    ended = [each for each in found["warnings"] if "has expired" in each]
    assert len(ended) == 3
    assert set(ended) == set(found["due"]) <= set(found["warnings"])


def test_a_wrong_file_hides_no_other(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(b"")
    https = factory.https_options(tmp_path)
    both = https.model_copy(
        update={
            "factory_cas": (wrong, *https.factory_cas),
            "certificates": (wrong, *https.certificates),
            "factory_issuers": ("nobody",),
        }
    )
    found = look(both, NOW)
    assert len(found["problems"]) == 3
    assert len(found["factory_cas"]) == 3
    assert len(found["certificates"]) == 1


def test_an_option_without_listeners_makes_missing_files_notes(tmp_path: Path) -> None:
    https = HttpsOptions(listen=(), certificates=(tmp_path / "missing.pem",))
    found = look(https, NOW)
    assert found["problems"] == []
    assert "missing.pem" in found["warnings"][0]


def test_certificates_of_the_api_are_told_too(tmp_path: Path) -> None:
    https = factory.https_options(tmp_path)
    control = ControlOptions(
        certificates=(*https.certificates, tmp_path / "missing.pem")
    )
    found = look(https, NOW, control)
    assert [each["option"] for each in found["certificates"]] == [
        "https.certificates",
        "control.certificates",
    ]
    (problem,) = found["problems"]
    assert "missing.pem of control.certificates" in problem
    silent = look(https, NOW, control.model_copy(update={"listen": ""}))
    assert silent["problems"] == []
