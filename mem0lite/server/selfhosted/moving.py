"""The self-hosted API's export and import: memories with their histories, as JSON lines."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from typing import Any, TextIO

from litestar import get, post
from litestar.params import JSONBody
from litestar.response import Stream

from .. import responses
from ..auth import admin_only
from ..parameters import AgentId, AppId, Filters, RunId, ShowExpired, UserId, read_object
from ..requests import ImportRequest
from ..routing import Answer, Memory, answers, body, given, text_only

LINES = "application/x-ndjson"
_CHUNK = 64 * 1024  # characters


@get(
    "/export",
    media_type=LINES,
    tags=["server"],
    summary="Export memories",
    responses=answers(str, "One JSON object for each line", 422),
    operation_class=text_only(LINES),
)
async def export_memories(
    memory: Memory,
    user_id: UserId = None,
    agent_id: AgentId = None,
    run_id: RunId = None,
    app_id: AppId = None,
    filters: Filters = None,
    show_expired: ShowExpired = False,
) -> Stream:
    """Export memories with their histories as JSON lines, for `POST /import`. Without ids and filters this is
    everything that the key reaches."""
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id, "run_id": run_id, "app_id": app_id}
    wanted = read_object(filters, "filters")
    # All of it is written before the answer begins, so that a failure is an error and not an answer cut short. The file
    # has no name, and nobody else can read it.
    lines = await asyncio.to_thread(_nameless)
    try:
        await memory.export(lines, filters=wanted, **ids, show_expired=show_expired)
        await asyncio.to_thread(lines.seek, 0)
    except BaseException:
        lines.close()
        raise
    return Stream(_read(lines), media_type=LINES)


def _nameless() -> TextIO:
    return tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")


async def _read(lines: TextIO) -> AsyncIterator[bytes]:
    with lines:
        while text := await asyncio.to_thread(lines.read, _CHUNK):
            yield text.encode()


@post(
    "/import",
    status_code=200,
    tags=["server"],
    summary="Import memories",
    guards=[admin_only],
    responses=answers(responses.ImportResponse, "What was added", 422),
    operation_class=body({"lines": ['{"memory": "I am allergic to peanuts", "user_id": "alice"}']}),
)
async def import_memories(memory: Memory, data: JSONBody[ImportRequest]) -> Answer:
    """Add the memories of an export. What is there already is skipped. Every line is checked before the first is
    stored."""
    return await memory.import_(data.lines, **{name: one for name, one in given(data).items() if name != "lines"})


HANDLERS = (export_memories, import_memories)
