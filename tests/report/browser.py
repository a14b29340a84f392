"""A real browser for the tests: headless Chromium, driven through its debugging pipe, without a library."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless_shell")
CACHES = (
    "~/.cache/ms-playwright/chromium*/chrome-*/chrome",
    "~/.cache/ms-playwright/chromium*/chrome-*/headless_shell",
)
FLAGS = (
    "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--disable-extensions", "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip
PATIENCE = 60
"""Seconds to wait for an answer."""

_LAUNCH = """
import fcntl, os, sys
read, write = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3])
os.dup2(read, 3)
os.dup2(write, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def found():
    """The browser on this machine: GRADLAB_BROWSER, one on the path, or one that playwright has fetched."""
    named = os.environ.get("GRADLAB_BROWSER")
    if named:
        return named
    fetched = [str(path) for pattern in CACHES for path in _glob(pattern)]
    return next(filter(None, map(shutil.which, NAMES)), fetched[-1] if fetched else None)


def _glob(pattern):
    home, rest = Path("~").expanduser(), pattern.removeprefix("~/")
    return sorted(home.glob(rest))


class Browser:
    """One browser process; its pages are `Tab`s."""

    def __init__(self, program, profile):
        into, self.writing = os.pipe()
        self.reading, out = os.pipe()
        words = [
            sys.executable,
            "-c",
            _LAUNCH,
            str(into),
            str(out),
            program,
            *FLAGS,
            f"--user-data-dir={profile}",
        ]
        self.process = subprocess.Popen(
            words, pass_fds=(into, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(into)
        os.close(out)
        self.count, self.rest, self.events = itertools.count(1), b"", []

    def ask(self, method, session=None, **parameters):
        """Send a command and return its result; what happens meanwhile is kept in `events`."""
        number = next(self.count)
        message = {"id": number, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        limit = time.monotonic() + PATIENCE
        while True:
            answer = self.receive(limit)
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def receive(self, limit):
        """The next message; events are kept."""
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.reading], [], [], max(0.0, limit - time.monotonic()))
            assert ready, "the browser does not answer"
            piece = os.read(self.reading, 2**20)
            assert piece, "the browser has ended"
            self.rest += piece
        line, _, self.rest = self.rest.partition(b"\0")
        message = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message

    def close(self):
        """End the browser."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.reading)
        os.close(self.writing)


class Tab:
    """One page, of a size, in a scheme, with scripts or without."""

    def __init__(self, browser, path, *, width=1280, height=900, dark=False, scripts=True, phone=False):
        self.browser = browser
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.ask(f"{domain}.enable")
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.ask("Page.navigate", url=Path(path).resolve().as_uri())
        self.wait("Page.loadEventFired")

    def ask(self, method, **parameters):
        return self.browser.ask(method, self.session, **parameters)

    def events(self, *methods):
        """What has happened on this page."""
        mine = [event for event in self.browser.events if event.get("sessionId") == self.session]
        return [event["params"] for event in mine if event["method"] in methods]

    def wait(self, method):
        """Wait for an event."""
        limit = time.monotonic() + PATIENCE
        while not self.events(method):
            self.browser.receive(limit)

    def run(self, script):
        """The value of an expression (or of the promise that it is)."""
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, script):
        """Wait until an expression is true."""
        limit = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < limit, f"never true: {script}"
            time.sleep(0.05)

    def key(self, name, code, text=""):
        """Press a key."""
        letter = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **letter, **({"text": text} if text else {}))
        self.ask("Input.dispatchKeyEvent", type="keyUp", **letter)

    def point(self, x, y, *, click=False):
        """Move the mouse, and click."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased") if click else ():
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drawn(self, selector):
        """Width and height of what a selector finds first, found without any script; zeros if not drawn."""
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        if not node:
            return 0, 0
        try:
            box = self.ask("DOM.getBoxModel", nodeId=node)["model"]
        except AssertionError:
            return 0, 0
        return box["width"], box["height"]

    def picture(self, path):
        """The whole page as PNG."""
        answer = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(answer["data"]))

    def close(self):
        """Close the page."""
        self.browser.ask("Target.closeTarget", targetId=self.target)
