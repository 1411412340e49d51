"""The graph of entities and relations: what is in it, who sees it, and what keeps it in step with the memories."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import labelled
import pytest
from backends import agrees
from conftest import Clock
from embedder import HashEmbedder
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from labelled import CATEGORY, DATA, WITHOUT_GRAPH, figures
from serving import served_by

from mem0lite import (
    ConfigurationError,
    DatabaseError,
    LocalEmbedder,
    Memory,
    PermissionDeniedError,
    RuleExtractor,
    ValidationError,
)
from mem0lite.graph import build, in_order, name_of
from mem0lite.retrieval import read
from mem0lite.server import Settings, create_app
from mem0lite.server.settings import ApiKey

SKILL = {"memory_category": "skill_procedural"}
FACT = {"memory_category": "informational"}
ANYBODY = {"OR": [{"user_id": "*"}, {"agent_id": "*"}, {"run_id": "*"}]}
PROCEDURE = (
    "Deploy the api service with `make deploy`.",
    "Run the database migrations before deploying the api service.",
    "The database migrations need the staging database.",
    "Start the staging database with `make db-up`.",
)


def opened(path: Path | str, clock: Any = None, **options: Any) -> Memory:
    arguments = {"embedder": HashEmbedder(), "clock": clock, "graph_categories": ["skill_procedural"], **options}
    return Memory(path, **arguments)


@pytest.fixture
def memory(path: Path, clock: Clock) -> Any:
    with opened(path, clock) as memory:
        yield memory


def learn(memory: Memory, *texts: str, user_id: str = "alice", **metadata: Any) -> list[str]:
    """Add texts as skills; return their ids."""
    added = memory.add(
        [{"role": "user", "content": text} for text in texts],
        user_id=user_id,
        metadata={**SKILL, **metadata},
        infer=False,
    )
    return [item["id"] for item in added["results"]]


def triples(found: Any) -> list[tuple[str, str, str]]:
    """The edges of a graph, or the relations of an answer."""
    edges = found["edges"] if "edges" in found else found["relations"]
    return [(edge["source"], edge["relationship"], edge["destination"]) for edge in edges]


def names(found: Any) -> set[str]:
    return {node["name"] for node in found["nodes"]}


# -- what is in it


def test_add_tells_what_a_memory_states(memory: Memory) -> None:
    """The answer has the relations, each with the memory that states it."""
    added = memory.add("The api service requires Redis.", user_id="alice", metadata=SKILL)
    assert added["relations"] == [
        {
            "source": "api service",
            "relationship": "requires",
            "destination": "Redis",
            "memory_ids": [added["results"][0]["id"]],
        }
    ]


def test_projects_and_tags_are_entities(memory: Memory) -> None:
    """They mention what their memories are about, not what these say of it."""
    learn(memory, "The api service requires Redis.", project_id="proj123", domain_tags=["ops", "web"])
    graph = memory.graph(user_id="alice")
    assert {(node["name"], node["type"]) for node in graph["nodes"]} == {
        ("api service", "thing"),
        ("Redis", "name"),
        ("proj123", "project"),
        ("ops", "tag"),
        ("web", "tag"),
    }
    assert set(triples(graph)) == {
        ("api service", "requires", "Redis"),
        ("proj123", "mentions", "api service"),
        ("ops", "mentions", "api service"),
        ("web", "mentions", "api service"),
    }


def test_entities_in_no_relation_are_mentioned_by_the_first(memory: Memory) -> None:
    """What a text names without stating anything is linked as mentioned together."""
    learn(memory, "Ask about Grafana and Loki in `notes.md`?")
    assert triples(memory.graph(user_id="alice")) == [
        ("Grafana", "mentions", "Loki"),
        ("Grafana", "mentions", "notes.md"),
    ]


def test_an_entity_is_the_same_however_it_is_written(memory: Memory) -> None:
    """Case, plural and articles make no other entity; the first spelling names it."""
    learn(memory, "The api service requires Redis.", "API services depend on the queue.")
    graph = memory.graph(user_id="alice")
    assert (graph["nodes"][0]["name"], graph["nodes"][0]["memories"]) == ("api service", 2)
    assert {source for source, _, _ in triples(graph)} == {"api service"}


def test_search_and_lists_tell_relations(memory: Memory) -> None:
    """Search tells what its results state, in their order; a list does when asked."""
    first, second = learn(memory, "The api service requires Redis.", "The queue requires Kafka.")
    found = memory.search("Kafka queue", user_id="alice", top_k=1)
    assert [item["id"] for item in found["results"]] == [second]
    assert triples(found) == [("queue", "requires", "Kafka")]
    assert "relations" not in memory.get_all(user_id="alice")
    listed = memory.get_all(user_id="alice", relations=True)
    assert {(edge["source"], *edge["memory_ids"]) for edge in listed["relations"]} == {
        ("api service", first),
        ("queue", second),
    }


def test_what_several_memories_state_is_told_once(memory: Memory) -> None:
    """The relation has the ids of all that state it."""
    ids = learn(memory, "The api service requires Redis.", "Each api service needs Redis!")
    [edge] = memory.graph(user_id="alice")["edges"]
    assert edge["memory_ids"] == ids


# -- searching


def test_a_question_finds_the_steps_in_their_order(tmp_path: Path, model: LocalEmbedder) -> None:
    """Steps that do not share a word with the question are found through what they have in common with others that
    do, before what only looks alike, and in the order in which they are to be done."""
    with Memory(tmp_path / "agent.db", embedder=model, graph_categories=["skill_procedural"]) as memory:
        learn(memory, *PROCEDURE, "The deploy on Friday was slow.", "What the web service needs is a new name.")
        asked = {"query": "what do I need before deploying the api service?", "user_id": "alice", "top_k": 5}
        found = memory.search(**asked, explain=True)
        texts = [item["memory"] for item in found["results"]]
        assert [text for text in texts if text in PROCEDURE] == list(reversed(PROCEDURE))
        assert texts[:4] == list(reversed(PROCEDURE))
        details = found["results"][0]["score_details"]
        assert details["signals"]["entity_neighbor"]["score"] > 0
        assert details["entity_boost"] > 0
        for signal, other in (("entity", "entity_neighbor"), ("entity_neighbor", "entity")):
            [best, *_] = memory.search(**asked, explain=True, ranking={signal: 0})["results"]
            assert other in best["score_details"]["signals"]
            assert signal not in best["score_details"]["signals"]
        without = memory.search(**asked, ranking=WITHOUT_GRAPH)
        assert {item["memory"] for item in without["results"][:4]} != set(PROCEDURE)


@pytest.mark.parametrize("name", ["procedures_dev.jsonl", "procedures_final.jsonl"])
def test_multi_step_questions_find_more_with_the_graph(tmp_path: Path, model: LocalEmbedder, name: str) -> None:
    """On questions over procedures that somebody else wrote, half of them kept away from whoever chose the weights,
    the graph raises recall@5 by at least ten points."""
    collection = read(DATA / name)
    with Memory(tmp_path / "agent.db", embedder=model, graph_categories=[CATEGORY]) as memory:
        ids = labelled.learn(memory, collection)
        with_it = figures(memory, collection, ids, {})["recall@5"]
        without = figures(memory, collection, ids, WITHOUT_GRAPH)["recall@5"]
    assert with_it >= without + 0.10, (with_it, without)


def entity_scores(memory: Memory, query: str, signal: str) -> dict[str, float]:
    """What a signal of the graph is for each result, by the text."""
    found = memory.search(query, user_id="alice", explain=True, threshold=0)["results"]
    signals = {item["memory"]: item["score_details"]["signals"] for item in found}
    return {text: one[signal]["score"] if signal in one else 0.0 for text, one in signals.items()}


def test_what_many_memories_name_says_less(memory: Memory) -> None:
    """An entity counts in full up to five memories, and of the entities of a question each its share."""
    learn(memory, *(f"Redis requires `part {number}`." for number in range(10)), "Kafka requires the disk.")
    assert set(entity_scores(memory, "Kafka", "entity").values()) == {0.0, 1.0}
    assert set(entity_scores(memory, "Redis", "entity").values()) == {0.0, 0.5}
    both = entity_scores(memory, "Redis and Kafka", "entity")
    assert set(both.values()) == {0.25, 0.5}
    assert both["Kafka requires the disk."] == 0.5


def test_a_question_says_which_way_it_goes(memory: Memory) -> None:
    """What is needed counts for a question about needs, what comes later for one about that, either less for others."""
    learn(memory, "Run the tests before the release.", "The tests need the fixtures.", "After the release, tell sales.")
    needed, following, other = (
        entity_scores(memory, query, "entity_neighbor")
        for query in ("What does the release need?", "What comes after the release?", "Is the release green?")
    )
    assert needed["The tests need the fixtures."] == pytest.approx(1.0)
    assert following["The tests need the fixtures."] == pytest.approx(0.2)
    assert other["The tests need the fixtures."] == pytest.approx(0.3)
    assert needed["After the release, tell sales."] < following["After the release, tell sales."]


def test_steps_that_contradict_each_other_have_some_order() -> None:
    """A circle of statements neither hangs nor loses a step."""
    circle = [[("a", "before", "b")], [("b", "before", "c")], [("c", "before", "a")]]
    assert sorted(in_order(circle, ["a"])) == [0, 1, 2]
    assert in_order(circle, ["z"]) == []
    assert in_order([], ["a"]) == []


def test_steps_come_in_order_whatever_says_so() -> None:
    """ "before", "after", "requires", "depends_on" and "uses" all tell what comes earlier."""
    stated = [
        [("e", "before", "f")],
        [("e", "after", "d")],
        [("d", "requires", "c")],
        [("c", "depends_on", "b")],
        [("b", "uses", "a")],
        [("x", "requires", "y")],
        [("a", "likes", "f")],
    ]
    assert in_order(stated, ["f"]) == [4, 3, 2, 1, 0]


# -- who sees it


def test_the_graph_is_of_the_scope_alone(memory: Memory) -> None:
    """Another user's, agent's or run's memories add neither entities, relations, counts nor scores."""
    learn(memory, "The api service requires Redis.")
    before = memory.graph(user_id="alice")
    asked = {"query": "api service", "user_id": "alice", "explain": True}
    score = memory.search(**asked)["results"]
    for number in range(5):
        learn(memory, "API SERVICES require Kafka.", "Redis uses `redis.conf`.", user_id=f"bob{number}")
    assert memory.graph(user_id="alice") == before
    assert memory.search(**asked)["results"] == score
    memory.add("The api service requires Vault.", agent_id="bot", metadata=SKILL)
    memory.add("The api service requires Consul.", user_id="alice", run_id="r1", metadata=SKILL)
    assert names(memory.graph(agent_id="bot")) == {"api service", "Vault"}
    assert names(memory.graph(user_id="alice", run_id="r1")) == {"api service", "Consul"}
    assert names(memory.graph(user_id="alice")) == {"api service", "Redis", "Consul"}
    assert "Kafka" in names(memory.graph(filters=ANYBODY))


def test_a_view_sees_its_users_graph_only(memory: Memory) -> None:
    """One user's view has that user's graph, and no part in making it anew."""
    learn(memory, "The api service requires Redis.")
    learn(memory, "The web app requires Kafka.", user_id="bob")
    view = memory.for_user("bob")
    assert names(view.graph(filters={"memory": {"contains": "e"}})) == {
        "web app",
        "Kafka",
    }
    with pytest.raises(PermissionDeniedError):
        view.graph(user_id="alice")
    with pytest.raises(PermissionDeniedError):
        view.reindex_graph()


def test_filters_and_expiry_hide_relations(memory: Memory, clock: Clock) -> None:
    """What the filter does not let through, or has expired, states nothing, neither in the graph nor in scores."""
    learn(memory, "The api service requires Redis.", project_id="a")
    learn(memory, "Redis requires the network.", project_id="b", memory_lifespan="short_term")
    assert names(memory.graph(user_id="alice", filters={"metadata.project_id": "a"})) == {"api service", "Redis", "a"}
    assert memory.graph(user_id="alice", entity="network")["edges"] != []
    clock.advance(hours=2)
    assert names(memory.graph(user_id="alice")) == {"api service", "Redis", "a"}
    assert memory.graph(user_id="alice", entity="network") == {"nodes": [], "edges": [], "truncated": False}
    assert "network" in names(memory.graph(user_id="alice", show_expired=True))


# -- asking for a part


def chain(memory: Memory, length: int) -> None:
    learn(memory, *(f"The part{number} requires the part{number + 1}." for number in range(length)))


@pytest.mark.parametrize(("depth", "reached"), [(0, 1), (1, 3), (2, 5), (3, 7)])
def test_depth_counts_relations_both_ways(memory: Memory, depth: int, reached: int) -> None:
    """Around an entity are those at most so many relations away, nearest first, in either direction."""
    chain(memory, 10)
    graph = memory.graph(user_id="alice", entity="Part5", depth=depth)
    assert len(graph["nodes"]) == reached
    assert graph["nodes"][0]["name"] == "part5"
    assert names(graph) == {f"part{number}" for number in range(5 - depth, 6 + depth)}
    assert len(graph["edges"]) == reached - 1


def test_a_limit_is_told(memory: Memory) -> None:
    """At most so many entities come back, the most named or nearest ones, and the answer says that there are more."""
    chain(memory, 10)
    learn(memory, "The part9 uses Redis.")
    graph = memory.graph(user_id="alice", limit=3)
    assert len(graph["nodes"]) == 3
    assert graph["truncated"]
    assert graph["nodes"][0] == {"name": "part9", "type": "name", "memories": 3}
    near = memory.graph(user_id="alice", entity="part5", depth=3, limit=3)
    assert names(near) == {"part4", "part5", "part6"}
    assert near["truncated"]
    assert not memory.graph(user_id="alice", limit=12)["truncated"]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"depth": 4}, "depth"), ({"depth": -1}, "depth"), ({"depth": True}, "depth"), ({"depth": "1"}, "depth"),
        ({"limit": 0}, "limit"), ({"limit": 10_001}, "limit"), ({"entity": " "}, "entity"), ({"entity": 3}, "entity"),
        ({"entity": "\ud800"}, "entity"), ({"format": "dot"}, "format"), ({"format": {}}, "format"),
        ({"user_id": None}, "filters"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(memory: Memory, arguments: dict[str, Any], field: str) -> None:
    """An argument outside its range is an error with its name."""
    with pytest.raises(ValidationError) as caught:
        memory.graph(**{"user_id": "alice", **arguments})
    assert caught.value.field == field


def test_an_unknown_entity_has_no_graph(memory: Memory) -> None:
    """Nothing is found near what no memory names."""
    learn(memory, *PROCEDURE)
    assert memory.graph(user_id="alice", entity="Kafka", depth=3) == {"nodes": [], "edges": [], "truncated": False}
    assert memory.graph(user_id="alice", entity="?!")["nodes"] == []


def test_mermaid_draws_every_node_and_edge(memory: Memory) -> None:
    """Each entity and relation is one line, and no name can end its own quotes."""
    learn(memory, *PROCEDURE, 'The api service uses `a"|]}<b>&;#%`.')
    graph = memory.graph(user_id="alice")
    lines = memory.graph(user_id="alice", format="mermaid").splitlines()
    assert lines[0] == "flowchart LR"
    assert len(lines) == 1 + len(graph["nodes"]) + len(graph["edges"])
    assert all(line.count('"') == 2 for line in lines[1:])
    assert '    n0("api service")' in lines


def test_graphml_has_every_node_and_edge(memory: Memory) -> None:
    """The document is well-formed whatever the names, and holds what the dictionary does."""
    learn(memory, *PROCEDURE, 'The api service uses `a"|]}<b>&\x01;#%`.', domain_tags=["<b&w>", "c\x02d"])
    graph = memory.graph(user_id="alice")
    text = memory.graph(user_id="alice", format="graphml")
    space = "{http://graphml.graphdrawing.org/xmlns}"
    root = ElementTree.fromstring(text)
    assert len(root.findall(f".//{space}node")) == len(graph["nodes"])
    assert len(root.findall(f".//{space}edge")) == len(graph["edges"])
    found = {data.text for data in root.iter(f"{space}data") if data.get("key") == "name"}
    assert {"api service", "make db-up", "<b&w>", "cd"} <= found


# -- in step with the memories


def test_the_erased_is_in_no_byte(memory: Memory, path: Path) -> None:
    """Neither labels nor relations of what was erased are left in the file."""
    learn(memory, "The Zanzibar service requires `qwertyuiop`.")
    learn(memory, "The web app requires Kafka.", user_id="bob")
    memory.erase(user_id="alice")
    left = b"".join(file.read_bytes() for file in path.parent.iterdir())
    for word in (b"Zanzibar", b"zanzibar", b"qwertyuiop"):
        assert word not in left
    assert b"Kafka" in left


def test_export_and_import_make_the_same_graph(memory: Memory, tmp_path: Path) -> None:
    """Lines carry no graph: importing makes it anew from the texts."""
    learn(memory, *PROCEDURE, project_id="p")
    memory.export(tmp_path / "lines.jsonl")
    with opened(tmp_path / "other.db") as other:
        other.import_(tmp_path / "lines.jsonl")
        assert other.graph(user_id="alice") == memory.graph(user_id="alice")
        assert other.search("api service", user_id="alice") == memory.search("api service", user_id="alice")


def test_backups_and_restores_keep_it(memory: Memory, tmp_path: Path) -> None:
    """A backup has the graph, and so has the store it replaces."""
    learn(memory, *PROCEDURE)
    graph = memory.graph(user_id="alice")
    memory.backup(tmp_path / "backup.db")
    memory.reset()
    learn(memory, "The web app requires Kafka.")
    Memory.restore(tmp_path / "backup.db", memory.path, replace=True)
    assert memory.graph(user_id="alice") == graph
    assert agrees(memory)


def test_a_file_keeps_its_categories(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opens a file without naming categories follows it, also where it is only read; another argument is refused,
    with the command that would change the file, and another variable is said and not followed."""
    with opened(path) as memory:
        [number, *_] = learn(memory, *PROCEDURE)
        graph = memory.graph(user_id="alice")
    for options in ({}, {"read_only": True}, {"graph_categories": "skill_procedural"}):
        with opened(path, **{"graph_categories": None, **options}) as memory:
            assert memory.graph_categories == memory.for_user("alice").graph_categories == ("skill_procedural",)
            assert memory.stats()["graph"]["current"]
            assert memory.graph(user_id="alice") == graph
    for others in ([], ["informational"], ["informational", "skill_procedural"]):
        with pytest.raises(ConfigurationError) as caught:
            opened(path, graph_categories=others)
        said = str(caught.value)
        assert "graph_categories: " in said
        assert "has the graph categories skill_procedural, not" in said
        assert f"mem0lite reindex --graph --db {path} " in said
    monkeypatch.setenv("MEM0_USE_GRAPH_FOR_CATEGORIES", "informational")
    with (
        pytest.warns(UserWarning, match="MEM0_USE_GRAPH_FOR_CATEGORIES is informational, but .* skill_procedural"),
        opened(path, graph_categories=None) as memory,
    ):
        memory.update(number, metadata={"seen": True})
        assert memory.graph(user_id="alice") == graph
        assert memory.reindex_graph()["leaving"] == 0
        assert memory.graph(user_id="alice") == graph


def test_a_file_without_memories_takes_categories(path: Path) -> None:
    """A file that has no categories and no memories takes those of who opens it next; then they are its own."""
    opened(path, graph_categories=None).close()
    with opened(path) as memory:
        learn(memory, *PROCEDURE)
        memory.reset()
    with pytest.raises(ConfigurationError, match="not informational"):
        opened(path, graph_categories=["informational"])
    with opened(path, graph_categories=None) as memory:
        assert memory.graph_categories == ("skill_procedural",)


def test_every_writer_follows_the_file(path: Path, tmp_path: Path) -> None:
    """A process that has the file open while another one changes the categories writes by the new ones from its next
    call on, whatever that is: an add, an update, an import; and answers by them."""
    with opened(path, graph_categories=[]) as early, opened(path, graph_categories=None) as other:
        [kept] = learn(early, PROCEDURE[0])
        other.reindex_graph(categories=["skill_procedural"])
        assert triples(early.graph(user_id="alice")) == [("api service", "uses", "make deploy")]
        early.update(kept, metadata={"seen": True})
        assert triples(early.graph(user_id="alice")) == [("api service", "uses", "make deploy")]
        added = early.add("The web app requires Kafka.", user_id="bob", metadata=SKILL)
        assert triples(added) == triples(early.graph(user_id="bob")) == [("web app", "requires", "Kafka")]
        other.reindex_graph(categories=["informational"])
        early.export(tmp_path / "out.jsonl", user_id="bob")
        early.delete_all(user_id="bob")
        early.import_(tmp_path / "out.jsonl")
        assert triples(early.graph(user_id="bob")) == []
        early.update(kept, "Deploy the api service with `make up`.")
        assert triples(other.graph(user_id="alice")) == []
        other.reindex_graph(categories=["skill_procedural", "informational"])
        found = early.search("What does the web app require?", user_id="bob")
        assert triples(found) == [("web app", "requires", "Kafka")]
        assert early.graph_categories == ("informational", "skill_procedural")


def test_a_reindexing_that_was_interrupted_goes_on(path: Path) -> None:
    """Until it is done, stats says that the graph is not finished; a further call without categories finishes it, and
    one whose categories somebody changes meanwhile says so."""

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with opened(path, graph_categories=[]) as memory, opened(path, graph_categories=None) as other:
        learn(memory, *PROCEDURE)
        with pytest.raises(KeyboardInterrupt):
            memory.reindex_graph(categories=["skill_procedural"], progress=stop)
        assert other.graph_categories == ()  # until it looks
        assert other.stats()["graph"]["categories"] == ["skill_procedural"]
        assert not other.stats()["graph"]["current"]
        assert other.reindex_graph()["relations"] == 4
        assert memory.stats()["graph"]["current"]
        with pytest.raises(
            DatabaseError, match="Another call of reindex_graph has set the graph categories to informational"
        ):
            memory.reindex_graph(progress=lambda *_: other.reindex_graph(categories=["informational"]) and None)
        assert memory.graph_categories == ("informational",)
        with pytest.raises(ValidationError) as caught:
            memory.reindex_graph(categories=[1])  # type: ignore[list-item]
        assert caught.value.field == "categories"


def test_the_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """MEM0_USE_GRAPH_FOR_CATEGORIES is a list with commas; an argument takes its place."""
    monkeypatch.setenv("MEM0_USE_GRAPH_FOR_CATEGORIES", " skill_procedural , informational,,")
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        assert memory.graph_categories == ("informational", "skill_procedural")
    with Memory(":memory:", embedder=HashEmbedder(), graph_categories=[]) as memory:
        assert memory.graph_categories == ()
    monkeypatch.delenv("MEM0_USE_GRAPH_FOR_CATEGORIES")
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        assert memory.graph_categories == ()
    with pytest.raises(ConfigurationError, match="graph_categories"):
        Memory(":memory:", embedder=HashEmbedder(), graph_categories=[1])  # type: ignore[list-item]


TEXTS = st.sampled_from(
    [*PROCEDURE, "The api service requires Redis.", "Redis uses `redis.conf`.", "Maria works at Siemens.", "Nothing."]
)
CATEGORIES = st.sampled_from(["skill_procedural", "informational", "other", None, ["other", "informational"]])
USERS = st.sampled_from(["alice", "bob"])


class Graphs(RuleBasedStateMachine):
    """Any sequence of operations, after which the graph is what the live memories give."""

    @initialize()
    def open(self) -> None:
        self.clock = Clock()
        self.memory = opened(":memory:", self.clock, graph_categories=["skill_procedural", "informational"])

    def ids(self) -> list[str]:
        return [item["id"] for item in self.memory.get_all(filters=ANYBODY, top_k=1_000)["results"]]

    @rule(text=TEXTS, category=CATEGORIES, user=USERS, short=st.booleans(), infer=st.booleans(), tag=st.booleans())
    def add(self, text: str, category: Any, user: str, short: bool, infer: bool, tag: bool) -> None:
        metadata = {"memory_category": category, "domain_tags": ["ops"] if tag else []}
        if short:
            metadata["memory_lifespan"] = "short_term"
        self.memory.add(text, user_id=user, metadata=metadata, infer=infer)

    @rule(data=st.data(), text=TEXTS | st.none(), category=CATEGORIES)
    def update(self, data: st.DataObject, text: str | None, category: Any) -> None:
        if ids := self.ids():
            self.memory.update(data.draw(st.sampled_from(ids)), text=text, metadata={"memory_category": category})

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if ids := self.ids():
            self.memory.delete(data.draw(st.sampled_from(ids)))

    @rule(user=USERS)
    def delete_all(self, user: str) -> None:
        self.memory.delete_all(user_id=user)

    @rule(user=USERS)
    def reset(self, user: str) -> None:
        self.memory.reset(user_id=user)

    @rule(hours=st.sampled_from([0.3, 2]))
    def wait(self, hours: float) -> None:
        self.clock.advance(hours=hours)

    @rule()
    def vacuum(self) -> None:
        self.memory.vacuum()

    @rule()
    def reindex(self) -> None:
        self.memory.reindex_graph()

    @invariant()
    def graph_is_that_of_the_live_memories(self) -> None:
        for user in ("alice", "bob"):
            nodes: dict[str, int] = {}
            edges: dict[tuple[str, str, str], set[str]] = {}
            shown = set()
            for item in self.memory.get_all(user_id=user, top_k=1_000)["results"]:
                given = item["metadata"]["memory_category"]
                if not {"skill_procedural", "informational"} & set(given if isinstance(given, list) else [given]):
                    continue
                graph = build(RuleExtractor().extract(item["memory"]), item["metadata"])
                for node in graph.nodes:
                    nodes[node.name] = nodes.get(node.name, 0) + 1
                    shown |= {node.name} if node.type != "phrase" else set()
                for edge in graph.edges:
                    edges.setdefault((edge.source, edge.relationship, edge.destination), set()).add(item["id"])
            found = self.memory.graph(user_id=user, limit=10_000)
            assert {name_of(node["name"]): node["memories"] for node in found["nodes"]} == {
                name: count for name, count in nodes.items() if name in shown
            }
            assert {
                (name_of(edge["source"]), edge["relationship"], name_of(edge["destination"])): set(edge["memory_ids"])
                for edge in found["edges"]
            } == edges

    def teardown(self) -> None:
        if hasattr(self, "memory"):
            self.memory.close()


TestGraphs = Graphs.TestCase
TestGraphs.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


# -- served


@pytest.fixture(scope="module")
def served() -> Any:
    keys = (ApiKey("admin"), ApiKey("alices", "alice"))
    with (
        opened(":memory:") as memory,
        served_by(create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=keys))) as client,
    ):
        client.headers["X-API-Key"] = "admin"
        yield memory, client


@pytest.fixture
def client(served: tuple[Memory, httpx.Client]) -> httpx.Client:
    served[0].reset()
    return served[1]


MESSAGE = [{"role": "user", "content": "The api service requires Redis."}]
OTHER = [{"role": "user", "content": "Kafka uses the disk."}]


def test_both_surfaces_answer_with_relations(client: httpx.Client) -> None:
    """Add and search have them on mem0's self-hosted and hosted API, where a memory is of a graph category only."""
    body = {"messages": MESSAGE, "user_id": "alice", "metadata": SKILL, "output_format": "v1.1"}
    for path in ("/memories", "/v3/memories/add/", "/v1/memories/"):
        client.post("/reset")
        assert triples(client.post(path, json=body).raise_for_status().json()) == [("api service", "requires", "Redis")]
        assert "relations" not in client.post(path, json={**body, "user_id": "bob", "metadata": FACT}).json()
    client.post("/memories", json=body)
    for path in ("/search", "/v2/memories/search/", "/v3/memories/search/"):
        for user, there in (("alice", True), ("bob", False)):
            asked = {"query": "api service", "filters": {"user_id": user}, "output_format": "v1.1"}
            found = client.post(path, json=asked).json()
            assert len(found["results"]) == 1
            assert ("relations" in found) is there
    assert "relations" not in client.get("/memories", params={"user_id": "alice"}).json()
    assert client.get("/memories", params={"user_id": "alice", "relations": True}).json()["relations"]


def test_the_route_takes_scope_filters_and_formats(client: httpx.Client) -> None:
    """GET /graph answers what Memory.graph does, by ids, filters, entity, depth and limit; without ids, of all."""
    body = {"messages": MESSAGE, "user_id": "alice", "metadata": {**SKILL, "project_id": "p", "domain_tags": ["ops"]}}
    client.post("/memories", json=body)
    client.post("/memories", json={"messages": OTHER, "user_id": "bob", "metadata": SKILL})
    assert names(client.get("/graph").json()) == {"api service", "Redis", "p", "ops", "Kafka", "disk"}
    assert names(client.get("/graph", params={"user_id": "bob"}).json()) == {"Kafka", "disk"}
    for filters in ({"project_id": "p"}, {"domain_tags": "ops"}, {"domain_tag": "ops"}):
        assert names(client.get("/graph", params=filters).json()) == {"api service", "Redis", "p", "ops"}
    near = client.get("/graph", params={"entity": "redis", "depth": 1, "limit": 2}).json()
    assert names(near) == {"Redis", "api service"}
    mermaid = client.get("/graph", params={"format": "mermaid"})
    assert mermaid.headers["content-type"].startswith("text/plain")
    assert mermaid.text.startswith("flowchart LR\n")
    graphml = client.get("/graph", params={"format": "graphml"})
    assert graphml.headers["content-type"].startswith("application/xml")
    ElementTree.fromstring(graphml.text)
    for refused in ({"depth": 4}, {"limit": 0}, {"format": "dot"}, {"entity": ""}):
        assert client.get("/graph", params=refused).status_code in (400, 422)


def test_a_users_key_reaches_that_users_graph_only(client: httpx.Client) -> None:
    """With a key of alice's the graph is hers, whatever is asked."""
    client.post("/memories", json={"messages": MESSAGE, "user_id": "alice", "metadata": SKILL})
    client.post("/memories", json={"messages": OTHER, "user_id": "bob", "metadata": SKILL})
    hers = {"X-API-Key": "alices"}
    assert names(client.get("/graph", headers=hers).json()) == {"api service", "Redis"}
    assert names(client.get("/graph", params={"entity": "Kafka"}, headers=hers).json()) == set()
    assert client.get("/graph", params={"user_id": "bob"}, headers=hers).status_code == 403


def test_the_settings_show_the_categories(client: httpx.Client) -> None:
    """/configure tells of which categories the graph is."""
    assert client.get("/configure").json()["graph_categories"] == ["skill_procedural"]


def test_an_extractor_that_fails_is_a_500_without_its_text(tmp_path: Path) -> None:
    """What an extractor's error says goes to the log, not to the caller."""

    class Failing:
        def extract(self, text: str) -> Any:
            raise RuntimeError("sk-secret")

    with opened(":memory:", graph_extractor=Failing()) as memory, served_by(create_app(memory)) as client:
        answer = client.post("/memories", json={"messages": MESSAGE, "user_id": "alice", "metadata": SKILL})
        assert answer.status_code == 500
        assert "sk-secret" not in answer.text
        assert json.loads(answer.text)["detail"].startswith("The text's entities could not be extracted")
