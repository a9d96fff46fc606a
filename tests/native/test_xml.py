import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bootwave.errors import SettingError
from bootwave.native.xml import (
    Plan,
    escape_attribute,
    escape_text,
    line_bytes,
    pack,
)
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


def test_each_value_is_escaped_for_where_it_stands() -> None:
    plan = Plan([b'<a b="', b'">', b"</a>"], [(1, True), (0, False)])
    packed = plan.fill(['"text"', '"<tab>\t"', "more than needed"])
    assert plan.assemble(packed) == b'<a b="&quot;&lt;tab&gt;&#9;&quot;">"text"</a>'
    assert Plan([b"", b"", b""]).fill(["1", "2"]) == pack([b"1", b"2"])


def test_what_cannot_fill_a_plan_is_refused() -> None:
    plan = Plan([b"<", b"|", b">"], [(3, False), (0, True)])
    with pytest.raises(ValueError, match="one value for each hole"):
        plan.fill(["0", "1", "2"])
    for wrong in (None, b"bytes", 3):
        with pytest.raises(TypeError):
            plan.fill(["0", "1", "2", wrong])  # type: ignore[list-item]
    for illegal in ("a\x01", "a\ud800"):
        with pytest.raises(SettingError, match="at position 2"):
            plan.fill(["0", "1", "2", illegal])


@pytest.mark.parametrize("line_end", ["\r", "\n", "\0", "\x1f", "\ud800"], ids=ascii)
def test_what_would_end_a_line_of_text_is_refused_by_place(line_end: str) -> None:
    for write in (line_bytes, lambda value: Plan([b"", b""], [(0, 2)]).fill([value])):
        with pytest.raises(SettingError) as refusal:
            write("ab" + line_end + "secret")
        message = str(refusal.value)
        assert f"U+{ord(line_end):04X} at position 3 cannot stand in a line" in message
        assert "secret" not in message


def test_a_line_of_text_needs_no_escaping() -> None:
    value = 'blf <sip:402@pbx;user=phone>|*8 & "\t\x7f\ufffe ä😀'
    assert line_bytes(value) == value.encode()


def test_each_slot_is_written_as_its_hole_says() -> None:
    value = '<a b="&">\t'
    plan = Plan([b"|"] * 5, [(0, mode) for mode in range(4)])
    written = plan.assemble(plan.fill([value])).split(b"|")[1:-1]
    assert written == [
        escape_text(value),
        escape_attribute(value),
        line_bytes(value),
        value.encode(),
    ]


@pytest.mark.parametrize("mode", [-1, 4])
def test_a_mode_that_there_is_not_is_refused(mode: int) -> None:
    with pytest.raises(ValueError, match="mode"):
        Plan([b"", b""], [(0, mode)])


@pytest.mark.parametrize("holes", [[], [(0, 0)] * 2, [(-1, 0)]])
def test_a_plan_needs_one_hole_for_each_slot(holes: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="hole"):
        Plan([b"<", b">"], holes)


def test_an_entity_tag_belongs_to_plan_and_values() -> None:
    plan = Plan([b"<a>", b"</a>"])
    tag = plan.tag(plan.fill(["1"]))
    assert len(tag) == 34
    assert tag[:1] == tag[-1:] == b'"'
    assert Plan([b"<a>", b"</a>"]).tag(plan.fill(["1"])) == tag
    assert plan.tag(plan.fill(["2"])) != tag
    assert Plan([b"<a>", b"</b>"]).tag(plan.fill(["1"])) != tag
    # Where a value begins counts, too: the pieces are not just run together.
    moved = Plan([b"<a", b"></a>"])
    assert moved.tag(plan.fill(["1"])) != tag
    assert Plan([b""]).tag(b"") != Plan([b"", b""]).tag(b"\0")


def test_an_entity_tag_is_the_same_in_every_process() -> None:
    code = (
        "from bootwave.native.xml import Plan; p = Plan([b'<a>', b'</a>']);"
        "print(p.tag(p.fill(['secret'])).decode())"
    )
    tags = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(tags) == 1


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
