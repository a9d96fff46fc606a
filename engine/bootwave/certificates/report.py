"""All that can be said about the certificates that options name, for operators."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bootwave.certificates.loading import due as due_of
from bootwave.certificates.loading import faults as faults_of
from bootwave.certificates.loading import policy_from_options
from bootwave.certificates.loading import warnings as warnings_of
from bootwave.certificates.parsed import Parsed
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.server import kind_of, load_server_certificate
from bootwave.certificates.strength import MODERN
from bootwave.certificates.text import text_from_name
from bootwave.errors import OptionError
from bootwave.options import ControlOptions, HttpsOptions


def look(
    https: HttpsOptions, at: float, control: ControlOptions | None = None
) -> dict[str, Any]:
    """Return what there is to say about certificates of *https* at *at*, for JSON.

    With *control*, of the API, too.  Paths in them are absolute, *at* and all times are
    seconds since the epoch.
    ``problems`` holds a sentence for each thing that must be repaired, ``warnings`` one
    for each thing that an operator should know, ``due`` those of them that only time
    brings.
    """
    problems: list[str] = []
    warnings: list[str] = []
    due: list[str] = []
    wanted = [("https.certificates", path) for path in https.certificates]
    wanted += [
        ("https.legacy.certificates", path) for path in https.legacy.certificates
    ]
    serves = bool(https.listen or https.legacy.listen)
    servers = _servers(wanted, serves, at, problems, warnings, due)
    if control is not None:
        wanted = [("control.certificates", path) for path in control.certificates]
        serves = bool(control.listen)
        servers += _servers(wanted, serves, at, problems, warnings, due)
    policy = _policy(https, problems)
    known = policy.authorities
    if https.factory_cas and not known.roots and not problems:
        problems.append("https.factory_cas names no root, so nothing is trusted.")
    problems += faults_of(policy, at)
    warnings += warnings_of(policy, at)
    if not https.legacy.listen:
        warnings += [
            f"The factory CA {root.subject_text} proves phones on "
            "https.legacy.listen only, which is empty."
            for root in known.roots
            if root.key in policy.legacy and not MODERN.allows_key(root.public_key)
        ]
    due += due_of(policy, at)
    return {
        "certificates": servers,
        "factory_cas": [
            _authority(ca, policy, is_root=ca in known.roots)
            for ca in (*known.roots, *known.issuing)
        ],
        "expired": https.expired,
        "outdated_crls": https.outdated_crls,
        "crls": [
            {
                "file": each.source,
                "issuer": each.issuer_text,
                "revoked": len(each.serials),
                "this_update": each.this_update,
                "next_update": each.next_update,
                "outdated": each.is_outdated(at),
            }
            for each in policy.revocations.lists
        ],
        "warnings": warnings,
        "due": due,
        "problems": problems,
    }


def _servers(
    wanted: Sequence[tuple[str, Path]],
    serves: bool,
    at: float,
    problems: list[str],
    warnings: list[str],
    due: list[str],
) -> list[dict[str, Any]]:
    """Return those certificates that can be read; *serves*: others are problems."""
    shown = []
    for option, path in wanted:
        try:
            found = load_server_certificate(path, option)
        except OptionError as error:
            (problems if serves else warnings).append(str(error))
            continue
        problems += found.faults(at)
        warnings += found.warnings(at)
        due += found.due(at)
        shown.append(
            {
                "file": str(path),
                "option": option,
                "key": found.kind,
                "names": list(found.names),
                "subject": found.leaf.subject_text,
                "issuer": found.leaf.issuer_text,
                "self_signed": found.is_self_signed,
                "chain": [ca.subject_text for ca in found.chain[1:]],
                "not_before": found.leaf.not_before,
                "not_after": found.leaf.not_after,
                "sha256": found.leaf.digest.hex(),
            }
        )
    return shown


def _policy(https: HttpsOptions, problems: list[str]) -> TrustPolicy:
    """Return the policy of what is right; each file that is not is a problem."""
    cas = _right(https, "factory_cas", {}, problems)
    crls = _right(https, "crls", {"factory_cas": cas}, problems)
    right: dict[str, Any] = {"factory_cas": cas, "crls": crls}
    try:
        return policy_from_options(https.model_copy(update=right))
    except OptionError as error:  # the issuers
        problems.append(str(error))
        right["factory_issuers"] = ()
        return policy_from_options(https.model_copy(update=right))


def _right(
    https: HttpsOptions, option: str, others: dict[str, Any], problems: list[str]
) -> tuple[Path, ...]:
    """Return those files of *option* that can be used."""
    found = []
    for path in getattr(https, option):
        alone = {"factory_cas": (), "crls": (), "factory_issuers": ()}
        try:
            policy_from_options(
                https.model_copy(update={**alone, **others, option: (path,)})
            )
        except OptionError as error:
            problems.append(str(error))
        else:
            found.append(path)
    return tuple(found)


def _authority(ca: Parsed, policy: TrustPolicy, *, is_root: bool) -> dict[str, Any]:
    return {
        "subject": ca.subject_text,
        "kind": "root" if is_root else "issuing",
        "key": kind_of(ca.public_key),
        "key_sha256": ca.key.hex(),
        "sha256": ca.digest.hex(),
        "serial": f"{ca.serial:X}",
        "not_before": ca.not_before,
        "not_after": ca.not_after,
        "may": _may(ca, policy) if is_root else "help to find the way to a root",
        "issuers": _issuers(ca, policy) if is_root else [],
    }


def _issuers(root: Parsed, policy: TrustPolicy) -> list[str]:
    return sorted(
        text_from_name(name.public_bytes()) for name in policy.issuers_below(root)
    )


def _may(root: Parsed, policy: TrustPolicy) -> str:
    strength = policy.strength_below(root)
    if not strength.allows_key(root.public_key):
        return "prove nothing: its key is too weak"
    modern = "by RSA from 2048 bits, or EC, and SHA-256 or better"
    if not strength.sha1:
        return f"prove phones {modern}"
    weak = (
        "prove phones on https.legacy.listen by RSA from 1024 bits, or EC, and SHA-1 "
        "or better, because https.legacy_roots pins it"
    )
    is_modern = MODERN.allows_key(root.public_key)
    return f"{weak}; on https.listen {modern}" if is_modern else weak
