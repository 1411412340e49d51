"""Whose memories a call means: everybody's, or one user's in a view. Pure."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Self, cast

from ..data.filters import (
    EVERYTHING,
    SCOPE_IDS,
    Expression,
    both,
    likely_ids,
    names_only,
    names_scope,
    parse,
)
from ..data.records import Scope
from ..errors import PermissionDeniedError, ValidationError
from ..values import argument_id, clean_id, clean_scope, shown
from .arguments import AddItem, Unset

_NAMED = 1_024  # users whose ids need no second look

NO_IDS = (None, None, None, None)
"""No user, agent, run or app, in the order of SCOPE_IDS."""


class Owner(NamedTuple):
    """The user of a view, or nobody in particular.

    ``ids`` are a user's, an agent's, a run's and an app's id everywhere, as callers give them, in this order.
    """

    user_id: str | None = None
    within: Expression = EVERYTHING
    """What every memory that can be reached matches."""

    def view(self, user_id: str | int) -> Self:
        """Return the owner of a view of one user's memories."""
        name = clean_id(user_id, "user_id")
        if self.user_id not in (None, name):
            raise _another_user()
        return type(self)(name, parse({"user_id": name}))

    def check_whole(self, verb: str) -> None:
        """Raise PermissionDeniedError in a view, for a verb that concerns the whole file."""
        if self.user_id is not None:
            raise PermissionDeniedError(
                f"{verb} concerns the whole file. Call it on the Memory, not on a view of one user."
            )

    def one_user(self, user_id: object) -> str:
        """Return the user that a call names, in a view by default its own."""
        if user_id is None:
            if self.user_id is None:
                raise ValidationError("Give a user_id.", field="user_id")
            return self.user_id
        name = clean_id(user_id, "user_id")
        if self.user_id not in (None, name):
            raise _another_user()
        return name

    def scope(self, item: AddItem) -> Scope:
        """Return the scope of the memories that an ``add`` makes."""
        return Scope(**clean_scope(self._with_user(item)))

    def _with_user(self, item: AddItem) -> AddItem:
        if self.user_id is None:
            return item
        given = item.get("user_id")
        if given is not None and clean_id(given, "user_id") != self.user_id:
            raise _another_user()
        return {**item, "user_id": self.user_id}

    def matching(self, filters: object, *ids: object) -> Expression:
        """Return what a call asks for with a filter and with ids; without either it is everything that can be
        reached."""
        if self.user_id is not None and any(isinstance(one, str) and one.strip() == "*" for one in ids):
            raise _another_user()
        asked = _expression(filters, *ids)
        if self.user_id is None:
            return asked
        if not names_only(self.user_id, asked):
            raise _another_user()
        return both(self.within, asked)

    def asked(self, filters: object, *ids: object) -> Expression:
        """Return what ``matching`` does; raise ValidationError if it does not say whose memories are meant."""
        expression = self.matching(filters, *ids)
        if not names_scope(expression):
            raise ValidationError(
                "filters must contain at least one of: user_id, agent_id, run_id, app_id. "
                f"Example: filters={{'user_id': 'u1'}}{_misspelt(filters)}",
                field="filters",
            )
        return expression

    def to_delete(self, filters: object, *ids: object) -> Expression:
        """Return what ``matching`` does; raise ValidationError if the call names nobody, also in a view."""
        expression = self.matching(filters, *ids)
        if not names_scope(_expression(filters, *ids)):
            raise ValidationError(
                "At least one filter is required to delete all memories. If you want to delete all memories, "
                f"use the `reset()` method{_misspelt(filters) or '.'}",
                field="filters",
            )
        return expression

    def to_reset(self, *ids: object) -> tuple[Expression, dict[str, str]]:
        """Return what ``reset`` removes, and the ids that it names. UNSET is an id that is not given."""
        given = {name: value for name, value in _named(ids) if not isinstance(value, Unset)}
        for name, value in given.items():
            if value is None:
                raise ValidationError(
                    f"Invalid {name}: None. Call reset() without arguments to remove everything.", field=name
                )
            if self.user_id is None and isinstance(value, str) and value.strip() == "*":
                raise ValidationError(
                    f"Invalid {name}: '*' cannot be an id. Leave all ids out to remove everything.",
                    field=name,
                )
        named = {name: "*" if value == "*" else clean_id(value, name) for name, value in given.items()}
        if not named and self.user_id is not None:
            named = {"user_id": self.user_id}
        return self.matching(None, *(given.get(name) for name in SCOPE_IDS)), named


def given_ids(*ids: object) -> dict[str, Any]:
    """Return the ids of a call by name, None included."""
    return dict(_named(ids))


def _named(ids: tuple[object, ...]) -> Iterator[tuple[str, Any]]:
    return cast("Iterator[tuple[str, Any]]", zip(SCOPE_IDS, ids, strict=True))


def _expression(filters: object, *ids: object) -> Expression:
    if filters is None and all(one is None or type(one) is str for one in ids):
        return _naming(*ids)
    return _checked(filters, *ids)


@lru_cache(_NAMED)
def _naming(*ids: object) -> Expression:
    return _checked(None, *ids)


def _checked(filters: object, *ids: object) -> Expression:
    given = {name: argument_id(value, name) for name, value in _named(ids) if value is not None}
    return both(parse(filters), parse(given))


def named_scope(*ids: object) -> Mapping[str, str]:
    """Return the ids that name whom ``erase`` removes; raise ValidationError if there is none."""
    scope = {name: clean_id(value, name) for name, value in _named(ids) if value is not None}
    if not scope:
        raise ValidationError("Give at least one of user_id, agent_id, run_id or app_id.", field="user_id")
    return scope


def _another_user() -> PermissionDeniedError:
    return PermissionDeniedError(
        "Only the memories of one user can be reached here. Give the user_id of that user, or no user_id."
    )


def _misspelt(filters: object) -> str:
    """Return a question about a key of a filter that looks like the name of an id."""
    key, name = next(likely_ids(filters), (None, None))
    return "" if key is None else f". {shown(key)} is a metadata key: did you mean {name!r}?"
