"""One question to a language model: asked, read, asked once more if the answer cannot be used, and counted. Pure."""

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from .. import telemetry
from ..errors import LanguageModelError
from .prompts import repair
from .protocol import LanguageModel, Messages, Schema, Usage, name_of

Read = TypeVar("Read")

_LONGEST_REASON = 200  # characters


class UnusableError(ValueError):
    """An answer of a language model has not the shape that was asked for; the message says what is wrong with it."""


def ask(model: LanguageModel, messages: Messages, schema: Schema, read: Callable[[Any], Read]) -> tuple[Read, Usage]:
    """Return what ``read`` makes of a model's answer, and what asking cost.

    An answer that is no JSON, or of which ``read`` raises UnusableError, is asked for once more, with the reason.
    Raises LanguageModelError with ``usage``.
    """
    spent = Usage()
    for last in (False, True):
        value, usage, error = _once(model, messages, schema)
        spent += usage
        if error is None:
            try:
                return read(value), spent
            except UnusableError as unusable:
                spent += Usage(failures=1)
                written = json.dumps(value, ensure_ascii=False, default=str)
                error = _unusable(model, str(unusable), written)
        if last or error.answer is None or error.too_long:
            error.usage = spent
            raise error
        messages = repair(messages, error.answer, str(error))
    raise AssertionError  # pragma: no cover - the last round returns or raises


def _once(model: LanguageModel, messages: Messages, schema: Schema) -> tuple[Any, Usage, LanguageModelError | None]:
    """Return the answer to one call, what it cost, and what went wrong."""
    begin, value, failed = time.monotonic(), None, None
    try:
        with telemetry.chat(model, name_of(model)) as span:
            value = model.complete(messages, schema)
            span.note(_tokens(model))
    except LanguageModelError as error:
        failed = error
    except Exception as error:
        failed = LanguageModelError(
            f"The language model {name_of(model)} failed: {type(error).__name__}: {error}"[:_LONGEST_REASON],
            retryable=True,
        )
        failed.__cause__ = error
    told = getattr(model, "usage", None)
    if isinstance(told, Usage):
        return value, told, failed
    return value, Usage(1, seconds=time.monotonic() - begin, failures=int(failed is not None)), failed


def _tokens(model: LanguageModel) -> dict[str, int]:
    """Return the numbers of tokens of the last call, as OpenTelemetry names them, if the model counts."""
    told = getattr(model, "usage", None)
    if not isinstance(told, Usage):
        return {}
    return {
        "gen_ai.usage.input_tokens": told.prompt_tokens,
        "gen_ai.usage.output_tokens": told.completion_tokens,
    }


def _unusable(model: LanguageModel, reason: str, answer: str) -> LanguageModelError:
    return LanguageModelError(
        f"The language model {name_of(model)} gave an answer of another shape than asked for: {reason}. Try again, "
        "or choose a larger model.",
        retryable=True,
        answer=answer,
    )
