"""What embedding one text costs: bounded, said, and nothing refused."""

import asyncio
import base64
import json
import random

import numpy as np
import pytest
from embedder import HashEmbedder
from serving import served_by
from test_moving import folder_of, point

from mem0lite import AsyncMemory, LocalEmbedder, Memory
from mem0lite.cli import main
from mem0lite.embedding.windows import MAX_QUERY_WINDOWS, MAX_WINDOWS
from mem0lite.server import Settings, create_app

ENCODED = base64.b64encode(random.Random(7).randbytes(73_000)).decode()
LINES = "\n".join(ENCODED[start : start + 76] for start in range(0, len(ENCODED), 76))
PROSE = " ".join(f"Day {number}: we walked along the river and talked about old friends." for number in range(1_500))


class Counting(LocalEmbedder):
    """The bundled model, with the number of pieces it embeds."""

    def __init__(self):
        super().__init__()
        self.pieces = 0

    def _embed(self, texts, batches, prompt, most):
        return super()._embed(texts, Counted(self, batches), prompt, most)


class Counted:
    """Calls of a model that this process shares, counted for one of those who share it."""

    def __init__(self, counting, batches):
        self.counting, self.batches = counting, batches

    def embed(self, pieces):
        self.counting.pieces += len(pieces)
        return self.batches.embed(pieces)


@pytest.fixture
def embedder():
    return Counting()


@pytest.fixture
def memory(embedder):
    with Memory(":memory:", embedder=embedder) as memory:
        yield memory


@pytest.mark.parametrize(
    "text", [ENCODED, LINES, PROSE[:99_000], "中文字" * 33_000], ids=["base64", "lines", "prose", "中"]
)
def test_the_windows_of_one_text_are_bounded(memory, embedder, text):
    """However long a text is in the model's tokens, so many windows of it are embedded, and the answer says so."""
    [added] = memory.add(text, user_id="u")["results"]
    assert added["event"] == "ADD"
    assert added["embedded"]["windows"] == MAX_WINDOWS < added["embedded"]["of"]
    assert embedder.pieces <= MAX_WINDOWS
    assert memory.get(added["id"])["memory"] == text


@pytest.mark.parametrize(
    "text", ["tea", PROSE[:9_000], "1" * 99_000], ids=["short", "some windows", "one unknown word"]
)
def test_a_text_that_is_embedded_whole_says_nothing(memory, embedder, text):
    """The sign is there where something was left out only."""
    [added] = memory.add(text, user_id="u")["results"]
    assert "embedded" not in added
    assert embedder.windows(text)[0] == embedder.windows(text)[1]


@pytest.mark.parametrize("query", [PROSE[:99_000], ENCODED[:99_000]], ids=["prose", "base64"])
def test_a_whole_prompt_as_a_query_is_bounded(memory, embedder, query):
    """A question of 100,000 characters costs a few windows, and finds what it is about."""
    memory.add("We walked along the river", user_id="u")
    memory.add("The invoice is paid", user_id="u")
    embedder.pieces = 0
    found = memory.search(query, user_id="u", threshold=0)["results"]
    assert embedder.pieces <= MAX_QUERY_WINDOWS
    assert len(found) == 2
    if query.startswith("Day"):
        assert found[0]["memory"] == "We walked along the river"


def test_every_part_of_a_long_text_is_found_by_its_words(memory):
    """Keywords cover the whole text, also what no embedded window holds."""
    middle = len(PROSE) // 2
    for place in (1_000, middle - 3_333, middle + 7_777, len(PROSE) - 2_000):
        text = f"{PROSE[:place]} xylophone{place} {PROSE[place:]}"[:99_000]
        memory.add(text, user_id=f"u{place}", infer=False)
        [found] = memory.search(f"xylophone{place}", user_id=f"u{place}")["results"]
        assert found["score"] > 0.3


def test_the_windows_are_spread_over_the_text(embedder):
    """The beginning, the middle and the end of a long text are in its vector."""
    filler = "It rained and nothing happened all day long. " * 1_100
    plain = np.array(embedder.embed([filler])[0])
    for place in (0, len(filler) // 2, len(filler) - 10_000):
        told = filler[:place] + "Quantum chromodynamics explains gluons and quarks. " * 200 + filler[place + 10_200 :]
        question = np.array(embedder.embed_query("particle physics of quarks"))
        vector = np.array(embedder.embed([told])[0])
        assert vector @ question / np.linalg.norm(vector) > plain @ question / np.linalg.norm(plain) + 0.05


def test_a_text_of_fewer_windows_has_the_mean_of_all(embedder):
    """What fits the bound is embedded as it always was: every window counts."""
    text = PROSE[:30_000]
    assert embedder.windows(text)[1] > MAX_QUERY_WINDOWS
    embedder.embed([text])
    assert embedder.pieces == embedder.windows(text)[1]


def test_another_embedder_gets_the_text_as_it_is():
    """An embedder of one's own is given whole texts, and no answer says otherwise."""
    given = []

    class Own(HashEmbedder):
        def embed(self, texts):
            given.extend(texts)
            return super().embed(texts)

        def embed_query(self, text):
            given.append(text)
            return super().embed_query(text)

    with Memory(":memory:", embedder=Own()) as memory:
        assert "embedded" not in memory.add(ENCODED, user_id="u")["results"][0]
        memory.search(PROSE[:99_000], user_id="u")
    assert given[0] == ENCODED
    assert PROSE[:99_000] in given


def test_an_update_says_it(memory):
    """The new text of an update is bounded and said like that of an add; what is embedded whole or not anew is not."""
    [item] = memory.add("tea", user_id="u")["results"]
    answer = memory.update(item["id"], PROSE[:99_000])
    assert answer.keys() == {"message", "embedded"}
    assert answer["embedded"]["windows"] == MAX_WINDOWS < answer["embedded"]["of"]
    assert "embedded" not in memory.update(item["id"], metadata={"k": 1})
    assert "embedded" not in memory.update(item["id"], "coffee")


def test_an_update_of_many_names_them(memory):
    """Of many updates those are named whose text, the last that is given, is too long."""
    ids = [
        item["id"] for item in memory.add([{"content": drink} for drink in ("tea", "coffee")], user_id="u")["results"]
    ]
    texts = zip([*ids, ids[0]], [PROSE[:99_000], ENCODED, "water"], strict=True)
    answer = memory.update_many({"memory_id": memory_id, "text": text} for memory_id, text in texts)
    [part] = answer["embedded"]
    assert part.pop("id") == ids[1]
    assert part["windows"] == MAX_WINDOWS < part["of"]
    assert "embedded" not in memory.update_many([{"memory_id": ids[0], "text": "juice"}])


def test_an_import_names_them(memory):
    """Of imported memories those are named whose text is too long, but not where they are there already."""
    texts = {"short": "tea", "long": PROSE[:99_000]}
    lines = [json.dumps({"id": name, "memory": text, "user_id": "u"}) for name, text in texts.items()]
    [part] = memory.import_(lines)["embedded"]
    assert part.pop("id") == "long"
    assert part["windows"] == MAX_WINDOWS < part["of"]
    assert "embedded" not in memory.import_(lines)


def test_a_move_from_mem0_names_them(memory, tmp_path):
    """So are the memories that come from mem0."""
    folder = folder_of(tmp_path, mem0=[point(1, data="tea"), point(2, data=PROSE[:99_000])])
    [part] = memory.import_from_mem0(folder)["embedded"]
    assert memory.get(part["id"])["memory"] == PROSE[:99_000]
    assert "embedded" not in memory.import_from_mem0(folder)


def test_new_vectors_count_them(tmp_path):
    """How many texts are too long for a file's new model is in the answer of ``reembed``."""
    with Memory(tmp_path / "m.db", embedder=HashEmbedder()) as memory:
        memory.add([{"content": PROSE[:99_000]}, {"content": "tea"}], user_id="u")
    assert Memory.reembed(tmp_path / "m.db") == {"embedded": 2, "partly": 1, "total": 2}


@pytest.mark.parametrize(
    "query",
    [PROSE[:99_000], ENCODED[:30_000], "각 " * 900],
    ids=["prose", "base64", "more tokens than characters"],
)
def test_a_search_says_it(memory, query):
    """The answer to a question of which not all is embedded says so."""
    memory.add("We walked along the river", user_id="u")
    answer = memory.search(query, user_id="u")
    assert answer["embedded"]["windows"] == MAX_QUERY_WINDOWS < answer["embedded"]["of"]


@pytest.mark.parametrize("query", ["tea", PROSE[:6_000]], ids=["short", "some windows"])
def test_a_search_for_what_is_embedded_whole_says_nothing(memory, embedder, query):
    """A question that fits has the answer it always had."""
    memory.add("We walked along the river", user_id="u")
    assert memory.search(query, user_id="u").keys() == {"results"}
    assert embedder.query_windows(query)[0] == embedder.query_windows(query)[1]


def test_async_verbs_say_it():
    """AsyncMemory answers likewise."""

    async def said():
        async with AsyncMemory(":memory:") as memory:
            [item] = (await memory.add("tea", user_id="u"))["results"]
            yield (await memory.update(item["id"], ENCODED))["embedded"]["windows"]
            yield (await memory.search(ENCODED, user_id="u"))["embedded"]["windows"]

    async def collected():
        return [windows async for windows in said()]

    assert asyncio.run(collected()) == [MAX_WINDOWS, MAX_QUERY_WINDOWS]


@pytest.mark.parametrize(
    ("method", "path", "body", "windows"),
    [
        ("PUT", "/memories/{id}", {"text": ENCODED}, MAX_WINDOWS),
        ("PUT", "/v1/memories/{id}/", {"text": ENCODED}, MAX_WINDOWS),
        ("POST", "/search", {"query": ENCODED}, MAX_QUERY_WINDOWS),
        ("POST", "/v3/memories/search/", {"query": ENCODED}, MAX_QUERY_WINDOWS),
    ],
)
def test_changes_and_searches_over_http_say_it(memory, method, path, body, windows):
    """Both APIs say it of new texts and of questions, beside what they always answer."""
    [item] = memory.add("tea", user_id="u")["results"]
    body |= {"filters": {"user_id": "u"}} if method == "POST" else {}
    with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
        told = [
            client.request(method, path.format(id=item["id"]), json=one, timeout=120).json()
            for one in (body, {**body, next(iter(body)): "coffee"})
        ]
    assert told[0].pop("embedded")["windows"] == windows
    assert told[0].keys() == told[1].keys()
    assert told[0].get("message") == told[1].get("message")


def test_a_batch_over_http_names_them(memory):
    """The hosted API's change of many memories names those whose text is too long."""
    [item] = memory.add("tea", user_id="u")["results"]
    with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
        answer = client.put("/v1/batch/", json={"memories": [{"memory_id": item["id"], "text": ENCODED}]}, timeout=120)
    [part] = answer.json()["embedded"]
    assert (part["id"], part["windows"]) == (item["id"], MAX_WINDOWS)


@pytest.mark.parametrize("path", ["/memories", "/v3/memories/add/"])
def test_the_sign_is_in_http_answers(memory, path):
    """Both APIs answer with what was embedded of a long text."""
    with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
        body = {"messages": [{"role": "user", "content": ENCODED}], "user_id": "u"}
        answer = client.post(path, json=body, timeout=120)
        assert answer.status_code == 200, answer.text
        assert answer.json()["results"][0]["embedded"]["windows"] == MAX_WINDOWS


def test_the_command_line_says_it(tmp_path, capsys):
    """``mem0lite add`` notes that a text is too long to be embedded whole."""
    text = PROSE[:60_000]
    assert main(["add", text, "--user", "u", "--db", str(tmp_path / "m.db")]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Added ")
    assert f"{MAX_WINDOWS} of" in captured.err


def test_the_command_line_says_it_of_questions_and_imports(tmp_path, capsys):
    """``mem0lite search`` and ``mem0lite import`` note it, and print numbers and memories as ever."""
    lines, db = tmp_path / "in.jsonl", str(tmp_path / "m.db")
    lines.write_text(json.dumps({"id": "long", "memory": PROSE[:60_000], "user_id": "u"}))
    assert main(["import", str(lines), "--db", db]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] == "added\t1"
    assert "embedded" not in captured.out
    assert captured.err.startswith(f"long: Too long to be embedded whole: {MAX_WINDOWS} of ")
    assert main(["search", PROSE[:60_000], "--user", "u", "--db", db]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 1
    assert captured.err.startswith(f"The question is too long to be embedded whole: {MAX_QUERY_WINDOWS} of ")
