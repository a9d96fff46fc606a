"""The PBX of docs/api.md, run as the page says, does what the page shows."""

import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.aswritten import ROOT, run_as_written
from tests.namespaces import in_namespace

PAGE = (ROOT / "docs" / "api.md").read_text()
SCRIPT = ROOT / "docs" / "examples" / "pbx.py"
FOUND = re.search(
    r"^## A small PBX\n.*?^```sh\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, re.M | re.S
)
assert FOUND is not None
COMMANDS, PRINTED = FOUND.groups()
# How long phones took, and what may not be written down yet when it is read.
VARYING = re.compile(
    r"\d+\.\d\d s|\d+ SUBSCRIBEs?|\d+ phones: (?!it was given its settings)"
)


def sorted_lines(printed: str) -> list[str]:
    """Return lines without what is different each time.

    Sentences that as many phones have stand in no order.
    """
    return sorted(VARYING.sub("*", line) for line in printed.splitlines())


def _as_written(directory: Path) -> None:
    printed = run_as_written(directory, COMMANDS)
    said = printed[printed.index("The first push") :]
    assert sorted_lines(said) == sorted_lines(PRINTED)


def test_the_pbx_provisions_500_phones_as_the_page_shows(tmp_path: Path) -> None:
    in_namespace(lambda: _as_written(tmp_path))


def test_without_its_token_it_ends_with_a_sentence(tmp_path: Path) -> None:
    token = tmp_path / "token.txt"
    words = [sys.executable, str(SCRIPT), "pbx.example.com", "--token", str(token)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr == f"{token} cannot be read: No such file or directory.\n"


def test_without_an_api_it_ends_with_a_sentence(tmp_path: Path) -> None:
    token = tmp_path / "token.txt"
    token.write_text("bw_none")
    with socket.socket() as unheard:  # bound, and nobody listens
        unheard.bind(("127.0.0.1", 0))
        url = "http://{}:{}".format(*unheard.getsockname())
        words = [sys.executable, str(SCRIPT), "pbx.example.com", "--token", str(token)]
        done = subprocess.run(
            [*words, "--api", url], capture_output=True, text=True, timeout=30
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"No API answers at {url}: ")
    assert "Traceback" not in done.stderr


def test_it_is_small_and_needs_the_standard_library_only() -> None:
    text = SCRIPT.read_text()
    assert len(text.splitlines()) < 150
    imported = re.findall(r"^(?:from|import) ([a-z]+)", text, re.M)
    assert imported
    assert {*imported} <= sys.stdlib_module_names
