"""What a client of Basic and Digest sends, written from RFC 7616 and RFC 7617."""

import base64
import hashlib
import re
from collections.abc import Callable

from bootwave.http.response import Response

HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


def basic(user: str, password: str) -> bytes:
    pair = f"{user}:{password}".encode()
    return b"Basic " + base64.b64encode(pair)


def nonce_of(response: Response) -> str:
    for _name, value in response.headers:
        found = re.search(rb'nonce="([^"]+)"', value)
        if found is not None:
            return found[1].decode()
    raise AssertionError(response.headers)


def digest(
    user: str,
    password: str,
    uri: str,
    nonce: str,
    *,
    algorithm: str = "MD5",
    method: str = "GET",
    realm: str = "bootwave",
    nc: str = "00000001",
    userhash: bool = False,
) -> bytes:
    hashed = HASHES[algorithm]
    first = hashed(f"{user}:{realm}:{password}".encode())
    second = hashed(f"{method}:{uri}".encode())
    text = f"{first}:{nonce}:{nc}:cnonce:auth:{second}"
    name = hashed(f"{user}:{realm}".encode()) if userhash else user
    return (
        f'Digest username="{name}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'algorithm={algorithm}, qop=auth, nc={nc}, cnonce="cnonce", '
        f'response="{hashed(text.encode())}"' + (", userhash=true" * userhash)
    ).encode()
