"""The whole store against a dictionary: random lives of memories, checked on every read path."""

import io
import json
from datetime import timedelta

import pytest
from conftest import Clock
from embedder import HashEmbedder
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from mem0lite import Memory, MemoryNotFoundError
from mem0lite.data.filters import ANY_SCOPE
from mem0lite.search.similarity import near_identical

pytestmark = pytest.mark.harness

USERS = st.sampled_from(["alice", "bob"])
RUNS = st.sampled_from([None, "r1", "r2"])
TEXTS = st.sampled_from(["red apple", "green apple", "a blue car", "blue", "car red car", "наша машина"])
PROJECTS = st.sampled_from([None, "p1", "p2"])
LIFETIMES = st.sampled_from(
    [{}, {"ttl": 0}, {"ttl": 5}, {"ttl": 60.5}, {"expiration_date": "2026-03-01"}, {"lifespan": "short_term"}]
)

SHORT = timedelta(seconds=30)


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a Memory on a real file and to ``self.model``, a dictionary of what should be there."""

    ids = Bundle("ids")

    def __init__(self):
        super().__init__()
        self.clock = Clock()
        self.model = {}

    @initialize()
    def open(self):
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.memory = self.opened()

    def opened(self):
        return Memory(
            f"{self.folder.name}/a.db", embedder=HashEmbedder(), clock=self.clock, short_term_ttl=SHORT.total_seconds()
        )

    def teardown(self):
        if hasattr(self, "memory"):
            self.memory.close()
            self.folder.cleanup()

    def live(self, **scope):
        return {
            key: one
            for key, one in self.model.items()
            if (one["expires"] is None or one["expires"] > self.clock.now)
            and all(one[name] == value for name, value in scope.items())
        }

    def expiry(self, given, lifespan):
        """Return when a memory that is added now expires, None for never."""
        now = self.clock.now
        if "ttl" in given:
            return now + timedelta(seconds=given["ttl"])
        if "expiration_date" in given:
            return now.replace(hour=0, minute=0, second=0, microsecond=0, day=2)
        return now + SHORT if lifespan else None

    def repeated(self, user, run, text, metadata, expires):
        """Return the memories to which such an add on this day adds nothing, not even a longer life."""
        return {
            key: one
            for key, one in self.live(user=user, run=run, text=text, metadata=metadata).items()
            if one["created"].date() == self.clock.now.date()
            and (one["expires"] is None or (expires is not None and expires <= one["expires"]))
        }

    @rule(target=ids, user=USERS, run=RUNS, text=TEXTS, project=PROJECTS, lifetime=LIFETIMES, infer=st.booleans())
    def add(self, user, run, text, project, lifetime, infer):
        given = dict(lifetime)
        metadata = {} if project is None else {"project_id": project}
        if lifespan := given.pop("lifespan", None):
            metadata["memory_lifespan"] = lifespan
        expires = self.expiry(given, lifespan)
        repeated = self.repeated(user, run, text, metadata, expires) if infer else {}
        [result] = self.memory.add(text, user_id=user, run_id=run, metadata=metadata, infer=infer, **given)["results"]
        if repeated:
            assert result["event"] == "NONE"
            assert result["id"] in repeated
            return result["id"]
        assert result["event"] == "ADD"
        self.model[result["id"]] = {
            "user": user,
            "run": run,
            "text": text,
            "metadata": metadata,
            "expires": expires,
            "created": self.clock.now,
            "changes": 1,
        }
        return result["id"]

    @rule(key=ids, text=TEXTS)
    def update_text(self, key, text):
        if key in self.live():
            self.memory.update(key, text)
            self.model[key]["text"] = text
            self.model[key]["changes"] += 1
        else:
            self.refuses(lambda: self.memory.update(key, text))

    @staticmethod
    def by_metadata(one):
        """Return when a memory expires by its metadata, None for never."""
        return one["created"] + SHORT if one["metadata"].get("memory_lifespan") == "short_term" else None

    @rule(key=ids, project=st.sampled_from(["p1", "p2"]), lifespan=st.sampled_from([None, "short_term", "long_term"]))
    def update_metadata(self, key, project, lifespan):
        changes = {"project_id": project} | ({} if lifespan is None else {"memory_lifespan": lifespan})
        if key not in self.live():
            return self.refuses(lambda: self.memory.update(key, metadata=changes))
        one = self.model[key]
        self.memory.update(key, metadata=changes)
        date = self.memory.get(key, show_expired=True).get("expiration_date")
        if date is None and one["expires"] == self.by_metadata(one):  # a ttl stays in force
            one["expires"] = self.by_metadata({**one, "metadata": one["metadata"] | changes})
        one["metadata"] = one["metadata"] | changes
        one["changes"] += 1

    @rule(key=consumes(ids))
    def delete(self, key):
        if key in self.live():
            self.memory.delete(key)
            del self.model[key]
        else:
            self.refuses(lambda: self.memory.delete(key))

    @rule(user=USERS, run=RUNS)
    def delete_all(self, user, run):
        scope = {"user": user} | ({} if run is None else {"run": run})
        self.memory.delete_all(user_id=user, run_id=run)
        self.model = {k: one for k, one in self.model.items() if any(one[n] != v for n, v in scope.items())}

    @rule(user=USERS)
    def reset_user(self, user):
        self.memory.reset(user_id=user)
        self.model = {key: one for key, one in self.model.items() if one["user"] != user}

    @rule(seconds=st.sampled_from([1, 5, 29, 30, 31, 61, 50_000]))
    def advance(self, seconds):
        self.clock.advance(seconds=seconds)

    @rule()
    def vacuum(self):
        expired = set(self.model) - set(self.live())
        assert self.memory.vacuum()["removed"] == len(expired)
        self.model = self.live()

    @rule()
    def reopen(self):
        self.memory.close()
        self.memory = self.opened()

    @rule()
    def move(self):
        """Everything out as JSON lines, and back into the emptied store."""
        lines = io.StringIO()
        self.memory.export(lines, show_expired=True)
        self.memory.reset()
        lines.seek(0)
        result = self.memory.import_(lines)
        assert (result["added"], result["skipped"]) == (len(self.model), 0)

    @rule(user=USERS, run=RUNS, query=TEXTS, project=PROJECTS)
    def search(self, user, run, query, project):
        scope = {"user": user} | ({} if run is None else {"run": run})
        filters = {} if project is None else {"project_id": project}
        expected = {
            key for key, one in self.live(**scope).items() if project in (None, one["metadata"].get("project_id"))
        }
        found = self.memory.search(query, user_id=user, run_id=run, filters=filters, threshold=0, top_k=1000)["results"]
        assert {item["id"] for item in found} == expected
        best = self.memory.search(query, user_id=user, run_id=run, filters=filters, threshold=0, top_k=2)["results"]
        assert best[:1] == found[:1]
        if best != found[:2]:  # of two that say the same, the second yields to another
            assert near_identical(found[0]["memory"], found[1]["memory"])
            assert best[1] in found

    @staticmethod
    def refuses(verb):
        try:
            verb()
        except MemoryNotFoundError:
            return
        raise AssertionError("a memory that is not there was changed")

    @invariant()
    def every_read_path_agrees(self):
        if not hasattr(self, "memory"):
            return
        live = self.live()
        page = self.memory.get_all(filters=ANY_SCOPE, top_k=1000)
        assert page["total"] == len(page["results"]) == len(live)
        for item in page["results"]:
            one = live[item["id"]]
            assert (item["user_id"], item.get("run_id"), item["memory"]) == (one["user"], one["run"], one["text"])
            assert item["metadata"] == (one["metadata"] or None)
            assert self.memory.get(item["id"]) == {**item, "score": None}
            assert len(self.memory.history(item["id"])) == one["changes"]
        for key in set(self.model) - set(live):
            assert self.memory.get(key) is None
            assert self.memory.history(key) == []
        entities = {(e["type"], e["id"]): e["total_memories"] for e in self.memory.entities()}
        for user in {one["user"] for one in live.values()}:
            assert entities[("user", user)] == len(self.live(user=user))
        assert self.memory.stats()["memories"] == len(live)
        lines = io.StringIO()
        assert self.memory.export(lines) == len(live)
        items = map(json.loads, lines.getvalue().splitlines())
        assert {item["id"] for item in items if "memory" in item} == set(live)


StoreMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestStore = StoreMachine.TestCase
