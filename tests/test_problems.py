"""What a 422 response says of a body of the wrong shape, for every kind of type that a struct can have."""

import inspect
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Meta, Struct, UnsetType

from mem0lite.errors import ValidationError
from mem0lite.server import requests
from mem0lite.server.bodies import parse_json, to_struct
from mem0lite.server.hosted import requests as hosted
from mem0lite.server.problems import InvalidRequest, MissingFieldError, Problem


class Colour(Enum):
    """A choice, as an enumeration."""

    RED = "red"
    BLUE = "blue"


class Leaf(Struct, forbid_unknown_fields=True):
    """A part of a body that allows nothing else."""

    size: Annotated[int, Meta(ge=1, le=9)]
    kind: Literal["a", "b"] = "a"


class Body(Struct):
    """A field of each kind."""

    name: str = ""
    choice: Literal["x", "y", 3] = "x"
    choice_or_null: Literal["x", "y"] | None = None
    only: Literal["x"] | UnsetType = UNSET
    colour: Colour = Colour.RED
    count: Annotated[int | None, Meta(description="a number")] = None
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    flag: bool | None = None
    rows: list[list[int]] = []
    leaves: list[Leaf] = []
    by_name: dict[str, list[Leaf]] = {}
    either: str | Leaf | list[Leaf] | None = None
    number_or_text: float | str | None = None


def wrong(body: Any, struct: type[Struct] = Body) -> list[Problem]:
    """Return the problems of a body, without what is sent back of it."""
    with pytest.raises(InvalidRequest) as raised:
        to_struct(body, struct)
    return [{key: value for key, value in one.items() if key != "input"} for one in raised.value.extra]  # type: ignore


INTEGER = ("int_type", "Input should be a valid integer")
OBJECT = ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")


@pytest.mark.parametrize(
    ("body", "loc", "problem"),
    [
        ({"name": None}, ["name"], ("string_type", "Input should be a valid string")),
        ({"name": {"a": 1}}, ["name"], ("string_type", "Input should be a valid string")),
        ({"choice": "z"}, ["choice"], ("literal_error", "Input should be 'x', 'y' or 3")),
        ({"choice": []}, ["choice"], ("literal_error", "Input should be 'x', 'y' or 3")),
        ({"choice": None}, ["choice"], ("literal_error", "Input should be 'x', 'y' or 3")),
        ({"choice_or_null": "z"}, ["choice_or_null"], ("literal_error", "Input should be 'x' or 'y'")),
        ({"choice_or_null": 1}, ["choice_or_null"], ("literal_error", "Input should be 'x' or 'y'")),
        ({"only": "y"}, ["only"], ("literal_error", "Input should be 'x'")),
        ({"colour": "green"}, ["colour"], ("enum", "Input should be 'red' or 'blue'")),
        ({"colour": 5}, ["colour"], ("enum", "Input should be 'red' or 'blue'")),
        ({"count": "many"}, ["count"], ("int_parsing", f"{INTEGER[1]}, unable to parse string as an integer")),
        ({"count": 1.5}, ["count"], INTEGER),
        ({"count": True}, ["count"], INTEGER),
        ({"count": "9" * 5_000}, ["count"], ("value_error", "Integer value out of range")),
        ({"share": 10**400}, ["share"], ("value_error", "Number out of range")),
        ({"share": "1e999"}, ["share"], ("value_error", "Number out of range")),
        ({"share": 0}, ["share"], ("greater_than", "Input should be greater than 0")),
        ({"share": "1"}, ["share"], ("less_than", "Input should be less than 1")),
        ({"flag": "perhaps"}, ["flag"], ("bool_parsing", "Input should be a valid boolean, unable to interpret input")),
        ({"flag": [True]}, ["flag"], ("bool_type", "Input should be a valid boolean")),
        ({"rows": 5}, ["rows"], ("list_type", "Input should be a valid list")),
        ({"rows": [[1], 2]}, ["rows", 1], ("list_type", "Input should be a valid list")),
        ({"rows": [[1], [2, [3]]]}, ["rows", 1, 1], INTEGER),
        ({"leaves": ["x"]}, ["leaves", 0], OBJECT),
        ({"leaves": [{"size": 1}, {}]}, ["leaves", 1, "size"], ("missing", "Field required")),
        (
            {"leaves": [{"size": 1, "kind": "c"}]},
            ["leaves", 0, "kind"],
            ("literal_error", "Input should be 'a' or 'b'"),
        ),
        ({"leaves": [{"size": 1, "x": 1}]}, ["leaves", 0, "x"], ("extra_forbidden", "Extra inputs are not permitted")),
        (
            {"leaves": [{"size": 10**30}]},
            ["leaves", 0, "size"],
            ("less_than_equal", "Input should be less than or equal to 9"),
        ),
        ({"by_name": []}, ["by_name"], ("dict_type", "Input should be a valid dictionary")),
        (
            {"by_name": {"k": [{"size": 0}]}},
            ["by_name", "k", 0, "size"],
            ("greater_than_equal", "Input should be greater than or equal to 1"),
        ),
        ({"either": 5}, ["either"], ("value_error", "Input should be a valid string, object or list")),
        ({"either": True}, ["either"], ("value_error", "Input should be a valid string, object or list")),
        ({"number_or_text": True}, ["number_or_text"], ("value_error", "Input should be a valid number or string")),
        ({"either": [{}]}, ["either", 0, "size"], ("missing", "Field required")),
        (
            {"either": {"size": "x"}},
            ["either", "size"],
            ("int_parsing", f"{INTEGER[1]}, unable to parse string as an integer"),
        ),
        ({"number_or_text": {}}, ["number_or_text"], ("value_error", "Input should be a valid number or string")),
        ([], [], OBJECT),
        (None, [], OBJECT),
    ],
)
def test_a_wrong_value_is_named_with_its_place(body: Any, loc: list[str | int], problem: tuple[str, str]) -> None:
    """Whatever a field's type, and however deep the value is, the problem names the place and what belongs there."""
    [found] = wrong(body)
    assert (found["loc"], found["type"], found["msg"]) == (["body", *loc], *problem)


def test_every_wrong_field_is_reported() -> None:
    """One answer names all that is wrong, at every depth; of a long list, the first ten entries."""
    body = {"name": 1, "leaves": [{"size": 0}, {"size": 1}, {"kind": "c"}], "rows": [["x"] * 99, "y"]}
    places = [found["loc"][1:] for found in wrong(body)]
    assert places[0] == ["name"]
    assert places[-3:] == [["leaves", 0, "size"], ["leaves", 2, "size"], ["leaves", 2, "kind"]]
    assert [place for place in places if place[0] == "rows"] == [["rows", 0, number] for number in range(10)]


class Sometimes(Struct):
    """Needs a field only where another is absent, or refuses for a reason of its own."""

    role: str = ""
    type: str = ""

    def __post_init__(self) -> None:
        if self.type == "odd":
            raise ValueError("Expected `int`, got `array`")
        if not self.role and not self.type:
            raise MissingFieldError("role")


def test_a_struct_names_what_it_lacks() -> None:
    """A field that is needed in some cases only is named as missing; another refusal of a struct has no field."""
    [found] = wrong({}, Sometimes)
    assert (found["type"], found["loc"]) == ("missing", ["body", "role"])
    [found] = wrong({"type": "odd"}, Sometimes)
    assert (found["type"], found["loc"], found["msg"]) == ("value_error", ["body"], "Input is not valid here")


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"a": 1,}', b'{"a": NaN}', b"1e999", b"1" * 10_000, b'"\\ud800"', b"[1] [2]", "{'é'}".encode()],
)
def test_what_is_no_json_is_reported_with_a_position(raw: bytes) -> None:
    """The position of a mistake lies in the body, in bytes, and the reason is a sentence."""
    with pytest.raises(InvalidRequest) as raised:
        parse_json(raw)
    [found] = raised.value.extra  # type: ignore[misc]
    assert found["type"] == "json_invalid"
    assert 0 <= found["loc"][1] <= len(raw)
    assert found["ctx"]["error"]


REQUESTS = [
    struct
    for room in (requests, hosted)
    for struct in vars(room).values()
    if inspect.isclass(struct) and issubclass(struct, Struct) and struct.__module__ == room.__name__
]
"""The structs of both APIs."""

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[type[Struct], Any]:
    """Return a struct, and something with its field names that may or may not be one."""
    struct = draw(st.sampled_from([*REQUESTS, Body]))
    names = [field.name for field in msgspec.structs.fields(struct)]
    messages = st.lists(st.fixed_dictionaries({"role": VALUES, "content": VALUES}), max_size=2)
    return struct, draw(st.dictionaries(st.sampled_from(names), VALUES | messages) if names else st.just({}))


@given(bodies())
@settings(max_examples=400, deadline=None)
def test_a_body_is_taken_or_its_problems_are_named(made: tuple[type[Struct], Any]) -> None:
    """Every body that msgspec refuses has a problem, in a place that the body has, or misses."""
    struct, body = made
    try:
        to_struct(body, struct)
    except ValidationError:  # a field that the struct forbids
        assert struct.__struct_config__.forbid_unknown_fields
    except InvalidRequest as error:
        assert error.extra
        for problem in error.extra:
            *way, last = problem["loc"]  # type: ignore[index]
            at: Any = {"body": body}
            for step in way:
                at = at[step]
            assert problem["type"] == "missing" or last in at or isinstance(at, list)  # type: ignore[index]
    else:
        assert isinstance(body, dict)
