"""The page at ``/ui`` in a real browser: every view, what can be changed there, and for whom it works."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import chromium
import client_environments
import pytest
import starlette.applications
import starlette.routing
from chromium import Browser
from embedder import HashEmbedder
from scripted_model import ScriptedModel
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from serving import served_by

from mem0lite import Memory
from mem0lite.server import ApiKey, Settings, create_app

browser = chromium.browser

ADMIN, ALICE = "key-of-the-admin", "key-of-alice"
KEYS = (ApiKey(ADMIN), ApiKey(ALICE, "alice"))
LAST = "2999-12-31"
HOSTILE = ("<script>window.hit = 1</script><img src=x onerror='window.hit = 2'>", "שלום עולם \u202eabc", "long" * 3_000)


class Page:
    """The page in a browser, and the memory that it is about."""

    def __init__(self, browser: Browser, memory: Memory, address: str) -> None:
        self.browser, self.memory, self.address = browser, memory, address

    def open(self, route: str = "#/who", width: int = 1280, colors: str = "light") -> None:
        """Load the page, without a key, at one of its addresses."""
        self.browser.driver.get(f"{self.address}/guide")
        self.browser.driver.execute_script("sessionStorage.clear()")
        self.browser.look_at(f"{self.address}/ui{route}", width, awaited="main[data-shown]", colors=colors)

    def go(self, route: str) -> None:
        """Go to another address of the page, as a link does."""
        script = "if (location.hash !== arguments[0]) { delete main.dataset.shown; location.hash = arguments[0] }"
        self.browser.driver.execute_script(script, route)
        self.browser.find("main[data-shown]")

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so. An element may be replaced while it is asked."""
        wait = WebDriverWait(self.browser.driver, 30, poll_frequency=0.02, ignored_exceptions=[Exception])
        wait.until(lambda _: condition())

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map(one => one.textContent)"
        found: list[str] = self.browser.driver.execute_script(script, selector)
        return found

    def text(self, selector: str = "main") -> str:
        return self.browser.find(selector).text

    def write(self, selector: str, text: str) -> None:
        field = self.browser.find(selector)
        field.send_keys(Keys.CONTROL, "a", Keys.NULL, Keys.DELETE, text)

    def press(self, label: str, within: str = "main") -> None:
        """Press the visible button that has this text."""
        path = f"//*[self::{within} or @id='{within}']//button[normalize-space()='{label}']"
        self.until(lambda: self.browser.driver.find_element("xpath", path).is_displayed())
        button = self.browser.driver.find_element("xpath", path)
        self.browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def said(self, part: str) -> None:
        """Wait until the page says what was done."""
        self.until(lambda: part in self.text("#notices"))

    def clean(self) -> None:
        """Check that nothing was logged, and that no script of a memory ran."""
        assert self.browser.console() == []
        assert self.browser.driver.execute_script("return window.hit") is None

    def wide(self) -> int:
        """Return by how many pixels the page has to be scrolled sideways."""
        script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        found: int = self.browser.driver.execute_script(script)
        return found


@contextmanager
def _opened(browser: Browser, prefix: str = "", **settings: Any) -> Iterator[Page]:
    with Memory(":memory:", embedder=HashEmbedder(), graph_categories=["dependency"]) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, insecure=True, **settings))
        mounts = [starlette.routing.Mount(prefix, app)]
        with served_by(starlette.applications.Starlette(routes=mounts) if prefix else app) as client:
            yield Page(browser, memory, str(client.base_url).rstrip("/") + prefix)


@pytest.fixture(scope="module")
def served(browser: Browser) -> Iterator[Page]:
    """The page of a server without keys."""
    with _opened(browser) as page:
        yield page


@pytest.fixture(scope="module")
def mounted(browser: Browser) -> Iterator[Page]:
    """The same in another application, below a prefix."""
    with _opened(browser, "/mem") as page:
        yield page


@pytest.fixture
def page(served: Page) -> Page:
    """The page, of an empty store."""
    served.memory.reset()
    return served


@pytest.fixture(scope="module")
def locked(browser: Browser) -> Iterator[Page]:
    """The page of a server that has keys, with memories of two users."""
    with _opened(browser, api_keys=KEYS) as page:
        _add(page, "Alice likes jazz")
        _add(page, "Bob hates jazz", user_id="bob")
        yield page


def _add(page: Page, text: str, **fields: Any) -> str:
    scope = {} if "user_id" in fields else {"user_id": "alice"}
    memory_id: str = page.memory.add(text, infer=False, **scope, **fields)["results"][0]["id"]
    return memory_id


def _fill(page: Page) -> str:
    """Store some of everything that a view shows, and return the id of one memory."""
    metadata = {"project_id": "p1", "domain_tags": ["food", "health"], "memory_category": "fact", "deep": {"a": [1]}}
    one = _add(page, "Alice drinks coffee in the morning", metadata=metadata, agent_id="planner", app_id="inbox")
    page.memory.update(one, text="Alice drinks tea in the morning")
    page.memory.feedback(one, "POSITIVE", "still true")
    _add(page, "Her number is 555 0100", key="phone", timestamp="2026-01-05")
    _add(page, "Her number is 555 0199", key="phone", timestamp="2026-03-10")
    _add(page, "The build is red", ttl=3_600, metadata={"memory_lifespan": "short_term"})
    _add(page, "mem0lite uses SQLite", metadata={"memory_category": "dependency"})
    if not page.memory.get_webhooks():  # a reset keeps them
        page.memory.create_webhook("https://hooks.example/memory", name=HOSTILE[0], is_active=False)
    for text in HOSTILE:
        project = {"memory_category": "dependency", "project_id": text[:500]}  # an entity with such a name
        _add(page, "Django uses PostgreSQL", user_id="<b>mallory</b>", metadata=project)
        _add(page, text, user_id="<b>mallory</b>", metadata={text[:200]: text[:500], "project_id": text[:500]})
    return one


def _views(memory_id: str) -> list[str]:
    mallory = "user_id=%3Cb%3Emallory%3C%2Fb%3E"
    return [
        *("#/who", "#/memories", "#/memories?user_id=alice&expired=1&filters=%7B%22project_id%22%3A%22p1%22%7D"),
        *(f"#/memories?{mallory}", f"#/memory/{memory_id}", "#/search?user_id=alice&q=tea%20in%20the%20morning"),
        *(f"#/search?{mallory}&q=long&relevant=1", "#/graph?user_id=alice", f"#/graph?{mallory}", "#/health"),
    ]


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, which finds what people who use a keyboard or a screen reader cannot use."""
    folder = client_environments.needed("npm-axe")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def _violations(browser: Browser, axe: str) -> list[Any]:
    browser.driver.set_script_timeout(120)
    if not browser.driver.execute_script("return 'axe' in window"):
        browser.driver.execute_script(axe)
    script = (
        "const done = arguments[0]; axe.run().then(({violations}) => done(violations), error => done([`${error}`]))"
    )
    found: list[Any] = browser.driver.execute_async_script(script)
    return [one if isinstance(one, str) else (one["id"], [node["html"] for node in one["nodes"]]) for one in found]


# -- every view


@pytest.mark.parametrize(
    ("where", "width", "colors"), [("served", 1280, "light"), ("mounted", 400, "dark")], ids=["standalone", "mounted"]
)
def test_every_view_can_be_used_by_everybody(
    request: pytest.FixtureRequest, axe: str, where: str, width: int, colors: str
) -> None:
    """Every view shows hostile texts as texts, fits its window, has nothing that axe objects to, asks nothing of other
    servers, and logs nothing: on a desktop and a telephone, in light and dark, standalone and mounted."""
    page: Page = request.getfixturevalue(where)
    page.memory.reset()
    views = _views(_fill(page))
    page.open(views[0], width, colors)
    for view in views:
        page.go(view)
        page.browser.driver.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.text("h1"), view
        assert page.wide() <= 0, view
        assert _violations(page.browser, axe) == [], view
        name = view[2:].partition("?")[0].partition("/")[0]
        page.browser.screenshot(f"ui-{name}-{width}-{colors}")
    elsewhere = [url for url in page.browser.requested() if not url.startswith((f"{page.address}/", "data:"))]
    assert elsewhere == []
    page.clean()


def test_axe_sees_the_page(page: Page, axe: str) -> None:
    """The check that everybody can use the page fails where somebody cannot."""
    page.open()
    page.browser.driver.execute_script("document.getElementById('main').append(document.createElement('button'))")
    assert [name for name, _ in _violations(page.browser, axe)] == ["button-name"]


def test_an_empty_store_says_what_to_do(page: Page, axe: str) -> None:
    """Without memories, each view says so instead of showing nothing."""
    page.open()
    assert "Nobody has memories yet" in page.text()
    assert _violations(page.browser, axe) == []
    for view, words in (
        ("#/memories", "No memory matches"),
        ("#/memory/x", "No memory has this id"),
        ("#/search?user_id=alice&q=tea", "Nothing matches"),
        ("#/search", "Ask something"),
        ("#/search?q=tea", "whose memories"),
        ("#/nowhere", "Nobody has memories yet"),
        ("#/memories?filters=junk", "Invalid filters"),
    ):
        page.go(view)
        assert words in page.text(), view
    page.browser.console()  # Chromium logs the answer 400 to the junk


# -- who is there


def test_who_is_there_is_found_and_ordered(page: Page) -> None:
    """Names are listed with counts, found by a part, chosen by kind, ordered, and lead to their memories."""
    for user in ("ann", "bob", "barbara"):
        _add(page, f"{user} is here", user_id=user)
    _add(page, "bob again", user_id="bob", agent_id="barber")
    page.open()
    assert sorted(page.texts(".who .name")) == ["ann", "barbara", "barber", "bob"]
    page.write("#find", "BAR")
    assert sorted(page.texts(".who .name")) == ["barbara", "barber"]
    page.browser.click("#kind-agent")
    assert page.texts(".who .name") == ["barber"]
    page.write("#find", "")
    page.browser.click("#kind-user")
    page.browser.click("#by-memories")
    assert page.texts(".who .name")[0] == "bob"
    assert page.texts(".who tbody .figure")[0] == "2"
    page.browser.click(".who .name a")
    page.until(lambda: "Memories of user bob" in page.text("h1"))
    assert sorted(page.texts(".item .text")) == ["bob again", "bob is here"]
    page.clean()


# -- the memories of a scope


def test_memories_are_paged_by_cursor(page: Page) -> None:
    """A long list grows by a page at a time, without repeats and gaps, also when something is added meanwhile."""
    page.memory.add_many({"messages": f"note {n:03}", "user_id": "alice", "infer": False} for n in range(120))
    page.open("#/memories?user_id=alice")
    assert len(page.texts(".item")) == 50
    _add(page, "a newer one")
    for shown in (100, 120):
        page.browser.click("#more")
        page.until(lambda shown=shown: len(page.texts(".item")) == shown)
    assert sorted(page.texts(".item .text")) == [f"note {n:03}" for n in range(120)]
    assert not page.browser.driver.find_element("id", "more").is_displayed()
    page.clean()


def test_superseded_values_are_folded_under_what_holds(page: Page) -> None:
    """Earlier values are in the entry of the value that holds, also when a later page has them, and can be hidden."""
    for n, day in enumerate(("2026-01-05", "2026-02-05", "2026-03-05")):
        _add(page, f"number {n}", key="phone", timestamp=day)
    page.memory.add_many(
        {"messages": f"note {n}", "user_id": "alice", "infer": False, "timestamp": "2026-03-04"} for n in range(60)
    )
    page.open("#/memories?user_id=alice")
    assert page.texts(".item .text")[0] == "number 2"
    page.browser.click("#more")
    page.until(lambda: page.texts(".item:first-child summary") == ["2 earlier values"])
    assert page.texts(".item:first-child .folded a") == ["number 1", "number 0"]
    assert len(page.texts(".item")) == 61
    page.go("#/memories?user_id=alice&latest=1&text=number")
    assert page.texts(".item summary") == []
    page.clean()


def test_memories_are_filtered(page: Page) -> None:
    """Each field of the form, and any filter in JSON, selects memories; what is written wrong is said at its place."""
    big = 2**63 + 1
    _add(page, "one", metadata={"project_id": "p1", "domain_tags": ["a", "b"], "priority": 3})
    _add(page, "two", metadata={"project_id": "p2", "memory_lifespan": "long_term", "memory_category": "c", "big": big})
    _add(page, "soon", ttl=600)
    page.open("#/memories?user_id=alice")
    page.browser.click(".filters summary")
    assert page.texts(".mark.soon") != []
    for field, value, found in (
        ("#text", "NE", ["one"]),
        ("#project_id", "p2", ["two"]),
        ("#domain_tags", "b", ["one"]),
        ("#memory_category", "c", ["two"]),
        ("#filters", '{"priority": {"gte": 3}}', ["one"]),
        ("#filters", f'{{"big": {big}}}', ["two"]),
        ("#filters", f'{{"big": {big - 1}}}', []),
    ):
        page.write(field, value + Keys.ENTER)
        page.until(lambda found=found: page.texts(".item .text") == found)
        page.go("#/memories?user_id=alice")
        page.browser.click(".filters summary")
    page.go("#/memories?user_id=alice&within=hour")
    assert page.texts(".item .text") == ["soon"]
    page.go("#/memories?memory_lifespan=long_term")
    assert page.texts(".item .text") == ["two"]
    page.write("#filters", "[1]")
    assert page.browser.driver.execute_script("return document.getElementById('filters').validationMessage")
    page.clean()


def test_labels_lead_to_all_that_have_them(page: Page) -> None:
    """A label is a link to the memories with exactly this value: 5 is not "5", and commas and quotes are its own."""
    values = (5, "5", True, "true", 'red, "blue"', "a, b", "a", "-1 day", 2**63 + 1, " edge ")
    for at, value in enumerate(values):
        _add(page, f"note {at}", metadata={"domain_tags": ["all", value]}, timestamp=1_700_000_000 - at)
    page.open("#/memories?user_id=alice")
    links = "return [...document.querySelectorAll('.item')].map(one => one.querySelectorAll('a.tag')[1].hash)"
    hashes = page.browser.driver.execute_script(links)
    assert len(hashes) == len(values)
    for at, route in enumerate(hashes):
        page.go(route)
        found = page.texts(".item .text")
        assert f"note {at}" in found, values[at]
        assert len(found) <= 2, values[at]  # a number also asks for its text
    page.clean()


def test_long_texts_are_cut_in_lists_only(page: Page) -> None:
    """A list shows the beginning of a long text, whole characters only; the memory's own view shows all of it."""
    text = "x" * 999 + "🎈" * 20_000
    one = _add(page, text)
    page.open("#/memories?user_id=alice")
    assert page.texts(".item .text") == ["x" * 999 + "…"]
    page.go(f"#/memory/{one}")
    assert page.texts(".text.large") == [text]
    page.clean()


# -- one memory


def test_a_memory_is_changed_and_changed_back(page: Page) -> None:
    """Text, metadata, lifetime and feedback can be changed; each change is said with a way back that works."""
    one = _add(page, "I drink coffee", metadata={"kept": 1, "changed": "before"})
    page.open(f"#/memory/{one}")
    page.press("Edit")
    page.write("#new-text", "I drink tea")
    page.write("#new-metadata", '{"changed": "after", "new": true}')
    page.press("Save")
    page.said("The memory is changed")
    stored = page.memory.get(one)
    assert (stored["memory"], stored["metadata"]) == ("I drink tea", {"kept": 1, "changed": "after", "new": True})
    assert page.texts(".timeline del") == [" coffee"]
    page.press("Change back", "notices")
    page.until(lambda: page.memory.get(one)["memory"] == "I drink coffee")
    assert {key: value for key, value in page.memory.get(one)["metadata"].items() if value is not None} == {
        "kept": 1,
        "changed": "before",
    }
    page.until(lambda: page.texts(".timeline del")[0] == " tea")
    page.press("Bring the earlier text back")
    page.said("The earlier text is back")
    assert page.memory.get(one)["memory"] == "I drink tea"

    page.browser.driver.execute_script("document.getElementById('last-day').value = arguments[0]", LAST)
    page.browser.click("#set-expiry")
    page.said("expires at the end of")
    assert page.memory.get(one)["expiration_date"] == LAST
    page.browser.click("#never")
    page.said("no longer expires")
    assert "expiration_date" not in page.memory.get(one)

    page.write("#reason", "no longer")
    page.browser.click("#rate-NEGATIVE")
    page.said("rated not helpful")
    assert (page.memory.get(one)["feedback"], page.memory.get(one)["feedback_reason"]) == ("NEGATIVE", "no longer")
    page.browser.click("#rate-NEGATIVE")
    page.said("rating is removed")
    assert "feedback" not in page.memory.get(one)
    page.clean()


def test_a_deleted_memory_is_added_again(page: Page) -> None:
    """What was deleted comes back as it was, with a new id; its history stays."""
    one = _add(
        page, [{"role": "user", "content": "I ski", "name": "Ann"}], agent_id="planner", metadata={"big": 2**63 + 1},
        expiration_date=LAST, timestamp="2026-01-05T10:00:00Z", key="sport",
    )  # fmt: skip
    page.memory.feedback(one, "POSITIVE", "true")
    before = page.memory.get(one)
    page.open(f"#/memory/{one}")
    page.browser.click("#delete")
    page.said("deleted")
    page.until(lambda: "This memory was deleted" in page.text())
    page.press("Add again", "notices")
    page.until(lambda: page.memory.get_all(user_id="alice")["total"] == 1)
    page.until(lambda: "I ski" in page.text() and "deleted" not in page.text())
    [after] = page.memory.get_all(user_id="alice")["results"]
    changing = {"id", "updated_at", "score"}
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }
    assert after["id"] != one
    page.clean()


def test_what_cannot_be_undone_is_asked_once(page: Page, axe: str) -> None:
    """Deleting a scope and erasing it ask first, say how much it is, do nothing when declined, and erasing shows its
    receipt."""
    for text in ("one", "two"):
        _add(page, text)
    _add(page, "of bob", user_id="bob")
    page.open("#/memories?user_id=alice")
    page.browser.click(".removal summary")
    page.browser.click("#delete-all")
    assert "2 memories of user alice" in page.text("dialog")
    assert _violations(page.browser, axe) == []
    page.press("Keep", "dialog")
    page.until(lambda: not page.texts("dialog"))
    assert page.memory.get_all(user_id="alice")["total"] == 2
    page.until(lambda: page.browser.find("#erase").is_enabled())
    page.browser.click("#erase")
    assert "cannot be undone" in page.text("dialog")
    page.press("Erase", "dialog")
    page.until(lambda: "Receipt" in page.text("dialog"))
    assert "user alice" in page.text("dialog")
    assert _violations(page.browser, axe) == []
    page.press("Close", "dialog")
    page.until(lambda: page.texts(".who .name") == ["bob"])
    page.go("#/memories?user_id=bob")
    page.browser.click(".removal summary")
    page.browser.click("#delete-all")
    page.press("Delete them", "dialog")
    page.said("are deleted")
    page.until(lambda: "Nobody has memories yet" in page.text())
    page.clean()


# -- search


def test_search_shows_what_an_agent_gets(page: Page) -> None:
    """The answers come in their order with the parts of each score, beside the text that a prompt would get."""
    _add(page, "I drink tea in the morning", timestamp="2026-01-05")
    _add(page, "I drink tea at night", timestamp="2026-06-05")
    page.open("#/search?user_id=alice")
    page.write("#q", "drink tea in the morning" + Keys.ENTER)
    page.until(lambda: page.texts(".ranked .text") == ["I drink tea in the morning", "I drink tea at night"])
    hits = page.memory.search("drink tea in the morning", user_id="alice", explain=True)["results"]
    assert page.texts(".ranked .score b") == [f"{hit['score']:.2f}" for hit in hits]
    assert page.texts(".legend li")[:2] == ["meaning", "words"]
    page.browser.click(".ranked .score summary")
    details = hits[0]["score_details"]
    assert page.texts(".ranked .score tbody tr:first-child td")[:2] == [
        f"{details['semantic_score']:.3f}",
        f"{details['semantic_weight']:.3f}",
    ]
    block = page.memory.context("drink tea in the morning", user_id="alice")
    assert page.texts(".prompt") == [block["text"]]
    page.go("#/search?user_id=alice&q=tea&as_of=2026-03-01T00:00&tokens=1&top_k=1")
    page.clean()


# -- the graph


def test_the_graph_is_drawn_with_the_memories_behind_it(page: Page) -> None:
    """Entities and relations are drawn and listed in tables; a relation leads to the memories that say it, by mouse and
    by keyboard, and an entity to its neighbourhood."""
    dependency = {"memory_category": "dependency"}
    said = ["mem0lite uses SQLite", "mem0lite depends on apsw"]
    for text in said:
        _add(page, text, metadata=dependency)
    page.memory.add("Django uses PostgreSQL", user_id="bob", infer=False, metadata=dependency)
    page.open("#/graph?user_id=alice")
    graph = page.memory.graph(user_id="alice")
    assert page.texts(".drawing .node text") == [node["name"] for node in graph["nodes"]]
    assert "PostgreSQL" not in page.text()
    rows = [[edge["source"], edge["relationship"], edge["destination"], "1 memory"] for edge in graph["edges"]]
    cells = page.texts(".lined tbody td")
    assert [cells[at : at + 4] for at in range(0, len(cells), 4)] == rows
    place = "const {x, y} = document.querySelector('.edge text').getBBox(); return [x, y].every(Number.isFinite)"
    assert page.browser.driver.execute_script(place)
    for at, press in enumerate(
        (
            lambda: page.browser.click(".edge:nth-of-type(1) text"),
            lambda: page.browser.find(".lined tr:nth-child(2) button").send_keys(Keys.ENTER),
        )
    ):
        press()
        behind = page.memory.get(graph["edges"][at]["memory_ids"][0])["memory"]
        page.until(lambda behind=behind: page.texts("#behind .text") == [behind])
    page.browser.click(".node:last-of-type circle")
    page.until(lambda: "entity=" in page.browser.driver.current_url)
    page.go("#/graph?user_id=alice&entity=SQLite")
    assert page.texts(".node.chosen text") == ["SQLite"]
    for route, words in (
        ("#/graph?user_id=alice&entity=none", "names this entity"),
        ("#/graph?user_id=x", "dependency"),
    ):
        page.go(route)
        assert words in page.text()
    page.clean()


# -- health


def test_health_shows_what_there_is(browser: Browser) -> None:
    """Counts, size, model and webhooks with their failures are shown; the interval of removals is changed and changed
    back."""
    with _opened(browser) as page:
        _add(page, "one")
        _add(page, "two", agent_id="planner")
        page.memory.create_webhook(
            "https://hooks.example/a", name="Logger", event_types=["memory_add"], is_active=False
        )
        page.open("#/health")
        pairs = dict(zip(page.texts(".facts dt"), page.texts(".facts dd"), strict=True))
        wanted = {"State": "ready", "Memories": "2", "Users": "1", "Agents": "1", "Calls of add": "2"}
        wanted |= {"Name": "test-hash", "Dimensions": "64", "In the graph": "dependency", "Waiting": "0"}
        assert {name: pairs[name] for name in wanted} == wanted
        assert pairs["Size"].endswith("B")
        assert page.texts(".lined td")[:3] == ["Loggerhttps://hooks.example/a (off)", "memory_add", "0"]
        page.write("#interval", "300" + Keys.ENTER)
        page.said("every 300 seconds")
        assert page.browser.find("#interval").get_attribute("value") == "300"
        page.press("Change back", "notices")
        page.until(lambda: page.browser.find("#interval").get_attribute("value") == "0")
        page.clean()


def test_health_names_what_failed(browser: Browser) -> None:
    """A receiver that does not answer is named with its error."""
    with _opened(browser, webhook_allow_private=True) as page, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/hook"
        page.memory.create_webhook(url, event_types=["memory_add"], allow_private=True)
        _add(page, "one")
        page.memory.deliver_webhooks(allow_private=True)  # does nothing if the server is just about it
        page.until(lambda: page.memory.get_webhooks()[0]["last_error"])
        page.open("#/health")
        assert re.search(r"\w.*, \d+ attempts? failed", page.texts(".lined .bad")[-1])
        page.clean()


# -- keys


def _enter(page: Page, key: str) -> None:
    page.write("#key", key)
    page.press("Open")


def test_without_its_key_the_page_shows_nothing(locked: Page, axe: str) -> None:
    """A server with keys is asked for nothing else before one is typed; a wrong one is refused with the reason. The
    key is in the tab's session only, and forgotten when asked to."""
    locked.open("#/memories")
    assert "This server asks for a key" in locked.text()
    assert "jazz" not in locked.text()
    assert _violations(locked.browser, axe) == []
    _enter(locked, "wrong")
    locked.until(lambda: "Invalid API key" in locked.text())
    _enter(locked, "ключ")
    locked.until(lambda: "printable ASCII" in locked.text())
    locked.browser.console()  # Chromium logs each answer 401
    _enter(locked, ADMIN)
    locked.until(lambda: len(locked.texts(".item")) == 2)
    stored = locked.browser.driver.execute_script(
        "return [Object.values(sessionStorage), localStorage.length, document.cookie]"
    )
    assert stored == [[ADMIN], 0, ""]
    locked.clean()
    locked.press("Forget key", "session")
    locked.until(lambda: "This server asks for a key" in locked.text())
    assert locked.browser.driver.execute_script("return sessionStorage.length") == 0
    locked.browser.console()


def test_the_key_of_one_user_shows_that_user_only(locked: Page) -> None:
    """With a pinned key every view is about its user, without asking for what the key may not have."""
    locked.open("#/memories")
    locked.browser.console()  # the answer 401
    _enter(locked, ALICE)
    locked.until(lambda: locked.texts(".item .text") == ["Alice likes jazz"])
    assert "Memories of user alice" in locked.text("h1")
    assert "Key of alice" in locked.text("#session")
    locked.go("#/who")
    assert locked.texts(".who .name") == ["alice"]
    locked.go("#/search?q=jazz")
    assert locked.texts(".ranked .text") == ["Alice likes jazz"]
    locked.go("#/graph")
    assert "No memory here is in the graph" in locked.text()
    locked.go("#/health")
    assert locked.texts(".facts dd")[0] == "1"
    locked.go("#/memories?user_id=alice")
    assert locked.texts("#delete-all") != []
    assert locked.texts("#erase") == []
    locked.clean()
    locked.go("#/memories?user_id=bob")
    assert "Not for this key" in locked.text("h1")
    assert "Bob" not in locked.text()
    locked.browser.console()  # the answer 403


# -- the frame


def test_the_keyboard_is_enough(page: Page) -> None:
    """The first stop leads past the links, and a view that is opened begins at its heading."""
    one = _fill(page)
    page.open("#/memories?user_id=alice")
    page.browser.find("body").send_keys(Keys.TAB)
    active = "return document.activeElement.className || document.activeElement.id || document.activeElement.tagName"
    assert page.browser.driver.execute_script(active) == "skip"
    page.browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert page.browser.driver.execute_script(active) == "main"
    page.go(f"#/memory/{one}")
    assert page.browser.driver.execute_script(active) == "H1"
    assert page.browser.driver.title == "Memory – mem0lite"
    page.browser.driver.back()
    page.until(lambda: "Memories of" in page.text("h1"))
    page.clean()


def test_facts_show_what_they_were_drawn_from(browser: Browser) -> None:
    """A fact unfolds the messages it was drawn from, and health shows what the language model did and has to do."""
    model = ScriptedModel(facts=lambda turns: [{"fact": "No meat and no cheese any more", "turns": [turns[0]["turn"]]}])
    with Memory(":memory:", embedder=HashEmbedder(), llm=model) as memory:
        memory.add("I stopped eating meat and cheese", user_id="alice")
        with served_by(create_app(memory, Settings(vacuum_interval_seconds=0, insecure=True))) as client:
            page = Page(browser, memory, str(client.base_url).rstrip("/"))
            page.open("#/memories?user_id=alice")
            page.browser.click(".item:has(.folded) summary")
            page.until(lambda: page.texts(".folded li") == ["I stopped eating meat and cheese"])
            assert "No meat and no cheese any more" in page.texts(".item:has(.folded) .text")
            page.go("#/health")
            pairs = dict(zip(page.texts(".facts dt"), page.texts(".facts dd"), strict=True))
            assert (pairs["Calls waiting"], pairs["Facts added"], pairs["Tokens"]) == ("0", "1", "110")
            page.clean()
