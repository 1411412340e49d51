"""The same calls on SQLite and on PostgreSQL give the same answers and the same errors."""

import json
import random
import re
from contextlib import ExitStack

import pytest
from embedder import HashEmbedder

from mem0lite import Mem0LiteError, Memory

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
WORDS = [
    "tea",
    "coffee",
    "Ada",
    "Oslo",
    "likes",
    "hates",
    "café",
    "cafe\u0301",
    "NUL\0",
    "two",
    "ÉTÉ",
    "straße",
    "\x01",
]
USERS = ["alice", "bob", "zoë"]
VALUES = [0, 1, 2**63, 2**70 + 1, -0.0, 1e22, 0.1, "a", "A", "b\0", "2026-01-02", True, ["a", 1], None, {"deep": ["x"]}]


class Twin:
    """A store, and short names for the ids in its answers, in the order in which they appear."""

    def __init__(self, memory):
        self.memory, self.names, self.made = memory, {}, []

    def call(self, verb, *arguments, **named):
        """Return what a verb answers or raises, with short names in the place of ids."""
        try:
            answer = getattr(self.memory, verb)(*arguments, **named)
        except Mem0LiteError as error:
            return [type(error).__name__, self.shown(str(error))]
        if verb == "add":
            self.made += [one["id"] for one in answer["results"]]
        if isinstance(answer, dict):  # without what belongs to each store: how full pages were, how a cursor is sealed
            answer = {name: value for name, value in answer.items() if name not in ("bytes_freed", "next_cursor")}
        return json.loads(self.shown(json.dumps(answer)))

    def shown(self, text):
        return ID.sub(lambda found: self.names.setdefault(found[0], f"<{len(self.names)}>"), text)


def same(one, other):
    """Whether two answers are equal, scores to a millionth."""
    if isinstance(one, float) and isinstance(other, float):
        return one == pytest.approx(other, abs=1e-6)
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


def filters(draw):
    condition = draw.choice(
        [
            {"n": draw.choice(VALUES[:13])},
            {"n": {draw.choice(["gt", "gte", "lt", "lte", "ne"]): draw.choice([0, 1, 2**70, 0.5, "a", "2026-01-01"])}},
            {"n": {"in": draw.sample([0, 1, 2**63, "a", "b\0", 0.1], 3)}},
            {"memory": {draw.choice(["contains", "icontains"]): draw.choice(["é", "\0", "STRASSE", "tea", "\x01"])}},
            {"n.deep": {"contains": "x"}},
        ]
    )
    return {"AND": [{"user_id": draw.choice(USERS)}, draw.choice([condition, {"NOT": [condition]}])]}


def call(draw, twins, clock):
    """Return a verb and its arguments, as a function of a store."""
    user = draw.choice(USERS)
    text = " ".join(draw.choices(WORDS, k=draw.randint(1, 4))).strip() + "."
    place = draw.randrange(len(twins[0].made)) if twins[0].made else None
    kind = draw.choice(["add"] * 5 + ["search"] * 3 + ["read"] * 4 + (["change"] * 3 if place is not None else []))
    if kind == "add":
        metadata = draw.choice([None, {"n": draw.choice(VALUES), "a": 1}])
        more = draw.choice([{}, {}, {"agent_id": "helper"}, {"key": draw.choice("xy")}, {"ttl": draw.choice([1, 60])}])
        return lambda twin: twin.call("add", text, user_id=user, infer=False, metadata=metadata, **more)
    if kind == "search":
        asked = draw.choice([{"user_id": user}, filters(draw), {"OR": [{"user_id": one} for one in USERS]}])
        return lambda twin: twin.call("search", text, filters=asked, top_k=20, threshold=0.0)
    if kind == "read":
        past = clock() if draw.random() < 0.5 else None
        return draw.choice(
            [
                lambda twin: twin.call("get_all", filters={"user_id": user}),
                lambda twin: twin.call("get_all", filters={"user_id": user}, as_of=past),
                lambda twin: twin.call("changes", after=0, limit=1000),
                lambda twin: twin.call("entities"),
                lambda twin: twin.call("events"),
                lambda twin: twin.call("get", "no such id"),
            ]
        )
    return draw.choice(
        [
            lambda twin: twin.call("update", twin.made[place], text),
            lambda twin: twin.call("update", twin.made[place], metadata={"n": text}),
            lambda twin: twin.call("delete", twin.made[place]),
            lambda twin: twin.call("history", twin.made[place]),
            lambda twin: twin.call("delete_all", user_id=user),
            lambda twin: twin.call("vacuum"),
        ]
    )


def test_the_same_calls_give_the_same_answers(tmp_path, postgresql, clock, seed):
    """Whatever is called, both stores answer alike: the same memories in the same order, scores, histories, errors."""
    draw = random.Random(seed)
    with ExitStack() as opened:
        twins = [
            Twin(opened.enter_context(Memory(place, embedder=HashEmbedder(), clock=clock, graph_categories=["people"])))
            for place in (tmp_path / "agent.db", postgresql)
        ]
        for _ in range(100):
            clock.advance(seconds=draw.choice([0, 0.5, 40]))
            made = call(draw, twins, clock)
            answers = [made(twin) for twin in twins]
            assert same(*answers), answers
