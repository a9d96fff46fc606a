from bootwave.control.api.answers import Answer, created, nothing, shown


def test_answers_are_json_with_the_tag_of_what_they_show() -> None:
    content = {"name": "Jörg", "at": 1.5}
    assert Answer(content).body == '{"name":"Jörg","at":1.5}'.encode()
    assert shown(content, '"tag"').headers["etag"] == '"tag"'
    made = created("/api/v1/x", content)
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/x")
    assert (nothing().status_code, nothing().body) == (204, b"")
