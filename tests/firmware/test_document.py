import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import FirmwareError
from bootwave.firmware.definitions import Definition
from bootwave.firmware.document import (
    MAX_DEFINITIONS,
    MAX_DOCUMENT_BYTES,
    definitions_from,
    document_of,
)
from bootwave.phone.firmware import FirmwareVersion as V

OLD = V(8, 4, 35)
AT = "http://provisioning.snom.com/download/fw/"
KNOWN = f"""\
<firmware-settings>                       <!-- one entry per model -->
 <firmware model="snom300" version="8.4.35">{AT}snom300-8.4.35-SIP-f.bin</firmware>
 <firmware model="snom370" version="8.4.35">{AT}snom370-8.4.35-SIP-f.bin</firmware>
 <firmware model="snom821" version="8.4.35">snom821-8.4.35-SIP-r.bin</firmware>
</firmware-settings>
""".encode()


def definition(model: str, location: str, version: V = OLD) -> Definition:
    return Definition(model, version, location)


def test_the_document_administrators_know_is_read() -> None:
    assert definitions_from(KNOWN) == [
        definition("snom300", AT + "snom300-8.4.35-SIP-f.bin"),
        definition("snom370", AT + "snom370-8.4.35-SIP-f.bin"),
        definition("snom821", "snom821-8.4.35-SIP-r.bin"),
    ]


def test_one_version_changed_by_hand_is_one_version_changed() -> None:
    edited = KNOWN.replace(b"snom370-8.4.35", b"snom370-8.5.36").replace(
        b'snom370" version="8.4.35"', b'snom370" version="8.5.36"'
    )
    before, after = definitions_from(KNOWN), definitions_from(edited)
    assert after[1] == definition(
        "snom370", AT + "snom370-8.5.36-SIP-f.bin", V(8, 5, 36)
    )
    assert (after[0], after[2]) == (before[0], before[2])


ONE = (
    "<firmware-settings>"
    '<firmware model="snom370" version="8.4.35">a.bin</firmware>'
    "</firmware-settings>"
)
ALONE = [definition("snom370", "a.bin")]


@pytest.mark.parametrize(
    "content",
    [
        ONE.encode(),
        b"\xef\xbb\xbf" + ONE.encode(),
        ("\r\n\t " + ONE + "\n\n").encode(),
        ('<?xml version="1.0" encoding="utf-8"?>\r\n' + ONE).encode(),
        ('<?xml version="1.0" encoding="iso-8859-1"?><!-- é -->' + ONE).encode(),
        ('<?xml version="1.0" encoding="utf-8"?><!-- é -->' + ONE).encode("latin-1"),
        ('<?xml version="1.0" encoding="utf-16"?>' + ONE).encode("utf-16"),
        ('\n\n<?xml version="1.0"?>' + ONE).encode(),
        ONE.replace(">a.bin<", ">\n   a.bin\t\n<").encode(),
        ONE.replace("snom370", " SNOM370 ").replace("8.4.35", " v8.4.35.0 ").encode(),
        ONE.replace(">a.bin<", "><![CDATA[a.bin]]><").encode(),
        ONE.replace('"', "'").encode(),
        ONE.replace(
            ' version="8.4.35"', '\n version = "8.4.35"\n use="target"'
        ).encode(),
    ],
)
def test_how_it_is_spaced_and_encoded_does_not_matter(content: bytes) -> None:
    assert definitions_from(content) == ALONE


def test_steps_and_parts_are_marked() -> None:
    content = ONE.replace(
        "</firmware-settings>",
        '<firmware model="snom370" version="7.3.30" use="step">b.bin</firmware>'
        '<firmware model="snom370" version="3.36" part="rootfs">c.bin</firmware>'
        "</firmware-settings>",
    )
    assert definitions_from(content.encode())[1:] == [
        Definition("snom370", V(7, 3, 30), "b.bin", True),
        Definition("snom370", V(3, 36), "c.bin", True, "rootfs"),
    ]


def entry(text: str) -> str:
    return f"<firmware-settings>\n{text}\n</firmware-settings>"


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("", 1, "not well-formed"),
        ("hello", 1, "not well-formed"),
        ("<settings/>", 1, "must begin with <firmware-settings>"),
        ('<firmware-settings a="b"/>', 1, "takes no attributes"),
        (entry("<firmwares/>"), 2, "is no definition"),
        (entry("text"), 2, "text stands outside"),
        (entry('<firmware version="1">a.bin</firmware>'), 2, "needs a model"),
        (entry('<firmware model="snom370">a.bin</firmware>'), 2, "needs a version"),
        (
            entry('<firmware model="snom370" version="1" perm="">a.bin</firmware>'),
            *(2, "has no perm"),
        ),
        (
            entry('\n\n<firmware model="snom370" version="1"></firmware>'),
            *(4, "is empty"),
        ),
        (
            entry('<firmware model="yealink" version="1">a.bin</firmware>'),
            *(2, "no phone model"),
        ),
        (
            entry('<firmware model="snom370" version="new">a.bin</firmware>'),
            *(2, "no firmware version"),
        ),
        (
            entry('<firmware model="snom370" version="1">\nftp://h/a\n</firmware>'),
            *(2, "no URL of an image"),
        ),
        (
            entry('<firmware model="snom370" version="1" use="x">a.bin</firmware>'),
            *(2, "use is target or step"),
        ),
        (
            entry('<firmware model="snom370" version="1" part="x">a.bin</firmware>'),
            *(2, "part is rootfs or linux"),
        ),
        (
            entry('<firmware model="snom370" version="1"><b/></firmware>'),
            *(2, "not <b>"),
        ),
        (
            entry('<firmware model="snom370" version="1">http://h/?a&b</firmware>'),
            *(2, "&amp;"),
        ),
        (
            entry('<firmware model="snom370" version="1">a.bin\n</firmwre>'),
            *(3, "every element is closed"),
        ),
        (
            entry(
                '<firmware model="snom370" version="8.4.35">a.bin</firmware>\n'
                '<firmware model="snom370" version="8.4.35.0">b.bin</firmware>'
            ),
            *(3, "stands in line 2 already"),
        ),
        (
            entry(
                '<firmware model="snom370" version="8.4.35">a.bin</firmware>\n'
                '<firmware model="snom370" version="8.5.36">b.bin</firmware>'
            ),
            *(3, 'mark one with use="step"'),
        ),
        ('\n\n<?xml version="1.0"?>\n<settings/>', 4, "must begin with"),
    ],
)
def test_an_error_names_its_line(text: str, line: int, sentence: str) -> None:
    with pytest.raises(FirmwareError) as caught:
        definitions_from(text.encode())
    assert str(caught.value).startswith(f"Line {line}: ")
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


BOMB = """\
<!DOCTYPE firmware-settings [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<firmware-settings>
<firmware model="snom370" version="1">&b;</firmware>
</firmware-settings>
"""


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><firmware-settings/>',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><firmware-settings/>',
    ],
)
def test_there_are_no_entities(text: str) -> None:
    with pytest.raises(FirmwareError, match="no document type"):
        definitions_from(text.encode())
    undeclared = entry('<firmware model="snom370" version="1">&e;</firmware>')
    with pytest.raises(FirmwareError, match="undefined entity"):
        definitions_from(undeclared.encode())


def test_a_document_is_bounded() -> None:
    with pytest.raises(FirmwareError, match="are read"):
        definitions_from(b" " * (MAX_DOCUMENT_BYTES + 1))
    many = "".join(
        f'<firmware model="snom370" version="1.{n}" use="step">a.bin</firmware>'
        for n in range(MAX_DEFINITIONS + 1)
    )
    with pytest.raises(FirmwareError, match="more than"):
        definitions_from(entry(many).encode())


def test_what_is_written_looks_like_what_is_known() -> None:
    found = definitions_from(KNOWN)
    assert document_of(found).decode() == (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        + KNOWN.decode().replace(
            "                       <!-- one entry per model -->", ""
        )
    )
    assert (
        document_of([]).decode().endswith("<firmware-settings>\n</firmware-settings>\n")
    )


NUMBER = st.integers(0, 99_999)
DEFINITIONS = st.builds(
    Definition,
    st.sampled_from(["snom300", "snom370", "snomD785", "snomM700", "M85"]),
    st.builds(V, NUMBER, NUMBER, NUMBER, NUMBER),
    st.sampled_from(["a.bin", "http://h/a?b=c&d='e'", "https://[::1]:1/x.swu"]),
    st.just(True),
    st.sampled_from(["", "rootfs", "linux"]),
)


@given(st.lists(DEFINITIONS, unique_by=lambda one: one[:2] + one[4:], max_size=8))
def test_what_was_written_is_read_again(definitions: list[Definition]) -> None:
    assert definitions_from(document_of(definitions)) == sorted(definitions)


@given(st.binary(max_size=200))
def test_whatever_is_read_raises_nothing_else(content: bytes) -> None:
    with contextlib.suppress(FirmwareError):
        definitions_from(content)
