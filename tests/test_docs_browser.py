"""The documentation page and the guide in a real browser: headless Chromium, driven through chromedriver."""

import os
import re
from collections.abc import Iterator

import chromium
import pytest
import starlette.applications
import starlette.routing
from chromium import Browser
from embedder import HashEmbedder
from serving import served_by

from mem0lite import Memory, guide
from mem0lite.server import Settings, create_app

browser = chromium.browser
QUIET = Settings(vacuum_interval_seconds=0)


@pytest.fixture(params=["", "/mem"], ids=["standalone", "mounted"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[Memory, str]]:
    """A memory, and the address the app is served at: by itself, and mounted in another application."""
    prefix: str = request.param
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, QUIET)
        mounts = [starlette.routing.Mount(prefix, app)]
        with served_by(starlette.applications.Starlette(routes=mounts) if prefix else app) as client:
            yield memory, str(client.base_url).rstrip("/") + prefix


def _try_out(browser: Browser, operation: str) -> str:
    """Send an operation's example as it stands, and return the status the page shows."""
    block = f"#operations-{operation}"
    browser.click(f"{block} .opblock-summary-control")
    browser.click(f"{block} .try-out__btn")
    browser.click(f"{block} .execute")
    return browser.find(f"{block} .live-responses-table .response .response-col_status").text


def test_page_works_in_a_browser(browser: Browser, served: tuple[Memory, str]) -> None:
    """The page shows every route under its policy, "Try it out" stores and finds a memory with the examples as they
    stand, nothing is asked of other servers, and the console stays empty."""
    memory, address = served
    browser.look_at(f"{address}/docs")
    assert browser.driver.title == "mem0lite API"
    assert browser.find(".info .title").text.startswith("mem0lite")
    assert len(browser.find(".info .description").text) > 100
    groups = [text.partition("\n")[0] for text in browser.texts(".opblock-tag")]
    assert groups[:5] == ["memories", "search", "entities", "api-keys", "server"]
    summaries = browser.texts(".opblock-summary-description")
    assert len(summaries) == len(browser.texts(".opblock")) > 10
    assert all(summaries)

    assert _try_out(browser, "memories-add_memories").startswith("200")
    assert browser.find("#operations-memories-add_memories .request-url pre").text == f"{address}/memories"
    assert memory.get_all(user_id="alice")["total"] == 1
    assert _try_out(browser, "search-search_memories").startswith("200")
    assert _try_out(browser, "memories-list_memories").startswith("200")

    addresses = browser.requested()
    assert f"{address}/search" in addresses
    elsewhere = [one for one in addresses if not one.startswith(f"{address}/") and re.match("http|ws|ftp", one)]
    assert elsewhere == []
    assert browser.console() == []


def test_browsers_end_up_at_the_page(browser: Browser, served: tuple[Memory, str]) -> None:
    """The root, with and without its slash, and the place of ReDoc lead to the page."""
    for path in ("", "/", "/redoc"):
        browser.look_at(served[1] + path)
        assert browser.driver.current_url == f"{served[1]}/docs"
        assert browser.console() == []


@pytest.mark.parametrize("served", [""], indirect=True)
@pytest.mark.parametrize("width", [1280, 400])
def test_page_fits_its_window(browser: Browser, served: tuple[Memory, str], width: int) -> None:
    """On a desktop and on a telephone nothing has to be scrolled sideways, with an example unfolded too."""
    browser.look_at(f"{served[1]}/docs", width)
    browser.screenshot(f"docs-{width}")
    _try_out(browser, "memories-add_memories")
    browser.screenshot(f"docs-{width}-tried")
    wide = browser.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0
    assert browser.console() == []


def _brightness(color: str) -> float:
    """Return how bright a CSS color is, from 0 to 1, as WCAG measures it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    dark, bright = sorted((_brightness(one), _brightness(other)))
    return (bright + 0.05) / (dark + 0.05)


SOME = ("guide", "guide/server", "guide/scopes")
CUT = """
return [...document.querySelectorAll('main table')].filter(table => {
  const box = table.parentElement, columns = table.rows[0].cells.length
  box.scrollLeft = table.scrollWidth
  const reached = table.getBoundingClientRect().right <= box.getBoundingClientRect().right + 1
  return !reached || box.tabIndex !== 0 || (columns < 3 && box.scrollWidth > box.clientWidth)
}).map(table => table.rows[0].textContent)
"""
"""The heads of tables whose last column cannot be reached by scrolling their box. Two columns must fit without that."""
EVERY = ("guide", *(f"guide/{name}" for name in guide.NAMES))


@pytest.mark.parametrize("served", [""], indirect=True)
@pytest.mark.parametrize(
    ("width", "colors", "paths"),
    [(400, "light", EVERY), (400, "dark", SOME), (1200, "light", SOME), (1200, "dark", SOME)],
)
def test_the_guide_can_be_read(
    browser: Browser, served: tuple[Memory, str], width: int, colors: str, paths: tuple[str, ...]
) -> None:
    """The guide fits a desktop and, on every page, a telephone, with tables that wrap or scroll. It has the contrast
    that WCAG asks for in light and dark, needs no script, and violates no policy."""
    css = "return getComputedStyle(document.querySelector(arguments[0])).getPropertyValue(arguments[1])"
    for path in EVERY if os.environ.get("SCREENSHOTS") else paths:
        browser.look_at(f"{served[1]}/{path}", width, awaited="h1", colors=colors)
        browser.screenshot(f"{path.replace('/', '-')}-{width}-{colors}")
        wide = browser.driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, path
        assert browser.driver.execute_script(CUT) == [], path
        ground, text, link = [
            browser.driver.execute_script(css, *one)
            for one in (("body", "background-color"), ("body", "color"), ("main a", "color"))
        ]
        assert (_brightness(ground) < 0.5) == (colors == "dark")
        assert min(_contrast(ground, text), _contrast(ground, link)) >= 4.5
        assert browser.console() == []


def test_the_guide_can_be_walked(browser: Browser, served: tuple[Memory, str]) -> None:
    """From the list one click leads to a page, one to its section, and one to another page, under a prefix too."""
    browser.look_at(f"{served[1]}/guide", awaited="h1")
    browser.click("main a[href='guide/scopes']")
    assert browser.find("h1").text == "Scopes and views"
    browser.click("nav a[href='#all-users']")
    assert browser.driver.current_url == f"{served[1]}/guide/scopes#all-users"
    browser.click("main a[href='library#pages']")
    assert browser.find("h1").text == "The library"
    browser.click("header a")
    assert browser.driver.current_url == f"{served[1]}/guide"
    assert browser.console() == []
