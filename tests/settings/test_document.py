import pytest

from bootwave.errors import SettingError
from bootwave.settings.document import DIALECTS, settings_document
from bootwave.settings.layers import Line, Merged


@pytest.mark.parametrize(
    ("dialect", "begins"),
    [
        ("xml", b'<settings>\n <phone-settings e="2">\n'),
        ("text", b"<html><pre>\n"),
        ("m9", b"<settings>\n <phone-settings>\n"),
        ("dect", b"<settings>\n <phone-settings>\n"),
    ],
)
def test_each_dialect_begins_in_its_own_way(dialect: str, begins: bytes) -> None:
    document = settings_document(Merged(), dialect).assemble(b"")
    prologue = b'<?xml version="1.0" encoding="utf-8"?>\n'
    assert document.removeprefix(prologue).startswith(begins)
    assert dialect in DIALECTS


def test_a_dialect_that_is_not_spoken_is_refused_in_words() -> None:
    with pytest.raises(SettingError, match="m3 are not provisioned"):
        settings_document(Merged(), "m3")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_name_that_no_layer_may_say_stops_every_document(dialect: str) -> None:
    merged = Merged()
    merged.say([Line("a><b", "x")])
    with pytest.raises(SettingError, match="is not the name"):
        settings_document(merged, dialect)
