"""What stays small whatever callers send: exports, and all that is remembered between calls."""

import gc
import json
import tracemalloc

import pytest
from embedder import HashEmbedder

from mem0lite import Memory, ValidationError
from mem0lite.graph.build import name_of
from mem0lite.memory import (
    MAX_EXPORT_CHARACTERS,
    MAX_EXPORT_FIELD_LENGTH,
    MAX_EXPORT_FIELDS,
)
from mem0lite.search import text
from mem0lite.search.similarity import canonical

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def word(number):
    """Return a word of letters that no other number has."""
    digits = []
    while number or not digits:
        number, digit = divmod(number, 26)
        digits.append(LETTERS[digit])
    return "".join(digits)


@pytest.fixture
def memory():
    with Memory(":memory:", embedder=HashEmbedder(), graph_categories=["skill"]) as memory:
        yield memory


def kept_by(call, count):
    """Return how many bytes are still taken after a call with each of so many numbers."""
    call(0)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(1, count + 1):
            call(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def prose(number, length):
    """Return an English text of its own with short words."""
    return " ".join([f"I like {word(number)} and", *["the tea is not for you and"] * (length // 26)])


@pytest.mark.parametrize(
    "call",
    [
        lambda number: name_of("x" * 100_000 + word(number)),
        lambda number: name_of(f"a/{number}" * 20_000),
        lambda number: text.terms("x" * 100_000 + word(number)),
        lambda number: text.terms(" ".join("Ж" * 250 + word(number + one) for one in range(100))),
        lambda number: canonical(prose(number, 3_900)),
        lambda number: canonical("x" * 100_000 + str(number)),
    ],
    ids=["long name", "long path", "long word", "foreign words", "prose", "long text"],
)
def test_what_is_remembered_of_texts_is_small(call):
    """Caches of words, names and texts are bounded in bytes: long ones do not stay in memory."""
    assert kept_by(call, 100) < 8_000_000


def test_the_questions_that_are_remembered_are_short(memory):
    """A store that is asked long questions does not keep them; the short ones it remembers with their vectors."""
    memory.add("tea", user_id="u")
    assert kept_by(lambda number: memory.search(f"{number} " + "tea " * 2_500, user_id="u"), 60) < 300_000


def test_tags_of_any_length_are_not_remembered(memory):
    """Names of 100,000 characters in the metadata of a graph's memories leave the process as small as it was."""
    entity = "x" * 90_000
    assert kept_by(lambda number: memory.graph(user_id="u", entity=entity + word(number)), 50) < 1_000_000


def long_keys():
    """Return how many characters the long keys of all dictionaries of the process have, as caches are such."""
    gc.collect()
    held = [one for one in gc.get_objects() if issubclass(type(one), dict)]  # isinstance would ask lazy objects
    return sum(len(name) for one in held for name in list(one) if is_long(name))


@pytest.mark.parametrize("kind", ["ids", "filters", "speakers"])
def test_the_cache_of_searches_counts_the_names_in_it(kind):
    """What filters, scopes and speakers are called counts in ``cache_bytes`` like the vectors."""
    limit, before = 2_000_000, long_keys()
    with Memory(":memory:", embedder=HashEmbedder(), cache_bytes=limit) as memory:

        def ask(number):
            memory.add(f"tea {number}", user_id=f"u{number}", metadata={"a": number})
            long = [f"{number}-{one}-" + "x" * 900 for one in range(100)]
            if kind == "ids":
                memory.search("tea", filters={"user_id": [f"u{number}", *long]})
            elif kind == "filters":
                memory.search("tea", user_id="u0", filters={"b": long})
            else:
                said = [{"role": "user", "name": name, "content": f"tea {name[:9]}"} for name in long]
                memory.add(said, user_id=f"u{number}", infer=False)
                memory.search("tea", user_id=f"u{number}")

        ask(0)
        for number in range(1, 60):
            ask(number)
        assert memory.stats()["cached_bytes"] < 2 * limit
        assert long_keys() - before < limit


def is_long(name):
    return isinstance(name, str) and len(name) > 800 and "x" * 700 in name


@pytest.mark.parametrize(
    "schema",
    [
        {f"field{number}": {} for number in range(MAX_EXPORT_FIELDS + 1)},
        {"type": "object", "properties": {f"field{number}": {} for number in range(40_000)}},
        json.dumps({"x" * (MAX_EXPORT_FIELD_LENGTH + 1): "string"}),
        {"memory": {}, "é" * 100_000: {}},
    ],
    ids=["one too many", "very many", "a long name", "a very long name"],
)
def test_an_export_has_so_many_fields(memory, schema):
    """An export of too many fields, or of a field whose name is too long, is refused with the bound."""
    with pytest.raises(ValidationError, match="at most 200") as caught:
        memory.create_memory_export(schema, {"user_id": "u"})
    assert caught.value.field == "schema"
    assert len(str(caught.value)) < 300


def test_an_export_may_have_as_many_fields_as_there_may_be(memory):
    """The largest export that is allowed can be made and read."""
    memory.add("tea", user_id="u")
    fields = [f"{number:0{MAX_EXPORT_FIELD_LENGTH}}" for number in range(MAX_EXPORT_FIELDS)]
    made = memory.create_memory_export({name: {} for name in fields}, {"user_id": "u"})
    assert memory.get_memory_export(made["id"]) == {"memories": [dict.fromkeys(fields)]}


def test_a_stored_export_of_too_many_fields_is_refused_when_it_is_read(memory):
    """An export that an earlier version kept, without a bound, does not make an answer of any size either."""
    memory.add("tea", user_id="u")
    made = memory.create_memory_export({"memory": {}}, {"user_id": "u"})
    widen = lambda kept: {**kept, "fields": [f"field{number}" for number in range(40_000)]}  # noqa: E731
    memory._store.change_document("export", made["id"], widen)
    with pytest.raises(ValidationError, match="40000 fields, at most 200"):
        memory.get_memory_export(made["id"])


def test_an_export_is_bounded_as_a_whole(memory):
    """What is answered at once has a bound in characters; the error says which verb has none."""
    name = "x" * 90_000
    count = MAX_EXPORT_CHARACTERS // len(name) // 100 + 2
    entries = [
        {"messages": f"tea {number}", "user_id": "u", "metadata": {"a": [name] * 100}} for number in range(count)
    ]
    memory.add_many(entries)
    with pytest.raises(ValidationError, match="Narrow its filters") as caught:
        memory.get_memory_export(filters={"user_id": "u"})
    assert caught.value.field == "filters"
    assert len(memory.get_memory_export(filters={"user_id": "u", "memory": "tea 1"})["memories"]) == 1
    fields = memory.create_memory_export({"memory": {}}, {"user_id": "u"})
    assert len(memory.get_memory_export(fields["id"])["memories"]) == count
