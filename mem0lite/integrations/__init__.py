"""Doors for agent frameworks: each module gives one framework its own interface to a store.

A module imports its framework, which is an extra of the same name (with hyphens), so nothing here is imported by the
rest of the package. What the doors share is in ``shelf``: JSON values under keys, each kept as a memory.
"""

from ..errors import DependencyError


def missing(module: str, error: ModuleNotFoundError) -> DependencyError:
    """Return the error for a framework that is not installed; it names the extra."""
    return DependencyError(
        f"mem0lite.integrations.{module} needs the package {error.name!r}. "
        f'Install it with: pip install "mem0lite[{module.replace("_", "-")}]"',
        name=error.name,
    )
