"""The commands of docs/api.md, run one after the other as the page says."""

import json
import re
from pathlib import Path

from tests.aswritten import ROOT, run_as_written
from tests.namespaces import in_namespace
from tests.peers.peer import require

PAGE = (ROOT / "docs" / "api.md").read_text()
SECTIONS = (
    "A first request",
    "Who may do what",
    "Many accounts",
    "Lists",
    "Changing what is there",
    "Events",
)
# What the page cannot know, and what ends what does not end by itself.
ADAPTED = {
    "bwl_…": "'$(bootwave admin link 2>/dev/null | cut -d'#' -f2)'",
    "curl -N": "timeout 3 curl -sN",
}
SCRAPE = 'curl -H "Authorization: Bearer $(cat prometheus.txt)" http://127.0.0.1:8095/metrics'
END = "=====\n"


def written() -> list[str]:
    """Return the commands of the sections, a text for each block."""
    found = []
    for section in SECTIONS:
        text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
        assert text is not None, section
        found += re.findall(r"^```sh\n(.*?)^```$", text[1], re.M | re.S)
    return found


def _as_written(directory: Path) -> None:
    commands = "\necho =====\n".join([*written(), SCRAPE])
    for text, adapted in ADAPTED.items():
        assert commands.count(text) == 1
        commands = commands.replace(text, adapted)
    # 124 is what timeout ends with.
    commands = commands.replace("/api/v1/events", "/api/v1/events || [ $? = 124 ]")
    printed = run_as_written(directory, commands)
    assert "urn:bootwave:problem:" not in printed
    told = printed.split(END)
    first, setup, session, dry_run, state, page, old, changes, events, metrics = told
    assert json.loads(first.splitlines()[-1])["number"] == "402"
    assert json.loads(setup) == {"name": "anna", "role": "operator", "domains": []}
    assert session == ""  # what came of it is in a file
    tried = json.loads(dry_run)
    assert (tried["stored"], tried["error_count"]) == (False, 0)
    assert json.loads(state)["same"] == 1
    assert [row["number"] for row in json.loads(page)["items"]] == ["402"]
    assert json.loads(old) == {"items": [], "next": ""}
    assert '"name":"Anna"' in changes
    assert '"opened":["402@pbx.example.com"]' in changes
    assert changes.endswith("}]}")
    assert events.startswith("retry: ")
    assert "\nbootwave_build_info{" in metrics


def test_the_page_works_as_written(tmp_path: Path) -> None:
    for program in ("curl", "jq"):
        require(program)
    in_namespace(lambda: _as_written(tmp_path))
