"""Visits to a served page: all that it asks of other hosts, and all that goes wrong, is noted."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

Theme = Literal["light", "dark"]

NOTHING = r"(?!)"
"""A pattern that no error is like."""
DESK = (1280, 800)
PHONE = (390, 844)
READY = "() => window.did_handshake"
_WITHIN = 15_000
_SETTLED = """() => new Promise(resolve => {
    let quiet = setTimeout(resolve, 300);
    new MutationObserver(() => { clearTimeout(quiet); quiet = setTimeout(resolve, 300); })
        .observe(document.body, {childList: true, subtree: true});
})"""


@dataclass
class Visit:
    """One browser window and what it noticed."""

    context: BrowserContext
    page: Page
    home: str
    tolerated: str
    asked_elsewhere: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note what the page asks of other hosts, its errors, and what it prints as an error."""
        self.context.on("request", lambda request: self._asked(request.url))
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.page.on("websocket", lambda socket: self._asked(socket.url))

    def troubles(self) -> list[str]:
        """What would fail a test; errors that the visit tolerates are left out."""
        wrong = [each for each in self.errors if not re.search(self.tolerated, each)]
        return [*(f"asked another host: {url}" for url in self.asked_elsewhere), *wrong]

    def keep(self, folder: Path, name: str) -> None:
        """Write down how the page looks, its HTML and its troubles."""
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png")
        (folder / f"{name}.html").write_text(self.page.content())
        (folder / f"{name}.txt").write_text("\n".join([self.page.url, *self.troubles()]))

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        loaded = parts.scheme in {"http", "https", "ws", "wss"}
        if loaded and parts.netloc != urlsplit(self.home).netloc:
            self.asked_elsewhere.append(url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url', '')})")


def begin(
    browser: Browser,
    home: str,
    *,
    theme: Theme = "light",
    phone: bool = False,
    tolerated: str = NOTHING,
) -> Visit:
    """A window at a desk or on a phone, with nothing stored; errors like `tolerated` are none."""
    width, height = PHONE if phone else DESK
    context = browser.new_context(
        color_scheme=theme,
        viewport={"width": width, "height": height},
        is_mobile=phone,
        has_touch=phone,
        locale="en-US",
        accept_downloads=True,
    )
    context.set_default_timeout(_WITHIN)
    visit = Visit(context, context.new_page(), home, tolerated)
    visit.watch()
    return visit


def ready(page: Page) -> None:
    """Wait until a page of the dashboard listens to what a person does."""
    page.wait_for_function(READY)


def settled(page: Page) -> None:
    """Wait until a page listens, if it is one of the dashboard's, and has added nothing for 0.3 s."""
    if "/dashboard" in page.url:
        ready(page)
    page.evaluate(_SETTLED)
