#!/usr/bin/env python3
"""Write the examples of /openapi.json anew: what an engine answers to each operation.

It starts the engine on a store of its own, with two domains, and does once all that the
API can.  ``tests/control/api/test_examples.py`` fails when a body has no example, and
``tests/end_to_end/test_api_examples.py`` when one has another shape than now.
"""

import getpass
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from bootwave.control.api.examples import FILE  # noqa: E402
from bootwave.control.client import ControlClient  # noqa: E402
from tests.end_to_end.program import Program, made_place, wait_until  # noqa: E402
from tests.peers.redirectionservice import Service  # noqa: E402

JSON = "application/json"
DOMAIN, OTHER = "pbx.example.com", "hotel.example.com"
MAC, OF_OTHER, STRANGER = "0004132E08B4", "0004132E08B6", "000413771F00"
AGENT = "Mozilla/4.0 (compatible; snomD785-SIP 10.1.175.16 1.1.3-u)"
VERSION = "10.1.198.19"
IMAGE = f"snomD785-{VERSION}-SIP-r.bin"
LOCATION = f"https://images.example.com/{IMAGE}"
PASSWORD = "correct horse battery staple"
SCOPES = ["read", "write", "reveal", "access"]
# A CA made for this, whose key nobody kept.
PEM = """\
-----BEGIN CERTIFICATE-----
MIIBPzCB56ADAgECAhQrwD1lOoN+2lg0xkYe8eoJgtWXgzAKBggqhkjOPQQDAjAV
MRMwEQYDVQQDDApFeGFtcGxlIENBMCAXDTIwMDEwMTAwMDAwMFoYDzIxMTkxMjA4
MDAwMDAwWjAVMRMwEQYDVQQDDApFeGFtcGxlIENBMFkwEwYHKoZIzj0CAQYIKoZI
zj0DAQcDQgAExIEsCpnS0yp9/XLQkHxVzi/PUP9+s8UxJS52PCMCEVryM3VnUWY0
kavHSwgPVDN3r53urVB0x/f2OKOi/LmL4KMTMBEwDwYDVR0TAQH/BAUwAwEB/zAK
BggqhkjOPQQDAgNHADBEAiBRWehsQLCOQ+cwpiXIZdlDtANcXHexcGMPugmXwgbF
TQIgQ+f5tjssLV0ATfqW+kqdrtVQ/1sAyUyG0LZYtN8eRXA=
-----END CERTIFICATE-----
"""
# What stands in a path where nothing else is said.
NAMES = {
    **{"domain": DOMAIN, "number": "401", "mac": MAC, "profile": "sales"},
    **{"group": "sales", "model": "D785", "version": VERSION, "versions": "8.4-8.7"},
    **{"index": "5", "rollout": "1", "kind": "gui", "language": "Deutsch"},
    **{"wildcard": "star", "image": IMAGE},
}
NEED_IF_MATCH = ("domains_change", "accounts_change", "firmware_bring_in_")
LAYERS = ("engine", "model", "firmware", "domain", "profile", "account", "device")
FIRMWARE_SCOPES = ("engine", "domain", "group", "device")
HOURS = "22:00-05:00"  # of a roll-out, by the clock of the engine, which says noon


AT = 1795824000  # the second since 1970 in which everything happened
SPAN_SECONDS = 2**26  # what is within two years of now is a time
ROUND_SECONDS = 100  # to which what is left of a time is rounded up
METRICS_LINES = 9  # of which three are of one metric
PORTS = {"http": 8080, "https": 8443, "control": 8095, "udp": 5060, "group": 5060}
SECRET, TOKEN = "Zk3…", re.compile(r"t[a-z2-7]{26}")
_STEADY: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # Ids of keys, and what is made with one.
    (re.compile(r"\b[0-9a-f]{40}\b"), "5f822f8b1a2f1334a6dacd48fdc1f394e5e6a329"),
    (re.compile(r"^[0-9a-f]{8}$"), "5f822f8b"),
    # What opens, cursors and ids of events, which all are made of chance.
    (re.compile(r"\b(bwl?_)?(?![0-9a-f]{64}\b)[\w-]{40,}"), rf"\g<1>{SECRET}"),
    (
        re.compile(r"(\w+)( 127\.0\.0\.1| 224\.0\.1\.75):\d+"),
        lambda found: f"{found[1]}{found[2]}:{PORTS[found[1]]}",
    ),
)


def steady(value: Any) -> Any:
    """Return *value*, with the same each time for what differs by time and machine."""
    match value:
        case dict():
            return {name: _member(name, one) for name, one in value.items()}
        case list():
            return [steady(one) for one in value]
        case bool():
            return value
        case int() | float() if abs(value - time.time()) < SPAN_SECONDS:
            return type(value)(AT)
        case str() if not value.startswith("-----BEGIN"):
            for pattern, instead in _STEADY:
                value = pattern.sub(instead, value)
    return value


def _member(name: str, value: Any) -> Any:
    if name == "seconds_left" and value is not None:
        return -(-value // ROUND_SECONDS) * ROUND_SECONDS
    if name == "token" and TOKEN.fullmatch(str(value)):
        return f"t{SECRET.lower()}"
    if name == "made_by" and value == getpass.getuser():
        return "root"
    return steady(value)


def steady_text(type_: str, text: str) -> str:
    """Return the *text* of a body that is no JSON; of many metrics only the first."""
    if type_ == "text/plain":
        return "".join(text.splitlines(keepends=True)[:METRICS_LINES])
    if type_ != "text/event-stream":
        return text
    lines = []
    for line in text.splitlines():
        name, colon, value = line.partition(": ")
        if name == "data":
            value = json.dumps(steady(json.loads(value)), separators=(",", ":"))
        lines.append(f"{name}{colon}{steady(value)}")
    return "\n".join(lines) + "\n\n"


class Walk:
    """Does each operation once at an engine, and keeps what was sent and answered."""

    def __init__(self, program: Program, service: Service) -> None:
        """Do nothing yet."""
        self.program = program
        self.service = service
        (line,) = (line for line in program.lines if line.startswith("control "))
        self.url = f"http://{line.split()[1]}"
        self.found: dict[str, dict[str, Any]] = {}
        self.description = httpx.get(f"{self.url}/openapi.json").json()
        self.operations = {
            told["operationId"]: (method.upper(), path, told)
            for path, methods in self.description["paths"].items()
            for method, told in methods.items()
        }
        made = self.call("admin.token.add", name="examples", scopes=SCOPES)
        self.token = {"Authorization": f"Bearer {made['token']}"}

    def call(self, op: str, **args: Any) -> Any:
        """Return the result of an operation of a user of this machine."""
        client = ControlClient.connect(self.program.directory / "control.sock")
        assert client is not None
        try:
            return client.call(op, args)
        finally:
            client.close()

    def do(
        self,
        operation: str,
        /,
        body: Any = None,
        *,
        who: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        keep: bool = True,
        **names: str,
    ) -> httpx.Response:
        """Carry *operation* out; keep it as the example unless told not to."""
        method, path, told = self.operations[operation]
        headers = dict(self.token if who is None else who)
        content = None
        taken = told.get("requestBody", {}).get("content", {})
        if body is not None:
            headers["Content-Type"] = JSON
            content = json.dumps(body).encode()
        elif taken:
            headers["Content-Type"], form = next(iter(taken.items()))
            content = form["example"].encode()
        if operation.startswith(NEED_IF_MATCH):
            headers["If-Match"] = "*"
        answer = httpx.request(
            method,
            self.url + path.format(**{**NAMES, **names}),
            params=dict(query or {}),
            headers=headers,
            content=content,
            timeout=60,
        )
        assert answer.status_code < 300, (
            f"{operation}: {answer.status_code} {answer.text}"
        )
        if keep:
            self._keep(operation, body, answer)
        return answer

    def _keep(self, name: str, body: Any, answer: httpx.Response) -> None:
        one = self.found.setdefault(name, {})
        if body is not None:
            one["request"] = steady(body)
        type_ = answer.headers.get("content-type", "").partition(";")[0]
        if type_ == JSON:
            one["answer"] = steady(answer.json())
        elif type_:
            text = steady_text(type_, answer.text)
            one.setdefault("answer", {})[type_] = text

    def boot(self, mac: str) -> None:
        """Ask for the settings of *mac* as its phone."""
        client = self.program.client()
        client.ask(f"/{mac}.xml", f"User-Agent: {AGENT}")
        client.answer()

    def everything(self) -> dict[str, dict[str, Any]]:
        """Do everything; return what was sent and answered, by operation."""
        self._set_up()
        self._domains()
        self._phones()
        self._layers()
        self._books()
        self._firmware()
        self._rollouts()
        self._redirection()
        self._watching()
        self._access()
        self._endings()
        self.found["description_show"] = {
            "answer": {**self.description, "paths": {}, "components": {}}
        }
        return self.found

    def _set_up(self) -> None:
        link = self.call("admin.link")["token"]
        whom = {"name": "anna", "password": PASSWORD}
        self.do("sessions_set_up", {"token": link, **whom}, who={})
        answer = self.do("sessions_sign_in", whom, who={})
        cookie = answer.headers["set-cookie"].partition(";")[0]
        csrf = answer.json()["csrf_token"]
        self.session = {"Cookie": cookie, "X-Bootwave-Csrf": csrf}
        self.do("sessions_show", who=self.session)
        self.do("sessions_confirm", {"password": PASSWORD}, who=self.session)

    def _domains(self) -> None:
        self.do("domains_add", {"name": DOMAIN, "language": "de"})
        self.call("domain.add", name=OTHER)
        self.do("domains_change", {"timezone": "Europe/Berlin"})
        self.do("domains_show")
        self.do("domaintokens_make", {"required": False})
        self.do("urltokens_show")
        self.do("domaintokens_require", {"required": False})
        self.do(
            "accounts_add",
            {"number": "401", "name": "Anna", "password": "s3cret-word", "mac": MAC},
        )
        self.do("accounts_change", {"name": "Anna Berg"})
        self.do("bulk_import_rows")
        for number in ("790", "401"):
            account = f"{number}@{OTHER}"
            self.call("account.add", account=account, password="s3cret-word")
        self.call("account.bind", account=f"401@{OTHER}", mac=OF_OTHER)
        self.do("accounts_show")
        self.do("accounts_list_all")
        self.do("bulk_search")
        for type_, form in (("text/csv", "csv"), ("application/jsonl", "jsonl")):
            for name in ("bulk_export", "bulk_export_passwords"):
                answer = self.do(name, query={"format": form})
                assert answer.headers["content-type"].startswith(type_)
        self.do("bindings_bind")
        self.do("bindings_make_wildcard", number="790", domain=OTHER)
        self.do("bindings_list_wildcards", domain=OTHER)
        for name in ("all", "of_domain", "of_account"):
            self.do(f"bindings_list_{name}")
        self.do("domains_list_all")

    def _phones(self) -> None:
        self.do("windows_open_some", {"numbers": ["401-402"], "minutes": 10})
        for mac in (MAC, OF_OTHER, STRANGER):
            self.boot(mac)
        wait_until(
            lambda: (
                self.call("device.show", mac=MAC)["time_line"]
                and self.call("records.page", resource="unknown")["rows"]
            ),
            "sightings of phones",
        )
        self.do("windows_list_all")
        self.do("groups_add", {"name": "sales"})
        self.do("groups_assign", {"macs": [MAC]})
        self.do("groups_list_all")
        self.do("groups_list_devices")
        self.do("profiles_add_profile", {"name": "sales"})
        self.do("profiles_assign_profile", {"numbers": ["401"]})
        for name in ("all", "of_domain", "unknown"):
            self.do(f"devices_list_{name}")
        for name in ("show", "check", "time_line"):
            self.do(f"devices_{name}")
        self.do("watching_would_serve")

    def _layers(self) -> None:
        for layer in LAYERS:
            name = "ringer_headset_device"
            self.do(f"layers_set_setting_of_{layer}", {"value": "on"}, name=name)
            self.do(f"layers_show_setting_of_{layer}", name=name)
            key = {"value": "blf 402", "label": "Berta"}
            self.do(f"layers_set_key_of_{layer}", key)
            self.do(f"layers_show_key_of_{layer}")
            self.do(f"layers_list_settings_of_{layer}")
            self.do(f"layers_list_keys_of_{layer}")
            self.do(f"layers_reveal_of_{layer}")
        self.do("layers_list_ranges")
        self.do("profiles_list_profiles")
        self.do("profiles_show_profile")

    def _books(self) -> None:
        one = {"name": "Anna", "number": "+49301234567"}
        for scope in ("domain", "account"):
            self.do(f"phonebooks_replace_of_{scope}", {"entries": [one]})
            added = {"name": "Berta", "number": "+49307654321"}
            self.do(f"phonebooks_add_of_{scope}", {"entries": [added]})
            self.do(f"phonebooks_show_of_{scope}")
        self.do("dialplans_set_rule", {"match": "0,*", "timeout": 3})
        self.do("dialplans_show", query={"dialled": "0301234567"})
        url = "http://pbx.example.com/lang/gui_lang_DE.xml"
        self.do("languages_set_file", {"url": url})
        self.do("languages_list_all")
        block = {"kind": "serial", "value": "0A1B2C3D4E5F"}
        self.do("certificates_block", {"reason": "stolen in June"}, **block)
        self.do("certificates_list_blocks")
        self.do("certificates_trust", {"pem": PEM})
        self.do("certificates_list_trusted")

    def _firmware(self) -> None:
        self.do("firmware_upload")
        self.do("firmware_list_images")
        for scope in FIRMWARE_SCOPES:
            self.do(f"firmware_define_of_{scope}", {"location": LOCATION})
            self.do(f"firmware_pin_of_{scope}")
            reason = {"reason": "drops calls"}
            self.do(f"firmware_forbid_of_{scope}", reason, version="10.1.184.15")
            self.do(f"firmware_show_of_{scope}")
            document = self.do(f"firmware_export_of_{scope}").json()["document"]
            self.do(f"firmware_bring_in_of_{scope}", {"document": document})
            query = {"version": "10.1.175.16", "model": "D785"}
            self.do(f"firmware_explain_of_{scope}", query=query)
        for scope, target in (
            *(("engine", ""), ("domain", DOMAIN)),
            *(("group", f"sales@{DOMAIN}"), ("device", MAC)),
        ):
            of = {"scope": scope, "target": target, "model": "D785"}
            self.call("firmware.unset", **of)
            self.call("firmware.unpin", **of)

    def _rollouts(self) -> None:
        pace = {"hours": HOURS, "stages": "10%,50%"}
        self.do("rollouts_start_of_domain", pace)
        self.do("rollouts_pause")
        self.do("rollouts_resume")
        self.do("rollouts_show")
        self.do("rollouts_list_phones")
        self.do("rollouts_cancel")
        load = {"model": "D785", "version": VERSION, "location": LOCATION, **pace}
        of = {"scope": "domain", "target": DOMAIN}
        for name, body in (
            ("rollouts_start", {**of, "action": "reboot", **pace}),
            ("rollouts_start_firmware", {**of, **load}),
            ("rollouts_start_firmware_of_domain", load),
        ):
            started = self.do(name, body).json()["id"]
            self.call("rollout.cancel", rollout=started)
        self.do("rollouts_list_all")

    def _redirection(self) -> None:
        self.service.steer(put=[[OF_OTHER, "rival", "https://elsewhere.example.net"]])
        who = {"user": "reseller", "password": "swordfish"}
        self.do("redirection_change", {**who, "url": "https://pbx.example.com"})

        def is_done() -> bool:
            shown = self.call("redirection.status")
            return shown["listed"] and not shown["outstanding"]

        wait_until(is_done, "phones are redirected")
        self.do("redirection_show")
        self.do("redirection_list_troubled")
        self.do("redirection_show_phone")
        self.do("redirection_sync")
        wait_until(is_done, "phones are redirected again")
        self.do("redirection_forget")

    def _watching(self) -> None:
        self._events()
        self.do("watching_metrics")
        self.do("watching_status")
        self.do("health_live", who={})
        self.do("health_ready", who={})

    def _events(self) -> None:
        """Keep the first event of a phone, and the lines before the first of all."""
        url = f"{self.url}/api/v1/events"
        lines: list[str] = []
        with httpx.stream("GET", url, headers=self.token, timeout=60) as answer:
            self.boot(MAC)
            for line in answer.iter_lines():
                lines.append(line)
                if not line and "event: sighting" in lines:
                    break
        first = lines.index("event: sighting")
        text = "\n".join([*lines[: lines.index("") + 1], *lines[first - 1 : -1]])
        type_ = "text/event-stream"
        self.found["watching_events"] = {"answer": {type_: steady_text(type_, text)}}

    def _access(self) -> None:
        new = {"name": "berta", "password": PASSWORD}
        new |= {"role": "domain", "domains": [DOMAIN]}
        self.do("administrators_add", new)
        self.do("administrators_change", {"role": "read-only"}, name="berta")
        self.do("administrators_show", name="berta")
        self.do("administrators_list_all")
        self.do("administrators_set_password", {"password": PASSWORD}, name="berta")
        self.do(
            "apitokens_add",
            {"name": "pbx", "scopes": ["read", "write"], "domains": [DOMAIN]},
        )
        self.do("apitokens_list_all")
        self.do("audit_list_all", query={"limit": "2"})
        renewal = {"password": PASSWORD, "new_password": "purple monkey dishwasher"}
        self.do("sessions_renew", renewal, who=self.session)

    def _endings(self) -> None:
        for name in (
            *("devices_reset", "devices_rotate_credentials"),
            *("devices_revoke_credentials", "devices_rotate_url_token"),
            *("groups_unassign", "profiles_unassign_profile", "windows_close"),
        ):
            self.do(name)
        self.call("window.open", accounts=[f"402@{DOMAIN}"])
        self.do("windows_close_all")
        self.do("bindings_end_wildcard", number="790", domain=OTHER)
        self.do("bindings_unbind")
        self.do("bindings_bind", keep=False)
        self.do("bindings_unbind_all")
        for scope in ("domain", "account"):
            self.do(f"phonebooks_clear_of_{scope}")
        self.do("dialplans_clear")
        (trusted,) = self.call("trust.list", domain=DOMAIN)
        self.do("certificates_distrust", digest=trusted["digest"])
        self.do("bulk_replace")


def examples() -> dict[str, dict[str, Any]]:
    """Return what an engine is sent and answers now, by operation."""
    noon = 12 - time.gmtime().tm_hour  # hours that a clock which says noon is ahead
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with Service(directory / "service") as service:
            program = made_place(directory / "place")
            program.environ |= {
                "CONTROL__LISTEN": "127.0.0.1:0",
                "SERVER__WORKERS": "1",
                "FIRMWARE__HOSTS": "images.example.com",
                "REDIRECTION__SERVICE": service.url,
                "REDIRECTION__CAS": str(service.ca),
                "REDIRECTION__CALLS_PER_SECOND": "100",
            }
            try:
                program.start(under=("env", f"TZ=noon{-noon:+d}"))
                return Walk(program, service).everything()
            finally:
                program.clean_up()


def text_of(found: Mapping[str, Any]) -> str:
    """Return the text of the file of the examples *found*, one of them a line."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(one, ensure_ascii=False)}"
        for name, one in sorted(found.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    made = examples()
    FILE.write_text(text_of(made))
    sys.stdout.write(f"{FILE} holds examples of {len(made)} operations.\n")
