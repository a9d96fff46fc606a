"""Certificate revocation lists: RFC 5280 section 5, complete and direct ones only.

A list is found by the name of its issuer and counts when the key of the CA that issued
the certificate signed it.  An outdated list still revokes what it names, but lacks what
was revoked later: a CA that has outdated ones alone proves nothing (``policy``).
"""

import hashlib
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key

from bootwave.certificates.der import SEQUENCE, elements, whole
from bootwave.certificates.parsed import UNREADABLE, Parsed
from bootwave.certificates.strength import is_signed
from bootwave.certificates.text import text_from_name

_PEM = b"-----BEGIN X509 CRL-----"
_END = b"-----END X509 CRL-----"
_MAX_SIGNERS = 16  # of one name: a CA that changed its key, and some to spare


class RevocationList:
    """One list.

    ``source`` says which file it is from, ``issuer`` is the DER of its issuer's name,
    ``serials`` are those revoked.  ``this_update`` and ``next_update`` are seconds
    since the epoch, the latter None where it promises none.
    """

    def __init__(self, der: bytes, source: str) -> None:
        """Parse *der*; raises ValueError with a clause that says what is wrong."""
        try:
            crl = x509.load_der_x509_crl(der)
            self._oid = crl.signature_algorithm_oid
            self._signature = crl.signature
            self._content = crl.tbs_certlist_bytes
            self.issuer = _issuer_of(self._content)
            self.issuer_text = text_from_name(self.issuer)
            self.this_update = crl.last_update_utc.timestamp()
            after = crl.next_update_utc
            self.next_update = None if after is None else after.timestamp()
            critical = [each.oid for each in crl.extensions if each.critical]
            self.serials = frozenset(entry.serial_number for entry in crl)
        except UNREADABLE as error:
            raise ValueError("is not a certificate revocation list") from error
        if x509.DeltaCRLIndicator.oid in critical:
            raise ValueError("is a delta list: give the complete one")
        if critical:
            # Such as IssuingDistributionPoint: a list of some certificates only, or
            # one whose entries may be other CAs' (RFC 5280 section 5.2.5).
            raise ValueError("has a critical extension: give a complete, direct list")
        self.source = source
        self.digest = hashlib.sha256(der).digest()
        self._signed_by: dict[bytes, bool] = {}

    def is_outdated(self, at: float) -> bool:
        """Whether at *at* the next list should be there (RFC 5280 section 5.1.2.5)."""
        return self.next_update is not None and self.next_update < at

    def is_signed_by(self, key_der: bytes) -> bool:
        """Whether the key *key_der* (SubjectPublicKeyInfo) signed it; remembered."""
        signed = self._signed_by.get(key_der)
        if signed is None:
            try:
                key = load_der_public_key(key_der)
            except UNREADABLE:
                return False
            signed = is_signed(key, self._oid, self._signature, self._content)
            if len(self._signed_by) < _MAX_SIGNERS:
                self._signed_by[key_der] = signed
        return signed


class Revocations:
    """All lists of a policy."""

    def __init__(self, lists: Iterable[RevocationList] = ()) -> None:
        """Take *lists*; several may be of one issuer."""
        self.lists = tuple(lists)
        self._by_issuer: dict[bytes, list[RevocationList]] = {}
        for each in self.lists:
            self._by_issuer.setdefault(each.issuer, []).append(each)

    def has(self, issuer: bytes, issuer_key: bytes, serial: int) -> bool:
        """Whether *serial* of the CA *issuer* with the key *issuer_key* is revoked."""
        return any(
            serial in each.serials and each.is_signed_by(issuer_key)
            for each in self._by_issuer.get(issuer, ())
        )

    def are_outdated(self, issuer: bytes, issuer_key: bytes, at: float) -> bool:
        """Whether there are lists of that CA, none of which is current at *at*."""
        outdated = False
        for each in self._by_issuer.get(issuer, ()):
            if each.is_signed_by(issuer_key):
                if not each.is_outdated(at):
                    return False
                outdated = True
        return outdated


NO_REVOCATIONS = Revocations()


def lists_from_file(
    content: bytes, source: str, authorities: Iterable[Parsed]
) -> list[RevocationList]:
    """Return the lists in the *content* of a file: one in DER, or any number in PEM.

    Where *authorities* have the issuer's name, one of them must have signed it; where
    none has, whoever proves to be that CA with a phone's chain must.  Raises
    ValueError with a clause that says what is wrong with the file.
    """
    ders = [content] if _PEM not in content else _ders_from_pem(content)
    found = [RevocationList(der, source) for der in ders]
    known = list(authorities)
    for each in found:
        signers = [ca for ca in known if ca.subject == each.issuer]
        if signers and not any(
            ca.roles.may_sign_crls and each.is_signed_by(ca.key_der) for ca in signers
        ):
            raise ValueError(f"was not signed by {each.issuer_text}, which it names")
    return found


def _ders_from_pem(content: bytes) -> list[bytes]:
    ders = []
    for part in content.split(_PEM)[1:]:
        body, end, _ = part.partition(_END)
        try:
            crl = x509.load_pem_x509_crl(_PEM + body + end + b"\n")
        except UNREADABLE as error:
            raise ValueError("is not a certificate revocation list") from error
        ders.append(crl.public_bytes(Encoding.DER))
    return ders


def _issuer_of(tbs: bytes) -> bytes:
    # Version (an INTEGER, optional), signature, issuer: the second SEQUENCE.
    sequences = [each for each in elements(tbs, whole(tbs, SEQUENCE))][:3]
    issuer = [each for each in sequences if each.tag == SEQUENCE][1]
    return tbs[issuer.at : issuer.end]
