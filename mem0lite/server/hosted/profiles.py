"""Profiles as mem0's clients have them made: by a server with a language model; any other says 501.

A profile is written while the caller waits, kept, and written again when memories have changed. So a job is done when
it is answered, its id tells what it did, and nothing has to be kept of it.
"""

from typing import Annotated, Any

from litestar import get, post
from litestar.exceptions import NotFoundException
from litestar.params import Parameter

from ...errors import ValidationError
from ...values import is_number, new_id, shown
from ..ignored import note, unnote
from ..routing import NOT_HERE, Answer, AnyRequest, Memory, unserved
from .summaries import profile
from .unavailable import PROFILES, NotHereError

_TYPES = ("user", "agent", "app", "run")
_SAMPLED, _MOST_SAMPLED = 3, 10
_SETTINGS = {
    "enabled": True,
    "capabilities": {"schema": False, "custom_instructions": False},
    "entities": {"user": {"schema": None, "custom_instructions": None}},
}
_CURE = "A profile here is a text that follows the project's custom_instructions, includes and excludes."


def _described(what: str) -> dict[str, Any]:
    return {
        "status_code": 200,
        "tags": [NOT_HERE],
        "description": f"{what} A server without a language model answers 501.",
        "responses": unserved(PROFILES),
    }


def _check(memory: Memory) -> None:
    if not memory.memory.has_model:
        raise NotHereError(detail=PROFILES)


async def _body(request: AnyRequest, *names: str) -> dict[str, Any]:
    """Return a body, which is read here, and not before a server without a model has answered."""
    unnote(request, "body")
    given: Any = await request.json() if await request.body() else {}
    if not isinstance(given, dict):
        raise ValidationError("Invalid body: must be an object.", field="body")
    for name in given:
        if name not in names:
            note(request, name, "This request has no such field.")
    return given


@get("/v2/profiles/settings", operation_id="hosted_profile_settings", **_described("Get the settings of profiles."))
async def hosted_profile_settings(memory: Memory) -> Answer:
    """Get the settings of profiles: they are on, and have none of their own."""
    _check(memory)
    return _SETTINGS


@post(
    "/v2/profiles/settings",
    operation_id="hosted_set_profile_settings",
    **_described("Check the settings of profiles: they are on, and have no schema and no instructions of their own."),
)
async def hosted_set_profile_settings(request: AnyRequest, memory: Memory) -> Answer:
    """Accept settings that say what is so already, and refuse others."""
    _check(memory)
    given = await _body(request, "enabled", "entities")
    if given.get("enabled") not in (None, True):
        raise ValidationError(
            "Invalid enabled: profiles are written when somebody asks for them, and cannot be turned off. Start the "
            "server without a language model, or do not ask.",
            field="enabled",
        )
    entities = given.get("entities") or {}
    if not isinstance(entities, dict) or not all(isinstance(one, dict | None) for one in entities.values()):
        raise ValidationError("Invalid entities: must be an object of objects.", field="entities")
    for kind, settings in entities.items():
        for name, value in (settings or {}).items():
            if value is not None:
                raise ValidationError(
                    f"Invalid {name}: profiles of a {kind} have none of their own. {_CURE}", field=name
                )
    return _SETTINGS


@get("/v2/profiles/jobs", operation_id="hosted_profile_jobs", **_described("List the jobs that make profiles."))
async def hosted_profile_jobs(memory: Memory) -> Answer:
    """List the jobs that are at work: none, as a job is done when it is answered."""
    _check(memory)
    return {"count": 0, "next": None, "previous": None, "results": []}


@get(
    "/v2/profiles/jobs/{job_id:str}",
    operation_id="hosted_profile_job",
    **_described("Get a job that made profiles."),
)
async def hosted_profile_job(
    memory: Memory, job_id: Annotated[str, Parameter(description="As the answer to its request has it.")]
) -> Answer:
    """Get a job that made profiles, which is done."""
    _check(memory)
    operation, _, rest = job_id.partition("-")
    counted = rest.partition("-")[0]
    if operation not in ("trigger", "sample") or counted not in map(str, range(_MOST_SAMPLED + 1)):
        raise NotFoundException(f"No job has the id {shown(job_id)}")
    total = int(counted)
    done = {"total": total, "completed": total, "succeeded": total, "failed": 0, "skipped": 0}
    return {"job": {"id": job_id, "operation": operation, "status": "succeeded", "enumeration_complete": True, **done}}


@post("/v2/profiles/jobs", operation_id="hosted_make_profiles", **_described("Write profiles now."))
async def hosted_make_profiles(request: AnyRequest, memory: Memory) -> Answer:
    """Write the profile of somebody (`operation` trigger), or those of a few (sample)."""
    _check(memory)
    given = await _body(request, "operation", "entity_type", "entity_id", "limit")
    if given.get("operation") == "trigger":
        return await _triggered(memory, given.get("entity_type", "user"), given.get("entity_id"))
    if given.get("operation") == "sample":
        return await _sampled(memory, given.get("entity_type", "user"), given.get("limit"))
    raise ValidationError(
        f"Invalid operation: {shown(given.get('operation'))}. Must be trigger, with an entity_id, or sample.",
        field="operation",
    )


@post("/v2/profiles/trigger", operation_id="hosted_trigger_profile", **_described("Write a profile now."))
async def hosted_trigger_profile(request: AnyRequest, memory: Memory) -> Answer:
    """Write the profile of a user now."""
    _check(memory)
    given = await _body(request, "entity_type", "entity_id", "user_id")
    return await _triggered(memory, given.get("entity_type", "user"), given.get("entity_id", given.get("user_id")))


@post("/v2/profiles/samples", operation_id="hosted_sample_profiles", **_described("Write a few profiles now."))
async def hosted_sample_profiles(request: AnyRequest, memory: Memory) -> Answer:
    """Write the profiles of a few users, those with most memories."""
    _check(memory)
    given = await _body(request, "entity_type", "limit")
    return await _sampled(memory, given.get("entity_type", "user"), given.get("limit"))


async def _triggered(memory: Memory, kind: object, name: object) -> dict[str, Any]:
    if not isinstance(name, str) or not name:
        raise ValidationError(
            f"Invalid entity_id: {shown(name)}. Give the id of whose profile it is.", field="entity_id"
        )
    if name not in await _names(memory, kind):
        raise NotFoundException(f"No {kind} with id {name} has memories")
    await profile(memory, str(kind), name)
    return _answer("trigger", str(kind), 1, {"entity_count_reserved": 1})


async def _sampled(memory: Memory, kind: object, limit: object) -> dict[str, Any]:
    if limit is not None and not (is_number(limit) and limit in range(1, _MOST_SAMPLED + 1)):
        raise ValidationError(f"Invalid limit: {shown(limit)}. Must be from 1 to {_MOST_SAMPLED}.", field="limit")
    names = (await _names(memory, kind))[: _SAMPLED if limit is None else int(limit)]
    for name in names:
        await profile(memory, str(kind), name)
    return _answer("sample", str(kind), len(names), {"sampled": len(names), "entity_ids": names})


async def _names(memory: Memory, kind: object) -> list[str]:
    """Return the ids of a kind that have memories, those with most of them first."""
    if kind not in _TYPES:
        raise ValidationError(
            f"Invalid entity_type: {shown(kind)}. Must be one of {', '.join(_TYPES)}.", field="entity_type"
        )
    found = [one for one in await memory.entities() if one["type"] == kind]
    return [one["id"] for one in sorted(found, key=lambda one: (-one["total_memories"], one["id"]))]


def _answer(operation: str, kind: str, count: int, more: dict[str, Any]) -> dict[str, Any]:
    job_id = f"{operation}-{count}-{new_id()}"
    return {
        "job_id": job_id,
        "event_id": None,
        "status": "succeeded",
        "status_url": f"/v2/profiles/jobs/{job_id}/",
        "operation": operation,
        "entity_type": kind,
        "replayed": False,
        **more,
    }


HANDLERS = (
    hosted_profile_settings,
    hosted_set_profile_settings,
    hosted_profile_jobs,
    hosted_profile_job,
    hosted_make_profiles,
    hosted_trigger_profile,
    hosted_sample_profiles,
)
