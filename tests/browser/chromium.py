"""A page opened in headless Chromium, spoken to over a pipe in the browser's own protocol: no driver is needed.

Screens of any width are emulated, since a window is at least 500 pixels wide.

References
----------
Chrome DevTools Protocol, https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    "--remote-debugging-pipe",
)
SECONDS = 90.0
"""Longest wait for an answer."""
NARROW = 600
"""Screens below this many pixels are taken for a phone's."""
PAGE = "page.html"
LAUNCH = """
import fcntl, os, sys
places = [fcntl.fcntl(int(place), fcntl.F_DUPFD, 10) for place in sys.argv[1:3]]
for place, wanted in zip(places, (3, 4)):
    os.dup2(place, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""
DRAWN = """
  const drawn = () => (window.Bokeh?.index?.roots ?? []).filter((view) => view.canvas).length;
  for (let i = 0; i < 900 && drawn() < document.querySelectorAll(window.Bokeh ? ".picture" : "nothing").length; i++)
    await new Promise((done) => setTimeout(done, 100));
  await new Promise((done) => setTimeout(done, 300));
"""


def needs_chromium() -> str:
    """Path of the browser; skips the test where there is none."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no Chromium on this machine")


class Tab:
    """One page of a running browser: `call` a method of the protocol; what happened meanwhile stands in `events`."""

    def __init__(self, reads: int, writes: int) -> None:
        self.reads, self.writes = reads, writes
        self.events: list[dict[str, Any]] = []
        self._rest = b""
        self._id = 0
        self._session: dict[str, str] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._id += 1
        sent = self._id
        message = json.dumps({"id": sent, "method": method, "params": params, **self._session}).encode() + b"\0"
        while message:
            message = message[os.write(self.writes, message) :]
        answer = self._until(lambda event: event.get("id") == sent)
        assert "error" not in answer, f"{method}: {answer}"
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, page: Path, part: str = "") -> None:
        """Open a file, at the `part` with this id, and wait for it to be loaded."""
        self.call("Page.navigate", url=page.as_uri() + (f"#{part}" if part else ""))
        if not self.of("Page.loadEventFired"):
            self.events.append(self._until(lambda event: event.get("method") == "Page.loadEventFired"))

    def run(self, steps: str) -> Any:
        """What the body of an async function returns."""
        code = f"(async () => {{ {steps} }})()"
        found = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, json.dumps(found["exceptionDetails"])
        return found["result"].get("value")

    def of(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event.get("method") == method]

    def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while True:
            while b"\0" not in self._rest:
                ready, _, _ = select.select([self.reads], [], [], max(end - time.monotonic(), 0.0))
                assert ready, "the browser does not answer"
                part = os.read(self.reads, 1 << 20)
                assert part, "the browser has ended"
                self._rest += part
            head, _, self._rest = self._rest.partition(b"\0")
            event: dict[str, Any] = json.loads(head)
            if wanted(event):
                return event
            self.events.append(event)


@contextmanager
def a_tab(profile: Path) -> Iterator[Tab]:
    """A browser of its own, ended with the block. It reads its orders from descriptor 3 and answers on 4."""
    command = [needs_chromium(), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    start = [sys.executable, "-c", LAUNCH, str(theirs_in), str(theirs_out), *command]
    browser = subprocess.Popen(start, pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL)
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Tab(ours_in, ours_out)
    finally:
        os.close(ours_out)  # the browser ends when nobody can give it orders
        try:
            browser.wait(20)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait(20)
        os.close(ours_in)


@contextmanager
def a_page(page: str, folder: Path, width: int = 1200, dark: bool = False, part: str = "") -> Iterator[Tab]:
    """Open `page` at the `part` with this id, on a screen of `width` pixels."""
    place = folder / PAGE
    place.write_text(page, encoding="utf-8")
    with a_tab(folder / "profile") as tab:
        phone = width < NARROW
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        tab.call("Emulation.setEmulatedMedia", features=[scheme])
        tab.open(place, part)
        tab.run(DRAWN)
        yield tab


def look_at(
    page: str, steps: str, folder: Path, width: int = 1200, dark: bool = False, part: str = ""
) -> dict[str, Any]:
    """Open a page as `a_page` does and run `steps`, the body of an async function.

    Gives what they return as ``found``, ``errors`` of the page, and the addresses it ``fetched`` or tried to.
    """
    with a_page(page, folder, width, dark, part) as tab:
        found = tab.run(steps)
        return {"found": found, "errors": errors_of(tab), "fetched": _fetched(tab, folder / PAGE)}


def errors_of(tab: Tab) -> list[str]:
    """Exceptions, errors and warnings, and what the page's own policy refused."""
    thrown = [json.dumps(event["exceptionDetails"]) for event in tab.of("Runtime.exceptionThrown")]
    logged = [event["entry"]["text"] for event in tab.of("Log.entryAdded")]
    said = [json.dumps(e["args"]) for e in tab.of("Runtime.consoleAPICalled") if e["type"] in ("error", "warning")]
    return [*thrown, *logged, *said]


def _fetched(tab: Tab, place: Path) -> list[str]:
    asked = [event["request"]["url"] for event in tab.of("Network.requestWillBeSent")]
    return [url for url in asked if url != place.as_uri() and not url.startswith(("data:", "blob:"))]
