"""``bootwave tls check``: certificates, factory CAs and revocation lists, looked at."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, hint, print_json, print_line, print_table

if TYPE_CHECKING:
    from bootwave.certificates.parsed import Parsed
    from bootwave.certificates.policy import TrustPolicy
    from bootwave.options import HttpsOptions


def check(json: Json = False) -> None:
    """Show the server's certificates, what each factory CA may do, and what is wrong.

    What options and files say now is looked at, not what a running engine has loaded.
    The exit status is 1 when something is wrong.
    """
    found = look(place.loaded().options.https, time.time())
    if json:
        print_json(found)
    else:
        _print(found)
    if found["problems"]:
        count = len(found["problems"])
        hint(f"bootwave: {count} {'thing is' if count == 1 else 'things are'} wrong.")
        raise typer.Exit(1)


def look(https: "HttpsOptions", at: float) -> dict[str, Any]:
    """Return what ``--json`` prints of the options *https* at *at*."""
    problems: list[str] = []
    warnings: list[str] = []
    servers = _servers(https, at, problems, warnings)
    policy = _policy(https, problems)
    known = policy.authorities
    if https.factory_cas and not known.roots and not problems:
        problems.append("https.factory_cas names no root, so nothing is trusted.")
    if not https.factory_cas:
        warnings.append(
            "https.factory_cas is empty: no client certificate proves anything."
        )
    from bootwave.certificates.loading import warnings as of_policy

    warnings += of_policy(policy, at)
    return {
        "certificates": servers,
        "factory_cas": [
            _authority(ca, policy, is_root=ca in known.roots)
            for ca in (*known.roots, *known.issuing)
        ],
        "expired": https.expired,
        "crls": [
            {
                "file": each.source,
                "issuer": each.issuer_text,
                "revoked": len(each.serials),
                "this_update": each.this_update,
                "next_update": each.next_update,
                "outdated": each.next_update is not None and each.next_update < at,
            }
            for each in policy.revocations.lists
        ],
        "warnings": warnings,
        "problems": problems,
    }


def _servers(
    https: "HttpsOptions", at: float, problems: list[str], warnings: list[str]
) -> list[dict[str, Any]]:
    from bootwave.certificates.server import load_server_certificate
    from bootwave.errors import OptionError

    wanted = [("https.certificates", path) for path in https.certificates]
    wanted += [
        ("https.legacy.certificates", path) for path in https.legacy.certificates
    ]
    serves = bool(https.listen or https.legacy.listen)
    shown = []
    for option, path in wanted:
        try:
            found = load_server_certificate(path, option)
        except OptionError as error:
            (problems if serves else warnings).append(str(error))
            continue
        problems += found.faults(at)
        warnings += found.warnings(at)
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


def _policy(https: "HttpsOptions", problems: list[str]) -> "TrustPolicy":
    """Return the policy of what is right; each file that is not is a problem."""
    from bootwave.certificates.loading import policy_from_options
    from bootwave.errors import OptionError

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
    https: "HttpsOptions", option: str, others: dict[str, Any], problems: list[str]
) -> tuple[Path, ...]:
    """Return those files of *option* that can be used."""
    from bootwave.certificates.loading import policy_from_options
    from bootwave.errors import OptionError

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


def _authority(ca: "Parsed", policy: "TrustPolicy", *, is_root: bool) -> dict[str, Any]:
    from bootwave.certificates.server import kind_of

    return {
        "subject": ca.subject_text,
        "kind": "root" if is_root else "issuing",
        "key": kind_of(ca.public_key),
        "key_sha256": ca.key.hex(),
        "serial": f"{ca.serial:X}",
        "not_before": ca.not_before,
        "not_after": ca.not_after,
        "may": _may(ca, policy) if is_root else "help to find the way to a root",
        "issuers": _issuers(ca, policy) if is_root else [],
    }


def _issuers(root: "Parsed", policy: "TrustPolicy") -> list[str]:
    from bootwave.certificates.parsed import text_from_name

    return sorted(map(text_from_name, policy.issuers_below(root)))


def _may(root: "Parsed", policy: "TrustPolicy") -> str:
    strength = policy.strength_below(root)
    if not strength.allows_key(root.public_key):
        return "prove nothing: its key is too weak"
    if strength.sha1:
        return (
            "prove phones by RSA from 1024 bits, or EC, and SHA-1 or better, because "
            "https.legacy_roots pins it"
        )
    return "prove phones by RSA from 2048 bits, or EC, and SHA-256 or better"


def _print(found: dict[str, Any]) -> None:
    for one in found["certificates"]:
        print_line(f"{one['file']} ({one['option']})")
        by = "itself" if one["self_signed"] else one["issuer"]
        for word, value in (
            ("key", one["key"]),
            ("names", ", ".join(one["names"])),
            ("signed by", by),
            ("chain", " > ".join(one["chain"])),
            ("until", _day(one["not_after"])),
            ("SHA-256", one["sha256"]),
        ):
            if value:
                print_line(f"  {word}: {value}")
    if found["factory_cas"]:
        print_line("")
    for one in found["factory_cas"]:
        print_line(f"{one['subject']} (https.factory_cas)")
        for word, value in (
            ("kind", one["kind"]),
            ("key", f"{one['key']}, SHA-256 {one['key_sha256']}"),
            ("until", _day(one["not_after"])),
            ("may", one["may"]),
        ):
            print_line(f"  {word}: {value}")
        for issuer in one["issuers"]:
            print_line(f"  through: {issuer}")
    if found["factory_cas"]:
        accepted = "accepted, and logged" if found["expired"] == "accept" else "refused"
        print_line(f"Expired certificates of phones are {accepted}.")
    if found["crls"]:
        print_line("")
        print_table(
            ("revocation list", "of", "revoked", "made", "next"),
            [
                (
                    one["file"],
                    one["issuer"],
                    one["revoked"],
                    _day(one["this_update"]),
                    "never" if one["next_update"] is None else _day(one["next_update"]),
                )
                for one in found["crls"]
            ],
            empty="",
        )
    print_line("")
    for warning in found["warnings"]:
        print_line(f"Note: {warning}")
    for problem in found["problems"]:
        print_line(f"Wrong: {problem}")
    if not found["problems"]:
        print_line("Nothing is wrong.")


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
