"""nginx at its best: files it has open already, sendfile, deferred accept, no log.

Each setting was tried both ways: tcp_nopush saves a fifth, multi_accept costs a few per
cent.
"""

from collections.abc import Mapping
from pathlib import Path

from perf.contenders.process import Served, installed
from perf.machine import free_port

PACKAGE = "nginx-light"

_SETTINGS = """
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {place}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 8192; use epoll; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=65536 inactive=1h;
    open_file_cache_valid 1h;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
    types {{ application/xml xml; }}
    server {{
        listen 127.0.0.1:{port} deferred reuseport backlog=4096;
        root {place}/files;
    }}
}}
"""


def serve(place: Path, files: Mapping[str, bytes]) -> Served:
    """Return nginx serving *files*, by path; raises Missing or Wrong."""
    program = installed("nginx", PACKAGE)
    for path, content in files.items():
        file = place / "files" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    port = free_port()
    settings = place / "nginx.conf"
    settings.write_text(_SETTINGS.format(place=place, port=port))
    served = Served("nginx", [program, "-c", str(settings)], port, place)
    served.wait_until_listening()
    return served
