"""Messages in the spirit of RFC 4475, each made to break some parser.

The file's name says the verdict.  Some that RFC 4475 calls wrong above the syntax
(unknown schemes, an Expires out of range) are accepted here on purpose: a datagram that
is not ours is met with silence either way.
"""

from pathlib import Path

import pytest

from bootwave.errors import SipSyntaxError
from bootwave.native import sip
from tests.oracle import sip as oracle

FILES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_message_is_judged_as_its_name_says(path: Path) -> None:
    data = path.read_bytes()
    if path.stem.startswith("accept-"):
        sip.parse(data)
        oracle.parse(data)
        return
    with pytest.raises(SipSyntaxError) as caught:
        sip.parse(data)
    assert 0 <= caught.value.offset <= len(data)
    with pytest.raises(oracle.NotSip):
        oracle.parse(data)


def test_the_files_are_there() -> None:
    verdicts = {path.stem.split("-")[0] for path in FILES}
    assert verdicts == {"accept", "refuse"}
    assert len(FILES) >= 60
