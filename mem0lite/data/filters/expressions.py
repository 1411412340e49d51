"""A checked filter as a tree of conditions, and what can be told from it. Pure."""

from typing import Any, Literal, NamedTuple

FieldKind = Literal["scope", "text", "instant", "day", "metadata"]

FIELDS: dict[str, FieldKind] = {
    "user_id": "scope",
    "agent_id": "scope",
    "run_id": "scope",
    "app_id": "scope",
    "id": "text",
    "memory": "text",
    "hash": "text",
    "actor_id": "text",
    "role": "text",
    "feedback": "text",
    "feedback_reason": "text",
    "created_at": "instant",
    "updated_at": "instant",
    "expires_at": "instant",
    "expiration_date": "day",
}
"""The memory's own fields, each with its kind; every other key is a metadata key."""

CATEGORIES = "categories"
"""The metadata key whose values are names: ``contains`` finds part of a name."""

KEY = "key"
"""The key of a memory, and the metadata key of that name: a condition on it is true if either passes.

It is no field of FIELDS, because metadata had that key before memories had one.
"""

FACTS_FIELD = "sources"
"""The field that only facts have. It is none of FIELDS, because metadata had that key before there were facts."""

SCOPE_IDS = tuple(name for name, kind in FIELDS.items() if kind == "scope")

ANY_SCOPE: dict[str, Any] = {"OR": [{name: "*"} for name in SCOPE_IDS]}
"""The filter that every memory satisfies, because every memory has at least one id."""


class Condition(NamedTuple):
    """One test of one field.

    ``operand`` neither is nor holds None: being null is the negation of ``exists``. Texts in it are in Unicode's
    composed form. Two operators are not the caller's: ``on`` is true for an instant within one of the days that begin
    at the operands, and ``part`` for a name, or one name in a list, that has the operand in it, in any case.

    ``paths`` are the places where a metadata key may be; the test must pass at one of them, or for KEY at the memory's
    key. There are none for the memory's own fields.
    """

    field: str
    kind: FieldKind
    operator: str
    operand: Any
    paths: tuple[tuple[str, ...], ...] = ()


class All(NamedTuple):
    """True when every part is true; without parts, always.

    ``kind`` tells it from AnyOf and Not, as named tuples of equal values are equal.
    """

    parts: tuple["Expression", ...] = ()
    kind: Literal["all"] = "all"


class AnyOf(NamedTuple):
    """True when at least one part is true."""

    parts: tuple["Expression", ...]
    kind: Literal["any"] = "any"


class Not(NamedTuple):
    """True when the part is not true."""

    part: "Expression"
    kind: Literal["not"] = "not"


Expression = Condition | All | AnyOf | Not
EVERYTHING = All()


FACTS = Condition(FACTS_FIELD, "text", "exists", True)
"""True of a fact that was drawn from other memories; its negation is true of what was said. No filter says it."""


def both(*expressions: Expression) -> Expression:
    """Return the expression that is true when all of them are."""
    parts = tuple(expression for expression in expressions if expression != EVERYTHING)
    return parts[0] if len(parts) == 1 else All(parts)


def scope_part(expression: Expression) -> Expression:
    """Return the strongest condition that ``expression`` implies on nothing but scope ids."""
    match expression:
        case Condition():
            return expression if expression.kind == "scope" else EVERYTHING
        case All():
            return both(*(scope_part(part) for part in expression.parts))
        case AnyOf():
            parts = tuple(scope_part(part) for part in expression.parts)
            return EVERYTHING if EVERYTHING in parts else AnyOf(parts)
        case Not():
            return expression if only_scope(expression.part) else EVERYTHING


def names_scope(expression: Expression) -> bool:
    """True when every memory that satisfies the expression has an id that the filter asks for.

    search and delete_all demand this, so that a typing mistake never reads or deletes everybody's memories.
    """
    match expression:
        case Condition():
            return expression.kind == "scope" and expression.operator in ("eq", "in", "exists")
        case All():
            return any(names_scope(part) for part in expression.parts)
        case AnyOf():
            return all(names_scope(part) for part in expression.parts)
        case Not():
            return False


def names_only(user_id: str, expression: Expression, *, negated: bool = False) -> bool:
    """True when the expression asks for no user but ``user_id``, and for no id with ``"*"``.

    Any other condition on the field ``user_id``, such as ``contains``, counts as asking for others. Null names nobody.
    """
    match expression:
        case Condition(kind="scope", operator="exists"):
            return negated
        case Condition(field="user_id", operator="eq" | "in", operand=operand):
            return all(name == user_id for name in (operand if expression.operator == "in" else (operand,)))
        case Condition():
            return expression.field != "user_id"
        case Not():
            return names_only(user_id, expression.part, negated=not negated)
        case _:
            return all(names_only(user_id, part, negated=negated) for part in expression.parts)


def only_scope(expression: Expression) -> bool:
    """True when the expression asks for nothing but scope ids."""
    match expression:
        case Condition():
            return expression.kind == "scope"
        case Not():
            return only_scope(expression.part)
        case _:
            return all(only_scope(part) for part in expression.parts)
