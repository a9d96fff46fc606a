"""Native ≡ oracle, and every document parses to exactly what is stored."""

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from bootwave.directory.records import (
    Account,
    Binding,
    Device,
    Domain,
    FunctionKey,
    Layer,
    NamedLayer,
    Permission,
    Profile,
    Setting,
)
from bootwave.errors import SettingError
from bootwave.native.xml import (
    Plan,
    escape_attribute,
    escape_text,
    line_bytes,
    pack,
)
from bootwave.settings.compiler import SettingsCompiler
from bootwave.settings.files import setting_files
from tests.oracle import settings as settings_oracle
from tests.oracle import xml as oracle

ANY_TEXT = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cs", "Cn"]),
        st.sampled_from("&<>\"'] \t\r\n\x00\x1f\ufffd\ufffe\uffff\ud800äß😀"),
    )
)
LEGAL_TEXT = ANY_TEXT.map(
    lambda text: "".join(filter(oracle.is_xml_character, text))
) | st.sampled_from(["]]>", "  ", "\r\n", "&amp;", "<![CDATA[x]]>", "&#10;", "{mac}"])

deterministic = settings(derandomize=True, deadline=None, max_examples=300)


def outcome(escape: object, value: str) -> bytes | None:
    try:
        return escape(value)  # type: ignore[operator, no-any-return]
    except SettingError:
        return None


@deterministic
@given(ANY_TEXT)
def test_escaping_is_that_of_the_oracle(value: str) -> None:
    assert outcome(escape_text, value) == outcome(oracle.escape_text, value)
    assert outcome(escape_attribute, value) == outcome(oracle.escape_attribute, value)
    assert outcome(line_bytes, value) == outcome(oracle.line_bytes, value)


@deterministic
@given(LEGAL_TEXT)
def test_escaped_text_parses_to_itself(value: str) -> None:
    document = b'<a b="%b">%b</a>' % (escape_attribute(value), escape_text(value))
    element = ElementTree.fromstring(document)
    assert (element.text or "") == value
    assert element.get("b") == value


@deterministic
@given(st.lists(st.binary(max_size=300)))
def test_packing_is_that_of_the_oracle(values: list[bytes]) -> None:
    assert pack(values) == oracle.pack(values)


@deterministic
@given(
    st.lists(ANY_TEXT, min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=8),
)
def test_filling_is_that_of_the_oracle(
    values: list[str], holes: list[tuple[int, int]]
) -> None:
    holes = [(number % len(values), mode) for number, mode in holes]
    plan = Plan([b"|"] * (len(holes) + 1), holes)
    try:
        expected = oracle.fill(values, holes)
    except SettingError:
        expected = None
    assert outcome(plan.fill, values) == expected  # type: ignore[arg-type]
    if expected is not None:
        assert plan.tag(expected) == oracle.tag([b"|"] * (len(holes) + 1), expected)


@deterministic
@given(st.lists(st.binary(max_size=20), min_size=1, max_size=8), st.data())
def test_assembly_is_that_of_the_oracle(
    pieces: list[bytes], data: st.DataObject
) -> None:
    values = data.draw(
        st.lists(
            st.binary(max_size=300), min_size=len(pieces) - 1, max_size=len(pieces) - 1
        )
    )
    packed = bytearray(oracle.pack(values))
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, 20), st.integers(0, 255)), max_size=2)
    ):
        packed[at : at + 1] = bytes([byte])
    try:
        expected = oracle.assemble(pieces, bytes(packed))
    except ValueError:
        expected = None
    plan = Plan(pieces)
    try:
        document = plan.assemble(packed)
        assert plan.size(packed) == len(document)
    except ValueError:
        document = None
    assert document == expected


VARYING = LEGAL_TEXT | st.sampled_from(
    [
        *("{{number}}", "*87{{number}}@{{domain}}|*8{{identity}}", "{{mac}}{mac}"),
        *("{{ number }}", "{{nothing}}", "{{display_name}}, {{{mailbox}}}"),
    ]
)
PERMISSIONS: st.SearchStrategy[Permission] = st.sampled_from(["R", "RW", "!"])
SETTINGS = st.builds(
    Setting,
    # Few names, so that layers often speak of the same.
    st.sampled_from(["language", "user_ringer", "user_realname", "user_active", "x"]),
    VARYING,
    st.none() | st.integers(1, 4),
    PERMISSIONS,
)
KEYS = st.builds(
    FunctionKey,
    st.integers(0, 3),
    st.builds("{} {}".format, st.sampled_from(["blf", "speed", "url"]), VARYING),
    VARYING,
    st.sampled_from(["active", "1", "12"]),
    PERMISSIONS,
)
LAYERS = st.builds(
    Layer,
    # As the store's primary keys have it.
    st.lists(SETTINGS, max_size=4, unique_by=lambda s: (s.name, s.index)).map(tuple),
    st.lists(KEYS, max_size=2, unique_by=lambda key: key.index).map(tuple),
)
DOMAINS = st.builds(
    Domain,
    st.integers(1, 2),
    LEGAL_TEXT,
    LEGAL_TEXT,
    LEGAL_TEXT,
    LEGAL_TEXT,
    LEGAL_TEXT,
    LEGAL_TEXT,
    layer=LAYERS,
)
ACCOUNTS = st.builds(
    Account,
    st.integers(1, 5),
    st.just(1),
    LEGAL_TEXT,
    LEGAL_TEXT,
    LEGAL_TEXT,
    st.just(b""),
    LEGAL_TEXT,
    layer=LAYERS,
    profile=st.none() | st.builds(Profile, st.integers(1, 2), st.just("p"), LAYERS),
)
BINDINGS = st.lists(
    st.builds(Binding, st.integers(1, 4), ACCOUNTS),
    max_size=3,
    unique_by=lambda binding: binding.identity,
).map(tuple)
DEVICES = st.builds(Device, st.integers(1, 2**48 - 1), DOMAINS, BINDINGS, LAYERS)

SHARED = st.lists(
    st.builds(NamedLayer, st.sampled_from(["a", "b"]), LAYERS), max_size=2
).map(tuple)

# One for all examples, so that plans of other phones are in its way.
COMPILER = SettingsCompiler()


@settings(deterministic, max_examples=150)
@given(DEVICES, SHARED, st.sampled_from(["", "snom370"]), st.data())
def test_a_document_says_exactly_what_the_layers_say(
    device: Device, layers: tuple[NamedLayer, ...], model: str, data: st.DataObject
) -> None:
    passwords = {
        binding.account.id: data.draw(LEGAL_TEXT) for binding in device.bindings
    }
    plan, packed = COMPILER.specific(
        device,
        model=model,
        layers=layers,
        passwords=passwords,
        base_url="http://127.0.0.1:8080",
    )
    assert settings_oracle.read(plan.assemble(packed)) == settings_oracle.told(
        device, model, layers, passwords, "http://127.0.0.1:8080"
    )


@deterministic
@given(st.lists(LEGAL_TEXT))
def test_lists_of_files_parse_to_their_urls(urls: list[str]) -> None:
    root = ElementTree.fromstring(setting_files(urls))
    assert [child.get("url") for child in root] == urls
