"""Blocks of certificates, and CAs that phones are told to trust."""

import ssl

import httpx

from tests.control.api.conftest import A, B, Served, problem
from tests.store.authority import certificate, digest

BLOCKED = "/api/v1/certificates/blocked"
TRUST = f"/api/v1/domains/{A}/trust"
KEY = "ab" * 32


def test_a_certificate_is_blocked_until_it_is_not(
    api: Served, admin: httpx.Client
) -> None:
    blocked = admin.put(f"{BLOCKED}/serial/0A1B", json={"reason": "stolen"})
    assert blocked.status_code == 200, blocked.text
    again = admin.put(f"{BLOCKED}/serial/a1b", json={"reason": "lost"})
    assert again.json()["serial"] == "A1B"
    assert admin.put(f"{BLOCKED}/key/{KEY}", json={}).json()["key"] == KEY
    shown = admin.get(BLOCKED).json()
    assert {(one["kind"], one["reason"]) for one in shown} == {
        ("serial", "lost"),
        ("key", ""),
    }
    assert admin.delete(f"{BLOCKED}/serial/0A1B").status_code == 204
    assert problem(admin.delete(f"{BLOCKED}/serial/0A1B")) == "not-found"
    assert problem(admin.put(f"{BLOCKED}/key/0A1B", json={})) == "invalid"
    assert problem(admin.put(f"{BLOCKED}/name/0A1B", json={})) == "invalid"
    noted = [row["action"] for row in api.notes()]
    assert noted.count("certificate.blocked") == 3
    theirs = api.token("read", "write", domains=[A])
    assert problem(theirs.get(BLOCKED)) == "forbidden"
    assert problem(theirs.put(f"{BLOCKED}/serial/1", json={})) == "forbidden"


def test_phones_of_a_domain_are_told_a_ca(api: Served, admin: httpx.Client) -> None:
    der = certificate()
    added = admin.post(TRUST, json={"pem": "of us\n" + ssl.DER_cert_to_PEM_cert(der)})
    assert added.status_code == 200, added.text
    assert added.json()["added"][0]["digest"] == digest(der)
    (one,) = admin.get(TRUST).json()
    assert one["subject"] == "CN=Example CA"
    theirs = api.token("read", "write", domains=[B])
    assert problem(theirs.get(TRUST)) == "not-found"
    gone = admin.delete(f"{TRUST}/{digest(der)[:8]}")
    assert gone.json()["digest"] == digest(der)
    assert problem(admin.delete(f"{TRUST}/{digest(der)[:8]}")) == "not-found"
    assert admin.get(TRUST).json() == []


def test_what_is_no_certificate_is_refused(admin: httpx.Client) -> None:
    broken = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"
    for pem in ("", "a word", broken, "é"):
        assert problem(admin.post(TRUST, json={"pem": pem})) == "invalid"
    assert problem(admin.post(TRUST, json={"pem": "x" * 100_000})) == "invalid"
