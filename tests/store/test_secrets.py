import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bootwave.errors import OptionError, StoreError
from bootwave.store import keysources
from bootwave.store.keysources import key_lines, new_line, replace_file
from bootwave.store.secrets import KeyRing, password_owner

SECRET = "hunter2-hunter2"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bootwave.key"


def test_what_is_sealed_opens_for_its_owner(file: Path) -> None:
    KeyRing.create(file)
    ring = KeyRing.load(file)
    sealed = ring.seal("grüße 🙂", owner="account/1")
    assert KeyRing.load(file).open(sealed, owner="account/1") == "grüße 🙂"


def test_a_key_for_a_purpose_is_of_that_and_of_its_key(file: Path) -> None:
    ring = KeyRing.create(file)
    key_id = ring.sealing_id
    made = ring.subkey(key_id, purpose="a")
    assert len(made) == 32
    assert KeyRing.load(file).subkey(key_id, purpose="a") == made
    assert ring.subkey(key_id, purpose="b") != made
    # Nothing that is told is made with it.
    assert made[:16] not in ring.tag(b"", purpose="a")
    with pytest.raises(StoreError, match="not in the key file"):
        ring.subkey(b"none", purpose="a")


def test_a_warm_ring_has_nothing_to_load_any_more(file: Path) -> None:
    KeyRing.create(file)
    program = """
import sys
from pathlib import Path
from bootwave.store.secrets import KeyRing
ring = KeyRing.load(Path(sys.argv[1]))
assert not any(name.startswith("cryptography") for name in sys.modules)
ring.warm()
loaded = set(sys.modules)
ring.open(ring.seal("x", owner="account/1"), owner="account/1")
assert set(sys.modules) == loaded
"""
    subprocess.run([sys.executable, "-c", program, str(file)], check=True)


def test_the_key_file_is_its_owners_only(file: Path) -> None:
    KeyRing.create(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_existing_key_file_is_never_replaced(file: Path) -> None:
    file.write_text("precious")
    with pytest.raises(OptionError, match="cannot be made"):
        KeyRing.create(file)
    assert file.read_text() == "precious"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_key_file_that_others_can_read_is_refused(file: Path, mode: int) -> None:
    KeyRing.create(file)
    file.chmod(mode)
    with pytest.raises(OptionError, match="chmod 600"):
        KeyRing.load(file)


@pytest.mark.parametrize("text", ["", "00 00", "zz zz\n", "a\n", "ÿ" * 20])
def test_a_damaged_key_file_is_said_so_without_quoting_it(
    file: Path, text: str
) -> None:
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(OptionError) as raised:
        KeyRing.load(file)
    assert not text or text not in str(raised.value)


def test_a_damaged_key_is_said_to_be_where_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(keysources, "_from_environment", {"K": "00112233 rubbish"})
    with pytest.raises(OptionError) as raised:
        KeyRing.load(Path("env:K"))
    assert str(raised.value) == (
        "The key in env:K is damaged: put the line there that store rekey --new-key "
        "printed."
    )
    (tmp_path / "k").touch()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(OptionError, match="The key in credential:k is empty"):
        KeyRing.load(Path("credential:k"))


def test_a_missing_key_file_says_what_it_was_for(file: Path) -> None:
    with pytest.raises(OptionError, match="bootwave init"):
        KeyRing.load(file)


def test_a_secret_does_not_open_for_another_owner(keyring: KeyRing) -> None:
    sealed = keyring.seal(SECRET, owner=password_owner(1))
    with pytest.raises(StoreError) as raised:
        keyring.open(sealed, owner=password_owner(2))
    assert SECRET not in str(raised.value)


def test_any_changed_byte_is_noticed(keyring: KeyRing) -> None:
    sealed = keyring.seal(SECRET, owner="a")
    for at in range(len(sealed)):
        changed = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(StoreError):
            keyring.open(changed, owner="a")
        with pytest.raises(StoreError):
            keyring.open(sealed[:at], owner="a")


def test_the_same_text_never_looks_the_same(keyring: KeyRing) -> None:
    sealed = {keyring.seal(SECRET, owner="a") for _ in range(100)}
    assert len(sealed) == 100
    assert not any(SECRET.encode() in one for one in sealed)


def test_old_secrets_open_after_a_new_key_was_put_in_front(
    file: Path, tmp_path: Path
) -> None:
    old = KeyRing.create(file)
    sealed = old.seal(SECRET, owner="a")
    second = tmp_path / "second.key"
    KeyRing.create(second)
    file.write_text(second.read_text() + file.read_text())
    both = KeyRing.load(file)
    assert both.open(sealed, owner="a") == SECRET
    assert old.open(both.seal(SECRET, owner="a"), owner="a") == SECRET


def test_a_ring_does_not_show_its_keys(file: Path) -> None:
    ring = KeyRing.create(file)
    key = file.read_text().split()[1]
    assert key not in repr(ring)
    assert key not in str(vars(ring))


def test_a_ring_learns_of_a_key_that_was_put_in_front(file: Path) -> None:
    ring = KeyRing.create(file)
    old = ring.seal(SECRET, owner="account/1")
    lines = key_lines(file)
    replace_file(file, [new_line(), *lines])
    fresh = KeyRing.load(file)
    assert fresh.sealing_id != ring.sealing_id
    # It meets what another process sealed, and from then on seals so itself.
    assert ring.open(fresh.seal(SECRET, owner="account/2"), owner="account/2")
    assert ring.sealing_id == fresh.sealing_id
    assert fresh.open(old, owner="account/1") == SECRET


def test_a_ring_seals_with_the_new_key_as_soon_as_it_is_there(file: Path) -> None:
    ring = KeyRing.create(file)
    ring.seal(SECRET, owner="account/1")
    replace_file(file, [new_line(), *key_lines(file)])
    sealed = ring.seal(SECRET, owner="account/1")
    assert sealed[:4] == KeyRing.load(file).sealing_id


def test_a_ring_opens_with_a_key_that_was_dropped(file: Path) -> None:
    ring = KeyRing.create(file)
    old = ring.seal(SECRET, owner="account/1")
    replace_file(file, [new_line()])
    ring.seal(SECRET, owner="account/1")
    assert ring.open(old, owner="account/1") == SECRET


def test_a_file_that_is_gone_changes_nothing_for_a_ring(file: Path) -> None:
    ring = KeyRing.create(file)
    file.unlink()
    assert ring.open(ring.seal(SECRET, owner="a/1"), owner="a/1") == SECRET


def test_an_unknown_key_is_looked_for_once_a_second(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing.create(file)
    other = KeyRing.create(tmp_path / "other.key").seal(SECRET, owner="account/1")
    looks = []
    monkeypatch.setattr(ring, "_read_again", lambda: looks.append(1))
    for _ in range(10):
        with pytest.raises(StoreError, match="another key"):
            ring.open(other, owner="account/1")
    assert len(looks) == 1


def test_the_names_of_the_keys_are_told_the_one_that_seals_first(file: Path) -> None:
    KeyRing.create(file)
    ring = KeyRing.load(file)
    (old,) = ring.names
    line = new_line()
    replace_file(file, [line, *key_lines(file)])
    assert ring.names == [line.split()[0], old]
    assert repr(ring) == f"KeyRing({line.split()[0]}, {old})"


def test_a_tag_is_of_its_data_its_purpose_and_a_key_of_the_ring(
    file: Path, tmp_path: Path
) -> None:
    ring = KeyRing.create(file)
    tag = ring.tag(b"data", purpose="cursor")
    assert len(tag) == 20
    assert ring.is_tag(tag, b"data", purpose="cursor")
    assert KeyRing.load(file).is_tag(tag, b"data", purpose="cursor")
    assert not ring.is_tag(tag, b"date", purpose="cursor")
    assert not ring.is_tag(tag, b"data", purpose="other")
    assert not ring.is_tag(b"", b"data", purpose="cursor")
    other = KeyRing.create(tmp_path / "other.key")
    assert not other.is_tag(tag, b"data", purpose="cursor")
