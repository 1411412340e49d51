"""What callers want of the facts that a language model draws, with one call or in the project's settings. Pure."""

from collections.abc import Mapping
from typing import Any, cast

from ..errors import ValidationError
from ..values import clean_text, shown

NAMES = ("prompt", "custom_instructions", "includes", "excludes", "custom_categories")
"""The arguments that are wishes."""
OF_PROJECT = {
    "custom_instructions": "custom_instructions",
    "inclusion_prompt": "includes",
    "includes": "includes",
    "exclusion_prompt": "excludes",
    "excludes": "excludes",
    "custom_categories": "custom_categories",
}
"""The settings of the project that are wishes, unless a call has its own."""


def clean_wishes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wishes that are given, as JSON keeps them. Raises ValidationError, which names the argument."""
    wishes = {name: given[name] for name in NAMES if given.get(name) is not None}
    return {
        name: _categories(value) if name == "custom_categories" else clean_text(value, name)
        for name, value in wishes.items()
    }


def refuse_wishes(wishes: Mapping[str, Any]) -> None:
    """Raise ValidationError for wishes, as there is no language model to follow them.

    ``prompt`` is not refused: callers of mem0 have always given it, and it was never followed here.
    """
    for name in wishes:
        if name != "prompt":
            raise ValidationError(
                f"Invalid {name}: only a language model follows it, and this store was opened without one. Open it "
                f"with llm=…, or leave {name} out.",
                field=name,
            )


def _categories(given: object) -> dict[str, str]:
    """Return categories with what each means, from a dictionary, or as mem0 has it a list of them or of names."""
    parts = [given] if isinstance(given, Mapping | str) else given
    if not isinstance(parts, list | tuple):
        raise _unreadable(given)
    found: dict[str, str] = {}
    for part in parts:
        pairs = {part: ""} if isinstance(part, str) else part
        if not isinstance(pairs, Mapping):
            raise _unreadable(part)
        for name, meaning in pairs.items():
            if not isinstance(meaning, str):
                raise _unreadable(part)
            found[clean_text(name, "custom_categories")] = meaning
    return found


def _unreadable(given: object) -> ValidationError:
    return ValidationError(
        f"Invalid custom_categories: {shown(given)}. Give a dictionary of names and what they mean, or a list of such "
        "dictionaries, or of names.",
        field="custom_categories",
    )


def _joined(setting: str, value: object) -> object:
    """Return instructions that are a list of texts, as mem0's projects have them, as one text."""
    listed = setting == "custom_instructions" and isinstance(value, list) and all(isinstance(one, str) for one in value)
    return "\n".join(cast("list[str]", value)) if listed else value


def readable(project: Mapping[str, Any]) -> dict[str, Any]:
    """Return those settings of the project that are wishes and can be read; older versions kept anything."""
    found: dict[str, Any] = {}
    for setting, name in OF_PROJECT.items():
        try:
            found.update(clean_wishes({name: _joined(setting, project.get(setting))}))
        except ValidationError:
            continue
    return found
