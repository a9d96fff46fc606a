"""What a phone with firmware before 7 reads: lines instead of XML (domain.md 3.1).

    <html><pre>
    # a comment
    user_name1&: 401
    setting_server$: http://pbx.example.com/{mac}.xml
    </pre></html>

A name, the number of an identity, the flag of a permission or none, a colon, and the
value to the end of the line.
"""

import re

from bootwave.errors import ServerFault

_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*?)(\d*)[!$&]?:[ \t]*(.*?)[ \t]*")


def are_lines(content: bytes) -> bool:
    """Whether *content* is lines in their frame of HTML."""
    return content.lstrip()[:5].lower() == b"<html"


def settings_from_lines(content: bytes) -> dict[tuple[str, str], str]:
    """Return what lines say, by name and the number behind it ("" for none).

    Raises ServerFault, as the end of a sentence that begins with the document.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ServerFault("it is not UTF-8") from None
    values: dict[tuple[str, str], str] = {}
    for number, line in enumerate(re.split(r"\r?\n", text), 1):
        if not line.strip() or line.startswith(("#", "<")):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise ServerFault(f"its line {number} is no setting")
        values[found[1], found[2]] = found[3]
    return values
