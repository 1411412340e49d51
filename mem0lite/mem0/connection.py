"""Requests to one mem0 server, which are never sent on to another."""

import base64
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import Mem0LiteError, ValidationError

if TYPE_CHECKING:
    import httpx

_TIMEOUT = 60.0
_PAUSES = (1.0, 2.0, 4.0)  # seconds before a busy server is asked again
_BUSY = (429, 502, 503, 504)
_LARGEST_ANSWER = 512 * 2**20  # bytes
_LONGEST_ANSWER = 600.0  # seconds


class Connection:
    """One server, with its key."""

    def __init__(self, url: str, api_key: str | None) -> None:
        import httpx

        try:
            parsed = httpx.URL(url.strip().rstrip("/"))
        except httpx.InvalidURL as error:
            reason = "." if "@" in url else f": {error}"  # which may be a part of a password
            raise ValidationError(f"Invalid source: not a URL{reason}", field="source") from None
        self.shown = str(parsed.copy_with(username=None, password=None, query=None, fragment=None)).rstrip("/")
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValidationError(
                f"Invalid source: {self.shown!r} must be a URL that begins with http:// or https://.", field="source"
            )
        if api_key is not None and not (api_key.isascii() and api_key.isprintable()):
            raise ValidationError("Invalid api_key: must be printable ASCII. Copy the key again.", field="api_key")
        self._key = (api_key or "").strip()
        basic = base64.b64encode(parsed.userinfo).decode()
        self._secrets = [secret for secret in (self._key, parsed.password, basic) if secret]
        # Not with the user's name and password in the URL, which httpx logs as it is.
        auth = (parsed.username, parsed.password) if parsed.userinfo else None
        self._client = httpx.Client(base_url=self.shown, timeout=_TIMEOUT, auth=auth)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def authorize(self, scheme: str) -> None:
        """Send the key from now on as ``Token`` or ``Bearer`` in Authorization, or as ``X-API-Key``."""
        for name in ("Authorization", "X-API-Key"):
            self._client.headers.pop(name, None)
        if self._key:
            name, value = (scheme, self._key) if scheme == "X-API-Key" else ("Authorization", f"{scheme} {self._key}")
            self._client.headers[name] = value

    def ask(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, body: object = None
    ) -> tuple[int, Any]:
        """Return the status of an answer and its JSON, or None if it is not JSON. Raises Mem0LiteError."""
        response = self._send(method, path, params, body)
        for pause in _PAUSES:
            if response.status_code not in _BUSY:
                break
            time.sleep(_pause(response, pause))
            response = self._send(method, path, params, body)
        if response.is_redirect:
            there = self._without_secrets(response.headers.get("Location", "nowhere")).partition("?")[0]
            raise Mem0LiteError(
                f"{self.shown} redirects to {there}, which is not followed. If the memories are there, give that "
                "address."
            )
        try:
            return response.status_code, response.json()
        except (ValueError, RecursionError):
            return response.status_code, None

    def _send(self, method: str, path: str, params: Mapping[str, Any] | None, body: object) -> "httpx.Response":
        import httpx

        def send() -> "httpx.Response":
            with self._client.stream(method, path, params=params, json=body) as response:
                return self._read(response)

        try:
            try:
                return send()
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                return send()  # on a new connection: servers close idle ones
        except httpx.TimeoutException as error:
            raise Mem0LiteError(f"{self.shown} did not answer within {_TIMEOUT:.0f} seconds.") from error
        except httpx.HTTPError as error:
            raise Mem0LiteError(f"{self.shown} cannot be reached: {error}.") from error

    def _read(self, response: "httpx.Response") -> "httpx.Response":
        """Return an answer with its body. Raises Mem0LiteError for one that does not end."""
        import httpx

        content, end = bytearray(), time.monotonic() + _LONGEST_ANSWER
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > _LARGEST_ANSWER or time.monotonic() > end:
                raise Mem0LiteError(
                    f"{self.shown} gives an answer that does not end: {len(content)} bytes until now. Ask for less, "
                    "with user_id=, agent_id=, run_id= or app_id=."
                )
        headers = [(name, value) for name, value in response.headers.items() if name != "content-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=bytes(content))

    def refusal(self, answer: object) -> Mem0LiteError:
        """Return the error for an answer of 401."""
        what = "refuses the key" if self._key else "wants a key"
        return Mem0LiteError(
            f"{self.shown} {what} (401: {self.detail(answer)}). Give its key with api_key= or MEM0_API_KEY."
        )

    def detail(self, answer: object) -> str:
        """Return what an error answer says."""
        if isinstance(answer, dict):
            answer = next((answer[name] for name in ("detail", "error", "message") if answer.get(name)), answer)
        return self._without_secrets(str(answer))[:300] if answer is not None else "no JSON"

    def _without_secrets(self, text: str) -> str:
        """Return a server's words without the secrets it was sent: some repeat a key that they refuse."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


def _pause(response: "httpx.Response", seconds: float) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), _TIMEOUT) if asked.isdecimal() else seconds
