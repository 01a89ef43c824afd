"""Debian's Chromium, driven by Playwright, on the page of a running `tocsin web`."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from stream.settings import Settings
from support.full_path import TOCSIN, Service

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 90_000
WEB = [*TOCSIN, "web"]


class Visitor:
    """One who looks at the page; what its browser complains of is kept.

    Args:
        page: A tab.
        root: Address of the page.
    """

    def __init__(self, page: Page, root: str) -> None:
        self.page = page
        self.root = root.rstrip("/")
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self._complain(message.type, message.text))
        page.on("pageerror", lambda error: self._complain("error", str(error)))
        page.on("dialog", lambda dialog: self._complain("error", f"dialog {dialog.message}"))

    async def go(self, path: str) -> None:
        """Open a page of ours."""
        response = await self.page.goto(self.root + path)
        assert response is not None
        assert response.status == 200

    async def fits(self, width: int, height: int, **media: Any) -> None:
        """Look through a window of that size, in which nothing may stick out sideways."""
        await self.page.set_viewport_size({"width": width, "height": height})
        await self.page.emulate_media(**media)
        assert await self.page.evaluate("document.documentElement.scrollWidth") <= width

    def _complain(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)


async def address(web: Service) -> str:
    """Where a `tocsin web` says that its page is."""
    await web.printed("the page is at ")
    (root,) = re.findall(r"the page is at (\S+)", web.log())
    return str(root)


@asynccontextmanager
async def visiting(settings: Settings, folder: Path) -> AsyncIterator[Visitor]:
    """A page of its own process, and a browser that looks at it and must have nothing to complain of."""
    with Service(settings, folder, WEB) as web:
        root = await address(web)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
            visitor = Visitor(await browser.new_page(), root)
            yield visitor
            await browser.close()
        assert visitor.complaints == []
