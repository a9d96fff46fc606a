"""sipp as a user agent server: 200, NOTIFY, and the 200 to it."""

import socket
from pathlib import Path

from perf.contenders.process import Served, installed
from perf.machine import free_port

PACKAGE = "sip-tester"

_SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="plug and play">
  <recv request="SUBSCRIBE" rrs="true"></recv>
  <send><![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
Expires: 0
Content-Length: 0

  ]]></send>
  <send><![CDATA[

NOTIFY sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
Max-Forwards: 70
From: <sip:[local_ip]>;tag=[call_number]
To: <sip:[remote_ip]>
[last_Call-ID:]
CSeq: 1 NOTIFY
Contact: <sip:[local_ip]:[local_port]>
Event: ua-profile
Subscription-State: terminated
Content-Type: application/url
Content-Length: [len]

http://127.0.0.1:8080/{mac}.xml]]></send>
  <recv response="200"></recv>
</scenario>
"""


def serve(place: Path) -> Served:
    """Return sipp in the role of the server; raises Missing or Wrong."""
    program = installed("sipp", PACKAGE)
    port = free_port(socket.SOCK_DGRAM)
    scenario = place / "scenario.xml"
    scenario.write_text(_SCENARIO)
    command = [program, "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port)]
    command += ["-nostdin", "-buff_size", "16777216", "-skip_rlimit", "-nr"]
    command += ["-fd", "100", "-f", "100", "-deadcall_wait", "0"]
    served = Served("sipp", command, port, place)
    served.wait_until_bound()
    return served
