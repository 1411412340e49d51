"""A running server as a store: what ``--url`` opens."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from ..errors import ConfigurationError, Mem0LiteError, MemoryNotFoundError, ValidationError

if TYPE_CHECKING:
    import httpx

    from ..types import (
        AddResult,
        ChangePage,
        CheckResult,
        ContextResult,
        CreatedKey,
        CreatedWebhook,
        Entity,
        ErasureReceipt,
        EventItem,
        EventPage,
        FeedbackResult,
        GraphResult,
        HistoryItem,
        ImportResult,
        Key,
        MemoryItem,
        MessageResult,
        Page,
        SearchResult,
        Stats,
        SummaryResult,
        UpdateResult,
        UserUsage,
        Webhook,
    )

_HTTP_TIMEOUT = 60.0
_IDS = ("user_id", "agent_id", "run_id", "app_id")
_WEBHOOKS = "/api/v1/webhooks"


class RemoteMemory:
    """The verbs of Memory that a mem0lite server has a route for, with the same arguments, results and errors."""

    def __init__(self, url: str, api_key: str | None = None, *, named: str = "--url") -> None:
        import httpx

        if api_key and not all("!" <= character <= "~" for character in api_key):
            raise ValidationError("Invalid --api-key: must be printable ASCII without spaces.", field="api_key")
        headers = {"X-API-Key": api_key} if api_key else {}
        shown, reason = repr(url), ""
        try:
            parsed = httpx.URL(url.rstrip("/"))
        except httpx.InvalidURL as error:
            parsed, reason = httpx.URL(), f": {error}"
        if "@" in url:  # the URL, and what is wrong with it, may be a password
            shown, reason = "a URL", ""
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValidationError(
                f"Invalid {named}: {shown} must start with http:// or https:// and name a host{reason}.", field="url"
            )
        self._url = str(parsed.copy_with(username=None, password=None, query=None, fragment=None)).rstrip("/")
        basic = base64.b64encode(parsed.userinfo).decode()
        self._secrets = [secret for secret in (api_key, parsed.password, basic) if secret]
        auth = (parsed.username, parsed.password) if parsed.userinfo else None
        self._client = httpx.Client(base_url=self._url, timeout=_HTTP_TIMEOUT, headers=headers, auth=auth)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def add(self, messages: str, **arguments: Any) -> "AddResult":
        """POST /memories."""
        body = {"messages": [{"role": "user", "content": messages}], **arguments}
        return cast("AddResult", self._request("POST", "/memories", body=body))

    def search(self, query: str, **arguments: Any) -> "SearchResult":
        """POST /search."""
        return cast("SearchResult", self._request("POST", "/search", body={"query": query, **arguments}))

    def context(self, query: str, **arguments: Any) -> "ContextResult":
        """POST /context."""
        return cast("ContextResult", self._request("POST", "/context", body={"query": query, **arguments}))

    def summary(self, **asked: Any) -> "SummaryResult":
        """POST /v1/summary/."""
        written = self._request("POST", "/v1/summary/", body=asked, patient=True)
        return cast("SummaryResult", {name: one for name, one in written.items() if name != "status"})

    def get_all(
        self,
        *,
        limit: int,
        offset: int | None = None,
        after: str | None = None,
        filters: Mapping[str, Any] | None = None,
        show_expired: bool = False,
        latest_only: bool = True,
        as_of: str | float | None = None,
        kinds: str | None = None,
        **scope: str,
    ) -> "Page":
        """GET /memories."""
        asked = ("offset", offset), ("after", after), ("as_of", as_of), ("kinds", kinds)
        where = {name: value for name, value in asked if value is not None}
        shown = {"show_expired": show_expired, "latest_only": latest_only}
        query = {"top_k": limit, **where, **shown, **scope, **_as_query(filters)}
        return cast("Page", self._request("GET", "/memories", params=query))

    def graph(
        self, *, filters: Mapping[str, Any] | None = None, format: str = "json", **asked: Any
    ) -> "GraphResult | str":
        """GET /graph, which takes filters as GET /memories does."""
        query = {**asked, "format": format, **_as_query(filters)}
        return cast("GraphResult | str", self._request("GET", "/graph", params=query, text=format != "json"))

    def get(self, memory_id: str, **as_of: Any) -> "MemoryItem | None":
        """GET /memories/{id}."""
        return cast("MemoryItem | None", self._request("GET", _memory_path(memory_id), params=as_of))

    def history(self, memory_id: str) -> "list[HistoryItem]":
        """GET /memories/{id}/history."""
        return cast("list[HistoryItem]", self._request("GET", f"{_memory_path(memory_id)}/history"))

    def update(self, memory_id: str, **changes: Any) -> "UpdateResult":
        """PUT /memories/{id}."""
        return cast("UpdateResult", self._request("PUT", _memory_path(memory_id), body=changes))

    def feedback(self, memory_id: str, feedback: str | None, feedback_reason: str | None) -> "FeedbackResult":
        """POST /v1/feedback/."""
        body = {"memory_id": memory_id, "feedback": feedback, "feedback_reason": feedback_reason}
        stored = self._request("POST", "/v1/feedback/", body=body)
        return cast("FeedbackResult", {name: one for name, one in stored.items() if name != "message"})

    def entities(self) -> "list[Entity]":
        """GET /entities."""
        return cast("list[Entity]", self._request("GET", "/entities"))

    def events(self, **asked: Any) -> "EventPage":
        """GET /events."""
        return cast("EventPage", self._request("GET", "/events", params=asked))

    def event(self, event_id: str) -> "EventItem | None":
        """GET /v1/event/{id}/, without what the hosted API adds."""
        try:
            found = self._request("GET", f"/v1/event/{_quoted(event_id)}/")
        except MemoryNotFoundError:
            return None
        scope = {name: one for name, one in found.items() if name not in _IDS or one is not None}
        results = [{name: item[name] for name in ("id", "event", "memory")} for item in found["results"]]
        return cast("EventItem", {**scope, "results": results})

    def changes(self, **asked: Any) -> "ChangePage":
        """GET /changes."""
        return cast("ChangePage", self._request("GET", "/changes", params=asked))

    def ready(self) -> None:
        """GET /health/ready, and then what needs the key. Raises Mem0LiteError if the server cannot be used."""
        self._request("GET", "/health/ready")
        self._request("GET", "/entities")

    def stats(self) -> "Stats":
        """GET /stats."""
        return cast("Stats", self._request("GET", "/stats"))

    def usage(self, user_id: str) -> "UserUsage":
        """GET /usage."""
        return cast("UserUsage", self._request("GET", "/usage", params={"user_id": user_id}))

    def check(self) -> "CheckResult":
        """GET /check, for as long as it takes."""
        return cast("CheckResult", self._request("GET", "/check", patient=True))

    def export(self, *, filters: Mapping[str, Any] | None = None, **asked: Any) -> Iterator[bytes]:
        """GET /export: its lines in UTF-8, as they come."""
        rest = b""
        for data in self._pieces("/export", {**asked, **_as_query(filters)}):
            *lines, rest = (rest + data).split(b"\n")
            yield from lines

    def import_(self, lines: Iterable[str], **scope: str) -> "ImportResult":
        """POST /import: all lines in one request, so that each is checked before the first is stored."""
        body = {"lines": list(lines), **scope}
        return cast("ImportResult", self._request("POST", "/import", body=body, patient=True))

    def get_webhooks(self) -> "list[Webhook]":
        """GET /api/v1/webhooks/projects/{id}/."""
        return cast("list[Webhook]", self._request("GET", f"{_WEBHOOKS}/projects/default/"))

    def create_webhook(self, url: str, **arguments: Any) -> "CreatedWebhook":
        """POST /api/v1/webhooks/projects/{id}/."""
        body = {"url": url, **arguments}
        return cast("CreatedWebhook", self._request("POST", f"{_WEBHOOKS}/projects/default/", body=body))

    def update_webhook(self, webhook_id: str, **changes: Any) -> "Webhook":
        """PUT /api/v1/webhooks/{id}/."""
        changed = self._request("PUT", f"{_WEBHOOKS}/{_quoted(webhook_id)}/", body=changes)
        return cast("Webhook", {name: one for name, one in changed.items() if name != "message"})

    def delete_webhook(self, webhook_id: str) -> "MessageResult":
        """DELETE /api/v1/webhooks/{id}/."""
        return cast("MessageResult", self._request("DELETE", f"{_WEBHOOKS}/{_quoted(webhook_id)}/"))

    def delete(self, memory_id: str, *, delete_linked: bool = False) -> "MessageResult":
        """DELETE /memories/{id}."""
        params = {"delete_linked": True} if delete_linked else {}
        return cast("MessageResult", self._request("DELETE", _memory_path(memory_id), params=params))

    def delete_all(self, **scope: str) -> "MessageResult":
        """DELETE /memories."""
        return cast("MessageResult", self._request("DELETE", "/memories", params=scope))

    def reset(self) -> None:
        """POST /reset."""
        self._request("POST", "/reset")

    def erase(self, **scope: str) -> "ErasureReceipt":
        """POST /erase."""
        return cast("ErasureReceipt", self._request("POST", "/erase", body=scope))

    def create_key(self, **arguments: Any) -> "CreatedKey":
        """POST /api-keys."""
        return cast("CreatedKey", self._request("POST", "/api-keys", body=arguments))

    def get_keys(self) -> "list[Key]":
        """GET /api-keys."""
        return cast("list[Key]", self._request("GET", "/api-keys"))

    def revoke_key(self, key_id: str) -> "MessageResult":
        """DELETE /api-keys/{id}."""
        return cast("MessageResult", self._request("DELETE", f"/api-keys/{_quoted(key_id)}"))

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        body: object = None,
        *,
        text: bool = False,
        patient: bool = False,
    ) -> Any:
        with self._understood():
            content = None if body is None else json.dumps(body, allow_nan=False)
            headers = {"Content-Type": "application/json"} if content else {}
            timeout = None if patient else _HTTP_TIMEOUT
            response = self._client.request(
                method, path, params=params, content=content, headers=headers, timeout=timeout
            )
        if response.is_success:
            return response.text if text else self._decoded(response)
        raise self._error(response)

    def _pieces(self, path: str, params: Mapping[str, Any]) -> Iterator[bytes]:
        with self._understood(), self._client.stream("GET", path, params=params, timeout=None) as response:
            if not response.is_success:
                response.read()
                raise self._error(response)
            yield from response.iter_bytes()

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Raise errors of a request as errors of the library."""
        import httpx

        try:
            yield
        except httpx.TimeoutException as error:
            raise Mem0LiteError(f"{self._url} did not answer within {_HTTP_TIMEOUT:.0f} seconds.") from error
        except (httpx.InvalidURL, ValueError) as error:  # what neither a URL nor JSON can hold, such as NaN
            raise ValidationError(f"This cannot be sent to {self._url}: {error}", field="request") from error
        except httpx.HTTPError as error:
            raise Mem0LiteError(f"{self._url} cannot be reached: {error}. Is the server running?") from error

    def _decoded(self, response: "httpx.Response") -> Any:
        try:
            return response.json()
        except ValueError:
            raise Mem0LiteError(
                f"{self._url} answered {response.status_code} without JSON. Is it a mem0lite server?"
            ) from None

    def _error(self, response: "httpx.Response") -> Mem0LiteError:
        """Return the error the library would have raised, with the server's ``detail`` as its message."""
        answer = self._decoded(response)
        message = _detail(answer.get("detail") if isinstance(answer, dict) else answer)
        for secret in self._secrets:  # some servers repeat a key that they refuse
            message = message.replace(secret, "…")
        if response.status_code == 404:
            return MemoryNotFoundError(message)
        if response.status_code in (400, 422):
            return ValidationError(message, field="request")
        if response.status_code == 501:
            return ConfigurationError(f"{self._url} cannot do this: {message}")
        return Mem0LiteError(f"{self._url} answered {response.status_code}: {message}")


def _memory_path(memory_id: str) -> str:
    return f"/memories/{_quoted(memory_id)}"


def _quoted(part: str) -> str:
    """Return an id as one part of a path."""
    from urllib.parse import quote

    # Dots are quoted by hand: as a path, "." and ".." would be other resources.
    return quote(part, safe="", errors="replace").replace(".", "%2E")


def _as_query(filters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a filter as a parameter of GET /memories; without one, a server lists everybody's memories."""
    return {} if filters is None else {"filters": json.dumps(filters)}


def _detail(detail: Any) -> str:
    """Return an error's detail as a sentence: it is a text, or the list of faults in a 422."""
    if isinstance(detail, list):
        return "; ".join(map(_detail, detail))
    if isinstance(detail, dict) and "msg" in detail:
        where = ".".join(str(part) for part in detail.get("loc") or ())
        return f"{where}: {detail['msg']}" if where else str(detail["msg"])
    return detail if isinstance(detail, str) else json.dumps(detail)
