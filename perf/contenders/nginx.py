"""nginx at its best: files it has open already, sendfile, deferred accept, no log.

Each setting was tried both ways: tcp_nopush saves a fifth, multi_accept costs a few per
cent.
"""

from collections.abc import Mapping
from pathlib import Path

from perf.contenders.phones import Factory
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
        listen 127.0.0.1:{port} {tls} deferred reuseport backlog=4096;
        root {place}/files;
        {more}
    }}
}}
"""

# As domain.md has it of who serves snom phones, and what costs least beside it: tickets
# alone, no session kept here.
_TLS = """
        ssl_certificate {server};
        ssl_certificate_key {server};
        ssl_client_certificate {root};
        ssl_verify_client optional;
        ssl_verify_depth 2;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_tickets on;
"""


def serve(
    place: Path, files: Mapping[str, bytes], factory: Factory | None = None
) -> Served:
    """Return nginx serving *files*, by path; raises Missing or Wrong.

    With *factory* over TLS, asking for the certificates that it made.
    """
    program = installed("nginx", PACKAGE)
    for path, content in files.items():
        file = place / "files" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    port = free_port()
    settings = place / "nginx.conf"
    more = ""
    if factory is not None:
        more = _TLS.format(server=factory.server, root=factory.root)
    settings.write_text(
        _SETTINGS.format(
            place=place, port=port, tls="ssl" if factory is not None else "", more=more
        )
    )
    served = Served("nginx", [program, "-c", str(settings)], port, place)
    served.wait_until_listening()
    return served
