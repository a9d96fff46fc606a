import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import ServerFault
from bootwave.wave.document import (
    NOTHING,
    Paper,
    Reader,
    identities,
    read,
    read_firmware,
    why_unusable,
)

GOOD = {
    ("user_active", "1"): "on",
    ("user_name", "1"): "401",
    ("user_pass", "1"): "abc",
    ("user_host", "1"): "pbx.example.com",
}


def settings(inside: str) -> bytes:
    return f'<?xml version="1.0"?><settings>{inside}</settings>'.encode()


def test_settings_are_read_by_name_and_index() -> None:
    paper = read(
        settings(
            '<phone-settings e="2"><language perm="RW">English</language>'
            '<user_name idx="1" perm="R">A &amp; B 😀</user_name>'
            '</phone-settings><functionKeys e="2">'
            '<fkey idx="0" context="active" label="" perm="">line</fkey></functionKeys>'
        )
    )
    assert paper.settings == {("user_name", "1"): "A & B 😀"}


def test_settings_that_no_simulated_phone_acts_on_are_not_kept() -> None:
    paper = read(
        settings("<phone-settings><language>English</language></phone-settings>")
    )
    assert paper.settings == {}


def test_a_list_names_files_in_order() -> None:
    paper = read(
        b'<setting-files><file url="http://a/1"/><file url="http://a/2"/></setting-files>'
    )
    assert paper.files == ("http://a/1", "http://a/2")


def test_lines_of_old_firmware_are_read_like_settings() -> None:
    content = (
        b"<html><pre>\nlanguage$: English\nsetting_server$: http://a/{mac}.xml\n"
        b"user_name1&: 401\nuser_active1&: on\n</pre></html>\n"
    )
    paper = Paper(settings={("user_name", "1"): "401", ("user_active", "1"): "on"})
    assert read(content) == Reader().read(content) == paper


def test_lines_that_say_nothing_but_a_setting_server_lead_there() -> None:
    content = b"<html>\n<pre>\nsetting_server!: http://a/{mac}.xml\n</pre>\n</html>"
    assert read(content) == Paper(files=("http://a/{mac}.xml",))


@pytest.mark.parametrize("content", [b"", b" \r\n", b"<!-- // refused // -->"])
def test_nothing_to_do_is_no_error(content: bytes) -> None:
    assert read(content) == NOTHING
    assert read_firmware(content) == ""


def test_a_part_of_the_settings_may_be_a_document_of_its_own() -> None:
    assert read(
        b"<phone-settings><firmware_status>x</firmware_status></phone-settings>"
    ).settings == {("firmware_status", ""): "x"}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"<settings><phone-settings></settings>", "well-formed"),
        (settings("<phone-settings><a>&nbsp;</a></phone-settings>"), "well-formed"),
        (settings("<phone-settings><a>\x01</a></phone-settings>"), "well-formed"),
        (b"<!DOCTYPE a><settings/>", "DOCTYPE"),
        (b"language: English", "not XML"),
        (b"<html><pre>x</pre></html>", "<html>"),
        (settings("<settings/>"), "no phone knows"),
        (settings('<phone-settings><a perm="X"/></phone-settings>'), "perm"),
        (settings('<phone-settings><a idx="13"/></phone-settings>'), "1 to 12"),
        (settings('<phone-settings><a idx="0"/></phone-settings>'), "1 to 12"),
        (settings("<phone-settings><a/><a/></phone-settings>"), "sets a twice"),
        (settings("<phone-settings><a><b/></a></phone-settings>"), "inside"),
        (settings("<functionKeys><fkey>line</fkey></functionKeys>"), "no <fkey"),
        (settings('<functionKeys><fkey idx="1" context="0"/></functionKeys>'),
         "context"),
        (settings('<functionKeys><fkey idx="1" perm="X"/></functionKeys>'), "perm"),
        (settings('<functionKeys><fkey idx="1"/><fkey idx="1"/></functionKeys>'),
         "twice"),
        (b"<setting-files><file/></setting-files>", "no <file"),
    ],
)  # fmt: skip
def test_a_document_that_a_phone_could_not_take_is_named(
    content: bytes, complaint: str
) -> None:
    with pytest.raises(ServerFault, match=complaint):
        read(content)


@pytest.mark.parametrize(
    "content",
    [
        b"<firmware-settings><firmware>http://a/f.bin</firmware></firmware-settings>",
        b"<html><pre>\r\nfirmware: http://a/f.bin\r\n</pre></html>",
        b"<settings><firmware-settings><firmware>http://a/f.bin</firmware>"
        b"</firmware-settings></settings>",
    ],
)
def test_a_firmware_answer_names_an_image(content: bytes) -> None:
    assert read_firmware(content) == "http://a/f.bin"


def test_a_firmware_answer_may_name_none() -> None:
    assert read_firmware(b"<firmware-settings/>") == ""
    assert read_firmware(b"<firmware-settings><firmware/></firmware-settings>") == ""
    with pytest.raises(ServerFault):
        read_firmware(b"<phone-settings/>")


def test_settings_of_a_phone_that_can_register_are_usable() -> None:
    assert why_unusable(GOOD) == ""
    assert identities(GOOD) == ["401@pbx.example.com"]


@pytest.mark.parametrize("name", ["user_active", "user_name", "user_pass", "user_host"])
def test_settings_that_lack_a_need_of_identity_1_are_not(name: str) -> None:
    assert name in why_unusable({**GOOD, (name, "1"): ""})


def test_settings_without_identity_are_not_usable() -> None:
    assert why_unusable({("language", ""): "English"}) == "configure no identity at all"


PARTS = [
    "<phone-settings>",
    "</phone-settings>",
    '<user_name idx="1" perm="R">',
    "</user_name>",
    "<user_pass idx='2'>",
    "</user_pass>",
    '<user_host idx="1"/>',
    '<language perm="a>b">',
    "<language>",
    "</language>",
    "<functionKeys>",
    "</functionKeys>",
    '<fkey idx="1">',
    "</fkey>",
    "401",
    " ",
    "\n",
    "\r\n",
    "&amp;",
    "&lt;x&gt;",
    "&#65;",
    "&nbsp;",
    "&",
    "\x01",
    "\ufffe",
    "ä😀",
    "]]>",
    "<!-- 1 -->",
    "<?x 1?>",
    "<![CDATA[1]]>",
    '"',
    ">",
    "<firmware-settings><firmware>",
    "</firmware></firmware-settings>",
]
GRAMMATICAL = [
    '<user_name idx="1" perm="R">{}</user_name>',
    '<user_pass idx="1" perm="R">{}</user_pass>',
    "<user_host idx='1'>{}</user_host>",
    "<firmware_status>{}</firmware_status>",
    "<language>{}</language>",
    '<timezone perm="RW"/>{}',
]
VALUES = st.sampled_from([part for part in PARTS if part[0] != "<"])


def outcome(read_one: object, content: bytes) -> Paper | str:
    try:
        return read_one(content)  # type: ignore[operator, no-any-return]
    except ServerFault as fault:
        return str(fault)


@given(st.lists(st.lists(VALUES, max_size=6), min_size=1, max_size=6), st.data())
def test_alike_documents_are_read_as_xml_etree_reads_them(
    rows: list[list[str]], data: st.DataObject
) -> None:
    shape = data.draw(st.lists(st.sampled_from(GRAMMATICAL), max_size=6, unique=True))
    reader = Reader()
    for row in [["1"] * 6, *rows]:
        values = [*row, *[""] * 6]
        inside = "".join(map(str.format, shape, values))
        content = settings(f"<phone-settings>{inside}</phone-settings>")
        assert outcome(reader.read, content) == outcome(read, content)


@given(st.lists(st.lists(st.sampled_from(PARTS), max_size=8), min_size=2, max_size=5))
def test_odd_documents_are_read_as_xml_etree_reads_them(rows: list[list[str]]) -> None:
    reader = Reader()
    for row in rows:
        for content in (
            settings("".join(row)),
            settings(f"<phone-settings>{''.join(row)}</phone-settings>"),
            "".join(row).encode(),
        ):
            assert outcome(reader.read, content) == outcome(read, content)
            assert outcome(reader.read, content) == outcome(read, content)


def test_alike_documents_are_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader()
    document = (
        '<phone-settings><user_name idx="1">{}</user_name>'
        "<language>{}</language></phone-settings>"
    )
    reader.read(settings(document.format("401", "x")))
    monkeypatch.setattr("bootwave.wave.document._root", None)
    paper = reader.read(settings(document.format("4&amp;02", "ä")))
    assert paper.settings == {("user_name", "1"): "4&02"}


def test_documents_that_are_never_alike_are_not_remembered_for_ever() -> None:
    reader = Reader()
    for number in range(1000):
        reader.read(settings(f"<phone-settings><a{number}/></phone-settings>"))
    assert len(reader._remembered) <= 64
