"""Whatever is written, asked or filtered by: it is answered rightly or refused clearly, and the store stays usable.

Texts, ids, metadata, queries and filters are made of what breaks others: SQL and FTS syntax, JSON paths, every plane of
Unicode, lone surrogates, NUL, huge numbers, NaN, deep nesting and values of types that nobody expects. What is accepted
comes back identical, filters select what the oracle of ``test_filters.py`` says, and nothing but a ValidationError (or,
for an id that nobody has, a NotFoundError) is ever raised.
"""

import json
import math
import random
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
import serving
from conftest import Clock
from embedder import HashEmbedder
from sizes import sizes
from test_filters import OWN, Lines, matches

from mem0lite import FilterError, Memory, NotFoundError, ValidationError
from mem0lite.data.filters import ANY_SCOPE
from mem0lite.server import Settings, create_app

served, store, client = serving.served, serving.store, serving.client

SYNTAX = (
    *(
        "'; DROP TABLE memory; --",
        '" OR ""="',
        "x' UNION SELECT * FROM meta --",
        "%_%",
        "a\\",
        "?1 :a @b $c",
        "/* x */",
    ),
    *(
        'NEAR("a" b, 2)',
        'a AND NOT (b OR "c',
        "text : x*",
        "^red",
        "{a b}: c",
        "((((((",
        "-- red",
        "red*",
        '""',
        "AND OR NOT",
    ),
    *(
        "$.a[0]",
        "$[#-1]",
        '$."a',
        "metadata.a",
        "{}",
        '{"$ne": null}',
        "[1]",
        "null",
        "true",
        "*",
        "NaN",
        "1e999",
        "-0",
    ),
    *("2026-02-30", "2026-03-01T25:61", "last tuesday", "yesterday at 9999999999999 o'clock", "week 54 of 2026"),
)
UNICODE = (
    *(
        "e" + "\u0301" * 60,
        "\u202emirror\u202c",
        "\ufeffbom",
        "zero\u200bwidth",
        "\uffff\ufdd0",
        "\U0010ffff",
        "\u2028\x85\x0b",
    ),
    *(
        "👩‍👩‍👧‍👦" * 5,
        "🇩🇪",
        "İıſKﬃßẞ",
        "Ǆǅǆ",
        "नि",
        "ﷺ",
        "한국어",
        "日本語テキスト",
        "שלום עליכם",
        "\u0600\u06dd",
        "\x00",
        "a\x00b",
        "\x1b[31m",
    ),
)
BROKEN = ("\ud800", "red \udfff apple", "\udc00\ud800")
KEYS = (
    *(
        "k",
        "a",
        "a.b",
        "a.b.c",
        "",
        " ",
        ".",
        "..",
        "a..b",
        "[",
        "a[0]",
        "$",
        "$.a[0]",
        "#",
        '"',
        "\\",
        '\\"',
        "'",
        "--",
    ),
    *("metadata", "metadata.a", "AND ", "$AND", "eq", "\x01", "ключ", "😀", "e\u0301", "é", "x" * 300, "Key", "KEY"),
)
NUMBERS = (0, 1, -1, 5, 5.0, 0.1, -0.0, 2**53 + 1, 2**63, -(2**63) - 1, 10**30, 10**300, 5e-324, 1.7976931348623157e308)
BAD_NUMBERS = (math.nan, math.inf, -math.inf, 10**400, -(10**5_000))
WORDS = ("red", "Apple", "pear's", "café", "7", "the")


def scalars(value: Any) -> Iterator[Any]:
    """Yield every value in a JSON value that is neither list nor object."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from scalars(one)
    else:
        yield value


def keyed(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object with the last of the values whose keys are one in either Unicode form."""
    return dict({unicodedata.normalize("NFC", key): (key, value) for key, value in pairs}.values())


def composed(value: Any) -> Any:
    """Return a JSON value as it is kept: with its keys in composed form."""
    if isinstance(value, dict):
        return {unicodedata.normalize("NFC", key): composed(one) for key, one in value.items()}
    return [composed(one) for one in value] if isinstance(value, list | tuple) else value


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def deep_filter(depth: int) -> Any:
    filters: Any = {"k": 1}
    for _ in range(depth):
        filters = {"AND": [filters]}
    return filters


DEEP, TOO_DEEP, FAR_TOO_DEEP = nested(99), nested(101), nested(900)
DEEP_FILTERS = (deep_filter(51), deep_filter(2_000), {"OR": [{"k": n} for n in range(1_001)]})
LONG = ("x" * 100_000, "wort " * 20_000, "\u0301" * 100_000, "😀" * 99_999)


class Hostile:
    """Makes up inputs."""

    def __init__(self, seed: str) -> None:
        self.rng = random.Random(seed)
        self.stored: list[Any] = [5]  # values that memories have, for filters to find

    def chance(self, percent: float) -> bool:
        return self.rng.random() * 100 < percent

    def one_of(self, *values: Any) -> Any:
        return self.rng.choice(values)

    # -- texts

    def character(self) -> str:
        """Return a character of any plane; a lone surrogate is none."""
        point = self.rng.choice((self.rng.randrange(0x20), self.rng.randrange(0x2000), self.rng.randrange(0x10F800)))
        return chr(point if point < 0xD800 else point + 0x800)

    def text(self) -> str:
        """Return a text that can be stored, unless it is blank."""
        parts: Callable[[], str] = lambda: self.one_of(*SYNTAX, *UNICODE, *WORDS, *WORDS)  # noqa: E731
        if self.chance(0.15):
            return self.one_of(*LONG)
        if self.chance(25):
            return "".join(self.character() for _ in range(self.rng.randrange(1, 30)))
        return self.one_of(" ", "", "\n").join(parts() for _ in range(self.rng.randrange(1, 4)))

    def any_text(self) -> Any:
        """Return a text, or what cannot be one."""
        if self.chance(85):
            return self.text()
        return self.one_of(
            *BROKEN, "", " \t\n", "\u2003", "x" * 100_001, None, 5, b"red", ["red"], {}, object(), 10**5_000
        )

    # -- values

    def scalar(self) -> Any:
        return self.one_of(self.text()[:200], self.one_of(*NUMBERS), self.one_of(True, False, None, "*", "5", 5))

    def json(self, depth: int = 3) -> Any:
        """Return a JSON value."""
        if depth == 0 or self.chance(60):
            return self.scalar()
        if self.chance(50):
            return [self.json(depth - 1) for _ in range(self.rng.randrange(4))]
        return keyed((self.one_of(*KEYS), self.json(depth - 1)) for _ in range(self.rng.randrange(4)))

    def metadata(self) -> dict[str, Any]:
        made = keyed((self.one_of(*KEYS), self.json()) for _ in range(self.rng.randrange(6)))
        if self.chance(3):
            made["deep"] = DEEP
        return made

    def bad_value(self) -> Any:
        """Return what JSON cannot hold, or is held to nowhere."""
        looped: list[Any] = []
        looped.append(looped)
        return self.one_of(
            *(*BAD_NUMBERS, *BROKEN, TOO_DEEP, FAR_TOO_DEEP, looped, object(), b"x", {1, 2}, 1j, Decimal("1.5")),
            *(
                {5: 1},
                {None: 1},
                {"a\0": 1},
                {"\ud800": 1},
                datetime(2026, 3, 1, tzinfo=UTC),
                date(2026, 3, 1),
                ...,
                int,
            ),
        )

    def bad_metadata(self) -> Any:
        if self.chance(20):
            return self.one_of([], "x", 5, {5: 1}, {"a\0b": 1}, {"\udfff": 1}, object(), [("a", 1)])
        bad = self.bad_value()
        place = self.one_of(lambda: bad, lambda: [1, bad], lambda: {"a": {"b": bad}})
        return {**self.metadata(), self.one_of(*KEYS): place()}

    # -- filters

    def filter_key(self) -> str:
        if self.chance(15):
            return self.one_of("memory", "role", "actor_id", "id")
        return self.one_of("", "", "metadata.") + self.one_of(*(key for key in KEYS if key != "metadata"))

    def condition(self) -> dict[str, Any]:
        some = [self.operand() for _ in range(self.rng.randrange(4))]
        number = self.one_of(*NUMBERS)
        operand: Any = self.one_of(
            self.operand(),
            some,
            {self.one_of("eq", "ne"): self.operand()},
            {self.one_of("in", "nin"): some},
            {self.one_of("gt", "gte", "lt", "lte"): self.one_of(self.part(), number)},
            {"contains": self.one_of(self.part(), self.part(), number, True)},
            {self.one_of("icontains", "contains"): self.part()},
        )
        return {self.filter_key(): operand}

    def operand(self) -> Any:
        return self.rng.choice(self.stored) if self.chance(50) else self.scalar()

    def part(self) -> str:
        """Return a piece of a text that is stored, perhaps in another case, or another text."""
        text = self.rng.choice(self.stored)
        if not isinstance(text, str) or not text:
            return self.one_of(self.text()[:200], "a", "%", "_")
        start = self.rng.randrange(len(text))
        piece = text[start : start + self.one_of(1, 3, 200)]
        return self.one_of(piece, piece.upper(), piece.swapcase(), piece[::-1])

    def filter(self, depth: int = 3) -> dict[str, Any]:
        """Return a filter that is within the grammar, but for what its own fields do not compare with."""
        if depth == 0 or self.chance(60):
            return {**self.condition(), **(self.condition() if self.chance(20) else {})}
        parts = [self.filter(depth - 1) for _ in range(self.rng.randrange(1, 4))]
        return self.one_of(
            {self.one_of("AND", "$and"): parts},
            {self.one_of("OR", "$or"): parts},
            {self.one_of("NOT", "$not"): self.one_of(parts, parts[0])},
            {**parts[0], "metadata": {self.one_of(*KEYS): self.scalar()}},
        )

    def bad_filter(self) -> Any:
        """Return what the grammar does not know: a wrong operator, operand, shape or size, perhaps deep inside."""
        looped: dict[str, Any] = {}
        looped["AND"] = [looped]
        key = self.filter_key()
        bad = self.one_of(
            *(
                {key: {self.one_of("regex", "$regex", "EQ", "", "eq ", 5, None): 1}},
                {key: {}},
                {key: {"in": "red"}},
                {key: [[]]},
            ),
            *({key: {"gt": self.one_of(None, True, [], {})}}, {key: {"icontains": 5}}, {key: {"contains": None}}),
            *(
                {key: {"eq": self.one_of([[]], {}, object(), b"x", *BAD_NUMBERS, *BROKEN)}},
                {key: object()},
                {key: b"red"},
            ),
            *(
                {"k\0": 1},
                {"\ud800": 1},
                {5: 1},
                {None: 1},
                {"OR": []},
                {"OR": {}},
                {"AND": "x"},
                {"NOT": 5},
                {"AND": [5]},
            ),
            *(
                {"metadata": 5},
                {"metadata": [1]},
                {"created_at": "soon"},
                {"created_at": {"contains": "2026"}},
                {"hash": 5},
            ),
            *(
                {"user_id": self.one_of("a b", "", " ", "*\0", 1.5, True, ["*"], "x" * 1_001)},
                {"id": 5},
                {"expires_at": 1e300},
            ),
            *(
                looped,
                *DEEP_FILTERS,
                [("k", 1)],
                "k = 1",
                5,
            ),
        )
        if isinstance(bad, dict) and self.chance(40):
            return self.one_of({"AND": [self.condition(), bad]}, {"NOT": bad}, {"OR": [{"NOT": [bad]}]})
        return bad

    # -- ids and other arguments

    def id(self) -> Any:
        return self.one_of(
            *(
                self.text()[:1_500],
                self.one_of(*BROKEN),
                "",
                " ",
                "\0",
                "a b",
                "a\u00a0b",
                "*",
                7,
                -(10**5_000),
                1.5,
                True,
            ),
            *(b"u", ["u"], {"user_id": "u"}, object(), "x" * 1_000, "x" * 1_001, " padded ", "\u200b", "ＡＢ", "a\x7f"),
        )

    def junk(self) -> Any:
        """Return anything."""
        return self.one_of(
            *(self.bad_value(), self.scalar(), self.id(), self.json(), self.bad_filter(), timedelta(days=10**9 - 1)),
            *(datetime.max, datetime.min, date.min, "9999-12-31", "0001-01-01", 1e18, -1e18, 2**63, 2**70, -1, 1e400),
        )


def storable(text: Any) -> bool:
    """Whether a text has to be accepted: not blank, not too long, and writable as UTF-8."""
    if not isinstance(text, str) or not text.strip() or len(text) > 100_000:
        return False
    return not any(0xD800 <= ord(character) < 0xE000 for character in text)


def named(value: Any) -> str | None:
    """Return the id that a value is accepted as, or None."""
    if isinstance(value, bool) or not isinstance(value, int | str) or (isinstance(value, int) and abs(value) > 10**999):
        return None
    text = str(value).strip()
    wrong = any(one.isspace() or unicodedata.category(one) in ("Cc", "Cs") for one in text)
    return None if wrong or text in ("", "*") or len(text) > 1_000 else unicodedata.normalize("NFC", text)


def plain(filters: Any) -> bool:
    """Whether the oracle knows all fields of a filter, and their operands are what the fields compare with."""
    return not isinstance(filters, dict) or all(
        all(plain(part) for part in (value if isinstance(value, list) else [value]))
        if key.upper() in ("AND", "OR", "NOT") or key in ("$and", "$or", "$not")
        else not (key.startswith("$") and key[1:].isidentifier())
        and (key not in OWN or not odd(value))
        and not (value == [] and sounds_like_a_group(key))
        for key, value in filters.items()
    )


def sounds_like_a_group(key: str) -> bool:
    """Whether a key may be meant as a group of conditions; where it has none, it is asked about."""
    word = "".join(character for character in key.casefold() if character.isalnum())
    return word in ("and", "all", "must", "or", "any", "anyof", "should", "not", "nor", "mustnot")


def odd(value: Any) -> bool:
    """Whether a text field refuses an operand."""
    if isinstance(value, dict):
        return any(odd(one) for one in value.values())
    if isinstance(value, list):
        return any(odd(one) for one in value)
    return value is not None and not isinstance(value, str)


# -- one input of each kind


class Harness:
    """A store, what is in it, and how each kind of input is tried."""

    def __init__(self, memory: Memory, hostile: Hostile) -> None:
        self.memory, self.hostile = memory, hostile
        self.kept = memory.add("the keeper's own memory", user_id="keeper")["results"][0]["id"]
        self.outcomes: Counter[tuple[str, bool]] = Counter()

    def refused(self, call: Callable[[], Any], *also: type[Exception]) -> bool:
        """Call; whatever is raised must be a ValidationError with a text that can be shown, or one of ``also``."""
        try:
            call()
        except (ValidationError, *also) as error:
            str(error).encode()
            assert len(str(error)) < 50_000
            return True
        return False

    def begin(self) -> None:
        """Empty the store but for the keeper, and fill it with memories for filters."""
        self.memory.delete_all(filters={"AND": [ANY_SCOPE, {"NOT": [{"user_id": "keeper"}]}]})
        for number in range(20):
            text = f"{self.hostile.text()[:200]} {number}"
            self.memory.add(text, user_id="filtered", metadata=self.hostile.metadata(), infer=False)
        self.items = self.memory.get_all(user_id="filtered", top_k=100)["results"]
        self.hostile.stored = list(scalars([[item["memory"], item["metadata"]] for item in self.items]))

    def check(self) -> None:
        """The store still finds, counts and keeps."""
        assert [item["id"] for item in self.memory.search("keeper's memory", user_id="keeper")["results"]] == [
            self.kept
        ]
        assert self.memory.get_all(user_id="keeper")["total"] == 1

    def text(self) -> bool:
        """A text is stored and comes back as it was, found by itself and by equality, or is left out or refused."""
        text, memory = self.hostile.any_text(), self.memory
        message, infer = [{"role": "user", "content": text}], self.hostile.chance(30)
        metadata = {"memory_category": "skill"} if self.hostile.chance(50) else None
        try:
            added = memory.add(message, user_id="writer", metadata=metadata, infer=infer)
        except ValidationError:
            assert not storable(text), repr(text)[:200]
            return True
        found = [memory.get(one["id"]) for one in added["results"]]
        if not found:  # as of a message that only calls tools
            assert added["skipped"], repr(text)[:200]
            assert not storable(text), repr(text)[:200]
            return True
        text = text[0] if text == ["red"] else text  # a part may be its text
        assert storable(text), repr(text)[:200]
        assert [one and one["memory"] for one in found] in ([text], [added["results"][0].get("existing_memory")])
        equal = memory.get_all(user_id="writer", filters={"memory": found[0]["memory"]}, top_k=1_000)  # type: ignore[index]
        assert added["results"][0]["id"] in {one["id"] for one in equal["results"]}
        return False

    def metadata(self) -> bool:
        """What JSON can hold comes back digit for digit, in its order; anything else is refused, and nothing stored."""
        good = self.hostile.chance(60)
        metadata = self.hostile.metadata() if good else self.hostile.bad_metadata()
        try:
            [added] = self.memory.add("with metadata", user_id="described", metadata=metadata, infer=False)["results"]
        except ValidationError:
            assert not good, repr(metadata)[:500]
            return True
        assert good, repr(metadata)[:500]
        item = self.memory.get(added["id"])
        assert item is not None
        assert json.dumps(item["metadata"]) == json.dumps(composed(metadata) or None)
        self.memory.delete(added["id"])
        return False

    def query(self) -> bool:
        """Any text can be asked: the answer is some of what the scope holds, best first."""
        query = self.hostile.any_text()
        try:
            found = self.memory.search(
                query, user_id="filtered", threshold=0, top_k=100, explain=self.hostile.chance(20)
            )
        except ValidationError:
            assert not storable(query), repr(query)[:200]
            return True
        scores = [item["score"] or 0.0 for item in found["results"]]
        assert {item["id"] for item in found["results"]} == {item["id"] for item in self.items}
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)
        return False

    def filter(self) -> bool:
        """A filter within the grammar selects what the oracle says, on every verb."""
        filters = self.hostile.filter()
        try:
            listed = self.memory.get_all(user_id="filtered", filters=filters, top_k=100)
        except FilterError:
            assert not plain(filters), filters
            return True
        expected = {item["id"] for item in self.items if matches(item, filters)}
        assert {item["id"] for item in listed["results"]} == expected, filters
        assert listed["total"] == len(expected)
        if self.hostile.chance(20):
            found = self.memory.search("red", user_id="filtered", filters=filters, top_k=100, threshold=0)["results"]
            assert {item["id"] for item in found} == expected, filters
        if self.hostile.chance(10):
            memory_ids = {
                one
                for edge in self.memory.graph(user_id="filtered", filters=filters)["edges"]
                for one in edge["memory_ids"]
            }
            assert memory_ids <= expected, filters
        if self.hostile.chance(10):
            lines = Lines()
            self.memory.export(lines, user_id="filtered", filters=filters)
            assert {item["id"] for item in map(json.loads, lines) if "memory" in item} == expected, filters
        return False

    def bad_filter(self) -> bool:
        """A filter out of the grammar is a FilterError on every verb, never an empty result and never a deletion."""
        filters = self.hostile.bad_filter()
        verb = self.hostile.one_of(
            lambda: self.memory.get_all(user_id="filtered", filters=filters),
            lambda: self.memory.search("red", user_id="filtered", filters=filters),
            lambda: self.memory.delete_all(user_id="filtered", filters=filters),
            lambda: self.memory.export(Lines(), user_id="filtered", filters=filters),
            lambda: self.memory.create_memory_export({}, filters=filters),
        )
        with pytest.raises(FilterError) as caught:
            verb()
        assert len(str(caught.value)) < 50_000
        return True

    def id(self) -> bool:
        """An id is taken as it is but for outer whitespace, names its memories alone, or is refused."""
        value, memory = self.hostile.id(), self.memory
        kind = self.hostile.one_of("user_id", "agent_id", "run_id", "app_id")
        ids = {kind: value}
        try:
            before = {item["id"] for item in memory.get_all(top_k=1_000, **ids)["results"]}
            [added] = memory.add("of somebody", infer=False, **ids)["results"]
        except ValidationError:
            assert named(value) is None, repr(value)[:200]
            for refused in (memory.get_all, memory.delete_all, memory.reset, lambda **ids: memory.search("x", **ids)):
                assert self.refused(lambda refused=refused: refused(**ids)), repr(value)[:200]  # type: ignore[misc]
            return True
        assert named(value) is not None, repr(value)[:200]
        listed = [item for item in memory.get_all(top_k=1_000, **ids)["results"] if item["id"] not in before]
        assert [(item["id"], item.get(kind)) for item in listed] == [(added["id"], named(value))]
        memory.reset(**ids)
        assert memory.get_all(**ids)["total"] == 0
        return False

    def unknown(self) -> bool:
        """An id of a memory, an event or an export that nobody has is unknown, whatever it is made of."""
        value, memory = self.hostile.id(), self.memory
        verb = self.hostile.one_of(
            *(memory.get, memory.history, memory.event, memory.delete, lambda one: memory.delete_many([one])),
            *(
                lambda one: memory.update(one, "x"),
                lambda one: memory.feedback(one, "POSITIVE"),
                memory.get_memory_export,
            ),
        )
        return self.refused(lambda: verb(value), NotFoundError)

    def argument(self) -> bool:
        """Any argument of any verb may be anything: the verb answers or refuses."""
        memory, hostile, junk = self.memory, self.hostile, self.hostile.junk()
        of_filtered = {"user_id": "filtered"}
        listing = hostile.one_of("top_k", "limit", "offset", "page", "page_size", "filters", "agent_id")
        searching = hostile.one_of("top_k", "limit", "threshold", "reference_date", "ranking", "filters", "run_id")
        drawing = hostile.one_of("entity", "depth", "limit", "format", "filters", "agent_id")
        adding = hostile.one_of("ttl", "timestamp", "expiration_date", "memory_type", "messages", "app_id", "metadata")
        changing = hostile.one_of("text", "data", "metadata", "expiration_date", "timestamp")
        messages = hostile.one_of(
            [junk], [{"role": junk, "content": "x"}], [{"role": "user", "content": [junk]}], {"content": junk}
        )
        verb: Callable[[], Any] = hostile.one_of(
            lambda: memory.get_all(**{**of_filtered, listing: junk}),
            lambda: memory.graph(**{**of_filtered, drawing: junk}),
            lambda: memory.events(**{**of_filtered, listing.replace("filters", "page"): junk}),
            lambda: memory.search("red", **{**of_filtered, searching: junk}),
            lambda: memory.add(**{"messages": "x", "user_id": "junk", adding: junk}),
            lambda: memory.add(
                [{"role": "user", "content": "x", hostile.one_of("name", "timestamp"): junk}], user_id="junk"
            ),
            lambda: memory.add(messages, user_id="junk"),
            lambda: memory.add_many([junk]),
            lambda: memory.add_many(
                [{"messages": "x", "user_id": "junk"}, {"messages": "x", "user_id": "junk", "ttl": junk}]
            ),
            lambda: memory.update(self.kept, **{changing: junk, "expiration_date": "bad"}),
            lambda: memory.update_many([{"memory_id": self.kept, "metadata": {"a": 1}}, junk]),
            lambda: memory.changes(**{hostile.one_of("after", "limit"): junk}),
            lambda: memory.feedback(self.kept, junk, "reason"),
            lambda: memory.feedback(self.kept, "NEGATIVE", junk),
            lambda: memory.create_memory_export(junk, filters=of_filtered),
            lambda: memory.import_([junk]),
        )
        return self.refused(verb, NotFoundError)


KINDS = {"text": 14, "metadata": 14, "query": 14, "filter": 26, "bad_filter": 12, "id": 8, "unknown": 5, "argument": 14}
"""The kinds of input, each a method of Harness, and how often each is drawn."""


@pytest.fixture
def memory(path: Path, clock: Clock) -> Iterator[Memory]:
    with Memory(path, embedder=HashEmbedder(), clock=clock, durability="normal", graph_categories=["skill"]) as opened:
        yield opened


@pytest.mark.parametrize("count", sizes(8_000, 1_000_000))
def test_hostile_input_is_answered_rightly_or_refused(memory: Memory, seed: int, count: int) -> None:
    """Nothing but a typed refusal is raised, what is accepted is kept and found exactly, and the store stays sound."""
    hostile = Hostile(f"{seed} hostile input")
    harness = Harness(memory, hostile)
    for number in range(count):
        if number % 500 == 0:
            harness.begin()
            harness.check()
        [kind] = hostile.rng.choices(list(KINDS), list(KINDS.values()))
        before = hostile.rng.getstate()
        try:
            refused = getattr(harness, kind)()
        except Exception as error:
            hostile.rng.setstate(before)
            raise AssertionError(
                f"seed {seed}, input {number}, {kind}: {type(error).__name__}: {error}"[:3_000]
            ) from error
        harness.outcomes[kind, refused] += 1
    harness.check()
    assert memory.check()["problems"] == []
    both = {"text", "metadata", "query", "id", "unknown", "argument"}
    assert {kind for kind, refused in harness.outcomes if not refused} >= {*both, "filter"}
    assert {kind for kind, refused in harness.outcomes if refused} >= {*both, "bad_filter"}


# -- over HTTP


def sendable(value: Any) -> Any:
    """Return the nearest thing to a value that JSON can say, perhaps with NaN, surrogates and huge numbers in it."""
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return str(type(value))


def requests(hostile: Hostile) -> Iterator[tuple[str, str, dict[str, str], Any]]:
    """Yield requests without end: method, path, query parameters and body."""
    while True:
        value = sendable(hostile.one_of(hostile.junk, hostile.any_text, hostile.metadata, hostile.bad_filter)())
        text = hostile.text()[:2_000]
        field = hostile.one_of(
            "user_id", "metadata", "infer", "ttl", "timestamp", "expiration_date", "messages", "app_id"
        )
        part = hostile.one_of(
            "query", "filters", "top_k", "threshold", "explain", "run_id", "reference_date", "ranking"
        )
        added: dict[str, Any] = {"messages": [{"role": "user", "content": text}], "user_id": "alice", field: value}
        asked: dict[str, Any] = {"query": text, "filters": {"user_id": "alice"}, part: value}
        name = hostile.one_of("user_id", "top_k", "offset", "page", "show_expired", "project_id", "domain_tags")
        yield hostile.one_of(
            ("POST", hostile.one_of("/memories", "/v3/memories/add/", "/v1/memories/"), {}, added),
            ("POST", hostile.one_of("/search", "/v3/memories/search/", "/v1/memories/search/"), {}, asked),
            ("POST", "/v3/memories/", {"page_size": text}, {"filters": value}),
            ("POST", "/v3/memories/", {}, {"filters": {"user_id": "alice", hostile.one_of(*KEYS): value}}),
            ("GET", hostile.one_of("/memories", "/v1/memories/", "/v1/events/"), {name: text}, None),
            ("GET", "/v1/memories/", {"filters": hostile.one_of(text, repr(value), json.dumps(value))[:9_000]}, None),
            ("GET", "/graph", {hostile.one_of("entity", "depth", "limit", "format", "user_id"): text}, None),
            ("PUT", "/memories/nobody", {}, {hostile.one_of("text", "metadata", "expiration_date"): value}),
            ("PUT", "/v1/batch/", {}, {"memories": hostile.one_of(value, [value], [{"memory_id": value}])}),
            ("DELETE", "/v1/batch/", {}, {"memories": [{"memory_id": value}]}),
            ("POST", "/v1/feedback/", {}, {"memory_id": value, "feedback": value}),
            ("POST", "/v1/exports/", {}, {"schema": value, "filters": hostile.one_of({"user_id": "alice"}, value)}),
            ("POST", "/v1/exports/get/", {}, {"memory_export_id": value, "filters": value}),
            ("DELETE", hostile.one_of("/memories", "/v1/memories/"), {name: text}, None),
            ("POST", "/reset", {}, {hostile.one_of("agent_id", "run_id"): value}),
        )


def said(messages: Any) -> Any:
    """Return the text of the first message, None where there is none."""
    if messages == []:
        return None
    first = messages[0] if isinstance(messages, list) else messages
    content = first["content"] if isinstance(first, dict) else first
    return content


def kept(store: Memory, answer: httpx.Response) -> set[Any]:
    """Return the texts of the memories that an add made."""
    found = [store.get(one["id"], show_expired=True) for one in answer.json()["results"] if one["event"] == "ADD"]
    return {one and one["memory"] for one in found}


def deleted_by_any(path: str, query: dict[str, str]) -> int:
    """Send a deletion with ``*`` to a store of its own, where it may delete what has any such id; return the status."""
    settings = Settings(vacuum_interval_seconds=0)
    with (
        Memory(":memory:", embedder=HashEmbedder()) as store,
        serving.served_by(create_app(store, settings)) as client,
    ):
        store.add("a user's", user_id="bob")
        store.add("an agent's", agent_id="planner")
        answer = client.delete(path, params=query)
        left = [one["memory"] for one in store.get_all(filters=ANY_SCOPE)["results"]]
    hosted = path.startswith("/v1/") and "user_id" in query  # the other routes take no "*"
    expected = (200, ["an agent's"]) if hosted else (400, ["an agent's", "a user's"])
    assert (answer.status_code, left) == expected, f"{path} {query}: {answer.text}"
    return answer.status_code


@pytest.mark.parametrize("path", ["/memories", "/v1/memories/"])
@pytest.mark.parametrize("name", ["user_id", "top_k", "project_id"])
def test_a_deletion_of_any_id_is_answered(path: str, name: str) -> None:
    """``*`` deletes what has any such id where the hosted API says so, and nothing elsewhere."""
    deleted_by_any(path, {name: "*"})


@pytest.mark.parametrize("count", sizes(2_000, 100_000))
def test_hostile_requests_are_answered(client: httpx.Client, store: Memory, seed: int, count: int) -> None:
    """Whatever JSON and parameters say, the answer is JSON with a status under 500, and what is stored comes back."""
    store.add("the keeper's own memory", user_id="keeper")
    made = requests(Hostile(f"{seed} hostile requests"))
    statuses: Counter[int] = Counter()
    for number in range(count):
        method, path, query, body = next(made)
        if method == "DELETE" and "*" in query.values():
            statuses[deleted_by_any(path, query)] += 1
            continue
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        try:
            answer = client.request(method, path, params=query, content=content, headers=headers)
        except httpx.InvalidURL:  # longer than this client takes; nothing was sent
            statuses[0] += 1
            continue
        story = f"seed {seed}, request {number}: {method} {path} {query!r:.500} {content!r:.500}\n{answer.text:.500}"
        assert answer.status_code in (200, 400, 403, 404, 413, 422), story
        assert isinstance(answer.json(), dict | list), story
        statuses[answer.status_code] += 1
        if answer.status_code == 200 and method == "POST" and path in ("/memories", "/v3/memories/add/"):
            assert kept(store, answer) <= {said(body["messages"])}, story
        if number % 500 == 499:
            assert client.post("/search", json={"query": "keeper", "user_id": "keeper"}).json()["results"], story
            store.delete_all(filters={"AND": [ANY_SCOPE, {"NOT": [{"user_id": "keeper"}]}]})
    assert min(statuses[200], statuses[400], statuses[422]) > count / 50, statuses
    assert statuses[0] < count / 50, statuses
    assert store.check()["problems"] == []


# -- found by the harness


@pytest.mark.parametrize("value", [10**5_000, -(10**5_000), FAR_TOO_DEEP], ids=["10^5000", "-10^5000", "900 deep"])
def test_what_python_cannot_write_is_refused_too(memory: Memory, value: Any) -> None:
    """A number of 5,000 digits, or a value too deep for ``repr``, is refused like any other, and as an id unknown."""
    memory.add("x", user_id="u")
    for call in (
        lambda: memory.get_all(user_id=value),
        lambda: memory.reset(user_id=value),
        lambda: memory.get_all(user_id="u", top_k=-abs(value) if isinstance(value, int) else value),
        lambda: memory.search("x", user_id="u", threshold=value),
        lambda: memory.search("x", user_id="u", ranking={"keyword": value}),
        lambda: memory.add("x", user_id="u", ttl=value),
        lambda: memory.add("x", user_id="u", run_id=value),
        lambda: memory.add("x", user_id="u", timestamp=value),
        lambda: memory.feedback("x", value),
        lambda: memory.get_all(user_id="u", filters={value: 1} if isinstance(value, int) else {"k": value}),
        lambda: memory.add("x", user_id="u", metadata={value: 1} if isinstance(value, int) else {"k": value}),
        lambda: memory.changes(limit=-1 if isinstance(value, int) and value > 0 else value),
    ):
        with pytest.raises(ValidationError) as caught:
            call()
        assert len(str(caught.value)) < 1_000
    for unknown in (memory.delete, memory.get_memory_export, lambda one: memory.update(one, "y")):
        with pytest.raises(NotFoundError):
            unknown(value)
    assert (memory.get(value), memory.event(value), memory.history(value)) == (None, None, [])
    assert memory.get_all(user_id="u")["total"] == 1
