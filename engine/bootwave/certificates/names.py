"""Distinguished names as operators write them."""

from cryptography import x509

from bootwave.certificates.parsed import UNREADABLE

_MAX_CHARACTERS = 1024
_ADDRESS = x509.NameOID.EMAIL_ADDRESS
_BY_WORD = {"emailAddress": _ADDRESS, "E": _ADDRESS}
_BY_SHORT_NAME = {
    "C": x509.NameOID.COUNTRY_NAME,
    "ST": x509.NameOID.STATE_OR_PROVINCE_NAME,
    "L": x509.NameOID.LOCALITY_NAME,
    "O": x509.NameOID.ORGANIZATION_NAME,
    "OU": x509.NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": x509.NameOID.COMMON_NAME,
    "serialNumber": x509.NameOID.SERIAL_NUMBER,
    "DC": x509.NameOID.DOMAIN_COMPONENT,
    **_BY_WORD,
}


def name_from_text(text: str) -> x509.Name:
    """Return the name that *text* spells.

    Either as in RFC 4514, the last part first (``CN=Phones,O=Maker,C=DE``, as openssl
    prints with -nameopt RFC2253), or the first part first with a slash before each
    (``/C=DE/O=Maker/CN=Phones``), in which a slash of a value is written ``\\/``.  The
    second has no commas, so it can stand in an environment variable.  Names are equal
    when types and values are, whatever string type holds the values.  Raises
    ValueError with a clause that says what is expected.
    """
    try:
        if len(text) > _MAX_CHARACTERS:
            raise ValueError("too long")
        if text.startswith("/"):
            return x509.Name(
                [
                    x509.NameAttribute(_BY_SHORT_NAME[kind], value)
                    for kind, value in _slashed(text)
                ]
            )
        name = x509.Name.from_rfc4514_string(text, _BY_WORD)
        if not list(name):
            raise ValueError("empty")
    except (*UNREADABLE, KeyError) as error:
        raise ValueError(
            "must be names of CAs, such as /C=DE/O=Maker/CN=Phones or "
            "CN=Phones,O=Maker,C=DE"
        ) from error
    return name


def _slashed(text: str) -> list[tuple[str, str]]:
    parts = text[1:].replace("\\/", "\0").split("/")
    pairs = []
    for part in parts:
        kind, equals, value = part.replace("\0", "/").partition("=")
        if not equals or not value:
            raise ValueError("a part is no TYPE=VALUE")
        pairs.append((kind, value))
    return pairs
