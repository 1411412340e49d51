"""The filter grammar against an oracle in plain Python, on every verb that takes filters."""

import json
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from embedder import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st

from mem0lite import FilterError, Memory, ValidationError
from mem0lite.data.filters import ANY_SCOPE, Condition, Not, names_scope, parse, scope_part
from mem0lite.data.filters.operators import OPERATORS as KNOWN

# -- the oracle: one function per operator, over the values a field has

KEYS = [
    "k",
    "a",
    "a.b",
    "a",
    "a.b",
    "b",
    'q"uo\\te',
    "$",
    "$.k",
    "ключ",
    "it's",
    "",
    " ",
    "a[0]",
    "#",
    "k\x01",
    "😀",
    "metadata",
    "caf\u00e9",
    "cafe\u0301",
    "cafe\u0301.b",
    "categories",
]
OWN = {
    "user_id",
    "agent_id",
    "run_id",
    "id",
    "memory",
    "hash",
    "actor_id",
    "role",
    "created_at",
    "updated_at",
    "expires_at",
    "expiration_date",
}


def values(item, name):
    """All values a field name can mean in an item: an own field, or the metadata key, whole or as a path."""
    if name in OWN:
        return [item.get(name)]
    key = nfc(name.removeprefix("metadata."))
    found = []
    for path in {(key,), tuple(key.split("."))}:
        value = item["metadata"] or {}
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        found.append(value)
    return found


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def nfc(text):
    return unicodedata.normalize("NFC", text)


def folded(text):
    return nfc(unicodedata.normalize("NFD", text).casefold())


def utc(*when):
    return datetime(*when, tzinfo=UTC)


MICROSECOND, ONE_DAY = timedelta(microseconds=1), timedelta(days=1)
MOMENTS = {
    "2024-03-10": (utc(2024, 3, 10), ONE_DAY),
    "2024-03-09": (utc(2024, 3, 9), ONE_DAY),
    "2024-03-10T00:00:00Z": (utc(2024, 3, 10), MICROSECOND),
    "2024-03-10t00:00:00z": (utc(2024, 3, 10), MICROSECOND),
    "2024-03-10T09:00:00+09:00": (utc(2024, 3, 10), MICROSECOND),
    "2024-03-10 00:00:00.000": (utc(2024, 3, 10), MICROSECOND),
    "20240310T000000Z": (utc(2024, 3, 10), MICROSECOND),
    "2024-03-10T00:30:00+00:00": (utc(2024, 3, 10, 0, 30), MICROSECOND),
    "2024-03-09T23:59:59.999999-00:00": (utc(2024, 3, 9, 23, 59, 59, 999_999), MICROSECOND),
    "2024-03-11T00:00": (utc(2024, 3, 11), MICROSECOND),
    "0001-01-01T00:00:00": (utc(1, 1, 1), MICROSECOND),
    "9999-12-31": (utc(9999, 12, 31), ONE_DAY),
}
NO_MOMENTS = ["2024-W10", "v1.2024-01-01", "2024-03", "20240310", "2024-02-30", "2024-03-10 ", "2024-03-10T25:00:00Z"]


def same(stored, operand):
    if is_number(stored) and is_number(operand):
        return stored == operand
    if isinstance(stored, str) and isinstance(operand, str):
        return order(stored, operand) == 0
    return type(stored) is type(operand) and stored == operand


def order(stored, operand):
    """-1, 0 or 1: of moments which is earlier, 0 where they have an instant in common; of others by code points."""
    if isinstance(stored, str):
        stored, operand = nfc(stored), nfc(operand)
        if stored in MOMENTS and operand in MOMENTS:
            (one, lasts), (other, long) = MOMENTS[stored], MOMENTS[operand]
            # Not one + lasts: of the last day there is, that is no datetime.
            return 1 if one - other >= long else -1 if other - one >= lasts else 0
    return (stored > operand) - (stored < operand)


def elements(stored):
    return stored if isinstance(stored, list) else [stored]


def equal(stored, operand):
    return any(same(element, operand) for element in elements(stored))


def ordered(*orders):
    def test(stored, operand):
        comparable = (is_number(stored) and is_number(operand)) or (
            isinstance(stored, str) and isinstance(operand, str)
        )
        return comparable and order(stored, operand) in orders

    return test


def contains(stored, operand):
    if isinstance(stored, list):
        return any(same(element, operand) for element in stored)
    return isinstance(stored, str) and isinstance(operand, str) and nfc(operand) in nfc(stored)


def icontains(stored, operand):
    if isinstance(stored, list):
        return any(isinstance(element, str) and folded(element) == folded(operand) for element in stored)
    return isinstance(stored, str) and folded(operand) in folded(stored)


def has_part(stored, operand):
    """Categories are names, and ``contains`` is about a part of one."""
    return any(isinstance(name, str) and folded(operand) in folded(name) for name in elements(stored))


ORACLE = {
    "eq": equal,
    "gt": ordered(1),
    "gte": ordered(0, 1),
    "lt": ordered(-1),
    "lte": ordered(-1, 0),
    "contains": contains,
    "icontains": icontains,
}
DERIVED = {"ne", "in", "nin", "not_contains", "exists"}
"""Operators that ``field_matches`` tells from the rows of others."""


def field_matches(item, name, operator, operand):
    operator = operator.removeprefix("$")
    if operator == "not":
        return not all(field_matches(item, name, inner, one) for inner, one in operand.items())
    if operator in ("eq", "ne") and isinstance(operand, list):
        operator = "in" if operator == "eq" else "nin"
    if operator in ("in", "nin"):
        found = any(field_matches(item, name, "eq", one) for one in operand)
        return found if operator == "in" else not found
    if operator == "ne":
        return not field_matches(item, name, "eq", operand)
    if operator == "not_contains":
        return not field_matches(item, name, "contains", operand)
    present = any(value is not None for value in values(item, name))
    if operator == "exists":
        return present == operand
    if operator == "eq" and operand is None:
        return not present
    if name == "categories" and operator in ("contains", "icontains"):
        return any(has_part(value, operand) for value in values(item, name))
    return any(ORACLE[operator](value, operand) for value in values(item, name))


def matches(item, filters):
    return all(part_matches(item, key, value) for key, value in filters.items())


def part_matches(item, key, value):
    word = key.removeprefix("$").upper()
    if key in ("AND", "$and"):
        return all(matches(item, part) for part in value)
    if key in ("OR", "$or"):
        return any(matches(item, part) for part in value)
    if key in ("NOT", "$not", "$nor"):
        return not matches(item, value) if isinstance(value, dict) else not any(matches(item, part) for part in value)
    assert word != key or key not in ("and", "or", "not")
    if key == "metadata":
        return all(part_matches(item, f"metadata.{name}", one) for name, one in value.items())
    if isinstance(value, dict):
        return all(field_matches(item, key, operator, operand) for operator, operand in value.items())
    if isinstance(value, list):
        return any(field_matches(item, key, "eq", one) for one in value)
    if value == "*":
        return any(one is not None for one in values(item, key))
    return field_matches(item, key, "eq", value)


# -- what is stored, and what is asked

WORDS = ["p1", "P1", "p", "5", "true", "", "a\x00b", "Straße", "STRASSE", "ﬁ", "fi", "😀", '["p1"]', "null"]
FORMS = [
    "é",
    "e\u0301",
    "e",
    "É",
    "E\u0301",
    "f",
    "jose\u0301s",
    "josé",
    "jose",
    "K",
    "\u212a",
    "a\x00e\u0301",
    "한",
    "\u1112\u1161\u11ab",
]
TEXTS = st.one_of(*(st.sampled_from(some) for some in (WORDS, FORMS, [*MOMENTS], NO_MOMENTS)))
SMALL = [0, 1, 5, 5.0, -1, 0.1, -0.0, 2**53, 2**53 + 1, float(2**53), 2**63 - 1, -(2**63) + 1, 9.2e18]
LARGE = [2**63, 2**63 + 1, float(2**63), -(2**63), -(2**63) - 1, -float(2**63), 2**64, 10**30, 10**30 + 1, 1e30, 1e300]
POOL = [*WORDS, *FORMS, *MOMENTS, *NO_MOMENTS, *SMALL, *LARGE, True, False, None]
NUMBERS = st.one_of(st.sampled_from(SMALL), st.sampled_from(LARGE))
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
STORED = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
METADATA = st.dictionaries(st.sampled_from(KEYS), STORED, max_size=4)


def one_form(value):
    """Keep of keys that are one, of which metadata may have only one."""
    if isinstance(value, list):
        return [one_form(item) for item in value]
    return (
        {key: one_form(item) for key, item in {nfc(key): (key, item) for key, item in value.items()}.values()}
        if (isinstance(value, dict))
        else value
    )


def spelt(*names):
    """Operators, also as MongoDB and Chroma write them."""
    return st.sampled_from([sign + name for name in names for sign in ("", "$")])


PLAIN_OPERATORS = st.one_of(
    st.dictionaries(spelt("eq", "ne"), SCALARS | st.lists(SCALARS, max_size=3), min_size=1),
    st.dictionaries(spelt("in", "nin"), st.lists(SCALARS, max_size=3), min_size=1),
    st.dictionaries(spelt("gt", "gte", "lt", "lte"), TEXTS | NUMBERS, min_size=1),
    st.dictionaries(spelt("contains", "not_contains"), TEXTS | NUMBERS | st.booleans(), min_size=1),
    st.dictionaries(spelt("icontains"), TEXTS, min_size=1),
    st.dictionaries(spelt("exists"), st.booleans(), min_size=1),
)
OPERATORS = PLAIN_OPERATORS | st.fixed_dictionaries({"$not": PLAIN_OPERATORS})
KEYS_ALONE = [key for key in KEYS if key not in ("metadata", "categories")]
KEY = st.sampled_from([*KEYS_ALONE, *(f"metadata.{key}" for key in KEYS)])
ON_METADATA = st.dictionaries(
    KEY, st.one_of(SCALARS, st.just("*"), st.lists(SCALARS, max_size=3), OPERATORS), max_size=2
)
DAYS_ASKED = st.sampled_from([*MOMENTS])
ON_DAYS = st.one_of(
    DAYS_ASKED,
    st.none(),
    st.just("*"),
    st.lists(DAYS_ASKED | st.none(), max_size=3),
    st.dictionaries(spelt("eq", "ne", "gt", "gte", "lt", "lte"), DAYS_ASKED, min_size=1, max_size=2),
    st.dictionaries(spelt("in", "nin", "eq", "ne"), st.lists(DAYS_ASKED | st.none(), max_size=3), min_size=1),
)
ON_CATEGORIES = st.one_of(
    TEXTS,
    st.lists(TEXTS, max_size=3),
    st.dictionaries(spelt("contains", "icontains", "not_contains"), TEXTS, min_size=1, max_size=2),
    st.dictionaries(spelt("eq", "ne"), SCALARS, min_size=1),
)
ON_OWN = st.one_of(
    st.fixed_dictionaries({"expiration_date": ON_DAYS}),
    st.fixed_dictionaries({"categories": ON_CATEGORIES}),
    st.fixed_dictionaries(
        {"user_id": st.sampled_from(["u0", "u1", "*", ["u0", "u2"], {"ne": "u0"}, {"contains": "u"}, None])}
    ),
    st.fixed_dictionaries({"agent_id": st.sampled_from(["a0", "*", None, {"in": ["a0", None]}, {"nin": ["a0"]}])}),
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "assistant", {"icontains": "US"}, {"gt": "b"}, {"ne": "user"}])}
    ),
    st.fixed_dictionaries({"actor_id": st.sampled_from([None, "Bob", {"icontains": "bOB"}, {"ne": None}, "*"])}),
    st.fixed_dictionaries({"memory": st.sampled_from([{"contains": "1"}, {"icontains": "MEMORY"}, "memory 1"])}),
)
FILTERS = st.recursive(
    st.one_of(
        ON_METADATA,
        ON_OWN,
        st.fixed_dictionaries(
            {"metadata": ON_METADATA.map(lambda one: {k.removeprefix("metadata."): v for k, v in one.items()})}
        ),
    ),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from(["AND", "$and"]), st.lists(inner, max_size=3), min_size=1),
        st.dictionaries(st.sampled_from(["OR", "$or"]), st.lists(inner, min_size=1, max_size=3), min_size=1),
        st.dictionaries(st.sampled_from(["NOT", "$not"]), inner | st.lists(inner, max_size=3), min_size=1),
        st.fixed_dictionaries({"$nor": st.lists(inner, max_size=3)}),
        st.tuples(inner, inner).map(lambda pair: {**pair[0], **pair[1]}),
    ),
    max_leaves=6,
)


def test_the_oracle_knows_every_operator():
    """An operator that is added to the grammar needs its row in the oracle."""
    assert {*ORACLE, *DERIVED} == set(KNOWN)


@given(st.lists(METADATA.map(one_form), min_size=1, max_size=6), st.lists(FILTERS, min_size=1, max_size=8))
def test_filters_mean_what_the_oracle_says(emptied, stored, asked):
    """get_all, search, export and delete_all select exactly what the grammar says, whatever the keys and types."""
    with Memory(emptied(), embedder=HashEmbedder(), clock=lambda: utc(2024, 1, 1)) as memory:
        for number, metadata in enumerate(stored):
            memory.add(
                [
                    {"role": ["user", "assistant"][number % 2], "content": f"memory {number}"}
                    | ({"name": "Bob"} if number % 3 else {})
                ],
                user_id=f"u{number % 3}",
                agent_id=f"a{number % 2}" if number % 4 else None,
                metadata=metadata,
                expiration_date=[None, "2024-03-10", "2024-03-09", "9999-12-31"][number % 4],
            )
        items = memory.get_all(filters=ANY_SCOPE, top_k=100)["results"]
        assert len(items) == len(stored)
        for filters in asked:
            expected = {item["id"] for item in items if matches(item, filters)}
            scoped = {"AND": [ANY_SCOPE, filters]}
            listed = memory.get_all(filters=scoped, top_k=100)
            assert {item["id"] for item in listed["results"]} == expected, filters
            assert listed["total"] == len(expected)
            found = memory.search("memory", filters=scoped, top_k=100, threshold=0)["results"]
            assert {item["id"] for item in found} == expected, filters
            lines = Lines()
            memory.export(lines, filters=filters)
            assert {item["id"] for item in map(json.loads, lines) if "memory" in item} == expected, filters
        memory.delete_all(filters=scoped)
        left = memory.get_all(filters=ANY_SCOPE, top_k=100)["results"]
        assert {item["id"] for item in left} == {item["id"] for item in items} - expected


class Lines(list):
    write = list.append


@pytest.fixture(scope="module")
def pool(place):
    """A memory of each value and of a list with it, and those memories as they are read back."""
    with Memory(place, embedder=HashEmbedder()) as memory:
        stored = [one for value in POOL for one in (value, [value, "other"])]
        memory.add_many([{"messages": f"{n}", "user_id": "u", "metadata": {"k": one}} for n, one in enumerate(stored)])
        yield memory, memory.get_all(user_id="u", top_k=1_000)["results"]


@pytest.mark.parametrize("operator", ["eq", "ne", "gt", "gte", "lt", "lte", "contains", "icontains", "in", "nin"])
def test_every_value_is_compared_with_every_other(pool, operator):
    """Each operator says of each pair of a stored value and an operand what the oracle does: integers of any size,
    floats, moments in any notation, texts in two Unicode forms."""
    memory, items = pool
    assert [item["metadata"]["k"] for item in reversed(items)][::2] == POOL
    for operand in POOL:
        unfit = (operand is None or isinstance(operand, bool)) and operator not in ("eq", "ne", "in", "nin")
        if unfit or (operator == "icontains" and not isinstance(operand, str)):
            continue
        asked = [operand, "p", 5, "2024-03-09", "2024-03-11T00:00"] if operator in ("in", "nin") else operand
        expected = {item["id"] for item in items if field_matches(item, "k", operator, asked)}
        found = memory.get_all(user_id="u", filters={"k": {operator: asked}}, top_k=1_000)["results"]
        assert {item["id"] for item in found} == expected, operand


DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"created_at": {"gte": "2026-03-01T12:00:00.25+00:00"}}, True),
        ({"created_at": {"gt": "2026-03-01T13:00:00.25+01:00"}}, False),
        ({"created_at": "2026-03-01T12:00:00.250000Z"}, True),
        ({"created_at": {"lt": 1772366400.2}}, False),
        ({"created_at": {"gte": 1772366400.25, "lt": "2026-03-02"}}, True),
        ({"created_at": {"in": ["2026-03-01T12:00:00.25", "2020-01-01"]}}, True),
        ({"updated_at": {"ne": "2026-03-01"}}, False),
        ({"expires_at": None}, False),
        ({"expires_at": "*"}, True),
        ({"expires_at": {"lte": DAY.isoformat()}}, False),
    ],
)
def test_dates_compare_as_instants(memory, filters, expected):
    """Dates are compared as points in time, whatever the zone and the notation, ISO text or epoch seconds."""
    memory.add("x", user_id="u", ttl=3600)
    assert memory.get_all(user_id="u", filters=filters)["total"] == expected


AT = "2025-06-25T15:00:00+00:00"
DATE_FILTERS = [
    ({"gte": "2025-06-18", "lte": "2025-06-25"}, True),
    ("2025-06-25", True),
    ({"eq": date(2025, 6, 25)}, True),
    ({"eq": "20250625"}, True),
    ({"eq": "2025-W26-3"}, True),
    ({"eq": "2025-W26"}, True),
    ({"gt": "2025-W26"}, False),
    ({"lte": "2025-W26"}, True),
    ({"in": ["2025-W26", "2020-01-01"]}, True),
    ({"eq": "2025-06-24"}, False),
    ({"ne": "2025-06-25"}, False),
    ({"ne": "2025-06-24"}, True),
    ({"gt": "2025-06-25"}, False),
    ({"gt": "2025-06-24"}, True),
    ({"gt": date(2025, 6, 25)}, False),
    ({"gte": "2025-06-25"}, True),
    ({"gte": "2025-06-26"}, False),
    ({"lt": "2025-06-25"}, False),
    ({"lt": "2025-06-26"}, True),
    ({"lte": "2025-06-24"}, False),
    (["2025-06-25", "2020-01-01"], True),
    ({"in": [date(2025, 6, 24), "2025-06-25T15:00:00Z"]}, True),
    ({"nin": ["2025-06-24", "2025-06-26"]}, True),
    ({"nin": ["2025-06-24", "2025-06-25"]}, False),
    ({"lte": datetime(2025, 6, 25, tzinfo=UTC)}, False),  # a datetime at midnight is an instant
    ({"lte": "2025-06-25T00:00:00"}, False),
    ({"gte": datetime(2025, 6, 26, 0, 0, tzinfo=timezone(timedelta(hours=9)))}, True),
    ({"gt": "9999-12-31"}, False),
    ({"lte": "9999-12-31"}, True),
    ({"gt": "0001-01-01"}, True),
]


@pytest.mark.parametrize(("wanted", "expected"), DATE_FILTERS)
@pytest.mark.parametrize("field", ["created_at", "updated_at", "expires_at"])
def test_a_date_is_its_day(memory, field, wanted, expected):
    """A date without a time is that day, UTC: eq within it, gt after it, lte through it; a week is its seven days."""
    memory.add("x", user_id="u", timestamp=AT, metadata={"expires_at": AT})
    found = memory.get_all(user_id="u", filters={field: wanted}, show_expired=True)
    assert found["total"] == expected


@pytest.mark.parametrize(("wanted", "expected"), [one for one in DATE_FILTERS if "W" not in str(one)])
@pytest.mark.parametrize("stored", [AT, "2025-06-26T00:00:00+09:00", "2025-06-25 15:00", "20250625T150000Z"])
def test_a_date_is_its_day_in_metadata(memory, stored, wanted, expected):
    """So it is of a metadata key that holds ISO 8601, whatever its notation and zone."""
    if wanted == {"eq": "20250625"}:
        expected = False  # eight digits are a number to whoever stored them
    memory.add("x", user_id="u", metadata={"due": stored, "all": ["2020-01-01", stored]})
    assert memory.get_all(user_id="u", filters={"due": wanted})["total"] == expected
    if isinstance(wanted, str):
        assert memory.get_all(user_id="u", filters={"all": wanted})["total"] == expected
        assert memory.get_all(user_id="u", filters={"all": {"contains": wanted}})["total"] == expected


@pytest.mark.parametrize("moment", ["1969-12-31T23:59:59.999999", "1969-12-31", "0001-01-01", "1970-01-01T00:00"])
def test_days_before_1970(memory, moment):
    """A day before 1970 has its own hours too, in a list as alone."""
    memory.add("x", user_id="u", timestamp=moment, infer=False)
    for wanted in (moment[:10], [moment[:10], "2020-01-01"]):
        assert memory.get_all(user_id="u", filters={"created_at": wanted})["total"] == 1
    assert memory.get_all(user_id="u", filters={"created_at": ["1969-12-30", "1970-01-02"]})["total"] == 0


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64 + 1, 10**18 * 9, 2**53, 10**300, -(10**300)])
@pytest.mark.parametrize("place", ["{}", "[{}]", '{{"in": {}}}'])
def test_neighbouring_integers_are_two(memory, number, place):
    """Of h and h + 1 a deletion takes h alone, whatever their size, in lists and nested objects, after an export."""
    memory.add_many(
        [
            {"messages": f"{n}", "user_id": "u", "metadata": {"h": json.loads(place.format(n))}}
            for n in (number, number + 1)
        ]
    )
    key = "h.in" if "in" in place else "h"
    lines = Lines()
    memory.export(lines)
    memory.reset()
    memory.import_(lines)
    assert memory.get_all(user_id="u", filters={key: {"in": [number, number + 2]}})["total"] == 1
    assert memory.get_all(user_id="u", filters={key: {"ne": number}})["total"] == 1
    memory.delete_all(user_id="u", filters={key: number})
    assert [item["memory"] for item in memory.get_all(user_id="u")["results"]] == [str(number + 1)]


@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        ({"k": {"regex": "p"}}, "Unsupported filter operator 'regex' for field 'k'"),
        ({"k": {}}, "'k': {} holds no operator"),
        ({"k": {"in": "p"}}, "'in' takes a list, got str"),
        ({"k": {"eq": [["p"]]}}, "'eq' takes a string, number, boolean or null, got list"),
        ({"k": {"gt": None}}, "'gt' takes a number, text or date, got NoneType"),
        ({"k": {"gt": True}}, "'gt' takes a number, text or date, got bool"),
        ({"k": {"icontains": 5}}, "'icontains' takes text"),
        ({"k": {"contains": None}}, "'contains' takes text"),
        ({"k": [["p"]]}, "'in' takes a string"),
        ({"k": float("nan")}, "the number is NaN"),
        ({"k": 10**400}, "the number is NaN, infinite or too large"),
        ({"k": "\ud800"}, "lone surrogate"),
        ({"\ud800": 1}, "lone surrogate"),
        ({"k\0": 1}, "key 'k\\x00' contains a NUL character"),
        ({"k": object()}, "got object"),
        ({5: 1}, "key 5 must be a string"),
        ({"hash": 5}, "'eq' takes text, got int"),
        ({"user_id": "a b"}, "Invalid user_id: cannot contain whitespace"),
        ({"user_id": ["*"]}, "'*' means any id"),
        ({"user_id": {"eq": "*"}}, "'*' means any id"),
        ({"user_id": {"gt": 1.5}}, "Invalid user_id: must be a string"),
        ({"created_at": "soon"}, "'soon' is not an instant"),
        ({"created_at": {"contains": "2026"}}, "a field that is not a date"),
        ({"OR": []}, "'OR': needs at least one alternative"),
        ({"OR": {"k": 1}}, "'OR': takes a list of objects, got dict"),
        ({"AND": "x"}, "'AND': takes a list of objects, got str"),
        ({"AND": ["x"]}, "Invalid AND: must be an object, got str"),
        ({"NOT": 5}, "'NOT': takes a list of objects, got int"),
        ({"metadata": 5}, "'metadata': takes an object of metadata keys"),
        ({"metadata": {"a": {"b": 1}}}, "Unsupported filter operator 'b' for field 'metadata.a'"),
        ([("k", 1)], "Invalid filters: must be an object, got list"),
        ({"OR": [{"k": n} for n in range(1001)]}, "1001 conditions, but at most 1000"),
        ({"$gt": 5}, "'$gt': an operator goes inside a field"),
        ({"$contains": "tea"}, "If it is a metadata key, write 'metadata.$contains'"),
        ({"AND": [{"$where": "x"}]}, "'$where': an operator goes inside a field"),
        (
            {"$comment": "x"},
            "'$comment': there is no such operator. If it is a metadata key, write 'metadata.$comment'",
        ),
        ({"NOT": {"$xor": [{"a": 1}]}}, "'$xor': there is no such operator"),
        ({"k": {"$all": ["a"]}}, "Unsupported filter operator '$all' for field 'k'"),
        ({"k": {"$not": 5}}, "Unsupported filter operator '$not'"),
        ({"k": {"$not": {"$not": {"eq": 1}}}}, "Unsupported filter operator '$not'"),
        ({"k": {"$exists": 1}}, "'$exists' takes true or false, got int"),
        ({"categories": {"contains": 5}}, "'contains' takes text"),
        ({"expiration_date": {"contains": "2030"}}, "a field that is not a date"),
        ({"expiration_date": {"gte": "soon"}}, "'soon' is not an instant"),
        ({"field": "k", "operator": "==", "value": 1}, "another library's filter"),
        ({"AND": [{"operator": "AND", "conditions": []}]}, "another library's filter"),
        ({"metadata": {"ne": {}}}, "'metadata.ne': {} holds no operator"),
    ],
)
def test_a_bad_filter_is_an_error_never_an_empty_result(memory, filters, complaint):
    """An unknown operator, a wrong operand or shape raises on every verb, naming the field."""
    for verb in (
        memory.get_all,
        memory.delete_all,
        lambda **kw: memory.search("x", **kw),
        lambda **kw: memory.export(Lines(), **kw),
    ):
        with pytest.raises(FilterError) as caught:
            verb(user_id="u", filters=filters)
        assert complaint in str(caught.value)


def test_depth_is_bounded(memory):
    """Fifty levels work, a thousand are a clear error."""
    memory.add("x", user_id="u", metadata={"k": 1})
    for depth, works in ((48, True), (1_000, False)):
        filters = {"k": 1}
        for _ in range(depth):
            filters = {"AND": [filters]}
        if works:
            assert memory.get_all(user_id="u", filters=filters)["total"] == 1
        else:
            with pytest.raises(FilterError, match="more than 50 levels deep"):
                memory.get_all(user_id="u", filters=filters)


def test_wide_filters_work(memory):
    """A thousand alternatives and a list of 50,000 values are within the grammar."""
    memory.add("x", user_id="u", metadata={"k": 999})
    assert memory.get_all(user_id="u", filters={"OR": [{"k": n} for n in range(1000)]})["total"] == 1
    assert memory.get_all(user_id="u", filters={"k": list(range(50_000))})["total"] == 1
    assert memory.get_all(user_id="u", filters={"k": {"nin": list(range(50_000))}})["total"] == 0


def test_the_seeds_examples(memory):
    """The filters people write down first: metadata.project_id, a tag in a list, ids nested in AND and OR."""
    memory.add("a", user_id="u", metadata={"project_id": "proj123", "domain_tags": ["python", "fastapi"]})
    memory.add("b", agent_id="x", metadata={"project_id": "proj456", "domain_tags": ["rust"]})
    for filters in (
        {"user_id": "u", "metadata.project_id": "proj123"},
        {"user_id": "u", "metadata": {"project_id": "proj123"}},
        {"AND": [{"user_id": "u"}]},
        {"user_id": "u", "domain_tags": ["fastapi", "go"]},
    ):
        assert [item["memory"] for item in memory.search("a", filters=filters)["results"]] == ["a"], filters
    both = {"OR": [{"user_id": "u"}, {"agent_id": "x"}]}
    assert len(memory.search("a b", filters=both, threshold=0)["results"]) == 2


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ({"user_id": "u"}, True),
        ({"user_id": ["u", "v"]}, True),
        ({"run_id": "*"}, True),
        ({"AND": [{"k": 1}, {"agent_id": "a"}]}, True),
        ({"OR": [{"user_id": "u"}, {"agent_id": "a"}]}, True),
        (ANY_SCOPE, True),
        ({}, False),
        ({"k": 1}, False),
        ({"metadata.user_id": "u"}, False),
        ({"OR": [{"user_id": "u"}, {"k": 1}]}, False),
        ({"NOT": [{"user_id": "u"}]}, False),
        ({"user_id": {"ne": "u"}}, False),
        ({"user_id": None}, False),
        ({"user_id": ["u", None]}, False),
    ],
)
def test_search_demands_a_scope(memory, filters, named):
    """search and delete_all accept a filter only when everything it matches has an id it asks for."""
    assert names_scope(parse(filters)) is named
    if not named:
        with pytest.raises(ValidationError, match="filters must contain at least one of"):
            memory.search("x", filters=filters)


def conditions(expression):
    if isinstance(expression, Condition):
        return [expression]
    parts = [expression.part] if isinstance(expression, Not) else expression.parts
    return [condition for part in parts for condition in conditions(part)]


@given(FILTERS)
def test_the_scope_part_is_about_ids_alone(filters):
    """scope_part keeps conditions on user, agent and run only, and of its own result keeps everything."""
    part = scope_part(parse(filters))
    assert {condition.kind for condition in conditions(part)} <= {"scope"}
    assert scope_part(part) == part


@pytest.mark.parametrize(
    ("filters", "question"),
    [
        ({"or": [{"a": 1}, {"b": 2}]}, "did you mean 'OR'"),
        ({"Or": [{"a": 1}]}, "did you mean 'OR'"),
        ({"$Or": [{"a": 1}]}, "did you mean 'OR'"),
        ({" OR ": ({"a": 1},)}, "did you mean 'OR'"),
        ({"and": [{"a": 1}]}, "did you mean 'AND'"),
        ({"AND": [{"OR": [{"$AND": [{"a": 1}]}]}]}, "did you mean 'AND'"),
        ({"not": [{"a": 1}]}, "did you mean 'NOT'"),
        ({"must_not": [{"a": 1}]}, "did you mean 'NOT'"),
        ({"not": {"a": 1}}, "Did you mean 'NOT' for 'not'"),
        *(({word: []}, f"did you mean '{word.upper()}'") for word in ("and", "or", "not", "Or", "And", "Not")),
        ({"AND": [{"or": ()}, {"user_id": "u"}]}, "did you mean 'OR'"),
        ({"or": {"user_id": "u"}}, "Did you mean 'OR' for 'or'"),
        ({"a": {"GTE": 1}}, "Did you mean 'gte'"),
        ({"a": {"$GTE": 1}}, "Did you mean 'gte'"),
        ({"a": {"$regex": "x"}}, "Did you mean 'icontains'"),
        ({"a": {"$not_regex": "x"}}, "Did you mean 'not_contains'"),
        ({"a": {">=": 1}}, "Did you mean 'gte'"),
        ({"created_at": {"before": "2024-01-01"}}, "Did you mean 'lt'"),
        ({"a": {"==": 1}}, "Did you mean 'eq'"),
        ({"a": {"not_in": [1]}}, "Did you mean 'nin'"),
        ({"a": {"iContains": "x"}}, "Did you mean 'icontains'"),
        ({"user_id": {"Eq": "u"}}, "Did you mean 'eq'"),
    ],
    ids=repr,
)
def test_a_likely_mistake_is_asked_about(memory, filters, question):
    """A group or an operator that is written another way is an error that says how it is written here."""
    for verb in (memory.get_all, memory.delete_all):
        with pytest.raises(FilterError) as caught:
            verb(user_id="u", filters=filters)
        assert question in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"), [("or", "gold"), ("and", ["x", "y"]), ("not", 1), ("Or", None), ("any", ["x"]), ("must", True)]
)
def test_metadata_may_be_called_as_groups_are(memory, key, value):
    """A metadata key that only sounds like a group is one, as long as its value is none."""
    memory.add("x", user_id="u", metadata={key: value} if value is not None else None)
    assert memory.get_all(user_id="u", filters={key: value})["total"] == 1
    if value is not None:
        assert memory.get_all(user_id="u", filters={key: {"ne": "other"}})["total"] == 1


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("2026-03-05", True),
        (date(2026, 3, 5), True),
        (datetime(2026, 3, 5, 23, 59, tzinfo=UTC), True),
        ("2026-W10", True),
        ("2026-03-06", False),
        ({"eq": "2026-03-05T10:00:00Z"}, True),
        ({"ne": "2026-03-05"}, False),
        ({"gte": "2026-03-05T10:00:00"}, True),
        ({"gt": "2026-03-05T10:00:00"}, False),
        ({"gt": "2026-03-04T23:59:59"}, True),
        ({"lte": "2026-03-05"}, True),
        ({"lt": "2026-03-05"}, False),
        ({"$lt": "2026-03-06"}, True),
        ({"gte": 1772668800}, True),
        ("2026-03-05T23:30:00-05:00", True),  # which is the 6th in UTC; of an expiration date it is that day, too
        ("2026-03-06T00:30:00+09:00", False),
        ({"in": [datetime(2026, 3, 5, 23, 30, tzinfo=timezone(timedelta(hours=-5)))]}, True),
        ({"lt": "2026-03-05T23:30:00-05:00"}, False),
        ({"in": ["2026-03-01", "2026-03-05"]}, True),
        (["2026-03-01", None], False),
        ({"nin": ["2026-W10"]}, False),
        ("*", True),
        (None, False),
        ({"exists": True}, True),
    ],
)
def test_expiration_date_is_the_day_that_was_given(memory, wanted, expected):
    """``expiration_date`` is the memory's own day, compared as a whole day; metadata of that name is another key."""
    memory.add("x", user_id="u", expiration_date="2026-03-05")
    assert memory.get_all(user_id="u", filters={"expiration_date": wanted})["total"] == expected
    assert memory.get_all(user_id="u", filters={"metadata.expiration_date": "*"})["total"] == 0


def test_a_life_without_a_day_has_no_expiration_date(memory):
    """What expires by ``ttl`` has ``expires_at`` alone, and filters say so."""
    memory.add("x", user_id="u", ttl=60)
    assert memory.get_all(user_id="u", filters={"expiration_date": None, "expires_at": "*"})["total"] == 1
    assert memory.get_all(user_id="u", filters={"expiration_date": {"gt": "2000-01-01"}})["total"] == 0


@pytest.mark.parametrize("name", ["run_id", "id", "memory", "role", "k", "metadata.k"])
def test_eq_and_ne_take_lists(memory, name):
    """``ne`` with a list is none of it, ``eq`` any of it, of every kind of field."""
    one, other = (
        memory.add(text, user_id="u", run_id=text, metadata={"k": text})["results"][0]["id"] for text in ("r1", "r2")
    )
    values = {"id": (one, other), "role": ("user", "nobody")}.get(name, ("r1", "r2"))
    for operators, count in (
        ({"ne": [values[0], "x"]}, 0 if name == "role" else 1),
        ({"$ne": list(values)}, 0),
        ({"eq": list(values)}, 2),
        ({"$eq": ("x", "y")}, 0),
        ({"ne": []}, 2),
    ):
        assert memory.get_all(user_id="u", filters={name: operators})["total"] == count, operators


CATEGORY_FILTERS = [
    ({"contains": "financ"}, True),
    ({"contains": "FINANCE"}, True),
    ({"icontains": "personal"}, True),
    ({"not_contains": "nance"}, False),
    ({"contains": "food"}, False),
    ("personal_finance", True),
    ("finance", False),
    ({"in": ["finance", "travel"]}, True),
    ({"eq": "Travel"}, False),
    ({"ne": "travel"}, False),
]


@pytest.mark.parametrize(("wanted", "expected"), CATEGORY_FILTERS)
@pytest.mark.parametrize("stored", [["personal_finance", "travel"], ["travel", "personal_finance", 5]])
def test_categories_contain_a_part_of_a_name(memory, stored, wanted, expected):
    """``contains`` on categories is true of a part of a name, in any case; equality is exact. As a metadata key it is
    like every other: a list contains its elements."""
    memory.add("x", user_id="u", metadata={"categories": stored})
    assert memory.get_all(user_id="u", filters={"categories": wanted})["total"] == expected
    for elements in ({"contains": "travel"}, {"contains": "personal_finance"}):
        assert memory.get_all(user_id="u", filters={"metadata": {"categories": elements}})["total"] == 1
    assert memory.get_all(user_id="u", filters={"metadata.categories": {"contains": "finance"}})["total"] == 0


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"eq": {"a": 1, "b": ["x"]}}, True),
        ({"contains": {"a": 1}}, True),
        ({"$contains": {"a": 2}}, False),
        ({"ne": {"a": 1}}, False),
        ({"ne": {"a": 1, "b": "y"}}, True),
        ({"$ne": {"c": 1}}, True),
        ({"ne": {"ne": 1}}, True),  # a metadata key of that name
    ],
)
def test_operators_on_metadata_as_a_whole(memory, wanted, expected):
    """``eq`` and ``contains`` on ``metadata`` ask for all that is in their object, ``ne`` is the opposite."""
    memory.add("x", user_id="u", metadata={"a": 1, "b": ["x"]})
    assert memory.get_all(user_id="u", filters={"metadata": wanted})["total"] == expected


@pytest.mark.parametrize(
    "filters",
    [
        {"$and": [{"user_id": {"$eq": "u"}}, {"n": {"$gt": 1, "$lte": 5}}]},
        {"user_id": "u", "n": {"$gte": 5, "$lt": 6}},
        {"user_id": "u", "$or": [{"n": {"$in": [5, 6]}}, {"n": {"$eq": 0}}]},
        {"user_id": "u", "n": {"$nin": [1, 2], "$ne": 3}},
        {"user_id": "u", "$nor": [{"n": 1}, {"tags": "b"}]},
        {"user_id": "u", "$not": {"n": {"$lt": 5}}},
        {"user_id": "u", "n": {"$not": {"$lt": 5}}},
        {"user_id": "u", "tags": {"$contains": "a", "$not_contains": "b"}},
        {"user_id": {"$in": ["u", "v"]}, "n": {"$exists": True}, "m": {"$exists": False}},
        {"user_id": {"$exists": True}, "text": {"$icontains": "HEL"}},
    ],
    ids=repr,
)
def test_the_signs_of_mongodb_and_chroma(memory, filters):
    """Operators and groups may be written as those databases do, and find a scope where ours do."""
    memory.add("x", user_id="u", metadata={"n": 5, "tags": ["a"], "text": "hello"})
    assert memory.search("x", filters=filters, threshold=0)["results"][0]["memory"] == "x"
    memory.delete_all(filters=filters)
    assert memory.get_all(user_id="u")["total"] == 0


class Masked(str):
    """A text that does not show itself, as secrets do."""

    __slots__ = ()

    def __repr__(self):
        return "'***'"


class Number(int):
    """A number that shows its kind only, as members of an enumeration do."""

    def __repr__(self):
        return "Number"


class Share(float):
    """The same, as a float."""

    __slots__ = ()

    def __repr__(self):
        return "Share"


@pytest.mark.parametrize("made", [Masked, Number, Share])
@pytest.mark.parametrize(
    "asked",
    [
        lambda value: {"k": value},
        lambda value: {"k": [value]},
        lambda value: {"k": {"gte": value, "lte": value}},
        lambda value: {"k": {"in": [value]}},
        lambda value: {"NOT": {"k": {"ne": value}}},
    ],
)
def test_filters_are_told_apart_by_what_they_ask_for(memory, made, asked):
    """Two filters that look the same are two, whatever classes of the caller's their operands have."""
    for value in (1, 2):
        memory.add("tea", user_id="u", metadata={"k": str(value) if made is Masked else value}, infer=False)
    for value in (1, 2, 1):
        [found] = memory.search("tea", user_id="u", filters=asked(made(value)))["results"]
        assert found["metadata"] == {"k": str(value) if made is Masked else value}


@pytest.mark.parametrize("operator", ["contains", "icontains", "eq", "in"])
def test_a_masked_id_is_whose_it_is(memory, operator):
    """A user's id that does not show itself never finds another's memories."""
    for user in ("u1", "u2"):
        memory.add(f"tea of {user}", user_id=user, agent_id="bot")
    for user in ("u1", "u2", "u1"):
        operand = [Masked(user)] if operator == "in" else Masked(user)
        filters = {"agent_id": "bot", "user_id": {operator: operand}}
        assert [one["user_id"] for one in memory.search("tea", filters=filters)["results"]] == [user]


def test_a_masked_field_is_the_field(memory):
    """So does the name of a field."""
    memory.add("tea", user_id="u", metadata={"a": 1})
    for name, count in (("a", 1), ("b", 0), ("a", 1)):
        assert len(memory.search("tea", user_id="u", filters={Masked(name): 1})["results"]) == count


def test_empty_lists_of_conditions(memory):
    """An empty AND or NOT demands nothing, and an empty OR is refused."""
    memory.add("tea", user_id="u")
    for word in ("AND", "NOT", "$and", "$not", "$nor"):
        assert memory.get_all(filters={"user_id": "u", word: []})["total"] == 1, word
    for word in ("OR", "$or"):
        with pytest.raises(FilterError, match=r"needs at least one alternative"):
            memory.get_all(filters={"user_id": "u", word: []})
