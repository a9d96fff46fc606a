import hashlib

from bootwave.store.access.opaque import MAX_CHARACTERS, TOKEN, digest_of, new_secret


def test_a_secret_has_256_bits_and_its_kind() -> None:
    made = new_secret(TOKEN)
    assert made.startswith("bw_")
    assert len(made) == 3 + 43 <= MAX_CHARACTERS
    assert made != new_secret(TOKEN)
    assert digest_of(made) == hashlib.sha256(made.encode()).digest()
    assert len(digest_of("\ud800")) == 32
