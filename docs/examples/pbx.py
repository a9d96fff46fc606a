"""A small PBX that has its phones provisioned over the API.

It pushes the whole state of its domain, opens the windows of all extensions, waits
while the phones boot (here simulated ones), and reads what became of each.

    umask 077
    bootwave domain add pbx.example.com
    bootwave admin token add pbx --scope write --domain pbx.example.com > token.txt
    python3 pbx.py pbx.example.com --token token.txt

It needs nothing but Python's standard library, and ``bootwave`` for the phones.
"""

import argparse
import http.client
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

GIVEN = {"SERVED_WINDOW", "SERVED_CREDENTIALS", "SERVED_CERTIFICATE"}


class Api:
    """Requests to the API, one after the other on a connection that stays."""

    def __init__(self, url: str, token: str) -> None:
        """Connect with the first request."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._url = url
        self._connection = kind(parts.netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: str = "", form: str = "json") -> Any:
        """Return what is answered; raise SystemExit with what the API says is wrong."""
        headers = {**self._headers, "Content-Type": f"application/{form}"}
        content = body.encode() if body else None
        try:
            self._connection.request(method, f"/api/v1{path}", content, headers)
            answer = self._connection.getresponse()
            told = json.loads(answer.read() or b"null")
        except OSError as error:
            raise SystemExit(f"No API answers at {self._url}: {error}.") from None
        if answer.status >= 400:
            wrong = [f"{one['at']}: {one['detail']}" for one in told.get("errors", [])]
            raise SystemExit("\n".join([told["detail"], *wrong]))
        return told

    def pages(self, path: str) -> Iterator[Any]:
        """Yield all items of a list, page by page."""
        cursor = ""
        while True:
            page = self.ask("GET", f"{path}?limit=1000&cursor={cursor}")
            yield from page["items"]
            cursor = page["next"]
            if not cursor:
                return

    def hang_up(self) -> None:
        """Close the connection, as the API does with an idle one; ask opens another."""
        self._connection.close()


def extensions(first_mac: int, count: int) -> list[dict[str, str]]:
    """Return what a PBX has in its own database: extensions, passwords and phones."""
    return [
        {
            "extension": str(1000 + number),
            "name": f"Room {number}",
            "password": f"made-by-the-pbx-{number * 7919 % 100_003:05}",
            "mac": f"{first_mac + number:012X}",
        }
        for number in range(count)
    ]


def time_line(api: Api, mac: str, until: float) -> list[dict[str, Any]]:
    """Return what a phone did, newest first, once it was given its settings.

    The engine writes down what phones do a moment after they did it: that is waited
    for *until* then, by the monotonic clock.
    """
    while True:
        line = list(api.pages(f"/devices/{mac}/sightings"))
        if GIVEN & {seen["reason"] for seen in line} or time.monotonic() > until:
            return line
        time.sleep(0.1)


def main() -> int:
    """Do all of it; return 0 when every phone was given its settings."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("domain")
    parser.add_argument("--token", type=Path, required=True, help="file that holds it")
    parser.add_argument("--api", default="http://127.0.0.1:8095")
    parser.add_argument("--server", default="127.0.0.1:5060", help="where phones ask")
    parser.add_argument("--first-mac", default="0004132E0000")
    parser.add_argument("--count", type=int, default=500)
    given = parser.parse_args()
    try:
        api = Api(given.api, given.token.read_text().strip())
    except OSError as error:
        raise SystemExit(f"{given.token} cannot be read: {error.strerror}.") from None
    rows = extensions(int(given.first_mac, 16), given.count)
    domain = f"/domains/{given.domain}"

    # The whole state, as often as one likes: what is so already is not touched.
    state = "".join(json.dumps(row) + "\n" for row in rows)
    for time_of in ("first", "second"):
        done = api.ask("PUT", f"{domain}/accounts", state, "jsonl")
        counts = [f"{done[what]} {what}" for what in ("added", "changed", "same")]
        print(f"The {time_of} push: {', '.join(counts)}")

    opened = api.ask("POST", f"{domain}/windows", json.dumps({"all": True}))
    print(f"Opened {len(opened['opened'])} for {opened['minutes']:.0f} minutes.")
    api.hang_up()

    # In the real world somebody plugs them in.
    where = ["--server", given.server, "--mac", given.first_mac]
    count = ["--count", str(given.count)]
    subprocess.run(["bootwave", "phone", "boot", *where, *count], check=False)

    fared: Counter[str] = Counter()
    without = []
    until = time.monotonic() + 5
    for row in rows:
        line = time_line(api, row["mac"], until)
        fared.update({seen["sentence"] for seen in line})
        if not GIVEN & {seen["reason"] for seen in line}:
            without.append(row)
    for sentence, phones in fared.most_common():
        print(f"{phones:6} phones: {sentence}")
    for row in without[:10]:
        told = api.ask("GET", f"/devices/{row['mac']}")
        print(f"{row['extension']} ({row['mac']}): {told['verdict']}")
    print(f"{len(rows) - len(without)} of {len(rows)} phones have their settings.")
    return 1 if without else 0


if __name__ == "__main__":
    sys.exit(main())
