"""A ``TrustPolicy`` out of the [https] section and the files it names."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cryptography import x509

from bootwave.certificates.blocks import NO_BLOCKS, Blocks
from bootwave.certificates.files import read
from bootwave.certificates.names import name_from_text
from bootwave.certificates.parsed import Parsed, parsed_from_pem
from bootwave.certificates.path import Authorities
from bootwave.certificates.policy import TrustPolicy
from bootwave.certificates.revocation import (
    RevocationList,
    Revocations,
    lists_from_file,
)
from bootwave.certificates.strength import LEGACY, is_signed
from bootwave.errors import OptionError
from bootwave.limits import MAX_CERTIFICATE_FILE_BYTES, MAX_CRL_FILE_BYTES
from bootwave.options import SNOM_ROOT_1_KEY, HttpsOptions

_DAY = 86_400.0
_SOON_DAYS = 14
_BY_DEFAULT = frozenset({bytes.fromhex(SNOM_ROOT_1_KEY)})


def policy_from_options(
    options: HttpsOptions, blocks: Blocks = NO_BLOCKS
) -> TrustPolicy:
    """Return the policy that *options* ask for, with the files they name read anew.

    Paths in *options* are absolute.  Raises OptionError with one sentence when a file
    cannot be read or holds what it should not, so that whoever reloads can keep the
    policy it has.
    """
    authorities = authorities_from_files(options.factory_cas)
    known = (*authorities.roots, *authorities.issuing)
    return TrustPolicy(
        authorities,
        issuers=_issuers(options.factory_issuers),
        legacy=frozenset(bytes.fromhex(key) for key in options.legacy_roots),
        accept_expired=options.expired == "accept",
        trust_unlisted=options.outdated_crls == "warn",
        revocations=Revocations(
            each for path in options.crls for each in _lists(path, known)
        ),
        blocks=blocks,
    )


def authorities_from_files(paths: Sequence[Path]) -> Authorities:
    """Return the CAs in the PEM files *paths*; raises OptionError.

    A certificate that signed itself is a root, any other one an issuing CA.
    """
    roots: list[Parsed] = []
    issuing: list[Parsed] = []
    for path in paths:
        content = read(path, MAX_CERTIFICATE_FILE_BYTES, "https.factory_cas")
        try:
            found = parsed_from_pem(content)
        except ValueError as error:
            raise OptionError(
                f"{path} of https.factory_cas is damaged: {error}."
            ) from error
        if not found:
            raise OptionError(
                f"{path} of https.factory_cas holds no certificate: it must be in PEM."
            )
        for ca in found:
            (roots if _is_root(ca, path) else issuing).append(ca)
    return Authorities(_once(roots), _once(issuing))


def warnings(policy: TrustPolicy, at: float) -> Iterator[str]:
    """Yield a sentence for each thing an operator should know of *policy* at *at*."""
    yield from due(policy, at)
    known = policy.authorities
    subjects = {ca.subject for ca in (*known.roots, *known.issuing)}
    for root in known.roots:
        if not policy.strength_below(root).allows_key(root.public_key):
            yield (
                f"The factory CA {root.subject_text} proves nothing: its key is too "
                "weak. Pin it with https.legacy_roots if you must trust it."
            )
    for ca in known.issuing:
        if ca.issuer not in subjects:
            yield (
                f"The issuing CA {ca.subject_text} proves nothing: its issuer, "
                f"{ca.issuer_text}, is not in https.factory_cas."
            )
    for each in policy.revocations.lists:
        if each.issuer not in subjects:
            yield (
                f"The revocation list {each.source} cannot be verified before a phone "
                f"shows the certificate of {each.issuer_text}: put that CA in "
                "https.factory_cas."
            )
    for key in sorted(policy.legacy - {root.key for root in known.roots} - _BY_DEFAULT):
        yield (
            f"https.legacy_roots pins {key.hex()}, which is the key of no root in "
            "https.factory_cas."
        )


def faults(policy: TrustPolicy, at: float) -> Iterator[str]:
    """Yield a sentence for each thing of *policy* that must be repaired at *at*."""
    lists = policy.revocations.lists
    current = {each.issuer for each in lists if not each.is_outdated(at)}
    for each in lists:
        if not each.is_outdated(at):
            continue
        if each.issuer in current:
            so = "take it out, there is a newer one."
        elif policy.trust_unlisted:
            so = "certificates revoked since then are still trusted; fetch the new one."
        else:
            so = (
                "certificates of that CA prove nothing until you fetch the new one and "
                "send HUP (https.outdated_crls)."
            )
        yield f"{_named(each)} is out of date: {so}"


def _named(revoked: RevocationList) -> str:
    return f"The revocation list {revoked.source} of {revoked.issuer_text}"


def due(policy: TrustPolicy, at: float) -> Iterator[str]:
    """Yield those of the ``warnings`` that only time brings: what ends, or has."""
    known = policy.authorities
    for ca in (*known.roots, *known.issuing):
        if ca.not_after < at:
            yield f"The factory CA {ca.subject_text} has expired."
        elif at < ca.not_before:
            yield f"The factory CA {ca.subject_text} is not valid yet."
    for each in policy.revocations.lists:
        if each.next_update is None or each.next_update < at:
            continue
        if each.next_update < at + _SOON_DAYS * _DAY:
            days = int((each.next_update - at) // _DAY)
            yield f"{_named(each)} is due in {days} days."


def _is_root(ca: Parsed, path: Path) -> bool:
    try:
        if not LEGACY.allows_key(ca.public_key):
            raise OptionError(
                f"{path} of https.factory_cas holds {ca.subject_text}, whose key is "
                "too weak to ever prove anything: take it out."
            )
        if ca.version == 3 and not ca.roles.may_issue:
            raise OptionError(
                f"{path} of https.factory_cas holds {ca.subject_text}, which is no CA: "
                "take it out."
            )
        return ca.is_self_issued and is_signed(
            ca.public_key,
            ca.x509.signature_algorithm_oid,
            ca.x509.signature,
            ca.x509.tbs_certificate_bytes,
        )
    except ValueError as error:
        raise OptionError(
            f"{path} of https.factory_cas is damaged: {error}."
        ) from error


def _lists(path: Path, known: Iterable[Parsed]) -> list[RevocationList]:
    content = read(path, MAX_CRL_FILE_BYTES, "https.crls")
    try:
        return lists_from_file(content, str(path), known)
    except ValueError as error:
        raise OptionError(f"{path} of https.crls {error}.") from error


def _issuers(texts: Iterable[str]) -> frozenset[x509.Name]:
    try:
        return frozenset(name_from_text(text) for text in texts)
    except ValueError as error:
        raise OptionError(f"https.factory_issuers {error}.") from error


def _once(certificates: Iterable[Parsed]) -> list[Parsed]:
    return list({each.digest: each for each in certificates}.values())
