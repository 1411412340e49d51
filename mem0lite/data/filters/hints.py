"""What somebody may have meant by a word that filters don't have. Pure."""

from collections.abc import Collection

_GROUPS = {
    **{"and": "AND", "all": "AND", "must": "AND", "or": "OR", "any": "OR", "anyof": "OR", "should": "OR"},
    **{"not": "NOT", "nor": "NOT", "mustnot": "NOT"},
}
"""What other libraries call groups, by ``plain`` name."""

_OPERATORS = {
    **{"=": "eq", "==": "eq", "is": "eq", "equal": "eq", "equals": "eq", "match": "eq"},
    **{"!=": "ne", "<>": "ne", "neq": "ne", "not": "ne", "isnot": "ne", "notequal": "ne", "notequals": "ne"},
    **{">": "gt", "after": "gt", ">=": "gte", "ge": "gte", "min": "gte"},
    **{"<": "lt", "before": "lt", "<=": "lte", "le": "lte", "max": "lte"},
    **{"any": "in", "anyof": "in", "oneof": "in", "notin": "nin", "noneof": "nin", "has": "contains"},
    **{"like": "icontains", "ilike": "icontains", "includes": "contains", "substring": "contains"},
    **{"regex": "icontains", "notregex": "not_contains", "notcontains": "not_contains"},
}
"""What other libraries call operators, by ``plain`` name or by sign."""


def plain(name: str) -> str:
    """Return a name without case and without the signs between its words."""
    return "".join(character for character in name.casefold() if character.isalnum())


def group_for(key: str) -> str | None:
    """Return the group that a key sounds like, or None."""
    return _GROUPS.get(plain(key))


def meant(field: str, operator: str, operators: Collection[str]) -> str:
    """Return a question that suggests what an unknown operator was meant to be; empty if there is no guess."""
    if group := group_for(field):
        return f" Did you mean '{group}' for '{field}'?"
    name = plain(operator) or operator.strip()
    guess = name if name in operators else _OPERATORS.get(name)
    return f" Did you mean '{guess}'?" if guess else ""
