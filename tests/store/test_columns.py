"""What searches keep in memory follows any store with versions: here one of dictionaries, without SQL or a file."""

import random

import numpy as np
import pytest
from embedder import HashEmbedder

from mem0lite import CorruptFileError
from mem0lite.data.filters import parse
from mem0lite.embedding.protocol import embed_documents, embed_query
from mem0lite.search.query import Query
from mem0lite.search.ranking import Ranking
from mem0lite.search.text import indexed_terms
from mem0lite.store.columns import NEVER, Columns, Memories, ScopeVersion, cosines_of, not_agreeing

EMBEDDER = HashEmbedder(dimensions=16)
WORDS = ("red", "green", "tea", "apple", "Ann: pear")
EVERYBODY = parse({"user_id": "*"})
RED = parse({"AND": [{"user_id": "*"}, {"memory": {"contains": "red"}}]})


class DictStore:
    """Memories by key in a dictionary; every change has a version. It is also its own snapshot, a ``Source``."""

    def __init__(self):
        self.texts, self.changed, self.expiry, self.rows, self.last = {}, {}, {}, {}, 1
        self.superseded = set()
        self.reads, self.numbers, self.given = [], {}, 0
        self.touches, self.remembers, self.listed, self.asked = [], True, [], []
        self.owner = lambda user: 1

    def add(self, user, text, expires_at=NEVER):
        self.last += 1
        if user not in self.numbers:
            self.given += 1  # a number is never given again, whatever became of its scope
            self.numbers[user] = self.given
        scope = self.numbers[user]
        row = self.rows.get(scope, ScopeVersion(scope, self.owner(user), 0, 0))
        key = scope << 32 | row.following
        self.texts[key], self.changed[key], self.expiry[key] = text, self.last, expires_at
        self.rows[scope] = row._replace(following=row.following + 1)
        self.changed[scope, "scope"] = self.last
        return key

    def rewrite(self, key, text):
        self.last += 1
        self.touches.append((self.last, key))
        if text is None:
            del self.texts[key]
        else:
            self.texts[key], self.changed[key] = text, self.last
        self._touch(key >> 32)

    def supersede(self, key):
        self.superseded.add(key)
        self.rewrite(key, self.texts[key])

    def _touch(self, scope):
        self.rows[scope] = self.rows[scope]._replace(rewritten=self.last)
        self.changed[scope, "scope"] = self.last

    def drop(self, scope):
        self.last += 1
        self.texts = {key: text for key, text in self.texts.items() if key >> 32 != scope}
        del self.rows[scope]
        self.numbers = {user: number for user, number in self.numbers.items() if number != scope}

    def version(self):
        return self.last

    def newest(self):
        return len(self.rows), max((self.changed[scope, "scope"] for scope in self.rows), default=0)

    def scopes(self, since=-1):
        return [self.rows[scope] for scope in sorted(self.rows) if self.changed[scope, "scope"] > since]

    def touched(self, since):
        touched = {key for version, key in self.touches if version > since}
        return np.array(sorted(touched), dtype=np.int64) if self.remembers else None

    def versions(self, first, last):
        keys = self.keys([(0, first, last)])
        return keys, np.array([self.changed[key] for key in keys.tolist()], dtype=np.int64)

    def keys(self, ranges):
        found = [key for key in self.texts if any(first <= key <= last for _, first, last in ranges)]
        return np.array(sorted(found), dtype=np.int64)

    def memories(self, ranges):
        keys = self.keys(ranges)
        self.reads += keys.tolist()
        texts = [self.texts[key] for key in keys.tolist()]
        return Memories(
            keys,
            np.array([indexed_terms(text).total() for text in texts], dtype=np.float32),
            keys % 7,
            np.array([self.expiry[key] for key in keys.tolist()], dtype=np.int64),
            np.array([key not in self.superseded for key in keys.tolist()], dtype=bool),
            ["\0user"] * len(keys),
            {place: text.partition(": ")[0] for place, text in enumerate(texts) if ": " in text},
        )

    def vectors(self, ranges):
        keys = self.keys(ranges)
        vectors = embed_documents(EMBEDDER, [self.texts[key] for key in keys.tolist()])
        return keys, np.array(vectors, dtype=np.float32).reshape(len(keys), EMBEDDER.dimensions)

    def cosines(self, keys, vector):
        found, vectors = self.vectors([(0, key, key) for key in keys.tolist()])
        if found.tolist() != keys.tolist():
            raise not_agreeing()
        return cosines_of(vectors, vector)

    def postings(self, ranges, terms):
        self.listed.append(ranges)
        self.asked += terms
        keys = sorted(self.texts) if ranges is None else self.keys(ranges).tolist()
        return [self._postings_of(keys, term) for term in terms]

    def _postings_of(self, keys, term):
        counts = {key: indexed_terms(self.texts[key])[term] for key in keys}
        keys = [key for key, count in counts.items() if count]
        return np.array(keys, dtype=np.int64), np.array([counts[key] for key in keys], dtype=np.float32)

    def matching(self, ranges, expression):
        return np.array([key for key in self.keys(ranges).tolist() if "red" in self.texts[key]], dtype=np.int64)


def viewed(columns, store, expression=RED, now=5, latest=False):
    """Return everything that a search would get, by key, in a form that can be compared."""
    query = Query.read("red tea", embed_query(EMBEDDER, "red tea"), now, Ranking())
    found = columns.view(store, expression, now, query, latest=latest)
    view, keys = found.view, found.keys.tolist()
    assert view.scopes.tolist() == [key >> 32 for key in keys]
    return {
        "keys": keys,
        "cosine": view.cosine.tolist(),
        "lengths": view.lengths.tolist(),
        "sessions": view.sessions.number.tolist(),
        "matching": None if view.matching is None else view.matching.tolist(),
        "postings": {
            term: sorted(zip([keys[at] for at in positions], frequencies.tolist(), strict=True))
            for term, (positions, frequencies) in view.postings.items()
        },
    }


def change(store, drawn):
    keys = list(store.texts)
    text = " ".join(drawn.choices(WORDS, k=3))
    match drawn.randrange(7):
        case 0 if keys:
            store.rewrite(drawn.choice(keys), text)
        case 1 if keys:
            store.rewrite(drawn.choice(keys), None)
        case 2 if len(store.rows) > 2:
            store.drop(drawn.choice(list(store.rows)))
        case 3 if keys:
            store.supersede(drawn.choice(keys))
        case _:
            store.add(drawn.randrange(1, 5), text, drawn.choice([NEVER, 3, 9]))


@pytest.mark.parametrize("limit", [0, 5_000, 10_000_000])
def test_columns_follow_any_versioned_store(seed, limit):
    """After any changes the columns answer as new ones do that read everything, whatever fits."""
    drawn, store, columns = random.Random(seed), DictStore(), Columns(EMBEDDER.dimensions, limit)
    for _ in range(40):
        store.remembers = drawn.random() < 0.7
        for _ in range(drawn.randrange(4)):
            change(store, drawn)
        for expression, latest in ((RED, False), (EVERYBODY, True), (EVERYBODY, False)):
            expected = viewed(Columns(EMBEDDER.dimensions, 10_000_000), store, expression, latest=latest)
            assert viewed(columns, store, expression, latest=latest) == expected
            assert not latest or store.superseded.isdisjoint(expected["keys"])


def test_only_what_changed_is_read():
    """A change costs reading what it changed, not the scope."""
    store, columns = DictStore(), Columns(EMBEDDER.dimensions, 10_000_000)
    first, *_ = [store.add(1, f"tea {number}") for number in range(50)]
    viewed(columns, store)
    store.reads.clear()
    added = store.add(1, "red tea")
    store.rewrite(first, "green tea")
    viewed(columns, store)
    assert sorted(store.reads) == [first, added]
    viewed(columns, store)
    assert sorted(store.reads) == [first, added]


def test_vectors_are_not_read_at_once():
    """However large a scope is, its vectors are read some hundreds at a time; the first search brings none at all."""
    store, columns = DictStore(), Columns(EMBEDDER.dimensions, 10_000_000)
    for number in range(1_200):
        store.add(1, f"red {number}")
    read, vectors = [], store.vectors
    store.cosines = lambda keys, vector: np.ones(len(keys), dtype=np.float32)
    store.vectors = lambda ranges: read.append(ranges) or vectors(ranges)
    viewed(columns, store)
    assert read == []
    viewed(columns, store)
    sizes = [sum(last - first + 1 for _, first, last in ranges) for ranges in read]
    assert sum(sizes) == 1_200 and max(sizes) <= 512


def test_a_scope_that_lost_nearly_everything_is_read_in_few_steps():
    """Neither numbers of memories that are gone, nor a damaged count of memories, make a search long."""
    store, columns = DictStore(), Columns(EMBEDDER.dimensions, 10_000_000)
    store.add(1, "red tea")
    store.rows[1] = store.rows[1]._replace(following=2**32 - 1)
    last = store.add(1, "tea")
    asked, memories = [], store.memories
    store.memories = lambda ranges: asked.append(ranges) or memories(ranges)
    assert viewed(columns, store)["keys"] == [1 << 32, last]
    assert len(asked) < 40


def test_every_memory_is_read_once_however_many_there_are(seed):
    """The parts in which memories are read hold each key once and in order, whatever the sizes of the scopes are."""
    drawn = random.Random(seed)
    for _ in range(20):
        store, columns = DictStore(), Columns(EMBEDDER.dimensions, 10_000_000)
        sizes = [drawn.choice([1, 3, 8_191, 8_192, 8_193, 20_000, 40_000]) for _ in range(drawn.randrange(1, 6))]
        for number, size in enumerate(sizes, 1):
            store.rows[number], store.changed[number, "scope"] = ScopeVersion(number, 1, size, 0), 1
        parts, none = [], store.memories([])
        store.memories = lambda ranges, parts=parts, none=none: parts.append(ranges) or none
        viewed(columns, store)
        spans = [(number, number << 32, (number << 32) + size - 1) for number, size in enumerate(sizes, 1)]
        joined = []
        for number, first, last in (one for part in parts for one in part):
            if joined and joined[-1][0] == number:
                assert first == joined.pop()[2] + 1
                first = number << 32
            joined.append((number, first, last))
        assert joined == spans
        assert sum(last - first + 1 for _, first, last in parts[0]) <= 8_192


@pytest.mark.parametrize(("users", "owners", "ranges"), [(10, 10, 10), (60, 60, None), (60, 2, 2), (60, 20, 20)])
def test_many_owners_of_a_scope_each_are_not_listed(users, owners, ranges):
    """Where each of many owners has a scope, the store is asked for all scopes; otherwise each owner is a range."""
    store, columns = DictStore(), Columns(EMBEDDER.dimensions, 10_000_000)
    store.owner = lambda user: user % owners
    for user in range(users):
        store.add(user, f"red tea {user}")
    answer = viewed(columns, store)
    assert {None if listed is None else len(listed) for listed in store.listed} == {ranges}
    assert len(answer["postings"]["tea"]) == users


def test_forms_of_other_languages_are_read_where_they_can_count():
    """The form that a word has in another language is not looked for while no memory is in another language."""
    store, columns = DictStore(), Columns(EMBEDDER.dimensions, 10_000_000)
    query, form = Query.read("familias", embed_query(EMBEDDER, "familias"), 5, Ranking()), "famili"
    assert form in query.foreign["familia"]

    def positions():
        return columns.view(store, EVERYBODY, 5, query).view.postings[form][0].tolist()

    store.add(1, "red tea")
    assert positions() == []
    assert form not in store.asked
    store.add(1, "mi madre vive en una casa con la familia y con los perros")
    assert positions() == [1]
    assert form in store.asked
    store.add(1, "la familia de Ana no es de la ciudad y no vive con ella")
    assert positions() == [1, 2]


def test_memories_without_their_vectors_are_damage():
    """A vector that is missing, or is no unit vector, is an error, and never a score."""
    for vectors in (
        lambda keys: (keys[1:], np.ones((len(keys) - 1, 16), dtype=np.float32) / 4),
        lambda keys: (keys, np.ones((len(keys), 16), dtype=np.float32)),
        lambda keys: (keys, np.full((len(keys), 16), np.nan, dtype=np.float32)),
    ):
        store = DictStore()
        store.add(1, "tea")
        store.add(1, "red tea")
        store.vectors = lambda ranges, store=store, vectors=vectors: vectors(store.keys(ranges))
        for limit in (0, 10_000_000):
            with pytest.raises(CorruptFileError, match="memories and vectors do not agree"):
                viewed(Columns(EMBEDDER.dimensions, limit), store)
