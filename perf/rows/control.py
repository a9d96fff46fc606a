"""What administrators wait for: pages of a large store, and a large import."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from bootwave.control.session import Session, open_session
from bootwave.optionsfile import load
from bootwave.sightings import Reason, Sighting
from bootwave.store.create import create
from bootwave.store.secrets import KeyRing
from bootwave.store.sightings.contactkeeper import ContactKeeper
from bootwave.store.sightings.contacts import ContactFile
from bootwave.store.sightings.sightings import SightingLog
from perf.contenders.engine import DOMAIN, mac_of, row_of
from perf.programs import Wrong
from perf.progress import tell
from perf.site import Site
from perf.verdict import Goal, Line

PAGE = 100  # rows, as many as lists have unless told otherwise
DEEP = 0.9  # of the list lies before the page
REPEATS = 20
IMPORTED = 100_000
FEW = 10_000
LOOK_SECONDS = 0.005
_TOGETHER = 50_000  # sightings, half of them, in one batch
IMPORT_GOAL = 60  # seconds, issue 6
# MB: Python, a chunk of rows, and the database's cache of 64, which few rows do not
# fill.  Three times as many rows took 159, and six times as many, too.
MEMORY_GOAL = 200
# If it grew with the depth it would be thousands; pages of the index and of the table
# that nobody read before cost some.
DEEP_GOAL = 5

_ACCOUNTS = {"domain": DOMAIN}


def search(site: Site) -> list[Line]:
    """A page of 100 at the beginning, deep in the list, and of a search, in ms."""
    devices = max(site.effort.fleets)
    file = site.fleet(devices)
    lines = []
    with open_session(load(file, {}).options) as session:
        tell("control: going deep into the list")
        lists: dict[str, tuple[str, Mapping[str, str], str]] = {
            "accounts": ("accounts", _ACCOUNTS, "number"),
            "names": ("accounts", _ACCOUNTS, "name"),
            "devices": ("devices", _ACCOUNTS, "mac"),
            "bindings": ("bindings", _ACCOUNTS, "mac"),
        }
        for name, (resource, filters, sort) in lists.items():
            page = _page(session, resource, filters, sort)
            deep = _deep(session, page, int(devices * DEEP))
            figures: dict[str, list[float]] = {"first": [], "bootwave": []}
            for _ in range(site.effort.rounds):
                figures["first"].append(_ms(partial(page, "")))
                figures["bootwave"].append(_ms(partial(page, deep)))
            lines.append(
                Line(
                    f"control/{name}/{devices}",
                    "ms/page",
                    figures,
                    [Goal(DEEP_GOAL, "first")],
                    limit="first",
                    note=f"{PAGE} rows behind {int(devices * DEEP)} others",
                )
            )
        lines.append(_searches(site, session, devices))
    return lines


def contacts(site: Site) -> list[Line]:
    """Taking in what each of a fleet did, and pages of devices by it."""
    devices = max(site.effort.fleets)
    options = load(site.fleet(devices), {}).options
    sightings = SightingLog(options.store.sightings, options.sightings)
    keeper = ContactKeeper(sightings, options.store.database)
    ContactFile(sightings.contacts).remove()
    taken: list[float] = []
    for number in range(1 + site.effort.rounds):
        tell(f"control: what {devices} devices did, {number} of {site.effort.rounds}")
        _boot(sightings, devices)
        began = time.process_time()
        keeper.catch_up()
        taken.append((time.process_time() - began) * 1e6 / devices)
    note = "processor time of the control process for a boot of every device"
    lines = [
        Line(
            f"control/contacts{name}/{devices}",
            "µs/device",
            {"bootwave": figures},
            [],
            note=note + made,
        )
        for name, figures, made in (
            ("-made", taken[:1], ", by which the file is made"),
            ("", taken[1:], ""),
        )
    ]
    domain = {"domain": DOMAIN}
    with open_session(options) as session:
        lists: dict[str, tuple[Mapping[str, str], str]] = {
            "last-contact": ({}, "last-contact"),
            "last-contact-of-domain": (domain, "last-contact"),
            "older-than": ({**domain, "older_than": "8.7.5.99"}, "firmware"),
        }
        for name, (filters, sort) in lists.items():
            page = _page(session, "devices", filters, sort)
            deep = _deep(session, page, int(devices * DEEP))
            figures: dict[str, list[float]] = {"first": [], "bootwave": []}
            for _ in range(site.effort.rounds):
                figures["first"].append(_ms(partial(page, "")))
                figures["bootwave"].append(_ms(partial(page, deep)))
            lines.append(
                Line(
                    f"control/{name}/{devices}",
                    "ms/page",
                    figures,
                    [Goal(DEEP_GOAL, "first")],
                    limit="first",
                    note=f"{PAGE} devices behind {int(devices * DEEP)} others",
                )
            )
    return lines


def _boot(sightings: SightingLog, devices: int) -> None:
    """Write down that each device was answered and given its settings."""
    now = time.time()
    for first in range(0, devices, _TOGETHER):
        sightings.append(
            [
                Sighting(now, int(mac_of(phone), 16), "192.0.2.7", reason, text)
                for phone in range(first, min(first + _TOGETHER, devices))
                for reason, text in (
                    (Reason.PNP_ANSWERED, ""),
                    (Reason.SERVED_WINDOW, f"snom370-SIP 8.7.5.{phone % 50}"),
                )
            ]
        )


def _searches(site: Site, session: Session, devices: int) -> Line:
    """Return what it takes to find by the beginning of a number, name and MAC."""
    last = row_of(devices - 1)
    asked: dict[str, Callable[[], Any]] = {
        "number": lambda: _found(
            session, "accounts", {"number_prefix": last["extension"][:5]}
        ),
        "name": lambda: _found(
            session, "accounts", {**_ACCOUNTS, "name_prefix": last["name"][:9].upper()}
        ),
        "MAC": lambda: _found(
            session, "devices", {"mac_prefix": mac_of(devices - 1)[:9]}
        ),
    }
    figures: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(site.effort.rounds):
        for name, ask in asked.items():
            figures[name].append(_ms(ask))
    figures["bootwave"] = [max(each) for each in zip(*figures.values(), strict=True)]
    return Line(
        f"control/search/{devices}",
        "ms/page",
        figures,
        [],
        note="the slowest of the beginnings of a number, a name and a MAC",
    )


def imported(site: Site) -> list[Line]:
    """Seconds and memory of an import of 100,000 accounts with bindings, by command."""
    seconds: dict[str, list[float]] = {"bootwave": [], "all or nothing": []}
    memory: dict[str, list[float]] = {"bootwave": [], f"{FEW} rows": []}
    for number in range(site.effort.rounds):
        tell(f"control: import {number + 1} of {site.effort.rounds}")
        for count in (FEW, IMPORTED):
            took, peak = _import(site, count)
            if count == IMPORTED:
                seconds["bootwave"].append(took)
                memory["bootwave"].append(peak)
            else:
                memory[f"{FEW} rows"].append(peak)
        took, _ = _import(site, IMPORTED, "--all-or-nothing")
        seconds["all or nothing"].append(took)
    note = f"{IMPORTED} accounts with bindings from CSV, in short transactions"
    return [
        Line(
            f"control/import/{IMPORTED}",
            "s",
            seconds,
            [Goal(IMPORT_GOAL)],
            note=note,
        ),
        Line(
            f"control/memory/{IMPORTED}",
            "MB",
            memory,
            [Goal(MEMORY_GOAL)],
            limit=f"{FEW} rows",
            note="the most that the command had in memory, Python and all",
        ),
    ]


def control(site: Site) -> list[Line]:
    """All of these."""
    return [*search(site), *contacts(site), *imported(site)]


def _page(
    session: Session, resource: str, filters: Mapping[str, str], sort: str
) -> Callable[..., dict[str, Any]]:
    def page(cursor: str, limit: int = PAGE) -> dict[str, Any]:
        found: dict[str, Any] = session.call(
            "records.page",
            resource=resource,
            filters=dict(filters),
            sort=sort,
            limit=limit,
            cursor=cursor,
        )
        if len(found["rows"]) != limit:
            raise Wrong(f"a page of {resource} has {len(found['rows'])} rows")
        return found

    return page


def _deep(session: Session, page: Callable[..., dict[str, Any]], rows: int) -> str:
    """Return the cursor behind *rows* rows."""
    cursor = ""
    for _ in range(rows // 1_000):
        cursor = page(cursor, 1_000)["cursor"]
    return cursor


def _found(session: Session, resource: str, filters: Mapping[str, str]) -> Any:
    found = session.call(
        "records.page", resource=resource, filters=dict(filters), limit=PAGE
    )
    if not found["rows"]:
        raise Wrong(f"nothing was found of {dict(filters)}")
    return found


def _ms(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    for _ in range(REPEATS):
        ask()
    return (time.perf_counter() - began) * 1e3 / REPEATS


def _import(site: Site, count: int, *how: str) -> tuple[float, float]:
    """Return the seconds of an import into an empty store, and its peak in MB."""
    place = site.directory("import")
    file = place / "bootwave.toml"
    file.write_text("")
    store = load(file, {}).options.store
    KeyRing.create(store.key)
    create(store.database)
    with open_session(load(file, {}).options) as session:
        session.call("domain.add", name=DOMAIN)
    rows = place / "rows.csv"
    with rows.open("w") as out:
        out.write(",".join(row_of(0)) + "\n")
        out.writelines(",".join(row_of(n).values()) + "\n" for n in range(count))
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "bootwave", "-o", str(file)),
            *("account", "import", str(rows), "--json", *how),
        ],
        stdout=subprocess.DEVNULL,
    )
    # Not what wait4 tells: that counts what the bench itself had before exec.
    peak = 0
    while process.poll() is None:
        peak = _peak_kib(process.pid) or peak
        time.sleep(LOOK_SECONDS)
    took = time.perf_counter() - began
    if process.returncode:
        raise Wrong(f"the import ended with {process.returncode}")
    _check(file, count)
    shutil.rmtree(place)
    return took, peak * 1024 / 1e6


def _peak_kib(pid: int) -> int:
    """Return the most that a process had in memory until now, 0 when it is over."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if "VmHWM" in line]
    return int(found[0]) if found else 0


def _check(file: Path, count: int) -> None:
    with open_session(load(file, {}).options) as session:
        found = session.call(
            "records.page",
            resource="bindings",
            filters={"mac_prefix": mac_of(count - 1)},
        )
    if [row["account"] for row in found["rows"]] != [
        f"{row_of(count - 1)['extension']}@{DOMAIN}"
    ]:
        raise Wrong("the last row of the import is not bound")
