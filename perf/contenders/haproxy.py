"""haproxy giving one document from memory (``http-request return``)."""

from pathlib import Path

from perf.contenders.process import Served, installed
from perf.machine import free_port

PACKAGE = "haproxy"

_SETTINGS = """
global
    nbthread 1
    maxconn 8000
    tune.bufsize 32768
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 5s
    timeout http-keep-alive 60s
frontend phones
    bind 127.0.0.1:{port} defer-accept backlog 4096
    http-request return status 200 content-type application/xml file {place}/document
"""


def serve(place: Path, document: bytes) -> Served:
    """Return haproxy giving *document* to every request; raises Missing or Wrong."""
    program = installed("haproxy", PACKAGE)
    (place / "document").write_bytes(document)
    port = free_port()
    settings = place / "haproxy.cfg"
    settings.write_text(_SETTINGS.format(place=place, port=port))
    served = Served("haproxy", [program, "-db", "-f", str(settings)], port, place)
    served.wait_until_listening()
    return served
