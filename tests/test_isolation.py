"""Nobody else's: random operations of many users, agents, runs, apps and API keys, each executed twice.

Every principal works on the store that all share and on a twin of its own, which never holds anybody else's memories.
What both answer must be equal once random ids are replaced by the order in which they appeared: then nothing of
anybody else's, not even that it exists, is in an answer. At intervals the rows of every principal are compared too, so
that nobody changes another's. Principals have names that nearly collide, share agents, runs, texts and metadata, and
attack: with ids and names of others in every argument, filter and path.
"""

import json
import random
import re
import unicodedata
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from conftest import Clock
from embedder import HashEmbedder
from serving import client_of, served_by
from sizes import sizes

from mem0lite import Mem0LiteError, Memory, NotFoundError
from mem0lite.data.filters import ANY_SCOPE
from mem0lite.server import ApiKey, Settings, create_app

CHECKED_EVERY = 250  # operations between two comparisons of all rows
MOST = 5  # times as many operations as asked for, until each verb has been answered once
LABELS = 5_000  # of ids, per principal, until they are given anew
REMEMBERED = 30  # ids of each kind that a principal goes on using

WITH_KEYS = ("alice", "Alice", "zo\u00eb")
USERS = (*WITH_KEYS, "zoe", "bob", "a%", "a_", "x'OR'1'='1", '{"user_id":"alice"}', "7", "alice\u200b")
SCOPES: tuple[dict[str, str], ...] = (
    {"user_id": "carol"},
    {"user_id": "dave", "agent_id": "bot"},
    {"user_id": "dave", "agent_id": "bot2"},
    {"agent_id": "alice"},
    {"agent_id": "ALICE"},
    {"run_id": "alice"},
    {"app_id": "alice"},
    {"run_id": "bob", "app_id": "bob"},
)
AGENTS, RUNS = ("bot", "bot2"), ("r1", "r2")  # of whoever likes
WORDS = (
    "red",
    "green",
    "blue",
    "apple",
    "pear",
    "plum",
    "likes",
    "hates",
    "every",
    "day",
    "alice",
    "bob",
    "secret",
    "7",
)
ODD_IDS = ("", "%", "_" * 36, "*", "0", "'; DROP TABLE memory; --", '{"$ne": null}', "\0", "../alice", "é" * 20)
ODD_NAMES = (
    "nobody",
    "ALICE",
    "alice%",
    "al_ce",
    "alice'--",
    'alice","user_id":"bob',
    "\uff41lice",
    "a b",
    "",
    "*",
    "\0",
)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


# -- who works, and on what


@dataclass(frozen=True)
class Ref:
    """An id that a principal got: the same place in the list of both stores."""

    kind: str
    place: int


@dataclass
class Side:
    """One of the two stores as one principal reaches it."""

    memory: Memory
    client: httpx.Client | None = None
    known: dict[str, list[Any]] = field(default_factory=lambda: {"memory": [], "event": [], "export": [], "change": []})
    labels: dict[str, str] = field(default_factory=dict)

    def label(self, match: re.Match[str]) -> str:
        return self.labels.setdefault(match[0], f"<{len(self.labels)}>")

    def resolve(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self.known[value.kind][value.place]
        if isinstance(value, dict):
            return {key: self.resolve(one) for key, one in value.items()}
        return [self.resolve(one) for one in value] if isinstance(value, list) else value

    def shown(self, answer: Any) -> Any:
        """Return an answer without what depends on chance: ids, the numbers of changes, and the server's port."""
        if isinstance(answer, str):
            text = answer if self.client is None else answer.replace(str(self.client.base_url), "")
            return UUID.sub(self.label, text)
        if isinstance(answer, dict):
            masked = {key: one is None for key, one in answer.items() if key in ("sequence", "next_cursor")}
            return {key: self.shown(one) for key, one in answer.items()} | masked
        return [self.shown(one) for one in answer] if isinstance(answer, list | tuple) else answer

    def remember(self, kind: str, found: list[Any]) -> None:
        self.known[kind] = [*self.known[kind], *found][-REMEMBERED:]


@dataclass
class Principal:
    """Who works: the user of a view, or the ids that all calls of a plain Memory name."""

    ids: dict[str, str]
    pinned: bool
    shared: Side
    twin: Side

    def forget(self) -> None:
        """Forget both stores' labels, which are as many, before there are too many."""
        if len(self.shared.labels) > LABELS:
            self.shared.labels.clear()
            self.twin.labels.clear()

    def owns(self, item: dict[str, Any]) -> bool:
        return all(item.get(name) == value for name, value in self.ids.items()) and (
            "user_id" in self.ids or item.get("user_id") is None
        )


@dataclass(frozen=True)
class Operation:
    """A verb of the library, or a method and a path of the server, with its arguments."""

    verb: str
    arguments: dict[str, Any]
    http: bool = False


class Lines(list[str]):
    write = list.append


def perform(operation: Operation, who: Principal, side: Side) -> Any:
    """Execute an operation and return the answer, or the error."""
    arguments = side.resolve(operation.arguments)
    if operation.http:
        return over_http(operation.verb, arguments, side.client)
    try:
        if operation.verb == "export":
            return export(side.memory, **arguments)
        if operation.verb == "forbidden":
            return FORBIDDEN[arguments["verb"]](side.memory)
        answer = getattr(side.memory, operation.verb)(**arguments)
    except Mem0LiteError as error:
        return {"raised": type(error).__name__, "text": str(error), "field": getattr(error, "field", None)}
    if who.pinned and operation.verb == "changes":  # where the numbers begin is the time
        return [{**one, "number": one["sequence"] - answer["results"][0]["sequence"]} for one in answer["results"]]
    if who.pinned:
        return answer
    if operation.verb == "entities":  # of everybody, for a plain Memory
        return [one for one in answer if who.ids.get(f"{one['type']}_id") == one["id"]]
    if operation.verb == "changes":
        return [one for one in answer["results"] if who.owns(one)]
    return answer


def over_http(verb: str, arguments: dict[str, Any], client: httpx.Client | None) -> Any:
    assert client is not None
    method, _, path = verb.partition(" ")
    path = path.format(*(quote(str(part), safe="") for part in arguments.get("path", ())))
    answer = client.request(method, path, params=arguments.get("query"), json=arguments.get("json"))
    return {"status": answer.status_code, "body": answer.json()}


def export(memory: Memory, **arguments: Any) -> list[Any]:
    lines = Lines()
    count = memory.export(lines, **arguments)  # type: ignore[arg-type]
    found = map(json.loads, lines)
    return [count, *(one for one in found if one.get("type") != "settings")]  # which are nobody's


FORBIDDEN: dict[str, Callable[[Memory], Any]] = {
    "for_user": lambda memory: memory.for_user("bob" if memory.user_id != "bob" else "alice"),
    "vacuum": lambda memory: memory.vacuum(),
    "stats": lambda memory: memory.stats(),
    "backup": lambda memory: memory.backup("never-written.db"),
    "import_": lambda memory: memory.import_([]),
    "import_from_mem0": lambda memory: memory.import_from_mem0("nowhere"),
    "check": lambda memory: memory.check(),
    "reindex_graph": lambda memory: memory.reindex_graph(),
    "erase": lambda memory: memory.erase(user_id=memory.user_id),
    "get_project": lambda memory: memory.get_project(),
    "update_project": lambda memory: memory.update_project({"custom_instructions": "x"}),
    "get_webhooks": lambda memory: memory.get_webhooks(),
    "create_webhook": lambda memory: memory.create_webhook("https://hooks.example/x"),
    "delete_webhook": lambda memory: memory.delete_webhook("x"),
    "deliver_webhooks": lambda memory: memory.deliver_webhooks(),
    "create_key": lambda memory: memory.create_key(),
    "get_keys": lambda memory: memory.get_keys(),
    "revoke_key": lambda memory: memory.revoke_key("x"),
    "revoke_all_keys": lambda memory: memory.revoke_all_keys(),
    "restore": lambda memory: memory.restore("nowhere.db", "never-written.db"),
    "reembed": lambda memory: memory.reembed("nowhere.db"),
    "from_config": lambda memory: memory.from_config({}),
}
FORBIDDEN_ROUTES = (
    "GET /configure",
    "GET /api-keys",
    "DELETE /api-keys/x",
    "POST /erase",
    "GET /api/v1/orgs/organizations/o/projects/p/",
    "GET /api/v1/webhooks/projects/p/",
    "DELETE /api/v1/webhooks/x/",
)


# -- what they do


class Draw:
    """Draws what one principal does next."""

    def __init__(self, rng: random.Random, who: Principal, all_of_them: list[Principal]) -> None:
        self.rng, self.who = rng, who
        self.others = [one for one in all_of_them if one is not who]

    def chance(self, percent: float) -> bool:
        return self.rng.random() * 100 < percent

    def one_of(self, *values: Any) -> Any:
        return self.rng.choice(values)

    # -- arguments

    def text(self) -> str:
        if self.chance(25):
            return f"The {self.rng.choice(WORDS)} {self.one_of('requires', 'uses')} the {self.rng.choice(WORDS)}."
        return " ".join(self.rng.choices(WORDS, k=self.one_of(1, 2, 3, 3, 5)))

    def name(self) -> str:
        """Another's name, or one that looks like it."""
        names = [value for other in self.others for value in other.ids.values()]
        return self.rng.choice(names) if self.chance(60) else self.rng.choice(ODD_NAMES)

    def own_name(self) -> Any:
        own = self.who.ids["user_id"]
        return self.one_of(own, own, f" {own} ", int(own) if own == "7" else unicodedata.normalize("NFD", own))

    def foreign(self, kind: str) -> Any:
        """An id that another got on the shared store, unknown to the twin."""
        return self.rng.choice([one for other in self.others for one in other.shared.known[kind]] or ["0"])

    def id(self, kind: str) -> Any:
        known = self.who.shared.known[kind]
        if known and self.chance(75):
            return Ref(kind, self.rng.randrange(len(known)))
        if self.chance(80) and self.who.pinned:  # a plain Memory may reach everybody's
            return self.foreign(kind)
        return self.one_of("00000000-0000-0000-0000-000000000000", *ODD_IDS)

    def scope(self) -> dict[str, Any]:
        more = {}
        if self.chance(25) and "agent_id" not in self.who.ids:
            more["agent_id"] = self.rng.choice(AGENTS)
        if self.chance(20) and "run_id" not in self.who.ids:
            more["run_id"] = self.rng.choice(RUNS)
        if not self.who.pinned:
            return {**more, **self.who.ids}
        if self.chance(8):
            return {**more, **self.one_of({"user_id": self.name()}, {"agent_id": "*"}, {"run_id": "*"})}
        return {**more, "user_id": self.own_name()} if self.chance(60) else more

    def metadata(self) -> dict[str, Any] | None:
        return self.one_of(
            None,
            {"k": self.rng.randrange(5)},
            {"k": self.rng.randrange(5), "tag": self.rng.choice(WORDS)},
            {"user_id": self.name(), "agent_id": "bot"},
            {"memory_lifespan": "short_term"},
            *[{"memory_category": "skill", "domain_tags": [self.rng.choice(WORDS)]}] * 3,
        )

    def condition(self) -> dict[str, Any]:
        return self.one_of(
            {"k": self.rng.randrange(5)},
            {"k": {"gte": self.rng.randrange(5)}},
            {"tag": "*"},
            {"NOT": [{"k": 1}]},
            {"memory": {"contains": self.rng.choice(WORDS)}},
            {"user_id": self.who.ids.get("user_id")},
            {"agent_id": self.rng.choice(AGENTS)},
            {"created_at": {"gte": "2026-03-01"}},
        )

    def attack(self) -> dict[str, Any]:
        other, own, memory_id = self.name(), self.who.ids.get("user_id", "alice"), self.foreign("memory")
        return self.one_of(
            {"user_id": other},
            {"user_id": [own, other]},
            {"user_id": "*"},
            {"user_id": None},
            {"user_id": {"ne": own}},
            {"user_id": {"nin": [own]}},
            {"user_id": {"contains": self.one_of("", "a", other)}},
            {"user_id": {"icontains": own}},
            {"user_id": {"gt": ""}},
            {"AND": [{"k": 1}, {"AND": [{"user_id": other}]}]},
            {"OR": [{"user_id": own}, {"user_id": other}]},
            {"OR": [{"k": {"gte": 0}}, {"agent_id": "*"}]},
            {"NOT": [{"user_id": own}]},
            {"NOT": {"NOT": {"user_id": other}}},
            {"$or": [{"agent_id": {"ne": "bot"}}, {"run_id": None}]},
            {"metadata.user_id": other},
            {"metadata": {"user_id": {"ne": own}}},
            {"id": memory_id},
            {"id": {"in": [memory_id, "%"]}},
            {"NOT": [{"id": memory_id}]},
            {"user_id' OR '1'='1": other},
            {'$."user_id"': {"nin": [own]}},
            ANY_SCOPE,
        )

    def filters(self) -> dict[str, Any] | None:
        if self.chance(40):
            return None
        if self.chance(35):
            return self.attack()
        return self.condition() if self.chance(70) else {"AND": [self.condition(), {"OR": [self.condition()] * 2}]}

    def where(self) -> dict[str, Any]:
        return {**self.scope(), "filters": self.filters()}

    def page(self) -> dict[str, Any]:
        return self.one_of({}, {"top_k": 3}, {"page": 2, "page_size": 3}, {"limit": 100, "offset": 1})

    # -- verbs

    def adding(self) -> dict[str, Any]:
        content = [{"role": "user", "content": self.text()} for _ in range(self.one_of(1, 1, 1, 3))]
        more = self.one_of({}, {}, {"ttl": self.rng.randrange(600)}, {"timestamp": "2026-02-28T12:00:00Z"})
        return {"messages": content, "metadata": self.metadata(), "infer": self.chance(70), **more, **self.scope()}

    def changing(self) -> dict[str, Any]:
        change = self.one_of(
            {"text": self.text()},
            {"text": self.text(), "metadata": {"user_id": self.name()}},
            {"metadata": {"k": self.rng.randrange(5)}},
            {"metadata": {"memory_category": self.one_of("skill", "other")}},
            {"expiration_date": self.one_of("2026-03-02", None)},
            {},
        )
        return {"memory_id": self.id("memory"), **change}

    def searching(self) -> dict[str, Any]:
        more = self.one_of({}, {"threshold": 0}, {"top_k": 2}, {"show_expired": True, "threshold": 0.3})
        return {"query": self.text(), "explain": self.chance(50), **more, **self.where()}

    def drawing(self) -> dict[str, Any]:
        more = self.one_of({}, {"entity": self.rng.choice(WORDS)}, {"entity": self.rng.choice(WORDS), "depth": 3})
        return {**more, **self.one_of({}, {"limit": 3}, {"format": "mermaid"}), "show_expired": self.chance(20)}

    def exporting(self) -> dict[str, Any]:
        filters = self.filters()
        if not self.who.pinned:
            # Without a condition that names others: resetting these removes an export of a plain Memory too.
            filters = {"AND": [dict(self.who.ids), self.one_of({}, {"k": {"gte": 2}}, {"tag": "*"})]}
        return {"filters": filters}

    def library(self) -> Operation:
        verb = self.rng.choices(list(VERBS), list(VERBS.values()))[0]
        if verb == "forbidden" and not self.who.pinned:
            verb = "search"
        if verb == "entities" and len(self.who.ids) > 1:  # another has one of the ids as well
            verb = "get_all"
        return Operation(verb, self.arguments(verb))

    def arguments(self, verb: str) -> dict[str, Any]:
        """Return the arguments of a verb of the library."""
        choices: dict[str, Callable[[], dict[str, Any]]] = {
            "add": self.adding,
            "add_many": lambda: {"items": [self.adding() for _ in range(self.rng.randrange(4))]},
            "get": lambda: {"memory_id": self.id("memory"), "show_expired": self.chance(30)},
            "get_all": lambda: {**self.page(), **self.where(), "show_expired": self.chance(20)},
            "search": self.searching,
            "graph": lambda: {**self.drawing(), **self.where()},
            "update": self.changing,
            "update_many": lambda: {"items": [self.changing() for _ in range(self.rng.randrange(4))]},
            "delete": lambda: {"memory_id": self.id("memory")},
            "delete_many": lambda: {"memory_ids": [self.id("memory") for _ in range(self.rng.randrange(4))]},
            "delete_all": self.where,
            "reset": lambda: self.scope() if self.chance(50) else dict(self.who.ids),
            "history": lambda: {"memory_id": self.id("memory")},
            "events": lambda: {**self.page(), **self.scope()},
            "event": lambda: {"event_id": self.id("event")},
            "changes": self.following,
            "entities": dict,
            "feedback": lambda: {"memory_id": self.id("memory"), "feedback": self.one_of("POSITIVE", None, "BAD")},
            "create_memory_export": lambda: {
                "schema": self.one_of({}, {"memory": 1, "user_id": 1}),
                **self.exporting(),
            },
            "get_memory_export": self.reading_an_export,
            "export": lambda: {**self.where(), "show_expired": self.chance(50)},
            "forbidden": lambda: {"verb": self.rng.choice(list(FORBIDDEN))},
        }
        return choices[verb]()

    def following(self) -> dict[str, Any]:
        known = self.who.shared.known["change"]
        after = Ref("change", self.rng.randrange(len(known))) if known else 0
        return {"after": after, "limit": self.one_of(1, 5, 1_000) if self.who.pinned else 1_000_000}

    def reading_an_export(self) -> dict[str, Any]:
        return {"memory_export_id": self.id("export")} if self.chance(70) else self.exporting()

    def http(self) -> Operation:
        scope, where = self.scope(), self.where()
        memory_id, entity = self.id("memory"), self.one_of(self.name(), self.who.ids["user_id"])
        adding = {name: value for name, value in self.adding().items() if value is not None}
        changing = {name: value for name, value in self.changing().items() if name != "memory_id"}
        verb, arguments = self.one_of(
            *[("POST /memories", {"json": adding}), ("POST /v3/memories/add/", {"json": adding})] * 3,
            *[("POST /search", {"json": self.searching()}), ("POST /v3/memories/search/", {"json": self.searching()})]
            * 3,
            ("GET /memories", {"query": {**scope, "relations": self.chance(50)}}),
            ("GET /graph", {"query": {**self.drawing(), **scope, "format": "json"}}),
            ("POST /v3/memories/", {"json": where, "query": {"page": 1, "page_size": 3}}),
            ("GET /v1/memories/", {"query": {**scope, "filters": json.dumps(self.attack())}}),
            *[(f"GET {path}", {"path": [memory_id]}) for path in ("/memories/{}", "/v1/memories/{}/")],
            *[(f"GET {path}", {"path": [memory_id]}) for path in ("/memories/{}/history", "/v1/memories/{}/history/")],
            *[
                (f"PUT {path}", {"path": [memory_id], "json": changing})
                for path in ("/memories/{}", "/v1/memories/{}/")
            ],
            *[(f"DELETE {path}", {"path": [memory_id]}) for path in ("/memories/{}", "/v1/memories/{}/")],
            ("PUT /v1/batch/", {"json": {"memories": [self.changing(), {"memory_id": memory_id, "text": "x"}]}}),
            ("DELETE /v1/batch/", {"json": {"memories": [{"memory_id": self.id("memory")} for _ in range(2)]}}),
            *[("DELETE /memories", {"query": scope}), ("DELETE /v1/memories/", {"query": scope})],
            ("DELETE /entities/{}/{}", {"path": [self.one_of("user", "agent"), entity]}),
            ("DELETE /v2/entities/{}/{}/", {"path": [self.one_of("user", "agent"), entity]}),
            ("GET /v2/entities/{}/{}/", {"path": ["user", entity]}),
            *[("GET /entities", {}), ("GET /v1/entities/", {}), ("GET /v1/events/", {"query": scope})],
            *[("POST /reset", {}), ("POST /reset", {"json": scope})],
            ("GET /v1/event/{}/", {"path": [self.id("event")]}),
            ("POST /v1/feedback/", {"json": {"memory_id": memory_id, "feedback": "NEGATIVE"}}),
            ("POST /v1/exports/", {"json": {"schema": {"memory": 1}, **self.exporting()}}),
            ("POST /v1/exports/get/", {"json": self.reading_an_export()}),
            (self.rng.choice(FORBIDDEN_ROUTES), {}),
        )
        return Operation(verb, arguments, http=True)


VERBS = {
    **{"add": 22, "add_many": 4, "get": 6, "get_all": 12, "search": 16, "graph": 5, "update": 8, "update_many": 3},
    **{
        "delete": 4,
        "delete_many": 2,
        "delete_all": 3,
        "reset": 0.8,
        "history": 4,
        "events": 2,
        "event": 3,
        "changes": 2,
    },
    **{"entities": 2, "feedback": 3, "create_memory_export": 2, "get_memory_export": 3, "export": 2, "forbidden": 2},
}
"""The verbs and how often each is called."""


# -- the world


@dataclass
class World:
    """The shared store, the twins, and what happened last."""

    rng: random.Random
    clock: Clock
    shared: Memory
    twins: list[Memory]
    principals: list[Principal]
    last: deque[Any] = field(default_factory=lambda: deque(maxlen=12))
    answered: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def step(self) -> None:
        if self.rng.random() < 0.01:
            self.administrate()
            return
        who = self.rng.choice(self.principals)
        draw = Draw(self.rng, who, self.principals)
        with_key = who.shared.client is not None
        operation = draw.http() if with_key and draw.chance(65) else draw.library()
        self.last.append((who.ids, operation))
        ours, alone = (perform(operation, who, side) for side in (who.shared, who.twin))
        shown, expected = who.shared.shown(ours), who.twin.shown(alone)
        assert shown == expected, f"\nanswered {shown}\nalone    {expected}"
        remember(operation.verb, ours, alone, who)
        who.forget()
        (self.refused if was_refused(ours) else self.answered)[operation.verb] += 1

    def administrate(self) -> None:
        """Do something to everybody's memories, on all stores, and compare the counts with the sum of the twins'."""
        verb, arguments = self.rng.choice(ADMINISTRATION)
        self.last.append(("everybody", verb, arguments))
        if verb == "advance":
            self.clock.advance(**arguments)
            return
        ours = getattr(self.shared, verb)(**arguments)
        alone = [getattr(twin, verb)(**arguments) for twin in self.twins]
        for name in ("removed", "memories", "expired", "total", "ok"):
            if isinstance(ours, dict) and name in ours:
                total = all(one[name] for one in alone) if name == "ok" else sum(one[name] for one in alone)
                assert ours[name] == total, f"{name}: {ours[name]}, of the twins {total}"

    def check_rows(self) -> None:
        """Compare all rows, expired ones too, with their histories: everybody's own, and together nothing else."""
        rows = export(self.shared, show_expired=True)[1:]
        left = len(rows)
        for who in self.principals:
            owned = [row for row in rows if who.owns(row)]
            expected = export(who.twin.memory, show_expired=True)[1:]
            left -= len(owned)
            assert who.shared.shown(owned) == who.twin.shown(expected), f"rows of {who.ids} differ"
        assert left == 0, f"{left} rows are nobody's"

    def story(self) -> str:
        return "\n".join(f"  {one}" for one in self.last)


ADMINISTRATION: list[tuple[str, dict[str, Any]]] = [
    *[("advance", {"seconds": seconds}) for seconds in (1, 20, 90, 400, 3_600, 86_400)],
    ("vacuum", {}),
    ("vacuum", {}),
    ("stats", {}),
    ("events", {}),
    ("check", {}),
    ("reindex_graph", {}),
    ("get_all", {"filters": ANY_SCOPE}),
    ("delete_all", {"filters": {"AND": [ANY_SCOPE, {"k": 3}]}}),
    ("reset", {}),
]


def was_refused(answer: Any) -> bool:
    return isinstance(answer, dict) and ("raised" in answer or ("body" in answer and answer["status"] >= 400))


def remember(verb: str, ours: Any, alone: Any, who: Principal) -> None:
    """Keep the ids that both stores gave; the answers are known to be alike."""
    for side, answer in ((who.shared, ours), (who.twin, alone)):
        if "add" in verb or verb == "POST /memories":
            found = list(added(answer))
            side.remember("memory", [one["id"] for one in found if one.get("event") == "ADD"])
            side.remember("event", [one["event_id"] for one in found if "event_id" in one])
        elif "export" in verb:
            side.remember("export", [one["id"] for one in added(answer) if "message" in one and "id" in one])
        elif verb == "changes":
            changes = answer["results"] if isinstance(answer, dict) and "results" in answer else answer
            side.remember("change", [one["sequence"] for one in changes if "sequence" in one])


def added(answer: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in an answer."""
    if isinstance(answer, dict):
        yield answer
    for one in answer.values() if isinstance(answer, dict) else answer if isinstance(answer, list) else ():
        yield from added(one)


@pytest.fixture
def world(seed: int, path: Path, clock: Clock) -> Iterator[World]:
    """Eleven users by views of the store, and eight plain scopes, with their twins. Three of the users also come over
    HTTP: two with API keys, and one whom the host of the server knows."""
    keys = {name: f"key-{number}" for number, name in enumerate(WITH_KEYS)}
    host_knows = list(keys)[1]

    def user_of(scope: Any) -> str | None:
        return host_knows if (b"x-session", keys[host_knows].encode()) in scope["headers"] else None

    settings = Settings(vacuum_interval_seconds=0, api_keys=tuple(ApiKey(key, name) for name, key in keys.items()))
    with ExitStack() as stack:

        def store(where: Any) -> Memory:
            opened = Memory(
                where,
                embedder=HashEmbedder(),
                clock=clock,
                durability="normal",
                short_term_ttl=60,
                graph_categories=["skill"],
            )
            return stack.enter_context(opened)

        def client(base: httpx.Client, name: str) -> httpx.Client:
            header = "X-Session" if name == host_knows else "X-API-Key"
            return stack.enter_context(client_of(base.base_url, headers={header: keys[name]}, timeout=60))

        shared = store(path)
        server = stack.enter_context(served_by(create_app(shared, settings, user=user_of)))
        twins, principals = [], []
        for ids in (*({"user_id": user} for user in USERS), *SCOPES):
            twins.append(twin := store(":memory:"))
            user = ids["user_id"] if len(principals) < len(USERS) else None
            sides = [Side(memory if user is None else memory.for_user(user)) for memory in (shared, twin)]
            if user in keys:
                alone = stack.enter_context(served_by(create_app(twin, settings, user=user_of)))
                sides[0].client, sides[1].client = client(server, user), client(alone, user)
            principals.append(Principal(ids, user is not None, *sides))
        yield World(random.Random(f"{seed} isolation"), clock, shared, twins, principals)


@pytest.mark.parametrize("count", sizes(4_000, 1_000_000))
def test_nobody_learns_or_changes_anything_of_anybody_else(world: World, seed: int, count: int) -> None:
    """Every answer is the one of a store with nobody else in it, and everybody's rows are what they made them."""
    for number in range(MOST * count):
        if number >= count and set(VERBS) - set(world.answered) == {"forbidden"}:
            break
        try:
            world.step()
            if number % CHECKED_EVERY == 0:
                world.check_rows()
        except Exception as error:
            raise AssertionError(f"seed {seed}, operation {number}: {error}\nafter\n{world.story()}") from error
    else:
        pytest.fail("a verb that is never answered compares nothing: " + str(set(VERBS) - set(world.answered)))
    world.check_rows()
    assert world.shared.check()["problems"] == []
    assert world.refused.total() < world.answered.total()


# -- found by the harness


def test_resetting_a_scope_leaves_the_exports_of_others(memory: Memory) -> None:
    """Only exports that name every id that is reset, as that kind of id, go with it; of others' views none do."""
    bob = memory.for_user("bob")
    kept = [
        (memory, memory.create_memory_export({}, {"user_id": "carol", "agent_id": "bot"})["id"]),  # bot, but not dave
        (memory, memory.create_memory_export({}, {"user_id": "erin", "tag": "dave"})["id"]),
        (memory.for_user("alice"), memory.for_user("alice").create_memory_export({}, {"tag": "dave"})["id"]),
        (bob, bob.create_memory_export({}, {"metadata.user_id": "dave", "agent_id": "bot"})["id"]),
    ]
    gone = memory.create_memory_export({}, {"user_id": {"in": ["dave"]}, "agent_id": "bot"})["id"]
    memory.reset(user_id="dave", agent_id="bot")
    memory.reset(agent_id="alice")
    memory.for_user("dave").reset()
    for reader, export_id in kept:
        assert reader.get_memory_export(export_id) == {"memories": []}
    with pytest.raises(NotFoundError):
        memory.get_memory_export(gone)
