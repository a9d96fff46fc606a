"""``bootwave tls check``: certificates, factory CAs and revocation lists, looked at."""

import time
from typing import Any

import typer

from bootwave.cli import place
from bootwave.cli.output import Json, hint, print_json, print_line, print_table


def check(json: Json = False) -> None:
    """Show the server's certificates, what each factory CA may do, and what is wrong.

    What options and files say now is looked at, not what a running engine has loaded.
    The exit status is 1 when something is wrong.
    """
    from bootwave.certificates.report import look

    options = place.loaded().options
    found = look(options.https, time.time(), options.control)
    if json:
        print_json(found)
    else:
        _print(found)
    if found["problems"]:
        count = len(found["problems"])
        hint(f"bootwave: {count} {'thing is' if count == 1 else 'things are'} wrong.")
        raise typer.Exit(1)


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
            ("fingerprint", f"SHA-256 {one['sha256']}"),
        ):
            if value:
                print_line(f"  {word}: {value}")
    if found["factory_cas"]:
        print_line("")
    for one in found["factory_cas"]:
        print_line(f"{one['subject']} (https.factory_cas)")
        for word, value in (
            ("kind", one["kind"]),
            ("key", f"{one['key']}, its SHA-256 {one['key_sha256']}"),
            ("until", _day(one["not_after"])),
            ("fingerprint", f"SHA-256 {one['sha256']}"),
            ("may", one["may"]),
        ):
            print_line(f"  {word}: {value}")
        for issuer in one["issuers"]:
            print_line(f"  through: {issuer}")
    if found["factory_cas"]:
        accepted = "accepted, and logged" if found["expired"] == "accept" else "refused"
        print_line(f"Expired certificates of phones are {accepted}.")
    if found["crls"]:
        refused = found["outdated_crls"] == "refuse"
        print_line(
            "While all revocation lists of a CA are out of date, its certificates "
            f"{'prove nothing' if refused else 'are trusted all the same'}."
        )
        print_line("")
        print_table(
            ("revocation list", "of", "revoked", "made", "next"),
            [
                (
                    one["file"],
                    one["issuer"],
                    one["revoked"],
                    _day(one["this_update"]),
                    _next(one),
                )
                for one in found["crls"]
            ],
            empty="",
        )
    print_line("")
    unread = any("https.factory_cas" in problem for problem in found["problems"])
    if not found["factory_cas"] and not unread:
        print_line(
            "Note: https.factory_cas names no CA: no certificate of a phone proves "
            "anything."
        )
    for warning in found["warnings"]:
        print_line(f"Note: {warning}")
    for problem in found["problems"]:
        print_line(f"Wrong: {problem}")
    if not found["problems"]:
        print_line("Nothing is wrong.")


def _next(one: dict[str, Any]) -> str:
    if one["next_update"] is None:
        return "never"
    return _day(one["next_update"]) + (" (out of date)" if one["outdated"] else "")


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
