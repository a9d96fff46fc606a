"""A server of nothing but uvloop and h11: the least that declining can cost."""

import sys
from pathlib import Path

from perf.contenders.process import Served
from perf.machine import ROOT, free_port


def serve(place: Path, document: bytes) -> Served:
    """Return it, giving *document* to every request; raises Wrong."""
    file = place / "document.xml"
    file.write_bytes(document)
    port = free_port()
    script = ROOT / "perf/contenders/h11_server.py"
    command = [sys.executable, str(script), str(port), str(file)]
    served = Served("uvloop+h11", command, port, place)
    served.wait_until_listening()
    return served
