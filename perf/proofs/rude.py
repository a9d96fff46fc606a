"""Clients of the API that no program should be, each over sockets of its own.

Wrong bodies come one after the other on a connection that stays, everything else on new
ones.  They reset, dawdle, send more than they may, cut chunks wrongly, speak other
versions and other protocols, and write bodies that are JSON only nearly, to every
operation that takes one.  What the server owes them is an answer that says that it is
their fault, or an end of the connection; never a fault of its own.
"""

import contextlib
import json
import re
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from perf.proofs import oddities
from perf.proofs.furnishing import FIRST, VERSION

PATIENCE = 40.0
WAIT_SECONDS = 0.5
CUT_OFF_SECONDS = 30.0  # API_BODY_SECONDS and half as much again
MANY_BYTES = 3 * 1024 * 1024  # above what any body but rows and images may have
LISTENERS = 40  # more than there may be
SOURCES = 4  # of listeners: one address may not have as many connections
PIPELINED = 40
_STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")
_PLACES: Final[Mapping[str, str]] = {
    **{"domain": FIRST.domain, "number": FIRST.numbers[0], "mac": FIRST.macs[0]},
    **{"profile": FIRST.profile, "group": FIRST.group, "model": "snomD785"},
    **{"version": VERSION, "versions": "8.4-8.7", "name": "phone_name"},
    **{"kind": "gui", "language": "Deutsch", "digest": "ab" * 32, "value": "AB12"},
    **{"index": "3", "rollout": "1", "wildcard": "star", "image": "none.bin"},
}


class Target(NamedTuple):
    """An operation that takes JSON: method, path, and a body that may be right."""

    method: str
    path: str
    body: dict[str, Any]


def filled(path: str) -> str:
    """Return *path* of the description with what there is in its first domain."""
    return re.sub(r"\{(\w+)\}", lambda name: _PLACES[name[1]], path)


def targets(description: Mapping[str, Any]) -> list[Target]:
    """Return the operations of an OpenAPI *description* that take JSON."""
    schemas = description["components"]["schemas"]
    found = []
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                schema = content["application/json"]["schema"]
                body = _example(schema, schemas)
                found.append(Target(method.upper(), filled(path), body))
    return found


class Rude:
    """Asks at *address*, with *token*, and counts what it is answered by status.

    ``wrong`` has what it should not have been answered.
    """

    def __init__(
        self,
        address: tuple[str, int],
        token: str,
        description: Mapping[str, Any],
        *,
        few: bool = False,
    ) -> None:
        """Ask nothing yet; with *few* only some of the operations, at last."""
        self._address = address
        self._authorization = f"Authorization: Bearer {token}"
        self._targets = targets(description)[:: 10 if few else 1]
        self._paths = [
            filled(path)
            for path, methods in description["paths"].items()
            if "get" in methods and not path.endswith("/events")
        ][:: 10 if few else 1]
        self.statuses: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._lock = threading.Lock()
        self._kept: socket.socket | None = None  # open between requests

    def misbehave(self) -> None:
        """Do all of it once."""
        for deed in (
            self._write_what_is_hardly_json,
            self._name_types_wrongly,
            self._cut_chunks_wrongly,
            self._send_too_much,
            self._speak_otherwise,
            self._ask_for_odd_places,
            self._send_odd_fields,
            self._pipeline,
            self._reset,
            self._listen_and_leave,
        ):
            deed()

    def dawdle(self, many: int = 20) -> None:
        """Send heads and bodies byte by byte, *many* at once, until all are cut off."""
        threads = [
            threading.Thread(target=self._dawdle, args=(number,))
            for number in range(many)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    # What is done

    def _write_what_is_hardly_json(self) -> None:
        for target in self._targets:
            for body in (*oddities.HARDLY_JSON, *_variants(target.body)):
                self._ask_on(_request(target, body, self._authorization))
        self._hang_up()

    def _name_types_wrongly(self) -> None:
        for target in self._targets:
            body = json.dumps(target.body).encode()
            for type_ in oddities.TYPES:
                named = _head(
                    *(target.method, target.path, self._authorization),
                    *((f"Content-Type: {type_}",) if type_ else ()),
                    f"Content-Length: {len(body)}",
                )
                self._ask_on(named + body)
            marked = b"\xef\xbb\xbf" + body
            self._ask_on(_request(target, marked, self._authorization))
        self._hang_up()

    def _cut_chunks_wrongly(self) -> None:
        # Side by side: of many the server waits for more, which costs nobody anything.
        targets = self._targets[:: max(1, len(self._targets) // 8)]
        with ThreadPoolExecutor(len(targets)) as asking:
            for each in [asking.submit(self._cut_chunks, target) for target in targets]:
                each.result()

    def _cut_chunks(self, target: Target) -> None:
        head = _head(
            *(target.method, target.path, self._authorization),
            *("Content-Type: application/json", "Transfer-Encoding: chunked"),
        )
        for chunks in oddities.CHUNKS:
            self._ask(head + chunks, ends=True)
        for fields in oddities.TWO_LENGTHS:
            self._ask(
                _head(target.method, target.path, self._authorization, *fields)
                + b"2\r\n{}\r\n0\r\n\r\n",
                ends=True,
            )

    def _send_too_much(self) -> None:
        line = b'{"name": "' + b"x" * MANY_BYTES + b'"}'
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        for target in self._targets[:: max(1, len(self._targets) // 8)]:
            fields = (self._authorization, "Content-Type: application/json")
            self._ask(_request(target, line, self._authorization), ends=True)
            said = _head(
                target.method, target.path, *fields, f"Content-Length: {9**18}"
            )
            self._ask(said + b"{", ends=True)
            chunked = _head(
                target.method, target.path, *fields, "Transfer-Encoding: chunked"
            )
            self._ask(chunked + 80 * piece + b"0\r\n\r\n", ends=True)
        for lines in oddities.TOO_MUCH:
            self._ask(_head("GET", "/api/v1/domains", *lines), ends=True)
        self._ask(_head("GET", "/" + "p" * 100_000, self._authorization), ends=True)
        query = "&".join(f"q{number}={number}" for number in range(3_000))
        self._ask(
            _head("GET", f"/api/v1/domains?{query}", self._authorization), ends=True
        )

    def _speak_otherwise(self) -> None:
        for raw in oddities.OTHERWISE:
            self._ask(raw.replace(b"AUTH", self._authorization.encode()), ends=True)
        for method in ("OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "HEAD", "M-X"):
            for path in ("*", "/api/v1/domains", "http://x/api/v1/domains", "x:443"):
                self._ask(_head(method, path, self._authorization), ends=True)

    def _ask_for_odd_places(self) -> None:
        for path in self._paths:
            for odd in oddities.ODD_QUERIES:
                self._ask(_head("GET", f"{path}?{odd}", self._authorization), ends=True)
            for odd in oddities.ODD_PARTS:
                place = path.rpartition("/")[0] + "/" + odd
                self._ask(_head("GET", place, self._authorization), ends=True)
                self._ask(_head("DELETE", place, self._authorization), ends=True)

    def _send_odd_fields(self) -> None:
        body = b'{"name": "Anna"}'
        place = f"/api/v1/domains/{FIRST.domain}/accounts/{FIRST.numbers[0]}"
        for field in oddities.ODD_FIELDS:
            self._ask(_head("GET", place, self._authorization, field), ends=True)
            for method in ("PATCH", "POST"):
                of = Target(
                    method, place if method == "PATCH" else "/api/v1/domains", {}
                )
                self._ask(_request(of, body, self._authorization, field), ends=True)

    def _pipeline(self) -> None:
        """Send many requests at once; the answers must be as many, and in order."""
        with self._connected() as connection:
            asked = [
                ("/health/live", 200) if number % 2 else ("/api/v1/nothing", 404)
                for number in range(PIPELINED)
            ]
            connection.sendall(
                b"".join(_head("GET", path, self._authorization) for path, _ in asked)
            )
            answers = _read_all(connection, PIPELINED)
        found = [int(status) for status in _STATUS.findall(answers)]
        if found != [status for _, status in asked]:
            self._note(f"{PIPELINED} pipelined requests were answered with {found}")
        self._count(answers, b"pipelined")

    def _reset(self) -> None:
        """Reset in the middle of a head, of a body, of an answer, and of a wait."""
        target = self._targets[0]
        body = json.dumps(target.body).encode()
        whole = _request(target, body, self._authorization)
        listing = _head("GET", "/openapi.json", self._authorization)
        for sent, reads in (
            *(
                (whole[:at], 0)
                for at in (1, 20, len(whole) - len(body), len(whole) - 3)
            ),
            *((whole, reads) for reads in (0, 10)),
            *((listing * times, reads) for times in (1, 8) for reads in (0, 1, 5_000)),
        ):
            with contextlib.suppress(OSError), self._connected() as connection:
                connection.sendall(sent)
                if reads:
                    connection.recv(reads)
                _make_abrupt(connection)

    def _listen_and_leave(self) -> None:
        """Listen to events, more than may, and leave at once or without a word."""
        head = _head("GET", "/api/v1/events", self._authorization)
        listening = 0
        with contextlib.ExitStack() as stack:
            for number in range(LISTENERS):
                source = f"127.0.0.{2 + number % SOURCES}"
                connection = stack.enter_context(self._connected(source))
                connection.sendall(head)
                answer = connection.recv(1 << 16)
                expected = (b"200", b"503")
                if answer[9:12] not in expected:
                    self._note(f"a listener was answered {answer[:60]!r}")
                listening += answer[9:12] == b"200"
                self.statuses[answer[9:12].decode()] += 1
                if number % 2:
                    _make_abrupt(connection)
        if not 0 < listening < LISTENERS:
            self._note(f"of {LISTENERS} listeners {listening} were let in")

    def _dawdle(self, number: int) -> None:
        target = self._targets[number % len(self._targets)]
        fields = ("Content-Type: application/json", "Content-Length: 1000")
        head = _head(target.method, target.path, self._authorization, *fields)
        begun = head if number % 2 else b""
        slow = (head + b" " * 200)[len(begun) :]  # longer than anybody may take
        began = time.monotonic()
        with self._connected() as connection:
            connection.settimeout(1.0)
            try:
                connection.sendall(begun)
                for at in range(len(slow)):
                    connection.sendall(slow[at : at + 1])
                    with contextlib.suppress(TimeoutError):
                        if not connection.recv(1 << 16):
                            break
            except OSError:
                pass  # cut off
        took = time.monotonic() - began
        if took > CUT_OFF_SECONDS:
            self._note(f"who dawdled was cut off after {took:.0f} s only")
        with self._lock:
            self.statuses["cut off"] += 1

    # How it is judged

    def _ask(self, raw: bytes, *, ends: bool = False) -> None:
        """Send *raw* and judge what comes.

        With *ends* the server may just hang up, and is told that no more will come when
        it waits for that.
        """
        answer = b""
        try:
            with self._connected() as connection:
                with contextlib.suppress(ConnectionError):
                    connection.sendall(raw)
                if ends and not select.select([connection], [], [], WAIT_SECONDS)[0]:
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_WR)
                if raw.startswith(b"HEAD "):
                    answer = connection.recv(1 << 16)  # whose length is of no content
                else:
                    answer = _read_all(connection, 1)
        except TimeoutError:
            self._note(f"no answer to {raw[:200]!r}")
        except ConnectionError:
            pass  # it was reset, which is an end, too
        self._count(answer, raw, ends=ends)

    def _ask_on(self, raw: bytes) -> None:
        """Send *raw*, which is whole, on the connection that stays, and judge."""
        answer = b""
        while not answer:
            is_new = self._kept is None
            if self._kept is None:
                self._kept = socket.create_connection(self._address, PATIENCE)
                self._kept.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                with contextlib.suppress(ConnectionError):
                    self._kept.sendall(raw)
                answer = _read_all(self._kept, 1)
            except TimeoutError:
                self._note(f"no answer to {raw[:200]!r}")
            head = answer.partition(b"\r\n\r\n")[0].lower()
            if not answer or b"\nconnection: close" in head:
                self._hang_up()
            if is_new:
                break  # one that was kept may have been closed meanwhile
        self._count(answer, raw, ends=False)

    def _hang_up(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _count(self, answer: bytes, raw: bytes, *, ends: bool = True) -> None:
        statuses = _STATUS.findall(answer)
        if not statuses and not ends:
            self._note(f"{answer[:80]!r} to {raw[:200]!r}")
        told = [status.decode() for status in statuses] or ["end"]
        for status in statuses:
            if status >= b"500":
                self._note(f"{answer[:300]!r} to {raw[:400]!r}")
            if status >= b"400" and b"application/problem+json" not in answer:
                told.append(f"{status.decode()} without a problem")
        with self._lock:
            self.statuses.update(told)

    def _note(self, wrong: str) -> None:
        with self._lock:
            if len(self.wrong) < 50:
                self.wrong.append(wrong)

    @contextlib.contextmanager
    def _connected(self, source: str = "127.0.0.1") -> Iterator[socket.socket]:
        connection = socket.create_connection(self._address, PATIENCE, (source, 0))
        with connection:
            yield connection


def _make_abrupt(connection: socket.socket) -> None:
    """Have the close of *connection* be a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read_all(connection: socket.socket, many: int) -> bytes:
    """Return *many* answers, or what came until the end."""
    found = b""
    while _whole(found) < many:
        try:
            some = connection.recv(1 << 16)
        except ConnectionError:
            break
        if not some:
            break
        found += some
    return found


def _whole(answers: bytes) -> int:
    """Return how many whole answers *answers* begins with."""
    count = 0
    while True:
        head, blank, rest = answers.partition(b"\r\n\r\n")
        if not blank:
            return count
        length = re.search(rb"\ncontent-length: (\d+)", head.lower())
        if length is None and b"\ntransfer-encoding: chunked" in head.lower():
            end = rest.find(b"0\r\n\r\n")
            size = end + 5 if end >= 0 else len(rest) + 1
        elif length is None:
            if not re.match(rb"HTTP/1.1 (204|304|1\d\d)", head):
                return count  # it ends with the connection
            size = 0
        else:
            size = 0 if head.startswith(b"HTTP/1.1 304") else int(length[1])
        if len(rest) < size:
            return count
        count += 1
        answers = rest[size:]


def _head(method: str, path: str, *fields: str) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", "")
    return "\r\n".join(lines).encode("latin-1", "replace")


def _request(target: Target, body: bytes, *fields: str) -> bytes:
    length = f"Content-Length: {len(body)}"
    type_ = "Content-Type: application/json"
    return _head(target.method, target.path, *fields, type_, length) + body


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return what a *schema* may describe; *schemas* are those with names."""
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    for known in ("examples", "enum"):
        if schema.get(known):
            return schema[known][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], schemas)
    kind = schema.get("type")
    if kind == "object":
        members = schema.get("properties", {})
        return {name: _example(one, schemas) for name, one in members.items()}
    if kind == "array":
        return [_example(schema.get("items", {}), schemas)]
    return {"integer": 1, "number": 1.5, "boolean": True}.get(str(kind), "x")


def _variants(body: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield *body* with each of its members made odd in each way, as JSON or nearly."""
    for name in body:
        for odd in oddities.ODD_VALUES:
            rest = {key: value for key, value in body.items() if key != name}
            text = json.dumps(rest)[:-1] + (", " if rest else "")
            yield (text + json.dumps(name) + ": ").encode() + odd + b"}"
