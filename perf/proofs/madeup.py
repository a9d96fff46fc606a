"""Requests that schemathesis makes up from the API's description, as somebody.

The command ``schemathesis run`` does it, in four phases: the examples of the
description, its edges one by one, many of what may be sent and of what may not, and
sequences along its links.  Names of what there is stand in for every other parameter,
so that requests get further than "no such thing".
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from perf.machine import ROOT
from perf.proofs.furnishing import FIRST, OTHER, SPARE, STRANGER, VERSION, Site

ENDLESS = "/api/v1/events"
UNASKED = (ENDLESS, "/openapi.json")  # the latter is what requests are made up from
REFUSALS = ("401", "403", "404", "409", "412", "422", "428", "429")
_TAIL = 4_000


class Found(NamedTuple):
    """What came of the requests of somebody: how many of which answers, and failures.

    ``answers`` are by operation and status, such as ``GET /api/v1/domains 200``.
    """

    answers: Mapping[str, int]
    failures: Sequence[str]

    @property
    def requests(self) -> int:
        """How many were answered."""
        return sum(self.answers.values())

    @property
    def statuses(self) -> dict[str, int]:
        """How many answers had which status."""
        found: Counter[str] = Counter()
        for key, many in self.answers.items():
            found[key.rpartition(" ")[2]] += many
        return dict(sorted(found.items()))

    @property
    def succeeded(self) -> set[str]:
        """The operations that were carried out at least once."""
        return {
            key.rpartition(" ")[0]
            for key in self.answers
            if key.rpartition(" ")[2].startswith(("2", "3"))
        }

    @property
    def operations(self) -> set[str]:
        """The operations that were asked for."""
        return {key.rpartition(" ")[0] for key in self.answers}


def ask(
    url: str,
    place: Path,
    who: str,
    token: str,
    *,
    examples: int,
    seed: int,
    forbidden: Sequence[str],
    kept: Sequence[str],
    socket: Path,
    furnishes: Sequence[Site],
    deep: bool,
    aims: Sequence[Site] = (FIRST, OTHER),
) -> Found:
    """Ask at *url* as *who*, with *token* if there is one; *examples* of an operation.

    No answer may show what is *forbidden*; names *kept* are not taken away.  Where
    somebody *furnishes*, what he removes is put back by way of *socket*.  What is not
    *deep* leaves out edges one by one and sequences, which take minutes.
    """
    directory = place / who
    directory.mkdir(parents=True, exist_ok=True)
    given, counted = directory / "given.json", directory / "counted.json"
    given.write_text(
        json.dumps(
            {
                "forbidden": [*forbidden],
                "kept": [*kept],
                "furnish": [site.domain for site in furnishes],
                "socket": str(socket),
                "counted": str(counted),
            }
        )
    )
    options = directory / "schemathesis.toml"
    options.write_text(_options(aims))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(options), "run", f"{url}/openapi.json"),
            *("--max-examples", str(examples), "--seed", str(seed)),
            *(() if deep else ("--phases", "examples,fuzzing")),
            *("--report", "json"),
            *("--report-json-path", str(directory / "report.json")),
            *(("--header", f"Authorization: Bearer {token}") if token else ()),
        ],
        cwd=ROOT,
        env={**os.environ, "BOOTWAVE_PROOF": str(given)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    (directory / "output.txt").write_text(done.stdout + done.stderr)
    answers = json.loads(counted.read_text()) if counted.exists() else {}
    failures = _failures(done.stdout) if done.returncode else []
    if not failures and (done.returncode or not answers):
        failures = [f"it ended with {done.returncode}: {done.stdout[-_TAIL:]}"]
    return Found(answers, failures)


def _options(aims: Sequence[Site]) -> str:
    """Return what schemathesis is told, in its own words (TOML)."""
    words = {
        "domains": [*(site.domain for site in aims), SPARE],
        "numbers": [number for site in aims for number in site.numbers],
        "macs": [*(mac for site in aims for mac in site.macs), STRANGER],
        "profiles": [site.profile for site in aims],
        "groups": [site.group for site in aims],
        "models": ["snomD785", "370"],
        "versions": [VERSION],
        "ranges": ["8.4-8.7"],
        "names": ["phone_name", "timezone", "nobody-has-this"],
        "indices": [3, 5],
        "rollouts": [1, 2],
        "languages": ["Deutsch"],
        "kinds": ["gui", "web"],
        "states": ["*"],
    }
    used = {
        **{"domain": "domains", "number": "numbers", "mac": "macs"},
        **{"profile": "profiles", "group": "groups", "model": "models"},
        **{"version": "versions", "versions": "ranges", "name": "names"},
        **{"index": "indices", "rollout": "rollouts"},
        **{"language": "languages", "kind": "kinds"},
    }
    lines = [
        "continue-on-failure = true",
        "request-timeout = 60.0",
        "warnings = false",
        'hooks = "perf.proofs.apihooks"',
        'suppress-health-check = ["all"]',
        "[cache]",
        "enabled = false",
        "[generation]",
        'database = "none"',
        "[checks]",
        "enabled = true",
        "[checks.positive_data_acceptance]",
        f"expected-statuses = {json.dumps(['2xx', '304', *REFUSALS])}",
        "[checks.negative_data_rejection]",
        f"expected-statuses = {json.dumps(['400', '405', '413', '415', *REFUSALS])}",
    ]
    for name, values in words.items():
        lines += [f"[dictionaries.{name}]", f"values = {json.dumps(values)}"]
    lines.append("[parameters]")
    lines += [
        f'"path.{name}" = {{ dictionary = "{of}", probability = 0.7 }}'
        for name, of in used.items()
    ]
    lines.append('"header.If-Match" = { dictionary = "states", probability = 0.5 }')
    lines += ["[[operations]]", f'include-path = "{ENDLESS}"', "enabled = false"]
    return "\n".join(lines) + "\n"


def _failures(output: str) -> list[str]:
    """Return the errors and failures that *output* tells, one text each."""
    told = "".join(re.split(r"= (?:ERRORS|FAILURES) =", output)[1:])
    told = told.partition("= SUMMARY =")[0]
    return [
        " ".join(part.split())
        for part in re.split(r"\n_{5,}", told)
        if part.strip(" =\n")
    ]
