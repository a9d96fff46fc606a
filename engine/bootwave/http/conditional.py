"""If-None-Match (RFC 9110 section 13.1.2): may the answer be 304?

Ask only after the grant: a 304 tells a stranger that the document exists and which one
it is.
"""

import re

# entity-tag of RFC 9110 section 8.8.3; the weak mark is not compared, so not captured.
_ENTITY_TAG = re.compile(rb'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_BETWEEN = re.compile(rb"[ \t]*,?[ \t,]*")


def is_current(if_none_match: bytes | None, etag: bytes) -> bool:
    """Return whether the peer already has the content that *etag* names.

    *if_none_match* is the field's value, its lines joined by commas, or None when the
    request has none: a list of entity tags or ``*``.  The comparison is weak (RFC 9110
    section 8.8.3.2).  A value that breaks the grammar matches nothing, so the peer gets
    the whole document.
    """
    if if_none_match is None:
        return False
    value = if_none_match.strip(b" \t")
    if value == b"*":
        return True
    wanted = etag.removeprefix(b"W/")
    found = False
    at = 0
    while at < len(value):
        tag = _ENTITY_TAG.match(value, at)
        if tag is None:
            return False
        found = found or tag[1] == wanted
        after = _BETWEEN.match(value, tag.end())
        assert after is not None
        at = after.end()
        if at < len(value) and b"," not in after[0]:
            return False
    return found
