"""Chromium without a window, told what to do over its own pipe.

Messages are JSON that ends with NUL (the Chrome DevTools Protocol with
--remote-debugging-pipe): commands go to its descriptor 3, answers come from 4.
"""

import base64
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.peers.peer import require

_SECONDS = 30.0
_ON_3_AND_4 = """
import fcntl, os, sys
into, out = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(into, 3)
os.dup2(out, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """One page of a Chromium whose profile is *directory*; stop it when done."""

    def __init__(self, directory: Path) -> None:
        """Start it."""
        command = require("chromium")
        theirs, self._commands = os.pipe()
        self._answers, back = os.pipe()
        self._number = 0
        self._read = b""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _ON_3_AND_4, str(theirs), str(back), command),
                *("--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--remote-debugging-pipe", f"--user-data-dir={directory}"),
                "about:blank",
            ],
            pass_fds=(theirs, back),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(back)
        self._session = ""
        try:
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._call(
                "Target.attachToTarget", targetId=target, flatten=True
            )["sessionId"]
        except BaseException:
            self.stop()
            raise

    def open(self, url: str) -> None:
        """Go to *url*, and wait for it."""
        self._call("Page.navigate", url=url)
        self.wait(
            f"location.href.startsWith({json.dumps(url.partition('#')[0])})"
            " && document.readyState == 'complete'"
        )

    def value(self, expression: str) -> Any:
        """Return the value of an *expression* of JavaScript in the page."""
        told = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait(self, expression: str) -> None:
        """Wait until *expression* holds in the page."""
        until = time.monotonic() + _SECONDS
        while not self.value(expression):
            assert time.monotonic() < until, f"never: {expression}"
            time.sleep(0.05)

    def type(self, text: str) -> None:
        """Type *text* where the page has its focus."""
        self._call("Input.insertText", text=text)

    def press(self, key: str, code: int) -> None:
        """Press a key, such as Tab (9) or Enter (13)."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **text,
            )

    def picture(self, file: Path) -> None:
        """Write what the page looks like, as PNG."""
        told = self._call("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(told["data"]))

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._answers)

    def _call(self, method: str, **values: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {
            "id": self._number,
            "method": method,
            "params": values,
        }
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + _SECONDS
        while b"\0" not in self._read:
            ready, _, _ = select.select(
                [self._answers], [], [], max(0.0, until - time.monotonic())
            )
            assert ready, "the browser says nothing"
            some = os.read(self._answers, 1 << 16)
            assert some, "the browser ended"
            self._read += some
        message, _, self._read = self._read.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told
