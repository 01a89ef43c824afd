"""The page in a real browser: a campaign appears, grows, ends; hostile posts do nothing."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Route, expect
from support.alerts import START, alert, muted, post
from support.browser import PATIENCE_MS, WEB, Visitor, address, visiting
from support.full_path import Service, on_its_own, produce
from support.scenario_feed import short_feed

from detectors.alert import Alert, AlertReason, Campaign, Severity, encode_alert
from detectors.ruling import Ended, Ruled, RulingKind, encode_ruled
from stream.embedded import EmbeddedBroker
from stream.kafka import ALERTS, RULINGS, client_kwargs, topic_name
from stream.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SCREENSHOTS = Path(__file__).parents[2] / "deploy" / "screenshots"
EVIL = "<script>document.title='owned'</script> \u202eexe.gnp\u202c <img src=x onerror=alert(1)> free coins"
ARABIC = "افتتاح الجسر الجديد في مدينة الميناء بعد سبع سنوات من الأعمال وازدحام كبير في يومه الأول"
CAMPAIGN = "Nouvelle-Cal"


@pytest.fixture
async def settings(embedded_broker: EmbeddedBroker, prefix: str) -> Settings:
    """Topics of their own, one partition each."""
    return await on_its_own(
        embedded_broker,
        prefix,
        web_port=0,
    )


async def tell(settings: Settings, *alerts: Alert) -> None:
    """Append alerts to the topic."""
    async with AIOKafkaProducer(**client_kwargs(settings)) as producer:
        for one in alerts:
            await producer.send_and_wait(topic_name(settings, ALERTS), encode_alert(one), one.id.encode())


async def rule(settings: Settings, *rulings: Ruled) -> None:
    """Append rulings to their topic, as BURST would."""
    async with AIOKafkaProducer(**client_kwargs(settings)) as producer:
        for one in rulings:
            await producer.send_and_wait(topic_name(settings, RULINGS), encode_ruled(one), one.id.encode())


def a_ruling(name: str, **changes: Any) -> Ruled:
    """Maria's mute of the hostile burst."""
    values = {
        "id": name,
        "kind": RulingKind.MUTE,
        "burst": "evil",
        "text": EVIL,
        "severity": Severity.CRITICAL,
    }
    return Ruled(**(values | {"by": "maria", "why": EVIL, "at_ms": 0, "until_ms": 7_200_000} | changes))


async def picture(visitor: Visitor, name: str, folder: Path) -> None:
    """A screenshot; the README's own with UPDATE_SCREENSHOTS=1."""
    into = SCREENSHOTS if os.environ.get("UPDATE_SCREENSHOTS") else folder
    into.mkdir(exist_ok=True)
    await visitor.page.screenshot(path=into / f"{name}.png")


async def test_a_replayed_campaign_appears_grows_and_ends_without_a_reload(
    settings: Settings, tmp_path: Path
) -> None:
    """Posts into Kafka, a worker, the page: each step is seen in the browser that was open all the time."""
    feed = short_feed()
    copies = [
        at
        for at, one in enumerate(feed.posts)
        if one["scenario"]["actor"] == "campaign" and one["scenario"]["version"] == "fr"
    ]
    early, rest = feed.values[: copies[99]], feed.values[copies[99] :]
    with Service(settings, tmp_path):
        async with visiting(settings, tmp_path) as visitor:
            page = visitor.page
            await visitor.go("/")
            await page.evaluate("window.sameDocument = true")
            await expect(page.locator("#ringing > li")).to_have_count(0)
            await expect(page.get_by_text("Nothing rings.")).to_be_visible()

            await produce(settings, [early])
            card = page.locator("#ringing > li.critical", has_text=CAMPAIGN)
            await expect(card).to_have_count(1, timeout=PATIENCE_MS)
            await card.locator("summary").click()
            await expect(card.get_by_text("share one wording")).to_be_visible()
            before = await _posts(visitor)

            await produce(settings, [rest])
            await page.wait_for_function(
                "([text, n]) => [...document.querySelectorAll('#ringing > li.critical')].some((card) => "
                "card.textContent.includes(text) && "
                "parseInt(card.querySelector('.posts').textContent.replace(',', '')) >= n)",
                arg=[CAMPAIGN, 2 * before],
            )
            await expect(card.get_by_text("share one wording")).to_be_visible()  # what was open stays open
            for scheme in ("dark", "light"):
                await visitor.fits(1440, 900, color_scheme=scheme)
                await picture(visitor, f"page-{scheme}", tmp_path)

            await produce(settings, [feed.ends[:1]])
            await expect(page.locator("#over > li.critical", has_text=CAMPAIGN)).to_have_count(
                1, timeout=PATIENCE_MS
            )
            await expect(card).to_have_count(0)
            assert await page.evaluate("window.sameDocument") is True


async def _posts(visitor: Visitor) -> int:
    card = visitor.page.locator("#ringing > li.critical", has_text=CAMPAIGN)
    told = await card.locator(".posts").inner_text()
    return int(told.split()[0].replace(",", ""))


async def test_hostile_posts_do_nothing_and_the_page_is_for_everyone(
    settings: Settings, tmp_path: Path
) -> None:
    """Markup and bidi controls stay text, right-to-left text stands right; axe-core finds no fault in it."""
    hostile = post(EVIL, url="javascript:alert(1)")
    await tell(
        settings,
        alert(id="grave", campaign=Campaign("c", ["arab"], 9)),
        alert(EVIL, id="evil", exemplar=hostile, first_post=hostile, urls=["javascript:alert(1)"]),
        alert(
            ARABIC, id="arab", severity=Severity.WARNING, exemplar=post(ARABIC, lang="ar"), langs={"ar": 9}
        ),
        alert(id="mute", severity=Severity.INFO, muted_by=muted()),
        alert(id="over", status="resolved", reason=AlertReason.RESOLVED, ends_at=START),
    )
    over = Ended(by=EVIL, why=EVIL, at_ms=0)
    await rule(
        settings, a_ruling("holds"), a_ruling("known", kind=RulingKind.KNOWN, burst="grave", ended=over)
    )
    async with visiting(settings, tmp_path) as visitor:
        page = visitor.page
        for path in ("/", "/bursts/evil", "/bursts/grave", "/timeline", "/rulings"):
            for scheme in ("dark", "light"):
                await visitor.go(path)
                await visitor.fits(1440, 900, color_scheme=scheme)
                found = await Axe().run(
                    page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
                )
                assert found.violations_count == 0, found.generate_report()
            for width, height in ((360, 740), (3840, 2160)):
                await visitor.fits(width, height)
            if path == "/bursts/grave":
                await visitor.fits(1440, 900, color_scheme="light")
                await picture(visitor, "burst", tmp_path)
        await visitor.go("/bursts/evil")
        assert await page.locator("main script, main img, a[href^='javascript']").count() == 0
        shown = await page.locator("h1").inner_text()
        assert shown.startswith("<script>document.title='owned'</script> exe.gnp <img")
        assert (await page.title()).startswith("critical: 64 posts")

        await visitor.go("/")
        await visitor.fits(360, 740)
        await picture(visitor, "phone", tmp_path)
        sides = await page.locator("#b-arab h3 bdi").evaluate(
            "(e) => [getComputedStyle(e).direction, getComputedStyle(e).textAlign]"
        )
        assert sides == ["rtl", "start"]
        # By keyboard alone: past the head, into the first card, its evidence unfolded and read.
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        summary = page.locator("#ringing > li").first.locator("summary")
        for _ in range(8):
            await page.keyboard.press("Tab")
            if await summary.evaluate("(e) => e === document.activeElement"):
                break
        await page.keyboard.press("Enter")
        await expect(
            page.locator("#ringing > li").first.get_by_text("accounts with a known age")
        ).to_be_visible()


async def test_a_burst_is_muted_and_unmuted_from_the_page(settings: Settings, tmp_path: Path) -> None:
    """By keyboard in the list, and the card turns grey by itself; by mouse on its page."""
    feed = short_feed()
    n_early = len(feed.values) // 2
    with Service(settings, tmp_path):
        async with visiting(settings, tmp_path) as visitor:
            page = visitor.page
            await visitor.go("/")
            await produce(settings, [feed.values[:n_early]])
            card = page.locator("#ringing > li.critical", has_text=CAMPAIGN)
            await expect(card).to_have_count(1, timeout=PATIENCE_MS)
            await card.locator("summary").focus()
            await page.keyboard.press("Enter")
            await card.get_by_label("Your name").focus()
            await page.keyboard.type("maria")
            await page.keyboard.press("Tab")
            await page.keyboard.type("a drill")
            before = await _posts(visitor)
            await produce(settings, [feed.values[n_early : n_early + 2000]])
            await page.wait_for_function(
                "([text, n]) => [...document.querySelectorAll('#ringing > li.critical')].some((card) => "
                "card.textContent.includes(text) && "
                "parseInt(card.querySelector('.posts').textContent.replace(',', '')) > n)",
                arg=[CAMPAIGN, before],
            )
            await expect(card.get_by_label("Why")).to_have_value("a drill")  # what is typed stays
            await page.keyboard.press("Tab")
            await page.keyboard.press("Tab")
            await page.keyboard.press("Enter")  # Mute it
            await expect(card.locator(".rulings")).to_contain_text("maria", timeout=30_000)
            await expect(page.locator("#ringing > li.critical.muted", has_text=CAMPAIGN)).to_have_count(
                1, timeout=PATIENCE_MS
            )
            await visitor.go("/rulings")
            await expect(page.locator(".rulings b")).to_have_text("muted")
            await page.locator(".rulings a").click()
            await expect(page.locator("#burst.muted")).to_have_count(1)
            await page.locator(".decide").scroll_into_view_if_needed()
            await picture(visitor, "muted", tmp_path)
            undo = page.locator("form.rule", has_text="Undo")
            await undo.get_by_label("Your name").click()  # kept from the first time
            await expect(undo.get_by_label("Your name")).to_have_value("maria")
            await undo.get_by_label("Why").fill("it is one")
            await undo.get_by_role("button").click()
            await expect(page.locator("#burst:not(.muted)")).to_have_count(1, timeout=PATIENCE_MS)
            await expect(page.get_by_text("ended by maria")).to_contain_text("it is one")


async def test_what_could_not_be_fetched_is_fetched_again(settings: Settings, tmp_path: Path) -> None:
    """The page of a burst catches up by itself after an answer that never came; evidence says what to do."""
    await tell(settings, alert(id="grave"))
    async with visiting(settings, tmp_path) as visitor:
        page = visitor.page
        await visitor.go("/bursts/grave")
        async with page.expect_event("requestfailed"):
            await page.route("**/bursts/grave", lambda route: route.abort())
            await tell(settings, alert(id="grave", seq=3, severity=Severity.WARNING))
        await page.unroute("**/bursts/grave")
        await expect(page.locator("#burst.warning")).to_have_count(1)

        await visitor.go("/")
        await page.route("**/detail", lambda route: route.abort())
        summary = page.locator("#b-grave summary")
        await summary.click()
        await expect(page.get_by_text("close this and open it again")).to_be_visible()
        await page.unroute("**/detail")
        await summary.click()
        await summary.click()
        await expect(page.get_by_text("accounts with a known age")).to_be_visible()
        assert {said.partition(":")[0] for said in visitor.complaints} == {"Failed to load resource"}
        visitor.complaints.clear()


async def test_evidence_on_its_way_reaches_a_card_that_is_renewed_meanwhile(
    settings: Settings, tmp_path: Path
) -> None:
    """What was asked for is shown in the card as it is now, and nothing is complained of."""
    may_come = asyncio.Event()

    async def late(route: Route) -> None:
        await may_come.wait()
        await route.continue_()

    await tell(settings, alert(id="grave"))
    async with visiting(settings, tmp_path) as visitor:
        await visitor.go("/")
        await visitor.page.route("**/detail", late)
        card = visitor.page.locator("#b-grave")
        async with visitor.page.expect_request("**/detail"):
            await card.locator("summary").click()
        await tell(settings, alert(id="grave", seq=3, posts=65))
        await expect(card.locator(".posts")).to_contain_text("65")
        may_come.set()
        await expect(card.get_by_text("accounts with a known age")).to_be_visible()


async def test_five_hundred_ringing_bursts_are_shown_fast(settings: Settings, tmp_path: Path) -> None:
    """Loaded, laid out and live within seconds, however busy the machine; one more comes in at its place."""
    texts = [f"{number:03} {ARABIC if number % 7 == 0 else EVIL}" for number in range(500)]
    await tell(settings, *(alert(text, id=f"b{n}", severity=Severity.INFO) for n, text in enumerate(texts)))
    async with visiting(settings, tmp_path) as visitor:
        page = visitor.page
        await visitor.go("/")
        await expect(page.locator("#ringing > li")).to_have_count(500)
        loaded_ms = await page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        assert loaded_ms < 5_000
        for width, height in ((360, 740), (3840, 2160)):
            await visitor.fits(width, height)
        await tell(settings, alert(id="new"))
        await expect(page.locator("#ringing > li").first).to_have_id("b-new", timeout=10_000)
        await page.locator("#b-b499").scroll_into_view_if_needed()
        await expect(page.locator("#b-b499")).to_be_in_viewport()


async def test_the_api_does_what_its_description_says(settings: Settings, tmp_path: Path) -> None:
    """Schemathesis asks all that the OpenAPI document allows, and much that it does not."""
    await tell(settings, alert(id="a"), alert(EVIL, id="evil"))
    await rule(settings, a_ruling("holds"))
    with Service(settings, tmp_path, WEB) as web:
        root = await address(web)
        argv = [
            "run",
            f"{root}api/openapi.json",
            "--max-examples=25",
            "--generation-deterministic",
            "--no-color",
        ]
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", *argv],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert not web.ended
