"""Requests that schemathesis makes up from the API's description, as somebody.

The command ``schemathesis run`` does it, in four phases: the examples of the
description, its edges one by one, many of what may be sent and of what may not, and
sequences along its links.  Names of what there is stand in for every other parameter,
so that requests get further than "no such thing".
"""

import base64
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
from perf.proofs.furnishing import (
    ANNA,
    ANNAS_PASSWORD,
    FIRST,
    IMAGE,
    LEAVER,
    ROLLOUTS,
    RULE,
    SITES,
    SPARE,
    STRANGER,
    VERSION,
    WILDCARD,
    Authority,
    Site,
)

API = "/api/v1"
ENDLESS = f"{API}/events"
UNASKED = (ENDLESS, "/openapi.json")  # the latter is what requests are made up from
REFUSALS = ("401", "403", "404", "409", "412", "422", "428", "429")
_TAIL = 4_000

# Values for parameters, and how probable one of them is in the place of a made-up one.
Names = Mapping[str, tuple[Sequence[str | int], float]]
_OF_SESSIONS: Mapping[str, Names] = {
    f"{API}/session": {
        "body.name": ([ANNA], 0.5),
        "body.password": ([ANNAS_PASSWORD], 0.8),
    },
    f"{API}/session/confirmation": {"body.password": ([ANNAS_PASSWORD], 0.9)},
    f"{API}/session/password": {"body.password": ([ANNAS_PASSWORD], 0.9)},
}


class Found(NamedTuple):
    """What came of the requests of somebody: how many of which answers, and failures.

    ``answers`` are by operation and status, such as ``GET /api/v1/domains 200``, and
    ``refusals`` say of each operation why it was refused most often.
    """

    answers: Mapping[str, int]
    failures: Sequence[str]
    refusals: Mapping[str, Sequence[str]]

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


class Asking(NamedTuple):
    """Whom to ask, and how: *examples* of each operation at *url*, with a *token*.

    Somebody who ``signs_in`` does that at a host and port, and asks for what is of his
    session alone.  No answer may show what is ``forbidden``; names ``kept`` are not
    taken away.  What he removes is put back where he ``furnishes``, by way of
    ``socket``.  What is not ``deep`` leaves out edges one by one and sequences, which
    take minutes, and ``paths`` is what paths begin with, "" for all.
    """

    url: str
    place: Path
    socket: Path
    authority: Authority
    examples: int
    seed: int
    kept: Sequence[str]
    deep: bool
    forbidden: Sequence[str] = ()
    furnishes: Sequence[Site] = ()
    signs_in: tuple[str, int] | None = None
    paths: str = ""

    @property
    def phases(self) -> list[str]:
        """Of schemathesis; there are no links between what is of sessions."""
        edges = ["coverage"] if self.deep else []
        sequences = ["stateful"] if self.deep and self.signs_in is None else []
        return ["examples", *edges, "fuzzing", *sequences]


def ask(asking: Asking, who: str, token: str) -> Found:
    """Ask as *who*, with *token* if there is one; return what came of it."""
    directory = asking.place / who
    directory.mkdir(parents=True, exist_ok=True)
    given, counted = directory / "given.json", directory / "counted.json"
    given.write_text(
        json.dumps(
            {
                "forbidden": [*asking.forbidden],
                "kept": [*asking.kept],
                "furnish": [site.domain for site in asking.furnishes],
                "authority": base64.b64encode(asking.authority.der).decode(),
                "signs in": asking.signs_in,
                "socket": str(asking.socket),
                "counted": str(counted),
            }
        )
    )
    options = directory / "schemathesis.toml"
    options.write_text(_options(asking))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(options), "run", f"{asking.url}/openapi.json"),
            *("--max-examples", str(asking.examples), "--seed", str(asking.seed)),
            *("--phases", ",".join(asking.phases)),
            *(("--include-path-regex", asking.paths) if asking.paths else ()),
            *(("--header", f"Authorization: Bearer {token}") if token else ()),
        ],
        cwd=ROOT,
        env={**os.environ, "BOOTWAVE_PROOF": str(given)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    (directory / "output.txt").write_text(done.stdout + done.stderr)
    told = json.loads(counted.read_text()) if counted.exists() else {}
    answers = told.get("answers", {})
    failures = _failures(done.stdout) if done.returncode else []
    if not failures and (done.returncode or not answers):
        failures = [f"it ended with {done.returncode}: {done.stdout[-_TAIL:]}"]
    return Found(answers, failures, told.get("refusals", {}))


def _options(asking: Asking) -> str:
    """Return what schemathesis is told, in its own words (TOML)."""
    lines = [
        # Names of what there is come from here; to gather them from all answers before,
        # anew for each request, takes a quarter of the time.
        *(
            f"phases.{phase}.extra-data-sources.responses = false"
            for phase in ("examples", "coverage", "fuzzing")
        ),
        "continue-on-failure = true",
        "request-timeout = 60.0",
        "warnings = false",
        'hooks = "perf.proofs.apihooks"',
        'suppress-health-check = ["all"]',
        "[cache]",
        "enabled = false",
        # Who asks is who is told to, whatever way in there is.
        "[auth]",
        "auto-signup = false",
        "[generation]",
        'database = "none"',
        # Fields of who signed in are those of his session, and no made-up ones.
        f"with-security-parameters = {json.dumps(asking.signs_in is None)}",
        "[checks]",
        "enabled = true",
        "[checks.positive_data_acceptance]",
        f"expected-statuses = {json.dumps(['2xx', '304', *REFUSALS])}",
        "[checks.negative_data_rejection]",
        f"expected-statuses = {json.dumps(['400', '405', '413', '415', *REFUSALS])}",
    ]
    if asking.signs_in is not None:
        # It takes what a hook adds for no authentication.  That these operations are
        # carried out for nobody is what nobody's requests show.
        lines += ["[checks.ignored_auth]", "enabled = false"]
    everywhere = _names(SITES)
    particular = _particular_names(asking.authority)
    if asking.signs_in is not None:
        particular = {**particular, **_OF_SESSIONS}
    words = {
        f"{number} {name}": values
        for number, (_, names) in enumerate([("", everywhere), *particular.items()])
        for name, (values, _) in names.items()
    }
    for name, values in words.items():
        lines += [f"[dictionaries.{_key(name)}]", f"values = {json.dumps(values)}"]
    lines += ["[parameters]", *_bindings(0, everywhere)]
    for number, (path, names) in enumerate(particular.items(), 1):
        lines += ["[[operations]]", f"include-path = {json.dumps(path)}"]
        lines += ["[operations.parameters]", *_bindings(number, names)]
    lines += ["[[operations]]", f'include-path = "{ENDLESS}"', "enabled = false"]
    return "\n".join(lines) + "\n"


def _names(sites: Sequence[Site]) -> Names:
    """Return names of what there is at *sites*, by the parameter they stand in for."""
    return {
        "path.domain": ([*(site.domain for site in sites), SPARE], 0.7),
        "path.number": ([number for site in sites for number in site.numbers], 0.7),
        "path.mac": ([*(mac for site in sites for mac in site.macs), STRANGER], 0.7),
        "path.profile": ([site.profile for site in sites], 0.7),
        "path.group": ([site.group for site in sites], 0.7),
        "path.model": (["D785", "370"], 0.7),
        "path.version": ([VERSION], 0.7),
        "path.versions": (["8.4-8.7"], 0.7),
        "path.name": (
            ["phone_name", "timezone", "ringer_headset_device", "nobody-has-this"],
            0.7,
        ),
        "path.index": ([3, 5], 0.7),
        "path.rollout": ([*ROLLOUTS], 0.7),
        "path.language": (["Deutsch"], 0.7),
        "path.kind": (["gui", "web", "serial"], 0.7),
        "header.If-Match": (["*"], 0.5),
        "query.model": (["D785", "370"], 0.5),
        "query.version": ([VERSION], 0.5),
        "body.model": (["D785"], 0.5),
        "body.version": ([VERSION], 0.5),
        "body.location": ([IMAGE], 0.5),
    }


def _particular_names(authority: Authority) -> Mapping[str, Names]:
    """Return names that stand in for parameters of one path only."""
    administrator = f"{API}/administrators/{{name}}"
    names: Names = {"path.name": ([LEAVER, ANNA, "nobody-has-this"], 0.8)}
    domain = f"{API}/domains/{{domain}}"
    return {
        administrator: names,
        f"{administrator}/password": names,
        f"{API}/tokens/{{name}}": names,
        f"{API}/certificates/blocked/{{kind}}/{{value}}": {
            "path.value": (["0A1B2C3D4E5F", 32 * "ab"], 0.7)
        },
        f"{domain}/accounts/{{number}}/wildcard/{{wildcard}}": {
            "path.domain": ([FIRST.domain], 0.8),
            "path.number": ([WILDCARD], 0.8),
            "path.wildcard": (["question"], 0.7),
        },
        f"{domain}/dialplan/rules": {"query.match": ([RULE], 0.6)},
        f"{domain}/trust": {"body.pem": ([authority.pem], 0.6)},
        f"{domain}/trust/{{digest}}": {"path.digest": ([authority.digest[:8]], 0.8)},
    }


def _bindings(number: int, names: Names) -> list[str]:
    return [
        f"{json.dumps(name)} = {{ dictionary = {_key(f'{number} {name}')}, "
        f"probability = {probability} }}"
        for name, (_, probability) in names.items()
    ]


def _key(name: str) -> str:
    return json.dumps(re.sub(r"\W", "-", name))


def _failures(output: str) -> list[str]:
    """Return the errors and failures that *output* tells, one text each."""
    told = "".join(re.split(r"= (?:ERRORS|FAILURES) =", output)[1:])
    told = told.partition("= SUMMARY =")[0]
    return [
        " ".join(part.split())
        for part in re.split(r"\n_{5,}", told)
        if part.strip(" =\n")
    ]
