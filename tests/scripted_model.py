"""A language model whose answers a test writes: the one method that mem0lite asks for, and nothing else."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mem0lite.llm.protocol import Usage

Line = dict[str, Any]


def lines_of(messages: Sequence[Mapping[str, str]]) -> list[Line]:
    """Return the data in a question, which are lines of JSON."""
    return [json.loads(line) for line in messages[1]["content"].splitlines() if line.startswith("{")]


def every_turn(turns: Sequence[Line]) -> list[Line]:
    """Draw one fact from each turn: what it says, word for word."""
    return [{"fact": turn["text"], "turns": [turn["turn"]]} for turn in turns]


def all_new(facts: Sequence[Line], known: Sequence[Line]) -> list[Line]:
    """Add every fact."""
    return [decision(fact["fact"]) for fact in facts]


def decision(fact: int, event: str = "ADD", known: int | None = None, text: str | None = None) -> Line:
    return {"fact": fact, "event": event, "known": known, "text": text}


class ScriptedModel:
    """Answers what functions make of a question. ``fails`` has the errors that the next calls raise."""

    name = "scripted"

    def __init__(
        self,
        facts: Callable[[Sequence[Line]], list[Line]] = every_turn,
        decisions: Callable[[Sequence[Line], Sequence[Line]], list[Line]] = all_new,
        fails: Sequence[Exception] = (),
    ) -> None:
        self.facts, self.decisions, self.fails = facts, decisions, list(fails)
        self.asked: list[str] = []
        """The tasks and data of all calls, as text."""
        self._lock = threading.Lock()
        self.usage = Usage(calls=1, prompt_tokens=100, completion_tokens=10)

    def complete(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> Any:
        with self._lock:
            self.asked.append("\n".join(message["content"] for message in messages))
            if self.fails:
                raise self.fails.pop(0)
        lines = lines_of(messages)
        if "facts" in schema["properties"]:
            return {"facts": self.facts([line for line in lines if "turn" in line and not line.get("known")])}
        if "decisions" in schema["properties"]:
            known = [line for line in lines if "known" in line]
            return {"decisions": self.decisions([line for line in lines if "fact" in line], known)}
        return {"text": " ".join(line["memory"] for line in lines)}
