"""The rules by which the pieces of a date are read. Importing this package enters all of them. Pure.

A new kind of date is a function with the decorator ``rule``, in the module it belongs to.
"""

# ruff: noqa: I001 - if two rules read equally much of a text, the one that was entered first wins: keep this order
from . import calendar, days, near, turns, distances, parts
from .calendar import COUNTED
from .days import foreign_way
from .distances import edge, step_at

__all__ = ["COUNTED", "calendar", "days", "distances", "edge", "foreign_way", "near", "parts", "step_at", "turns"]
