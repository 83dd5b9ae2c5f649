"""A page opened in headless Chromium: a probe inside it acts, and leaves what it saw in the document.

No driver is needed: the probe is a script put first into a copy of the page. It records errors and every address
that the page's own policy had to refuse, then runs the steps of the test; Chromium prints the document afterwards.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    *("--run-all-compositor-stages-before-draw", "--virtual-time-budget=10000"),
)
PROBE = """<script>
window.seen = { errors: [], refused: [] };
for (const name of ["error", "warn"]) {
  const say = console[name];
  console[name] = (...words) => { window.seen.errors.push(words.join(" ")); say.apply(console, words); };
}
addEventListener("error", (e) => window.seen.errors.push(String(e.message || e.target.outerHTML)), true);
addEventListener("unhandledrejection", (e) => window.seen.errors.push(String(e.reason)));
addEventListener("securitypolicyviolation", (e) => window.seen.refused.push(e.blockedURI + " " + e.violatedDirective));
addEventListener("load", () => setTimeout(async () => {
  const seen = window.seen;
  try { seen.found = await (async () => { STEPS })(); } catch (e) { seen.errors.push("probe: " + e.stack); }
  seen.fetched = performance.getEntriesByType("resource").map((r) => r.name);
  const out = document.createElement("pre");
  out.id = "seen";
  out.textContent = JSON.stringify(seen);
  document.body.replaceChildren(out);
}, 1500));
</script>"""


def needs_chromium() -> str:
    """Path of the browser; skips the test where there is none."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("no Chromium on this machine")


def look_at(page: str, steps: str, folder: Path, width: int = 1200, *more_flags: str) -> dict[str, Any]:
    """Open `page` and run `steps`, the body of an async function; what it returns stands in ``found``."""
    chromium = needs_chromium()
    place = folder / "page.html"
    place.write_text(page.replace("<head>", "<head>" + PROBE.replace("STEPS", steps), 1), encoding="utf-8")
    command = [chromium, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900", *more_flags]
    done = subprocess.run(
        [*command, "--dump-dom", place.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    seen = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert seen is not None, f"the probe did not finish: {done.stderr[-2000:]}"
    result: dict[str, Any] = json.loads(html.unescape(seen[1]))
    return result
