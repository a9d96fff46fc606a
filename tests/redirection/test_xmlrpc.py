"""What is said to the service, and every shape of what it answers."""

from xmlrpc import client as codec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootwave.errors import XmlRpcSyntaxError
from bootwave.redirection.vendors import Call, Verdict, vendors
from bootwave.redirection.xmlrpc import Answer, answer_from, request_body, words_from
from bootwave.store.proofs.tokens import new_token

SNOM = vendors()["snom"]
MAC = 0x0004132E08B4
HEAD, TAIL = (
    b'<?xml version="1.0"?><methodResponse><params><param>',
    b"</param></params></methodResponse>",
)
OK = b"<value><boolean>1</boolean></value><value><string>Ok</string></value>"


def array(inner: bytes) -> bytes:
    return HEAD + b"<value><array><data>" + inner + b"</data></array></value>" + TAIL


def refusal(words: bytes) -> bytes:
    return array(b"<value><boolean>0</boolean></value><value>" + words + b"</value>")


def test_registering_names_the_mac_and_then_the_url() -> None:
    url = "https://pbx.example.com/prov/{mac}.xml"
    body = request_body(SNOM, Call.REGISTER, mac=MAC, url=url)
    assert codec.loads(body) == (("0004132E08B4", url), "redirect.registerPhone")


def test_a_list_of_any_url_has_nil_in_its_place() -> None:
    body = request_body(SNOM, Call.LIST, type_="snom370")
    assert b"<nil/>" in body
    assert codec.loads(body) == (("snom370", None), "redirect.listPhones")
    body = request_body(SNOM, Call.LIST, type_="snom370", url="https://a/{mac}.xml")
    assert codec.loads(body)[0] == ("snom370", "https://a/{mac}.xml")


def test_another_vendor_has_other_names_and_orders() -> None:
    method = SNOM.methods[Call.REGISTER]._replace(
        name="redirect.registerDevice", arguments=("url", "mac")
    )
    other = SNOM._replace(methods={**SNOM.methods, Call.REGISTER: method})
    body = request_body(other, Call.REGISTER, mac=MAC, url="https://a/b")
    assert codec.loads(body) == (
        ("https://a/b", "0004132E08B4"),
        "redirect.registerDevice",
    )


def test_a_verdict_that_it_is_done() -> None:
    assert answer_from(SNOM, Call.REGISTER, array(OK)) == Answer(Verdict.DONE)
    spaced = array(OK).replace(b"><", b">\n <")
    assert answer_from(SNOM, Call.DEREGISTER, spaced) == Answer(Verdict.DONE)
    number = array(OK).replace(b"boolean>", b"int>")
    assert answer_from(SNOM, Call.REGISTER, number).verdict is Verdict.DONE


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Error:owned_by_other_user", Verdict.OWNED),
        ("ERROR:Owned_By_Other_User", Verdict.OWNED),
        ("Error:no_such_mac", Verdict.UNKNOWN),
        ("Error:malformed_mac", Verdict.MALFORMED),
        ("Error:malformed_url", Verdict.MALFORMED),
        ("Error:out_of_licences", Verdict.REFUSED),
    ],
)
def test_refusals_keep_the_words(words: str, verdict: Verdict) -> None:
    for call in (Call.REGISTER, Call.LOOK, Call.LIST):
        answer = answer_from(SNOM, call, refusal(words.encode()))
        assert answer == Answer(verdict, words)


def test_words_hold_no_token_and_no_password_however_they_are_said() -> None:
    token = new_token()
    for said in (
        f"malformed path /{token}/snomD785-{{mac}}.htm",
        f"https:\\/\\/pbx.example.com\\/{token.upper()}",
        f"token={token}",
        "x" * 100 + token * 4,
        "no" + " " * 4080 + token,
    ):
        answer = answer_from(SNOM, Call.REGISTER, refusal(said.encode()))
        assert token[1:8] not in answer.words.lower()
        assert answer.words
    said = "no swordfish for reseller"
    answer = answer_from(SNOM, Call.LOOK, refusal(said.encode()), ["swordfish", ""])
    assert answer.words == "no (secret) for reseller"
    fault = codec.dumps(codec.Fault(7, said), methodresponse=True).encode()
    assert "swordfish" not in answer_from(SNOM, Call.LOOK, fault, ["swordfish"]).words


def test_a_refusal_without_words_and_a_fault_are_refusals() -> None:
    assert answer_from(SNOM, Call.REGISTER, refusal(b"")).words
    fault = codec.dumps(codec.Fault(7, "Null\npointer"), methodresponse=True).encode()
    answer = answer_from(SNOM, Call.REGISTER, fault)
    assert answer == Answer(Verdict.REFUSED, "fault: Null pointer")


def test_a_target_is_the_url_behind_the_company_and_may_be_empty() -> None:
    text = b"<value><string>%s</string></value>"
    found = b"<value><boolean>1</boolean></value>" + text % b"Company Ltd"
    sent = array(found + text % b"https://pbx.example.com/{mac}.xml")
    assert answer_from(SNOM, Call.LOOK, sent).url == "https://pbx.example.com/{mac}.xml"
    nowhere = answer_from(SNOM, Call.LOOK, array(found + text % b""))
    assert nowhere == Answer(Verdict.DONE)


def test_lists_have_macs_of_any_letter_case_or_none() -> None:
    macs = b"<value>0004132e08b4</value><value><string>0004132E08B5</string></value>"
    answer = answer_from(SNOM, Call.LIST, array(macs))
    assert answer.macs == (MAC, MAC + 1)
    assert answer_from(SNOM, Call.LIST, array(b"")) == Answer(Verdict.DONE)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (Call.REGISTER, b""),
        (Call.REGISTER, b"<html><body>Maintenance</body></html>"),
        (Call.REGISTER, b"\x00\xff<<"),
        (Call.REGISTER, array(OK)[:-20]),
        (Call.REGISTER, HEAD + TAIL),
        (Call.REGISTER, HEAD + b"<value>Ok</value>" + TAIL),
        (Call.REGISTER, array(b"")),
        (Call.REGISTER, array(b"<value>Ok</value>")),
        (Call.REGISTER, array(b"<value><int>7</int></value>")),
        (Call.REGISTER, array(b"<value><int>9" + b"9" * 9000 + b"</int></value>")),
        (Call.REGISTER, array(b"<value><boolean>2</boolean></value>")),
        (Call.REGISTER, array(b"<value><base64>!</base64></value>")),
        (Call.LOOK, array(OK)),
        (Call.LIST, array(OK)),
        (Call.LIST, array(b"<value>no mac</value>")),
        (Call.LIST, array(b"<value>0004132e08b4</value><value><int>1</int></value>")),
        (Call.ECHO, array(OK)),
        (Call.REGISTER, codec.dumps((True, "Ok"), "redirect.registerPhone").encode()),
    ],
)
def test_what_is_no_result_is_a_syntax_error(call: Call, body: bytes) -> None:
    with pytest.raises(XmlRpcSyntaxError):
        answer_from(SNOM, call, body)


def test_document_types_and_entities_are_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]>' + array(OK)[21:]
    with pytest.raises(XmlRpcSyntaxError, match="document type"):
        answer_from(SNOM, Call.REGISTER, bomb)
    with pytest.raises(XmlRpcSyntaxError, match="document type"):
        answer_from(SNOM, Call.REGISTER, b"<!DOCTYPE a>" + array(OK)[21:])


@given(st.data())
def test_no_bytes_make_it_raise_anything_else(data: st.DataObject) -> None:
    body = bytearray(array(OK))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(body) - 1))
        end = data.draw(st.integers(at, min(len(body), at + 40)))
        body[at:end] = data.draw(st.binary(max_size=12))
        if not body:
            break
    for call in Call:
        try:
            answer_from(SNOM, call, bytes(body))
        except XmlRpcSyntaxError:
            pass


def test_the_codec_survives_any_depth() -> None:
    deep = b"<value><array><data>" * 100_000 + b"</data></array></value>" * 100_000
    with pytest.raises(XmlRpcSyntaxError):
        answer_from(SNOM, Call.REGISTER, HEAD + deep + TAIL)


def test_words_are_one_short_line_without_urls() -> None:
    secret = "https://pbx.example.com/tgmzw3kcm5j2ohvq4yfx6a7nuse/{mac}.xml"
    assert (
        words_from(f"Error:malformed_url: {secret}") == "Error:malformed_url: (a URL)"
    )
    assert words_from("a\r\nb\tc") == "a b c"
    assert len(words_from("x" * 10_000)) == 160
