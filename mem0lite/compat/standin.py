"""MemoryClient and AsyncMemoryClient for when mem0ai is not installed: the calls of its version 2, to any server.

Each verb is written once, as a generator that yields the requests it makes and is sent their answers. The sync client
makes the requests, the async one awaits them.
"""

import functools
import os
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import quote

import httpx

from ..errors import ConfigurationError, ValidationError
from ..exceptions import NetworkError, create_exception_from_response

HOSTED = "https://api.mem0.ai"

Request = tuple[str, str, dict[str, Any]]
"""The method, the path, and further arguments for httpx."""
Steps = Generator[Request, Any, Any]

_TIMEOUT = 300.0
_SCOPE = ("user_id", "agent_id", "app_id", "run_id")
_JOBS, _SETTINGS = "/v2/profiles/jobs/", "/v2/profiles/settings/"
_KEPT: Any = object()  # an argument that was not given, where None clears


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _fields(options: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked for with an object such as SearchMemoryOptions, a dictionary, or arguments by name."""
    if options is not None and not isinstance(options, Mapping):
        options = options.model_dump(exclude_unset=True)
    return _given(**{**(options or {}), **more})


def _part(value: object) -> str:
    return quote(str(value), safe="")


def _memory(memory_id: object, more: str = "") -> str:
    return f"/v1/memories/{_part(memory_id)}/{more}"


def _key(given: str | None) -> dict[str, str]:
    return {"Idempotency-Key": given or uuid.uuid4().hex}


class _Verbs:
    """The verbs of a client."""

    def add(self, messages: Any, options: Any = None, **more: Any) -> Steps:
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        elif isinstance(messages, Mapping):
            messages = [messages]
        elif not isinstance(messages, Sequence):
            kind = type(messages).__name__
            raise ValidationError(
                f"messages: must be a text, a message or a list of them, got {kind}.", field="messages"
            )
        return (yield "POST", "/v3/memories/add/", {"json": {"messages": messages, **_fields(options, more)}})

    def get(self, memory_id: str) -> Steps:
        return (yield "GET", _memory(memory_id), {})

    def get_all(self, options: Any = None, **more: Any) -> Steps:
        fields = _fields(options, more)
        page = {name: fields.pop(name) for name in ("page", "page_size") if name in fields}
        return (yield "POST", "/v3/memories/", {"json": fields, "params": page})

    def search(self, query: str, options: Any = None, **more: Any) -> Steps:
        return (yield "POST", "/v3/memories/search/", {"json": {"query": query, **_fields(options, more)}})

    def update(self, memory_id: str, options: Any = None, **more: Any) -> Steps:
        fields = _fields(options, more)
        if "expiration_date" in more:
            fields["expiration_date"] = more["expiration_date"]  # None clears it
        return (yield "PUT", _memory(memory_id), {"json": fields})

    def delete(self, memory_id: str, delete_linked: bool = False) -> Steps:
        return (yield "DELETE", _memory(memory_id), {"params": _given(delete_linked=delete_linked or None)})

    def delete_all(self, options: Any = None, **more: Any) -> Steps:
        fields = _fields(options, more)
        filters = fields.get("filters")
        if isinstance(filters, Mapping) and set(filters) <= set(_SCOPE):
            fields = {**filters, **{name: value for name, value in fields.items() if name != "filters"}}
        return (yield "DELETE", "/v1/memories/", {"params": fields})

    def history(self, memory_id: str) -> Steps:
        return (yield "GET", _memory(memory_id, "history/"), {})

    def users(self) -> Steps:
        return (yield "GET", "/v1/entities/", {})

    def delete_users(
        self,
        user_id: str | None = None,
        agent_id: str | None = None,
        app_id: str | None = None,
        run_id: str | None = None,
    ) -> Steps:
        given = (("user", user_id), ("agent", agent_id), ("app", app_id), ("run", run_id))
        named = next(([one] for one in given if one[1]), None)
        if named is None:
            found = (yield "GET", "/v1/entities/", {"params": {"page_size": 1000}})["results"]
            if not found:
                raise ValidationError("Nothing was deleted: there are no users, agents, apps or runs.", field="user_id")
            named = [(one["type"], one["name"]) for one in found]
        for kind, name in named:
            yield "DELETE", f"/v2/entities/{_part(kind)}/{_part(name)}/", {}
        return {"message": f"Deleted: {len(named)}."}

    def reset(self) -> Steps:
        yield from _Verbs.delete_users(self)
        return {"message": "Every memory was deleted."}

    def batch_update(self, memories: Sequence[Mapping[str, Any]]) -> Steps:
        return (yield "PUT", "/v1/batch/", {"json": {"memories": memories}})

    def batch_delete(self, memories: Sequence[Mapping[str, Any]]) -> Steps:
        return (yield "DELETE", "/v1/batch/", {"json": {"memories": memories}})

    def create_memory_export(self, schema: Any, **more: Any) -> Steps:
        return (yield "POST", "/v1/exports/", {"json": {"schema": schema, **_given(**more)}})

    def get_memory_export(self, **more: Any) -> Steps:
        return (yield "POST", "/v1/exports/get/", {"json": _given(**more)})

    def get_summary(self, filters: Mapping[str, Any] | None = None) -> Steps:
        return (yield "POST", "/v1/summary/", {"json": _given(filters=filters)})

    def get_profile(self, entity_id: str) -> Steps:
        return (yield "GET", f"/v2/entities/user/{_part(entity_id)}/profile/", {})

    def generate_profile(self, entity_id: str, idempotency_key: str | None = None) -> Steps:
        asked = {"operation": "trigger", "entity_type": "user", "entity_id": entity_id}
        return (yield "POST", _JOBS, {"json": asked, "headers": _key(idempotency_key)})

    def sample_profiles(self, limit: int | None = None, idempotency_key: str | None = None) -> Steps:
        asked = {"operation": "sample", "entity_type": "user", **_given(limit=limit)}
        return (yield "POST", _JOBS, {"json": asked, "headers": _key(idempotency_key)})

    def get_profile_job(self, job_id_or_status_url: str) -> Steps:
        named = job_id_or_status_url
        return (yield "GET", named if named.startswith("/") else f"{_JOBS}{_part(named)}/", {})

    def get_profile_settings(self) -> Steps:
        return (yield "GET", _SETTINGS, {})

    def update_profile_settings(
        self, enabled: bool | None = None, schema: Any = _KEPT, custom_instructions: Any = _KEPT
    ) -> Steps:
        asked = {"schema": schema, "custom_instructions": custom_instructions}
        of_users = {name: value for name, value in asked.items() if value is not _KEPT}
        entities = {"entities": {"user": of_users}} if of_users else {}
        return (yield "POST", _SETTINGS, {"json": {**_given(enabled=enabled), **entities}})

    def get_project(self, fields: Sequence[str] | None = None) -> Steps:
        """Return the settings of the project."""
        return (yield from _ProjectVerbs(self).get(fields))

    def update_project(self, options: Any = None, **more: Any) -> Steps:
        """Change settings of the project."""
        return (yield from _ProjectVerbs(self).update(options, **more))

    def get_webhooks(self, project_id: str) -> Steps:
        return (yield "GET", f"/api/v1/webhooks/projects/{_part(project_id)}/", {})

    def create_webhook(self, url: str, name: str, project_id: str, event_types: Sequence[str]) -> Steps:
        asked = {"url": url, "name": name, "event_types": event_types}
        return (yield "POST", f"/api/v1/webhooks/projects/{_part(project_id)}/", {"json": asked})

    def update_webhook(
        self,
        webhook_id: int | str,
        name: str | None = None,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
    ) -> Steps:
        asked = _given(name=name, url=url, event_types=event_types)
        return (yield "PUT", f"/api/v1/webhooks/{_part(webhook_id)}/", {"json": asked})

    def delete_webhook(self, webhook_id: int | str) -> Steps:
        return (yield "DELETE", f"/api/v1/webhooks/{_part(webhook_id)}/", {})

    def chat(self) -> Steps:
        """Raise NotImplementedError, as in mem0."""
        raise NotImplementedError("chat: no language model is called; mem0's own chat raises this error, too.")

    def feedback(self, memory_id: str, feedback: str | None = None, feedback_reason: str | None = None) -> Steps:
        word = feedback.upper() if feedback else None
        asked = {"memory_id": memory_id, "feedback": word, "feedback_reason": feedback_reason}
        return (yield "POST", "/v1/feedback/", {"json": asked})


class _ProjectVerbs:
    """The verbs of ``client.project``."""

    def __init__(self, client: Any) -> None:
        self._client, self._http = client, client._http

    def _path(self, more: str = "") -> str:
        return f"/api/v1/orgs/organizations/{self._client.org_id}/projects/{more}"

    def _own(self, more: str = "") -> str:
        return self._path(f"{self._client.project_id}/{more}")

    def get(self, fields: Sequence[str] | None = None) -> Steps:
        return (yield "GET", self._own(), {"params": _given(fields=fields)})

    def update(self, options: Any = None, **more: Any) -> Steps:
        return (yield "PATCH", self._own(), {"json": _fields(options, more)})

    def create(self, name: str, description: str | None = None) -> Steps:
        return (yield "POST", self._path(), {"json": _given(name=name, description=description)})

    def delete(self) -> Steps:
        return (yield "DELETE", self._own(), {})

    def get_members(self) -> Steps:
        return (yield "GET", self._own("members/"), {})

    def add_member(self, email: str, role: str = "READER") -> Steps:
        return (yield "POST", self._own("members/"), {"json": {"email": email, "role": role}})

    def update_member(self, email: str, role: str) -> Steps:
        return (yield "PUT", self._own("members/"), {"json": {"email": email, "role": role}})

    def remove_member(self, email: str) -> Steps:
        return (yield "DELETE", self._own("members/"), {"params": {"email": email}})


def _now(verb: Callable[..., Steps]) -> Callable[..., Any]:
    @functools.wraps(verb)
    def call(self: Any, *args: Any, **options: Any) -> Any:
        steps, answer = verb(self, *args, **options), None
        while True:
            try:
                method, path, told = steps.send(answer)
            except StopIteration as end:
                return end.value
            with _failures():
                answer = _read(self._http.request(method, path, **told))

    return call


def _later(verb: Callable[..., Steps]) -> Callable[..., Any]:
    @functools.wraps(verb)
    async def call(self: Any, *args: Any, **options: Any) -> Any:
        steps, answer = verb(self, *args, **options), None
        while True:
            try:
                method, path, told = steps.send(answer)
            except StopIteration as end:
                return end.value
            with _failures():
                answer = _read(await self._http.request(method, path, **told))

    return call


@contextmanager
def _failures() -> Any:
    try:
        yield
    except httpx.RequestError as error:
        code = "NET_TIMEOUT" if isinstance(error, httpx.TimeoutException) else "NET_CONNECT"
        raise NetworkError(f"The server did not answer: {error}", code) from error


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text


def _read(answer: httpx.Response) -> Any:
    """Return the answer's JSON, or raise the exception that mem0's client raises for its status."""
    told = _json(answer)
    if not answer.is_error:
        return told
    details = told if isinstance(told, dict) else {}
    request = {"status_code": answer.status_code, "url": str(answer.url), "method": answer.request.method}
    raise create_exception_from_response(
        answer.status_code, details.get("detail", told), details=details, debug_info=request
    )


def _with(spoken: Callable[[Callable[..., Steps]], Callable[..., Any]], verbs: type) -> Callable[[type], type]:
    """Return a decorator that gives a class these verbs, as functions or as coroutines."""

    def give(cls: type) -> type:
        for name, verb in vars(verbs).items():
            if not name.startswith("_"):
                setattr(cls, name, spoken(verb))
        return cls

    return give


class _Client:
    """What both clients share."""

    _project: type[_ProjectVerbs]

    def __init__(
        self,
        api_key: str | None = None,
        host: str | None = None,
        client: Any = None,
        *,
        org_id: str | None = None,
        project_id: str | None = None,
    ) -> None:
        self.api_key = api_key or os.environ.get("MEM0_API_KEY")
        if not self.api_key:
            raise ConfigurationError("api_key: missing. Give one, or set MEM0_API_KEY.")
        self.host = host or HOSTED
        self.org_id, self.project_id = org_id, project_id
        self._http = self._make() if client is None else client
        self._http.base_url = httpx.URL(self.host)
        self._http.headers.update(self._headers())
        self.user_email = self._validate_api_key()

    @property
    def project(self) -> Any:
        """The settings of the project."""
        return self._project(self)

    def _make(self) -> Any:
        raise NotImplementedError

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.api_key}"}

    def _ping(self, http: httpx.Client) -> str | None:
        """Check the key. Raises ConfigurationError, a ValueError like mem0's, if it is not accepted."""
        with _failures():
            answer = http.get("/v1/ping/", headers=self._headers())
        told = _json(answer)
        if answer.is_error or not isinstance(told, Mapping):
            detail = told.get("detail", told) if isinstance(told, Mapping) else f"{self.host} answered no JSON."
            raise ConfigurationError(f"Error: {detail}")
        self.org_id = told.get("org_id") or self.org_id
        self.project_id = told.get("project_id") or self.project_id
        email: str | None = told.get("user_email")
        return email

    def _validate_api_key(self) -> str | None:  # named as in mem0's client, because both are aimed the same way
        with httpx.Client(base_url=self.host, timeout=_TIMEOUT) as http:
            return self._ping(http)


@_with(_now, _ProjectVerbs)
class _Project(_ProjectVerbs):
    """The settings of the project."""


@_with(_later, _ProjectVerbs)
class _AsyncProject(_ProjectVerbs):
    """As _Project, with coroutines."""


@_with(_now, _Verbs)
class MemoryClient(_Client):
    """A client of mem0's hosted API, with the verbs of mem0ai's own."""

    _http: httpx.Client
    _project = _Project

    def _make(self) -> httpx.Client:
        return httpx.Client(timeout=_TIMEOUT)

    def _validate_api_key(self) -> str | None:
        try:
            return self._ping(self._http)
        except BaseException:
            self._http.close()  # nobody gets this client
            raise

    @property
    def client(self) -> httpx.Client:
        """The HTTP client."""
        return self._http

    def close(self) -> None:
        """Close the HTTP client."""
        self._http.close()


@_with(_later, _Verbs)
class AsyncMemoryClient(_Client):
    """MemoryClient with coroutines. Like mem0's own, its constructor makes one request that is not awaited."""

    _http: httpx.AsyncClient
    _project = _AsyncProject

    def _make(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=_TIMEOUT)

    @property
    def async_client(self) -> httpx.AsyncClient:
        """The HTTP client."""
        return self._http

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()
