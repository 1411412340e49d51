"""Reading as of an instant: a store answers as it did then."""

import asyncio
import io
import json
import random
from datetime import UTC, datetime, timedelta

import pytest
import serving
from embedder import HashEmbedder

from mem0lite import AsyncMemory, Memory
from mem0lite.cli import main
from mem0lite.data.filters import ANY_SCOPE
from mem0lite.errors import ValidationError
from mem0lite.mcp.tools import TOOLS
from mem0lite.server import Settings, create_app

LEARNT = {"memory_category": "skill"}
WORDS = (
    *("tea", "coffee", "Lisbon", "Porto", "Alice", "Bob", "works at", "Acme", "likes", "needs", "bread", "before"),
    *("baking", "then", "was", "in", "May", "yesterday"),
)
QUERIES = ["Where does Alice work?", "tea in Lisbon", "What does Bob need before baking?"]


@pytest.fixture
def memory(path, clock):
    with Memory(path, embedder=HashEmbedder(), clock=clock, graph_categories=["skill"]) as opened:
        yield opened


def texts(page):
    return [item["memory"] for item in page["results"]]


def only(added):
    [result] = added["results"]
    return result["id"]


class Harness:
    """Changes a store at random, keeps what it answered on the way, and asks again later."""

    def __init__(self, memory, clock, random):
        self.memory, self.clock, self.random = memory, clock, random
        self.ids, self.kept = [], []

    def some(self):
        return self.random.choice(self.ids)

    def text(self):
        return " ".join(self.random.choices(WORDS, k=self.random.randint(1, 9)))

    def metadata(self):
        return self.random.choice([None, {}, LEARNT, {"topic": "a"}, {"topic": "b", "n": self.random.random()}])

    def add(self):
        messages = [
            {"role": self.random.choice(["user", "assistant"]), "content": self.text(), "name": name}
            for name in self.random.choices(["Alice", "Bob", None], k=self.random.randint(1, 3))
        ]
        more = [{}, {"ttl": self.random.randint(1, 40)}, {"expiration_date": "2026-03-02"}, {"timestamp": "2025-05-05"}]
        added = self.memory.add(
            messages,
            user_id=self.random.choice("uv"),
            run_id=self.random.choice([None, "r"]),
            metadata=self.metadata(),
            infer=self.random.random() < 0.5,
            **self.random.choice(more),
        )
        self.ids += [result["id"] for result in added["results"] if result["id"] not in self.ids]

    def update(self):
        changes = [
            {"text": self.text()},
            {"metadata": {"topic": self.random.choice("abc")}},
            {"metadata": {**LEARNT}},
            {"metadata": {"memory_category": "other"}},
            {"timestamp": "2026-01-0" + self.random.choice("123")},
            {"expiration_date": self.random.choice([None, "2026-03-01", "2026-03-05"])},
        ]
        if self.memory.get(one := self.some()):
            self.memory.update(one, **self.random.choice(changes))

    def rate(self):
        if self.memory.get(one := self.some()):
            self.memory.feedback(one, *self.random.choice([("POSITIVE", "good"), ("NEGATIVE", None), (None, None)]))

    def delete(self):
        if self.memory.get(one := self.some()):
            self.memory.delete(one)

    def delete_all(self):
        self.memory.delete_all(user_id=self.random.choice("uv"), filters={"topic": self.random.choice("ab")})

    def restart(self):
        """Bring back what was deleted: the same ids begin again."""
        lines = io.StringIO()
        self.memory.export(lines)
        self.clock.advance(seconds=1)
        self.memory.delete_all(user_id="u")
        self.clock.advance(seconds=1)
        self.memory.import_(lines.getvalue().splitlines())

    def remove(self):
        self.random.choice([self.memory.vacuum, lambda: self.memory.reset(user_id="v", run_id="r")])()

    def run(self, steps):
        changes = [self.add, self.update, self.rate, self.delete, self.delete_all, self.restart, self.remove]
        self.add()
        for _ in range(steps):
            [change] = self.random.choices(changes, [8, 8, 2, 3, 1, 0.5, 1])
            change()
            self.clock.advance(seconds=self.random.choice([0.001, 1, 3, 3600]))
            if self.random.random() < 0.3:
                self.keep()
            self.clock.advance(seconds=1)

    def keep(self):
        self.kept.append((self.clock(), self.answers()))

    def answers(self, **as_of):
        """Return what the store says, to every question that can be asked of the past."""
        memory, answers = self.memory, {}
        for one in self.ids:
            answers["get", one] = memory.get(one, **as_of), memory.get(one, show_expired=True, **as_of)
        for user, filters in (("u", None), ("v", {"topic": "a"}), ("u", {"run_id": "r"})):
            place = {"user_id": user, "filters": filters, **as_of}
            answers["list", user, str(filters)] = memory.get_all(top_k=100, relations=True, **place)
            answers["graph", user, str(filters)] = memory.graph(**place)
            for query in QUERIES:
                found = memory.search(query, explain=True, threshold=0, **place)
                answers["search", user, str(filters), query] = found
        answers["all"] = memory.get_all(filters=ANY_SCOPE, show_expired=True, page=2, page_size=3, **as_of)
        answers["context"] = memory.context(QUERIES[0], user_id="u", max_tokens=200, **as_of)
        answers["view"] = memory.for_user("u").get_all(filters={"run_id": "r"}, **as_of)
        return json.loads(json.dumps({str(key): value for key, value in answers.items()}))

    def still_known(self, answers):
        """Whether nothing has been removed with its history of what the store held then."""
        for one in self.ids:
            _, held = answers.get(str(("get", one)), (None, None))
            if held and not (self.memory.history(one) or self.memory.get(one, show_expired=True)):
                return False
        return True

    def check(self):
        compared = 0
        for instant, answers in self.kept:
            if self.still_known(answers):
                again = self.answers(as_of=instant)
                for question, answer in again.items():
                    assert answer == answers.get(question, [None, None]), (instant, question)
                compared += 1
        return compared


@pytest.mark.parametrize("run", range(3))
def test_the_past_is_what_was_answered_then(memory, clock, seed, run):
    """Whatever has changed since, reads as of an instant answer what the same reads answered then, to the last bit."""
    harness = Harness(memory, clock, random.Random(seed * 10 + run))
    harness.run(20)
    harness.keep()
    assert harness.check()


def test_an_update_is_undone_with_all_that_it_changed(memory, clock):
    """The text, the metadata, the dates, the lifetime and the rating of an instant come back, and the rest of it."""
    one = only(memory.add("I live in Lisbon", user_id="u", metadata={"sure": True}, ttl=3600))
    memory.feedback(one, "NEGATIVE", "vague")
    before, then = memory.get(one), clock()
    clock.advance(seconds=1)
    memory.update(one, "I live in Porto", {"sure": False}, "2030-01-01", timestamp="2026-02-02")
    memory.feedback(one)
    clock.advance(days=400)
    assert memory.get(one, as_of=then) == before
    assert memory.get(one)["memory"] == "I live in Porto"


def test_what_expired_is_there_as_of_before(memory, clock):
    """A memory that has expired, and still is in the file, is shown as of when it was alive, and not after that."""
    memory.add("The code is 4711", user_id="u", ttl=60)
    then = clock()
    clock.advance(seconds=120)
    assert texts(memory.get_all(user_id="u")) == []
    assert texts(memory.get_all(user_id="u", as_of=then)) == ["The code is 4711"]
    assert texts(memory.search("code", user_id="u", as_of=then + timedelta(seconds=59))) == ["The code is 4711"]
    assert texts(memory.search("code", user_id="u", as_of=then + timedelta(seconds=60))) == []
    assert texts(memory.get_all(user_id="u", as_of=then + timedelta(seconds=90), show_expired=True))


@pytest.mark.parametrize("remove", ["vacuum", "reset", "erase"])
def test_what_is_removed_is_gone_from_the_past(memory, clock, remove):
    """Vacuum, reset and erase remove memories with their histories: no instant brings them back."""
    memory.add("The code is 4711", user_id="u", ttl=60)
    then = clock()
    memory.search("code", user_id="u")
    clock.advance(seconds=120)
    assert memory.get_all(user_id="u", as_of=then)["total"] == 1
    {"vacuum": memory.vacuum, "reset": lambda: memory.reset(user_id="u"), "erase": lambda: memory.erase(user_id="u")}[
        remove
    ]()
    assert memory.get_all(user_id="u", as_of=then)["total"] == 0
    assert memory.search("code", user_id="u", as_of=then)["results"] == []


def test_a_clock_that_goes_back_does_not_change_the_order(memory, clock):
    """What counts is the order of the changes: as of an instant after the clock was set back, everything before is
    there, too."""
    one = only(memory.add("first", user_id="u"))
    clock.advance(hours=-5)
    memory.add("second", user_id="u")
    clock.advance(seconds=1)
    then, answered = clock(), memory.get_all(user_id="u")
    clock.advance(seconds=1)
    memory.update(one, "first, changed")
    clock.advance(hours=10)
    assert memory.get_all(user_id="u", as_of=then) == answered
    assert answered["total"] == 2


def test_nothing_is_there_before_the_first_memory(memory, clock):
    """As of an instant before anything was stored, there is nothing, though memories may say that they are older."""
    one = only(memory.add("I was born", user_id="u", timestamp="1980-05-05"))
    clock.advance(days=1)
    assert memory.get_all(user_id="u", as_of="1990-01-01") == {"results": [], "total": 0, "next_cursor": None}
    assert memory.get(one, as_of="1990-01-01") is None
    assert memory.search("born", user_id="u", as_of="1990-01-01")["results"] == []
    assert memory.context("born", user_id="u", as_of="1990-01-01")["text"] == ""


@pytest.mark.parametrize("as_of", ["2026-03-01T12:01:01+00:00", datetime(2027, 1, 1, tzinfo=UTC), "soon", True, [], ""])
def test_an_instant_that_cannot_be_known_is_refused(memory, as_of):
    """The future, and what is no instant, is refused by the name of the field."""
    asked = [
        lambda: memory.get("x", as_of=as_of),
        lambda: memory.get_all(user_id="u", as_of=as_of),
        lambda: memory.search("x", user_id="u", as_of=as_of),
        lambda: memory.context("x", user_id="u", as_of=as_of),
        lambda: memory.graph(user_id="u", as_of=as_of),
    ]
    for ask in asked:
        with pytest.raises(ValidationError, match="as_of") as caught:
            ask()
        assert caught.value.field == "as_of"


def test_a_minute_ahead_is_the_present(memory, clock):
    """Clocks differ: an instant up to a minute ahead counts as now."""
    memory.add("here", user_id="u")
    for ahead in (0, 1, 60):
        assert memory.get_all(user_id="u", as_of=clock() + timedelta(seconds=ahead))["total"] == 1


def test_now_is_then_for_a_question(memory, clock):
    """A question about last week means the week before the instant, unless there is a reference date."""
    memory.add("I ran a race", user_id="u", timestamp="2026-02-20T10:00:00Z")
    memory.add("I ran a marathon", user_id="u", timestamp="2025-02-20T10:00:00Z")
    question, then = {"query": "What did I run last week?", "user_id": "u", "threshold": 0}, clock()
    answered = memory.search(**question)
    clock.advance(days=60)
    assert memory.search(**question, as_of=then) == answered
    assert memory.search(**question, as_of=then, reference_date=clock()) != answered


def test_pages_of_the_past_go_on(memory, clock):
    """A cursor leads through all pages as of one instant, in the order that they had, whatever is deleted meanwhile."""
    memory.add_many([{"messages": f"note {number}", "user_id": "u"} for number in range(7)])
    then, answered = clock(), texts(memory.get_all(user_id="u"))
    clock.advance(seconds=1)
    after, shown = None, []
    while True:
        page = memory.get_all(user_id="u", as_of=then, limit=2, after=after)
        shown += texts(page)
        if (after := page["next_cursor"]) is None:
            break
        memory.delete_all(user_id="u", filters={"memory": texts(page)[0]})
        memory.add("another", user_id="u")
        clock.advance(seconds=1)
    assert shown == answered


def test_a_view_sees_its_own_past(memory, clock):
    """A view of one user reads that user's past, and nobody else's."""
    mine, other = (only(memory.add("secret", user_id=user)) for user in "uv")
    then = clock()
    clock.advance(seconds=1)
    memory.delete_many([mine, other])
    view = memory.for_user("u")
    assert view.get(mine, as_of=then)["memory"] == "secret"
    assert view.get(other, as_of=then) is None
    assert [item["id"] for item in view.get_all(as_of=then)["results"]] == [mine]
    assert [item["id"] for item in view.search("secret", as_of=then)["results"]] == [mine]


def test_an_export_carries_the_past(memory, clock, tmp_path):
    """A store that was exported and imported answers as of earlier instants as the first one did, also about what was
    deleted, but for the order of deleted memories among others of the same instant."""
    harness = Harness(memory, clock, random.Random(7))
    harness.run(14)
    kept = memory.get_all(user_id="u", top_k=100)["results"], memory.get_all(user_id="v", top_k=100)["results"]
    then = clock()
    clock.advance(seconds=1)
    for items in kept:
        for item in items[::2]:
            memory.delete(item["id"])
        for item in items[1::2]:
            memory.update(item["id"], "changed", metadata={"n": 1})
    lines = io.StringIO()
    memory.export(lines, show_expired=True)
    clock.advance(days=1)
    with Memory(tmp_path / "other.db", embedder=HashEmbedder(), clock=clock) as other:
        other.import_(lines.getvalue().splitlines())
        for user, items in zip("uv", kept, strict=True):
            found = other.get_all(user_id=user, top_k=100, as_of=then)["results"]
            assert sorted(found, key=lambda item: item["id"]) == sorted(items, key=lambda item: item["id"])
        assert other.check()["ok"]


def test_an_import_does_not_change_the_past_of_an_id(memory, clock):
    """A memory that comes back by an import was away in between, whatever its lines say."""
    one = only(memory.add("here", user_id="u"))
    lines = io.StringIO()
    memory.export(lines)
    clock.advance(seconds=1)
    memory.delete(one)
    away = clock()
    clock.advance(seconds=1)
    memory.import_(lines.getvalue().splitlines())
    back = clock()
    clock.advance(seconds=1)
    assert memory.get(one, as_of=away) is None
    assert memory.get(one, as_of=back)["memory"] == "here"


def test_lines_without_states_begin_with_their_import(memory, clock):
    """Memories of an older export, whose changes have no states, are there since they were imported."""
    added = {"event": "ADD", "new_memory": "old", "created_at": "2026-01-01T00:00:00Z"}
    changed = {"event": "UPDATE", "old_memory": "old", "new_memory": "new", "created_at": "2026-01-02T00:00:00Z"}
    line = {
        "id": "m",
        "memory": "new",
        "user_id": "u",
        "created_at": "2026-01-01T00:00:00Z",
        "history": [added, changed],
    }
    memory.import_([json.dumps(line)])
    then = clock()
    clock.advance(seconds=1)
    memory.update("m", "newer")
    clock.advance(seconds=1)
    assert memory.get("m", as_of="2026-01-03") is None
    assert memory.get("m", as_of=then)["memory"] == "new"


@pytest.mark.parametrize(
    "before", [1, "x", [], {}, {"created_at": "x"}, {"created_at": 0, "updated_at": 0, "metadata": 1}], ids=str
)
def test_states_of_an_export_are_checked(memory, before):
    """A line whose changes have unreadable states is refused with the name of the field."""
    change = {"event": "UPDATE", "created_at": 0, "before": before}
    line = {"memory": "x", "user_id": "u", "history": [change]}
    with pytest.raises(ValidationError, match=r"history\.before"):
        memory.import_([json.dumps(line)])


def test_meaning_counts_as_it_did(path, clock, model):
    """With the real model, deleted and changed texts are embedded again, and score as they did."""
    with Memory(path, embedder=model, clock=clock) as memory:
        ids = [
            only(memory.add(text, user_id="u"))
            for text in ("I moved to Lisbon.", "Rex is my dog.", "I am allergic to peanuts.", "Where do I live?")
        ]
        queries = "Where does she live?", "What can she not eat?", "Does she have a pet?"
        then, answered = clock(), [memory.search(query, user_id="u", explain=True) for query in queries]
        clock.advance(seconds=1)
        memory.update(ids[0], "I moved to Porto.")
        memory.delete_many(ids[1:3])
        memory.add("My dog's name is Bella.", user_id="u")
        for query, before in zip(queries, answered, strict=True):
            found = memory.search(query, user_id="u", explain=True, as_of=then)
            assert [item["id"] for item in found["results"]] == [item["id"] for item in before["results"]]
            for one, other in zip(found["results"], before["results"], strict=True):
                assert one["score"] == pytest.approx(other["score"], abs=1e-6)


# -- over HTTP, on the command line, and over MCP


@pytest.fixture
def past(memory, clock):
    """A memory whose text was changed, and one that was deleted: their ids, when that was, and a store of them."""
    ids = [only(memory.add(text, user_id="u", metadata=LEARNT)) for text in ("Alice works at Acme", "tea in Lisbon")]
    then = clock()
    clock.advance(seconds=1)
    memory.update(ids[0], "Alice works at Initech")
    memory.delete(ids[1])
    clock.advance(days=1)
    return memory, ids, then


@pytest.fixture
def client(past):
    with serving.served_by(create_app(past[0], Settings(vacuum_interval_seconds=0))) as client:
        yield client


def test_every_read_over_http_takes_an_instant(past, client):
    """Both surfaces answer as of an instant, in a body or in a query, as text or in epoch seconds."""
    memory, [_, deleted], then = past
    for as_of in (then.isoformat(), then.timestamp()):
        given = {"user_id": "u", "as_of": as_of}
        listed = memory.get_all(user_id="u", as_of=then)["results"]
        assert client.get("/memories", params=given).json()["results"] == listed
        assert client.get(f"/memories/{deleted}", params={"as_of": as_of}).json()["memory"] == "tea in Lisbon"
        assert client.get(f"/v1/memories/{deleted}/", params={"as_of": as_of}).json()["memory"] == "tea in Lisbon"
        assert client.get("/graph", params=given).json() == memory.graph(user_id="u", as_of=then)
        asked = {"query": "tea in Lisbon", **given}
        found = memory.search("tea in Lisbon", user_id="u", as_of=then)["results"]
        assert client.post("/search", json=asked).json()["results"] == found
        block = memory.context("tea in Lisbon", user_id="u", as_of=then)
        assert client.post("/context", json=asked).json() == block
        for path in ("/v3/memories/search/", "/v3/memories/", "/v2/memories/search/", "/v2/memories/"):
            assert "tea in Lisbon" in serving.texts(client.post(path, json=asked)), path
        assert serving.texts(client.get("/v1/memories/", params=given)) == {"Alice works at Acme", "tea in Lisbon"}
    assert client.get(f"/memories/{deleted}").json() is None


@pytest.mark.parametrize("as_of", ["soon", "2999-01-01"])
def test_an_instant_that_cannot_be_known_is_the_client_s_error(past, client, as_of):
    """Over HTTP, what is no instant, and the future, are refused by the name of the field."""
    given = {"user_id": "u", "as_of": as_of}
    asked = {"query": "x", **given}
    for answer in (
        *(client.get(path, params=given) for path in ("/memories", "/memories/x", "/graph", "/v1/memories/")),
        *(client.post(path, json=asked) for path in ("/search", "/context", "/v3/memories/", "/v3/memories/search/")),
    ):
        assert answer.status_code in (400, 422), answer.url
        assert "as_of" in answer.text


def test_tools_take_an_instant(past):
    """A model can look up what was stored earlier."""
    memory, [_, deleted], then = past
    calls = {tool.name: tool.call for tool in TOOLS}
    given = {"user_id": "u", "as_of": then.isoformat()}

    async def ask():
        reading = AsyncMemory(memory)
        found = await calls["search_memories"](reading, {**given, "query": "tea in Lisbon"}, "u")
        listed = await calls["get_memories"](reading, given, "u")
        return found, listed, await calls["get_memory"](reading, {"memory_id": deleted, "as_of": given["as_of"]}, "u")

    found, listed, item = asyncio.run(ask())
    assert "tea in Lisbon" in texts(found)
    assert "tea in Lisbon" in texts(listed)
    assert item["memory"] == "tea in Lisbon"


def test_the_command_line_takes_an_instant(path, clock, model, capsys):
    """--as-of is an option of every command that reads memories, on a file."""
    clock.advance(days=-1000)
    with Memory(path, embedder=model, clock=clock, graph_categories=["skill"]) as memory:
        one = only(memory.add("Alice works at Acme", user_id="u", metadata=LEARNT))
        then = clock()
        clock.advance(seconds=1)
        memory.delete(one)
    where = ["--db", str(path), "--as-of", then.isoformat()]
    for arguments in (
        ["search", "Where does Alice work?", "--user", "u"],
        ["context", "Alice", "--user", "u"],
        ["list"],
    ):
        assert main([*arguments, *where]) == 0
        assert "Alice works at Acme" in capsys.readouterr().out
    assert main(["get", one, *where]) == 0
    assert "Alice works at Acme" in capsys.readouterr().out
    assert main(["graph", "--user", "u", *where]) == 0
    assert "Acme" in capsys.readouterr().out
    assert main(["list", "--db", str(path), "--as-of", "2999-01-01"]) == 2
    assert "--as-of" in capsys.readouterr().err


def test_the_command_line_asks_a_server_for_an_instant(past, client, capsys):
    """--as-of reaches a server, also as epoch seconds."""
    _, [_, deleted], then = past
    where = ["--url", str(client.base_url), "--as-of", str(then.timestamp())]
    for arguments in (["search", "tea in Lisbon", "--user", "u"], ["list", "--user", "u"], ["get", deleted]):
        assert main([*arguments, *where]) == 0
        assert "tea in Lisbon" in capsys.readouterr().out


def test_what_was_superseded_since_holds_as_of_before(path, clock):
    """The value of a key at an instant is the one that held then, with its key, also if it was deleted since."""
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        memory.add("The port is 1", user_id="a", key="port")
        first = clock()
        before = memory.get_all(user_id="a", latest_only=False), memory.search("port", user_id="a")
        clock.advance(hours=1)
        memory.add("The port is 2", user_id="a", key="port")
        second = clock()
        between = memory.get_all(user_id="a", latest_only=False)
        clock.advance(hours=1)
        memory.delete_all(user_id="a")
        assert memory.get_all(user_id="a", latest_only=False)["total"] == 0
        assert (
            memory.get_all(user_id="a", latest_only=False, as_of=first),
            memory.search("port", user_id="a", as_of=first),
        ) == before
        assert memory.get_all(user_id="a", latest_only=False, as_of=second) == between
        assert [one["memory"] for one in memory.get_all(user_id="a", as_of=second)["results"]] == ["The port is 2"]


def test_a_copy_by_export_has_the_past_of_keys(tmp_path, clock):
    """What held before under a key comes along with an export."""
    with (
        Memory(tmp_path / "a.db", embedder=HashEmbedder(), clock=clock) as source,
        Memory(tmp_path / "b.db", embedder=HashEmbedder(), clock=clock) as target,
    ):
        source.add("The port is 1", user_id="a", key="port")
        first = clock()
        clock.advance(hours=1)
        source.add("The port is 2", user_id="a", key="port")
        clock.advance(hours=1)
        source.export(tmp_path / "out.jsonl")
        target.import_(tmp_path / "out.jsonl")
        for instant in (first, clock()):
            for latest in (True, False):
                asked = {"user_id": "a", "as_of": instant, "latest_only": latest}
                assert target.get_all(**asked) == source.get_all(**asked)


def test_decay_has_no_past(path, clock):
    """Uses are not kept by instant, so scores as of an instant are those without decay."""
    with Memory(path, embedder=HashEmbedder(), clock=clock) as memory:
        memory.add("The port is 1", user_id="a")
        plain = memory.search("port", user_id="a")
        instant = clock()
        clock.advance(days=1)
        memory.update_project({"decay": True})
        memory.search("port", user_id="a")
        assert memory.search("port", user_id="a", as_of=instant) == plain
