import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bootwave.errors import SettingError
from bootwave.native.xml import Plan, escape_attribute, escape_text, pack
from tests.oracle import xml as oracle

ROOT = Path(__file__).parents[2]
DISPLAY_NAME = 'Ann & <Bob> "C" äöü 😀'
NOT_XML = tuple(map(chr, (0xD800, 0xDFFF, 0xFFFE, 0xFFFF)))


def test_plain_text_is_its_utf_8() -> None:
    assert escape_text("Reception") == b"Reception"
    assert escape_text("Büro 😀") == "Büro 😀".encode()
    assert escape_text("") == b""


def test_markup_in_text_becomes_references() -> None:
    assert escape_text(DISPLAY_NAME) == 'Ann &amp; &lt;Bob&gt; "C" äöü 😀'.encode()
    assert escape_text("]]>") == b"]]&gt;"


def test_the_quote_that_ends_an_attribute_becomes_a_reference() -> None:
    assert escape_attribute('"C" & <') == b"&quot;C&quot; &amp; &lt;"


def test_blanks_that_parsers_normalise_survive_them() -> None:
    value = " a\tb\nc\rd\r\n "
    document = b'<a b="%b">%b</a>' % (escape_attribute(value), escape_text(value))
    element = ElementTree.fromstring(document)
    assert element.text == value
    assert element.get("b") == value


@pytest.mark.parametrize(
    "illegal",
    [*map(chr, {*range(0x20)} - {9, 10, 13}), *NOT_XML],
    ids=ascii,
)
@pytest.mark.parametrize("before", ["", "ab", "äb", "😀b"], ids=ascii)
def test_a_character_that_xml_lacks_is_refused_by_place_and_not_quoted(
    illegal: str, before: str
) -> None:
    for escape in (escape_text, escape_attribute):
        with pytest.raises(SettingError) as refusal:
            escape(before + illegal + "secret")
        message = str(refusal.value)
        assert f"U+{ord(illegal):04X} at position {len(before) + 1} " in message
        assert "secret" not in message


def test_neighbours_of_the_noncharacters_are_legal() -> None:
    for legal in "\x7f\x85\ud7ff\ue000\ufffd\U0001fffe\U0010ffff\u07bf\u203e¾¿":
        assert escape_text(legal) == legal.encode()


def test_only_text_is_escaped() -> None:
    for wrong in (None, b"bytes", 1):
        with pytest.raises(TypeError):
            escape_text(wrong)  # type: ignore[arg-type]


def test_sizes_are_packed_in_their_shortest_form() -> None:
    assert pack([]) == b""
    assert pack([b"", b"ab"]) == b"\x00\x02ab"
    for size in (127, 128, 16_383, 16_384, 2_097_151, 2_097_152):
        value = b"x" * size
        assert pack([value]) == oracle.packed_size(size) + value


def test_only_bytes_are_packed() -> None:
    for wrong in ("text", None, bytearray(b"x")):
        with pytest.raises(TypeError):
            pack([b"a", wrong])  # type: ignore[list-item]


def test_a_plan_is_filled_in_order() -> None:
    plan = Plan([b"<a>", b"</a><b>", b"</b>"])
    packed = pack([b"1", b"x" * 200])
    assert plan.assemble(packed) == b"<a>1</a><b>" + b"x" * 200 + b"</b>"
    assert plan.size(packed) == len(plan.assemble(packed))
    assert plan.slots == 2
    assert plan.baked_bytes == 14


def test_a_plan_without_slots_is_a_document() -> None:
    assert Plan([b"<a/>"]).assemble(b"") == b"<a/>"
    assert Plan([b""]).assemble(b"") == b""


def test_pieces_may_be_empty() -> None:
    assert Plan([b"", b"", b""]).assemble(pack([b"1", b"2"])) == b"12"


def test_packed_values_may_lie_in_any_buffer() -> None:
    plan = Plan([b"<", b">"])
    for packed in (bytearray(b"\x01a"), memoryview(b"\x01a")):
        assert plan.assemble(packed) == b"<a>"
    with pytest.raises(TypeError):
        plan.assemble("text")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\x01",
        b"\x01a",
        b"\x01a\x02b",
        b"\x01a\x80",
        b"\x01a\x01bc",
        b"\x81\x00a\x01b",
        b"\x80\x80\x80\x80\x00\x00",
        b"\xff\xff\xff\xff\x7f\x00",
        b"\xff\xff\xff\x7f",
    ],
)
def test_packed_values_that_do_not_fit_are_refused(packed: bytes) -> None:
    plan = Plan([b"<", b"|", b">"])
    for use in (plan.assemble, plan.size):
        with pytest.raises(ValueError, match="do not fit"):
            use(packed)


def test_a_plan_needs_pieces_of_bytes() -> None:
    with pytest.raises(ValueError, match="at least one piece"):
        Plan([])
    for wrong in (["text"], [b"", None]):
        with pytest.raises(TypeError):
            Plan(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Plan(None)  # type: ignore[arg-type]


GUARDED = """
import os
from bootwave.native.xml import Plan, pack
from tests.guard import flush_right
from tests.oracle import xml as oracle

pieces = [b"<a>", b"</a><b>", b"", b"</b>"]
plan = Plan(pieces)
whole = pack([b"1", b"x" * 200, b""])
mutants = [whole[:end] for end in range(len(whole) + 1)]
mutants += [whole[:at] + bytes([b]) + whole[at + 1 :]
            for at in (0, 1, 2, 3, 4, len(whole) - 1) for b in (0, 1, 127, 128, 255)]
mutants += [whole + b"\\0", b"\\xff" * 12, b"\\x80" * 3, b""]
for mutant in mutants:
    try:
        expected = oracle.assemble(pieces, mutant)
    except ValueError:
        expected = None
    try:
        document = plan.assemble(flush_right(mutant))
    except ValueError:
        document = None
    assert document == expected, mutant
os.write(1, b"survived")
os._exit(0)
"""


def test_assembly_reads_nothing_beyond_the_packed_values() -> None:
    child = subprocess.run(
        [sys.executable, "-c", GUARDED], cwd=ROOT, capture_output=True, timeout=30
    )
    assert child.stdout == b"survived", child.stderr.decode()
