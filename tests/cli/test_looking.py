"""A phone as commands look at it."""

from pathlib import Path

import pytest

from bootwave.cli.looking import MASK, looked_at
from bootwave.errors import StoreNotFound
from bootwave.http.target import DocumentKind
from bootwave.optionsfile import load
from bootwave.provision.cache import DocumentKey
from tests.cli.conftest import Command

MAC = "0004132E08B4"


def test_a_bound_phone_is_looked_at_without_its_password(
    store: Command, options_file: Path
) -> None:
    options = load(options_file, {}).options
    with looked_at(MAC, options, model="370", firmware="8.7", reveal=False) as phone:
        assert (phone.model, phone.firmware) == ("snom370", "8.7")
        device = phone.bound()
        key = DocumentKey(DocumentKind.SETTINGS, "http://a", phone.model)
        body = phone.maker.own(key, device).body()
    assert b"s3cret" not in body
    assert MASK.encode() in body


def test_a_phone_never_seen_is_the_model_that_its_mac_says(
    store: Command, options_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = load(options_file, {}).options
    with looked_at(MAC, options, reveal=False) as phone:
        assert phone.model == "snom370"
    assert capsys.readouterr() == (
        "",
        f"bootwave: {MAC} never said its model: it is taken for a snom370, as its MAC "
        "says.\n",
    )
    with looked_at(MAC, options, model="snom320", reveal=False) as phone:
        assert phone.model == "snom320"
    assert capsys.readouterr().err == ""


def test_a_phone_that_is_bound_to_nothing_has_no_document(
    store: Command, options_file: Path
) -> None:
    options = load(options_file, {}).options
    with looked_at("000413FFFFFF", options, reveal=False) as phone:
        assert (phone.device, phone.model, phone.firmware) == (None, "", "")
        with pytest.raises(StoreNotFound, match="account bind"):
            phone.bound()
