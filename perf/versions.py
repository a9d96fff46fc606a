"""Which versions of the peers are measured."""

import subprocess

from perf.machine import ROOT

LIST = ROOT / "tools" / "bench-peers.txt"


def packages() -> list[str]:
    """Return the Debian packages that tools/bench-peers.txt names."""
    lines = LIST.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def of_peers() -> dict[str, str]:
    """Return the version of each package, "missing" for one that is not installed."""
    found = dict.fromkeys(packages(), "missing")
    try:
        asked = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Status}\\n"],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return found
    for line in asked.stdout.splitlines():
        name, _, rest = line.partition(" ")
        number, _, status = rest.rpartition(" ")
        if name in found and status == "installed":
            found[name] = number
    return found
