"""The filter grammar against an oracle in plain Python, on every verb that takes filters."""

import json
from datetime import UTC, datetime

import pytest
from embedder import HashEmbedder
from hypothesis import given
from hypothesis import strategies as st

from mem0lite import FilterError, Memory, ValidationError
from mem0lite.filters import ANY_SCOPE, Condition, Not, names_scope, parse, scope_part

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
}


def values(item, name):
    """All values a field name can mean in an item: an own field, or the metadata key, whole or as a path."""
    if name in OWN:
        return [item.get(name)]
    key = name.removeprefix("metadata.")
    found = []
    for path in {(key,), tuple(key.split("."))}:
        value = item["metadata"] or {}
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        found.append(value)
    return found


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(stored, operand):
    if is_number(stored) and is_number(operand):
        return as_64_bit(stored) == as_64_bit(operand)
    return type(stored) is type(operand) and stored == operand


def as_64_bit(number):
    return number if isinstance(number, float) or -(2**63) <= number < 2**63 else float(number)


def elements(stored):
    return stored if isinstance(stored, list) else [stored]


def equal(stored, operand):
    return any(same(element, operand) for element in elements(stored))


def ordered(compare):
    def test(stored, operand):
        comparable = (is_number(stored) and is_number(operand)) or (
            isinstance(stored, str) and isinstance(operand, str)
        )
        return comparable and compare(stored, operand)

    return test


def contains(stored, operand):
    if isinstance(stored, list):
        return any(same(element, operand) for element in stored)
    return isinstance(stored, str) and isinstance(operand, str) and operand in stored


def icontains(stored, operand):
    if isinstance(stored, list):
        return any(isinstance(element, str) and element.casefold() == operand.casefold() for element in stored)
    return isinstance(stored, str) and operand.casefold() in stored.casefold()


ORACLE = {
    "eq": equal,
    "gt": ordered(
        lambda stored, operand: as_64_bit(stored) > as_64_bit(operand) if is_number(stored) else stored > operand
    ),
    "gte": ordered(
        lambda stored, operand: as_64_bit(stored) >= as_64_bit(operand) if is_number(stored) else stored >= operand
    ),
    "lt": ordered(
        lambda stored, operand: as_64_bit(stored) < as_64_bit(operand) if is_number(stored) else stored < operand
    ),
    "lte": ordered(
        lambda stored, operand: as_64_bit(stored) <= as_64_bit(operand) if is_number(stored) else stored <= operand
    ),
    "contains": contains,
    "icontains": icontains,
}


def field_matches(item, name, operator, operand):
    if operator in ("in", "nin"):
        found = any(field_matches(item, name, "eq", one) for one in operand)
        return found if operator == "in" else not found
    if operator == "ne":
        return not field_matches(item, name, "eq", operand)
    if operator == "eq" and operand is None:
        return all(value is None for value in values(item, name))
    return any(ORACLE[operator](value, operand) for value in values(item, name))


def matches(item, filters):
    return all(part_matches(item, key, value) for key, value in filters.items())


def part_matches(item, key, value):
    word = key.removeprefix("$").upper()
    if key in ("AND", "$and"):
        return all(matches(item, part) for part in value)
    if key in ("OR", "$or"):
        return any(matches(item, part) for part in value)
    if key in ("NOT", "$not"):
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

TEXTS = st.sampled_from(
    ["p1", "P1", "p", "5", "true", "", "a\x00b", "Straße", "STRASSE", "ﬁ", "é", "😀", '["p1"]', "null"]
)
NUMBERS = st.sampled_from([0, 1, 5, 5.0, -1, 0.1, 2**53, 2**53 + 1, 2**63, 10**30, -0.0, 1e300])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
STORED = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
METADATA = st.dictionaries(st.sampled_from(KEYS), STORED, max_size=4)

OPERATORS = st.one_of(
    st.dictionaries(st.sampled_from(["eq", "ne"]), SCALARS, min_size=1),
    st.dictionaries(st.sampled_from(["in", "nin"]), st.lists(SCALARS, max_size=3), min_size=1),
    st.dictionaries(st.sampled_from(["gt", "gte", "lt", "lte"]), TEXTS | NUMBERS, min_size=1),
    st.dictionaries(st.just("contains"), TEXTS | NUMBERS | st.booleans(), min_size=1),
    st.dictionaries(st.just("icontains"), TEXTS, min_size=1),
)
KEY = st.sampled_from([*(key for key in KEYS if key != "metadata"), *(f"metadata.{key}" for key in KEYS)])
ON_METADATA = st.dictionaries(
    KEY, st.one_of(SCALARS, st.just("*"), st.lists(SCALARS, max_size=3), OPERATORS), max_size=2
)
ON_OWN = st.one_of(
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
        st.tuples(inner, inner).map(lambda pair: {**pair[0], **pair[1]}),
    ),
    max_leaves=6,
)


@given(st.lists(METADATA, min_size=1, max_size=6), st.lists(FILTERS, min_size=1, max_size=8))
def test_filters_mean_what_the_oracle_says(stored, asked):
    """get_all, search, export and delete_all select exactly what the grammar says, whatever the keys and types."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        for number, metadata in enumerate(stored):
            memory.add(
                [
                    {"role": ["user", "assistant"][number % 2], "content": f"memory {number}"}
                    | ({"name": "Bob"} if number % 3 else {})
                ],
                user_id=f"u{number % 3}",
                agent_id=f"a{number % 2}" if number % 4 else None,
                metadata=metadata,
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
        ({"updated_at": {"ne": "2026-03-01"}}, True),
        ({"expires_at": None}, False),
        ({"expires_at": "*"}, True),
        ({"expires_at": {"lte": DAY.isoformat()}}, False),
    ],
)
def test_dates_compare_as_instants(memory, filters, expected):
    """Dates are compared as points in time, whatever the zone and the notation, ISO text or epoch seconds."""
    memory.add("x", user_id="u", ttl=3600)
    assert memory.get_all(user_id="u", filters=filters)["total"] == expected


@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        ({"k": {"regex": "p"}}, "Unsupported filter operator 'regex' for field 'k'"),
        ({"k": {}}, "'k': {} holds no operator"),
        ({"k": {"in": "p"}}, "'in' takes a list, got str"),
        ({"k": {"eq": ["p"]}}, "'eq' takes a string, number, boolean or null, got list"),
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
        ({"OR": [{"k": n} for n in range(1001)]}, "1001 conditions, at most 1000"),
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
