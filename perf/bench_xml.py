"""Cost of making settings documents, in microseconds, beside what else could do it.

Run it as a script; ``--json FILE`` also writes the figures.  A 14.8 KB document with
40 values of a phone's own is made from a plan, from an f-string that escapes as it
goes, and by joining pieces escaped before; copying a finished document is the limit.
Contenders alternate round by round, and ratios are medians of the rounds' ratios: the
machine's other work hits all of them alike.  Then what a phone costs the compiler,
and how many bytes its packed values take for a document of some 8 KB.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from timeit import timeit
from xml.sax.saxutils import escape

from bootwave.directory.records import (
    Account,
    Binding,
    Device,
    Domain,
    FunctionKey,
    Layer,
    NamedLayer,
    Setting,
)
from bootwave.native.xml import Plan, escape_text, pack
from bootwave.settings.compiler import SettingsCompiler
from bootwave.settings.functionkeys import free_keys

ROUNDS = 9
SLOTS = 40
DOCUMENT_BYTES = 14_800
GOAL_MICROSECONDS = 1.5


def contenders() -> dict[str, Callable[[], bytes]]:
    """Return the ways of making one and the same document."""
    values = [f"Value {n} & more" for n in range(SLOTS)]
    escaped = [escape_text(value) for value in values]
    baked = (DOCUMENT_BYTES - sum(map(len, escaped))) // (SLOTS + 1)
    element = ' <setting_name perm="R">on</setting_name>\n'
    piece = (element * (baked // len(element) + 1))[:baked]
    pieces = [piece.encode()] * (SLOTS + 1)
    plan = Plan(pieces)
    packed = pack(escaped)
    parts = [part for pair in zip(pieces, escaped, strict=False) for part in pair]
    parts.append(pieces[-1])
    names = {"escape": escape, "values": values}
    body = "".join(f"{piece}{{escape(values[{n}])}}" for n in range(SLOTS)) + piece
    template = eval(f"lambda: f'''{body}'''.encode()", names)
    finished = plan.assemble(packed)
    ways = {
        "plan": lambda: plan.assemble(packed),
        "f-string": template,
        "join": lambda: b"".join(parts),
        "copy (limit)": lambda: bytes(memoryview(finished)),
    }
    assert all(way() == finished for way in ways.values())
    return ways


def rounds(ways: dict[str, Callable[[], bytes]]) -> dict[str, list[float]]:
    """Return the microseconds of each way in each round."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    times = {name: 2_000 if name == "f-string" else 50_000 for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            taken[name].append(timeit(way, number=times[name]) * 1e6 / times[name])
    return taken


def phone() -> tuple[Device, Layer]:
    """Return a phone of one identity and its model's layer: a document of 8 KB."""
    domain = Domain(1, "pbx.example.com", "", "pbx.example.com:5061;transport=tls")
    account = Account(1, 1, "401", "Ann & Bob Müller", "", b"", "8401")
    keys = tuple(
        FunctionKey(n, f"blf {410 + n}|*87", f"Colleague {n}") for n in range(8)
    )
    settings = (Setting("user_idle_text", "Ann & Bob"),)
    device = Device(0x0004132E08B4, domain, (Binding(1, account),))
    device = Device(device.mac, domain, device.bindings, Layer(settings, keys))
    names = (Setting(f"some_model_setting_{n}", "value") for n in range(40))
    return device, Layer(tuple(names), free_keys(36))


def compiled() -> dict[str, float]:
    """Return what one phone costs the compiler, in microseconds and bytes."""
    device, model_layer = phone()
    compiler = SettingsCompiler()

    def warm(compiler: SettingsCompiler = compiler) -> tuple[Plan, bytes]:
        return compiler.specific(
            device,
            model="snom370",
            layers=(NamedLayer("model snom370", model_layer),),
            passwords={1: "x" * 16},
            base_url="https://pbx.example.com",
        )

    plan, packed = warm()
    return {
        "document bytes": plan.size(packed),
        "slots": plan.slots,
        "packed bytes": len(packed),
        "packed bytes object": sys.getsizeof(packed),
        "known shape, µs": min(timeit(warm, number=2000) * 500 for _ in range(5)),
        "new shape, µs": min(
            timeit(lambda: warm(SettingsCompiler()), number=100) * 1e4 for _ in range(5)
        ),
    }


def commit() -> str:
    """Return the commit measured, "" outside a checkout."""
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    return asked.stdout.strip()


def main() -> None:
    """Measure, print a table, and write JSON if asked to."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", metavar="FILE")
    given = arguments.parse_args()
    taken = rounds(contenders())
    print(f"{platform.platform()}, Python {platform.python_version()}, {commit()}\n")
    print(f"one document of {DOCUMENT_BYTES / 1000} KB, {SLOTS} slots")
    figures: dict[str, dict[str, float]] = {}
    for name, each in taken.items():
        ratio = statistics.median(
            mine / plan for mine, plan in zip(each, taken["plan"], strict=True)
        )
        figures[name] = {"µs": statistics.median(each), "of plan": ratio}
        print(f"  {name:14} {statistics.median(each):8.2f} µs {ratio:7.2f} x plan")
    print(f"  goal for the plan: {GOAL_MICROSECONDS} µs\n\none phone in the compiler")
    costs = compiled()
    for name, cost in costs.items():
        print(f"  {name:20} {cost:8.1f}")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"commit": commit(), "ways": figures, "phone": costs}, file)


if __name__ == "__main__":
    main()
