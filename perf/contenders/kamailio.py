"""kamailio answering plug and play as administrators have it do: 200, then NOTIFY."""

import socket
from pathlib import Path

from perf.contenders.process import Served, installed
from perf.machine import free_port

PACKAGE = "kamailio"

_SETTINGS = """
debug=-1
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
maxbuffer=16777216
auto_aliases=no
server_header=""
user_agent_header="User-Agent: kamailio"
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "uac.so"
modparam("uac", "restore_mode", "none")
request_route {{
    if (!is_method("SUBSCRIBE")) {{
        exit;
    }}
    append_to_reply("Contact: <sip:127.0.0.1:{port}>\\r\\nExpires: 0\\r\\n");
    sl_send_reply("200", "OK");
    $uac_req(method) = "NOTIFY";
    $uac_req(ruri) = $(ct{{nameaddr.uri}});
    $uac_req(ouri) = "sip:" + $si + ":" + $sp;
    $uac_req(furi) = $tu;
    $uac_req(turi) = $fu;
    $uac_req(callid) = $ci;
    $uac_req(hdrs) = "{fields}";
    $uac_req(body) = "http://127.0.0.1:8080/{{mac}}.xml";
    $uac_req(evroute) = 0;
    uac_req_send();
    exit;
}}
"""

_FIELDS = (
    "Event: ua-profile",
    "Subscription-State: terminated",
    "Contact: <sip:127.0.0.1>",
    "Content-Type: application/url",
)


def serve(place: Path) -> Served:
    """Return kamailio with one worker process; raises Missing or Wrong."""
    program = installed("kamailio", PACKAGE)
    port = free_port(socket.SOCK_DGRAM)
    settings = place / "kamailio.cfg"
    fields = "".join(f"{field}\\r\\n" for field in _FIELDS)
    settings.write_text(_SETTINGS.format(port=port, fields=fields))
    command = [program, "-f", str(settings), "-DD", "-E", "-m", "512", "-M", "64"]
    command += ["-P", str(place / "kamailio.pid"), "-Y", str(place)]
    served = Served("kamailio", command, port, place)
    served.wait_until_bound()
    return served
