"""What stands ready for requests that are made up, so that they can be carried out.

Before some requests the store is brought to where they have something to do: a
roll-out that goes on for who pauses it, none for who starts one, an administrator for
who removes him, a token for who sets the engine up, a session for who ends his.  Behind
those that remove something, it is put back.  It is done by the control socket, as a
command would; the request itself stays as it was made up, but for the names in it.
"""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bootwave.control.client import ControlClient
from bootwave.errors import EngineError
from perf.proofs import furnishing
from perf.proofs.furnishing import (
    ANNA,
    ANNAS_PASSWORD,
    FIRST,
    LEAVER,
    Authority,
    Call,
    Site,
)

_API: Final = "/api/v1"
_ROLLOUT: Final = f"{_API}/rollouts/{{rollout}}"
_SESSION: Final = f"{_API}/session"
SETUP: Final = f"{_API}/setup"
# What a path is of, by the last word in it, and the operations that furnish it.
_FURNISHES: Final[Mapping[str, str]] = {
    **{"keys": "keys.", "settings": "settings.", "windows": "window."},
    **{"versions": "firmware.", "pin": "firmware.", "forbidden": "firmware."},
    **{"rules": "dialplan.", "dialplan": "dialplan.", "languages": "language."},
    **{"trust": "trust.", "bindings": "account.bind", "wildcard": "account.bind"},
    **{"phonebook": "phonebook.", "entries": "phonebook.", "token": "token."},
    **{"images": "-", "blocked": "-", "tokens": "-", "administrators": "-"},
}


class Fixtures:
    """Makes ready and puts back what is of *sites*, by the control *socket*."""

    def __init__(
        self, socket: Path, authority: Authority, sites: Sequence[Site]
    ) -> None:
        """Do nothing yet; of all *sites*, those of the engine are meant, too."""
        self.sites = list(sites)
        self._socket = socket
        self._authority = authority
        self._ready: Mapping[str, Callable[[Call, Any], None]] = {
            f"POST {_API}/rollouts": self._end_rollouts,
            f"POST {_API}/domains/{{domain}}/rollouts": self._end_rollouts,
            f"POST {_API}/firmware/rollouts": self._clear,
            f"POST {_API}/domains/{{domain}}/firmware/rollouts": self._clear,
            f"POST {_ROLLOUT}/pause": self._start_rollout,
            f"POST {_ROLLOUT}/resume": self._pause_rollout,
            f"POST {_ROLLOUT}/cancel": self._start_rollout,
            f"DELETE {_API}/administrators/{{name}}": self._add_leaver,
            f"PUT {_API}/administrators/{{name}}/password": self._add_leaver,
            f"DELETE {_API}/tokens/{{name}}": self._add_token,
        }

    @contextmanager
    def calling(self) -> Iterator[Call]:
        """Give what carries operations out; raises EngineError when none runs."""
        client = ControlClient.connect(self._socket)
        if client is None:
            raise EngineError("No engine answers.")
        try:
            yield lambda op, **args: client.call(op, args)
        finally:
            client.close()

    def make_ready(self, case: Any) -> None:
        """See to it that there is what *case* is about."""
        make = self._ready.get(case.operation.label)
        if make is not None and case.method == case.operation.method.upper():
            with self.calling() as call:
                make(call, case)

    def put_back(self, case: Any) -> None:
        """Put back what *case* removed, which was carried out."""
        path = case.operation.path
        replaces = case.method == "PUT" and path.endswith("/accounts")
        if case.method != "DELETE" and not replaces:
            return
        words = [word for word in path.split("/") if "{" not in word]
        only = "" if replaces else _FURNISHES.get(words[-1], "")
        if only == "-":
            return
        given = {str(value) for value in (case.path_parameters or {}).values()}
        named = [site for site in self.sites if given & {site.domain, *site.macs}]
        with self.calling() as call:
            furnishing.furnish(call, self._authority, *named, only=only)

    def _end_rollouts(self, call: Call, _case: Any) -> None:
        furnishing.end_rollouts(call, *self.sites)

    def _clear(self, call: Call, _case: Any) -> None:
        furnishing.end_rollouts(call, *self.sites)
        if FIRST in self.sites:
            furnishing.clear_firmware(call, *self.sites)

    def _start_rollout(self, call: Call, case: Any) -> None:
        """Have the roll-out that *case* names be one that runs."""
        if _named(case, "rollout") not in furnishing.ROLLOUTS:
            return  # it is to name one that there is not
        running = self._running(call)
        if running is None:
            furnishing.furnish(call, self._authority, *self.sites, only="rollout.")
            running = self._running(call)
        if running is not None:
            case.path_parameters = {**case.path_parameters, "rollout": running}

    def _pause_rollout(self, call: Call, case: Any) -> None:
        self._start_rollout(call, case)
        running = self._running(call)
        if running is not None and _named(case, "rollout") == running:
            furnishing.attempt(call, "rollout.pause", rollout=running)

    def _running(self, call: Call) -> int | None:
        for one in furnishing.going_on(call, *self.sites):
            if one["state"] == "running":
                return int(one["id"])
        return None

    def _add_leaver(self, call: Call, case: Any) -> None:
        if _named(case, "name") == LEAVER:
            furnishing.attempt(call, "admin.add", name=LEAVER, password=ANNAS_PASSWORD)

    def _add_token(self, call: Call, case: Any) -> None:
        if _named(case, "name") == LEAVER:
            furnishing.attempt(call, "admin.token.add", name=LEAVER, scopes=["read"])


def _named(case: Any, parameter: str) -> Any:
    return (case.path_parameters or {}).get(parameter)


class Session:
    """Somebody who signed in at *host* and *port*, again whenever that ended."""

    def __init__(self, fixtures: Fixtures, host: str, port: int) -> None:
        """Sign in with the first request."""
        self._fixtures = fixtures
        self._address = host, port
        self._fields: dict[str, str] = {}

    def sign(self, case: Any) -> None:
        """Have *case* asked by who signed in, or with a token to set up by."""
        if case.operation.path == SETUP:
            if isinstance(case.body, dict) and isinstance(case.body.get("token"), str):
                with self._fixtures.calling() as call:
                    case.body = {**case.body, "token": call("admin.link")["token"]}
            return
        if case.operation.label == f"POST {_SESSION}":
            return
        self._fields = self._fields or self._signed_in()
        for name, value in self._fields.items():
            case.headers[name] = value

    def heed(self, case: Any, status: int) -> None:
        """Forget the session where *case* ended it, and have the password as it was."""
        if case.operation.label == f"PUT {_SESSION}/password" and status < 300:
            with self._fixtures.calling() as call:
                call("admin.password", name=ANNA, password=ANNAS_PASSWORD)
            self._fields = {}
        elif status == 401 or (case.method == "DELETE" and status < 300):
            self._fields = {}

    def _signed_in(self) -> dict[str, str]:
        """Return the header fields of a new session; none where it is refused."""
        connection = http.client.HTTPConnection(*self._address, timeout=60.0)
        try:
            who = json.dumps({"name": ANNA, "password": ANNAS_PASSWORD})
            type_ = {"Content-Type": "application/json"}
            connection.request("POST", _SESSION, who, type_)
            answer = connection.getresponse()
            told = json.loads(answer.read())
            if answer.status != 201:
                return {}  # too many wrong passwords were tried
            cookie = str(answer.headers["Set-Cookie"]).partition(";")[0]
            return {"Cookie": cookie, "X-Bootwave-Csrf": told["csrf_token"]}
        finally:
            connection.close()
