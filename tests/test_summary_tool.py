"""The tool of MCP that has a language model summarize memories."""

import asyncio
from pathlib import Path

import pytest
from embedder import HashEmbedder
from scripted_model import ScriptedModel

from mem0lite import AsyncMemory, ConfigurationError, ValidationError
from mem0lite.mcp import tools


def summarized(path: Path, model: ScriptedModel | None, **given: str) -> dict[str, object]:
    async def ask() -> dict[str, object]:
        async with AsyncMemory(path, embedder=HashEmbedder(), llm=model) as memory:
            if model is not None:
                await memory.add("I like tea", user_id="alice")
                await memory.add("I like milk", user_id="bob")
            return dict(await tools.BY_NAME["get_summary"].call(memory, given, "alice"))

    return asyncio.run(ask())


def test_a_model_summarizes_for_a_model(tmp_path: Path) -> None:
    """get_summary answers as ``Memory.summary``: of the default user, or of whom it names."""
    whole = summarized(tmp_path / "m.db", ScriptedModel())
    assert (whole["summary"], whole["memories"]) == ("I like tea", 1)
    assert summarized(tmp_path / "m.db", ScriptedModel(), user_id="bob")["summary"] == "I like milk"
    assert summarized(tmp_path / "m.db", ScriptedModel(), user_id="nobody")["memories"] == 0
    assert summarized(tmp_path / "m.db", ScriptedModel(), kind="profile")["summary"] == "I like tea"


def test_a_tool_without_a_model_says_what_is_missing(tmp_path: Path) -> None:
    """A store without a language model gives a typed error, with the cure; so does another kind."""
    with pytest.raises(ConfigurationError, match="MEM0LITE_LLM_URL"):
        summarized(tmp_path / "m.db", None)
    with pytest.raises(ValidationError) as raised:
        summarized(tmp_path / "m.db", ScriptedModel(), kind="poem")
    assert raised.value.field == "kind"
