"""Any endpoint of the OpenAI chat-completions protocol, asked by httpx.

Servers differ in what they accept. What one refuses is left out of the next request, and is remembered for as long as
the client lives: a JSON schema for the answer, then JSON mode, then plain instructions.
"""

import email.utils
import functools
import ipaddress
import json
import logging
import math
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from .. import telemetry
from ..errors import ConfigurationError, LanguageModelError
from ..values import is_number, shown
from .prompts import shape
from .protocol import Messages, Schema, Usage
from .reading import read_json

if TYPE_CHECKING:
    import httpx

logger = logging.getLogger("mem0lite")

MAX_ANSWER_BYTES = 4 * 2**20
"""The largest answer of a server that is read."""

_FORMATS = ("json_schema", "json_object_schema", "json_object", "text")
"""What a server may be asked for, the strictest first; the second is JSON mode with a schema, as llama.cpp has it."""
_LONGEST_RETRY = 86_400.0  # seconds
_LONGEST_WORDS = 200  # characters of a server's own words that an error repeats
_MOST_ATTEMPTS = 6  # of one call: each but the first leaves out something that the server refused
_REFUSING = frozenset({400, 404, 415, 422, 500, 501})
_LATER = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_TOO_LONG = re.compile(
    r"context_length|context (?:length|size|window)|maximum context|too many tokens|prompt is too long|too large"
)
_ABOUT_FORMAT = re.compile("response_format|json_schema|json_object|json schema|grammar|structured|schema")
_VERSION = re.compile(r"v\d+[a-z\d]*")
_LOOPBACK_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")


class _Dialect(NamedTuple):
    """What a server accepts, as far as it is known."""

    answer: str = _FORMATS[0]
    limit: str = "max_tokens"
    temperature: bool = True


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class ChatCompletions:
    """A model behind the OpenAI chat-completions protocol: Ollama, llama.cpp, vLLM, LM Studio, OpenAI and others.

    >>> ChatCompletions("http://localhost:11434", "llama3.2")
    ChatCompletions('http://localhost:11434/v1/chat/completions', 'llama3.2')

    Nothing is sent before ``complete`` is called. Redirects are not followed. Proxies of the environment are used as
    httpx does, but never for this machine's own addresses.

    Arguments:
        url: where the protocol is served, with or without ``/v1`` or ``/v1/chat/completions``.
        model: the model's name, as the server knows it.
        api_key: is sent as a bearer token, and never shown.
        timeout: how many seconds a call may take in all.
        max_tokens: how many tokens an answer may have.
        temperature: of sampling; None leaves it to the server.

    Raises ConfigurationError for an argument that cannot be used.
    """

    def __init__(
        self,
        url: str,
        model: str,
        api_key: str | None = None,
        *,
        timeout: float = 120.0,
        max_tokens: int = 2_048,
        temperature: float | None = 0.0,
    ) -> None:
        self.url = _endpoint(url)
        self.model = _model(model)
        self._key = _key(api_key)
        self._timeout = _positive(timeout, "timeout", "a number of seconds above 0")
        if not isinstance(max_tokens, int):
            raise ConfigurationError(f"max_tokens: must be a whole number above 0, got {shown(max_tokens)}.")
        self._max_tokens = int(_positive(max_tokens, "max_tokens", "a whole number above 0"))
        if temperature is not None and not (is_number(temperature) and 0 <= temperature <= 2):
            raise ConfigurationError(f"temperature: must be a number from 0 to 2, or None, got {shown(temperature)}.")
        self._temperature = temperature
        self._dialect = _Dialect(temperature=temperature is not None)
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, {self.model!r})"

    @property
    def name(self) -> str:
        """Where texts go: the model and the URL's beginning, without a key."""
        parts = urlsplit(self.url)
        return f"{self.model} at {parts.scheme}://{parts.netloc}"

    @property
    def response_format(self) -> str:
        """How answers are asked for now: ``json_schema``, ``json_object_schema``, ``json_object`` or ``text``."""
        return self._dialect.answer

    @property
    def usage(self) -> Usage:
        """What the last call of this thread cost."""
        usage: Usage = getattr(self._local, "usage", Usage())
        return usage

    def complete(self, messages: Messages, schema: Schema) -> Any:
        """Return the JSON value that the model answers, which need not fit the schema.

        Raises LanguageModelError.
        """
        begin = time.monotonic()
        self._local.usage = Usage()
        try:
            return self._read(self._accepted(messages, schema, begin + self._timeout))
        except LanguageModelError:
            self._local.usage += Usage(failures=1)
            raise
        finally:
            self._local.usage += Usage(seconds=time.monotonic() - begin)

    def _accepted(self, messages: Messages, schema: Schema, deadline: float) -> _Answer:
        """Return the server's answer to a request in a dialect that it understands, which is then remembered."""
        known = dialect = self._dialect
        first: LanguageModelError | None = None
        for _ in range(_MOST_ATTEMPTS):
            answer = self._sent(self._request(messages, schema, dialect), deadline)
            if answer.status == 200:
                self._remember(known, dialect)
                return answer
            error = self._refusal(answer)
            if first is None or error.retryable:  # what a simpler request is told matters only if it passes
                first = error
            simpler = None if error.too_long else _simpler(dialect, answer)
            if simpler is None:
                break
            dialect = simpler
        raise first or AssertionError

    def _remember(self, known: _Dialect, dialect: _Dialect) -> None:
        if dialect != known:
            self._dialect = dialect
            if dialect.answer != known.answer:
                logger.warning(
                    "The language model %s refuses response_format %s; from now on it is asked with %s.",
                    self.name,
                    known.answer,
                    dialect.answer,
                )

    def _request(self, messages: Messages, schema: Schema, dialect: _Dialect) -> dict[str, Any]:
        """Return the body of a request."""
        asked = [dict(message) for message in messages]
        if dialect.answer in ("json_object", "text"):
            asked = shape(asked, schema)
        body: dict[str, Any] = {"model": self.model, "messages": asked, dialect.limit: self._max_tokens}
        if dialect.temperature:
            body["temperature"] = self._temperature
        match dialect.answer:
            case "json_schema":
                named = {"name": "answer", "schema": schema, "strict": True}
                body["response_format"] = {"type": "json_schema", "json_schema": named}
            case "json_object_schema":
                body["response_format"] = {"type": "json_object", "schema": schema}
            case "json_object":
                body["response_format"] = {"type": "json_object"}
        return body

    def _sent(self, body: Mapping[str, Any], deadline: float) -> _Answer:
        """Send a request; return the answer, whatever its status is."""
        self._local.usage += Usage(calls=1)
        left = deadline - time.monotonic()
        if left <= 0:
            raise self._late()
        caller = telemetry.outgoing()  # here, as the request has a thread of its own
        return self._in_time(lambda: self._posted(body, left, deadline, caller), left)

    def _posted(self, body: Mapping[str, Any], left: float, deadline: float, caller: Mapping[str, str]) -> _Answer:
        import httpx  # takes longer to import than all of Memory

        headers = {**caller, "Accept-Encoding": "identity", "User-Agent": "mem0lite"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        with (
            self._explained(),
            httpx.Client(trust_env=not _is_loopback(self.url), verify=_tls(), timeout=left) as client,
            client.stream("POST", self.url, json=body, headers=headers) as response,
        ):
            return _Answer(response.status_code, response.headers, self._body(response, deadline))

    def _body(self, response: "httpx.Response", deadline: float) -> bytes:
        read = bytearray()
        for chunk in response.iter_bytes():
            read += chunk
            if len(read) > MAX_ANSWER_BYTES:
                raise self._error(f"answers with more than {MAX_ANSWER_BYTES} bytes. Check its URL.")
            if time.monotonic() > deadline:
                raise self._late()
        return bytes(read)

    def _in_time(self, call: Callable[[], _Answer], seconds: float) -> _Answer:
        """Return what ``call`` returns. It runs in a thread, because httpx limits only the time between two bytes."""
        outcome: list[_Answer | BaseException] = []

        def run() -> None:
            try:
                outcome.append(call())
            except BaseException as error:  # raised again where the answer is waited for
                outcome.append(error)

        thread = threading.Thread(target=run, name="mem0lite-llm", daemon=True)
        thread.start()
        thread.join(seconds)
        if not outcome:
            raise self._late()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.TimeoutException:
            raise self._late() from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._error(
                f"cannot be reached: {self._safe(str(error)) or type(error).__name__}. Start it, or correct its URL.",
                retryable=True,
            ) from None

    def _refusal(self, answer: _Answer) -> LanguageModelError:
        """Return the error for an answer that is not 200."""
        status, words = answer.status, self._safe(_words(answer.body))
        said = f": {words}" if words else ""
        if 300 <= status < 400:
            return self._error(
                f"redirects elsewhere (status {status}), which is not followed: texts go only where you said. Give "
                "the URL that it leads to, if you trust it."
            )
        if status in (401, 403):  # whose words may repeat a part of the key
            wanted = "no key was given" if self._key is None else "the key is not accepted"
            return self._error(f"refuses access (status {status}): {wanted}. Set llm_api_key.")
        if status in (404, 405):
            return self._error(
                f"does not know the model or the path {urlsplit(self.url).path} (status {status}){said}. Check the "
                "model's name, and give the URL up to and including /chat/completions."
            )
        if status == 413 or (status in _REFUSING and _TOO_LONG.search(words.lower())):
            return self._error(f"says that the text is too long (status {status}){said}.", too_long=True)
        return self._error(
            f"answers with status {status}{said}. {'Try again later' if status in _LATER else 'Check its log'}.",
            retryable=status in _LATER,
            retry_after=_retry_after(answer.headers),
        )

    def _read(self, answer: _Answer) -> Any:
        """Return the JSON value in an answer."""
        try:
            told = json.loads(answer.body)
            choice = told["choices"][0]
            message = choice["message"]
            text = _text(message.get("content"))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise self._error(
                "does not answer in the chat-completions protocol. Check its URL, which should end before or with "
                "/chat/completions.",
                retryable=True,
            ) from None
        self._local.usage += _tokens(told.get("usage"))
        if not text and isinstance(message.get("refusal"), str):
            raise self._error("declines to answer. Choose another model.")
        try:
            return read_json(text)
        except ValueError as error:
            if choice.get("finish_reason") == "length":
                raise self._error(
                    f"did not finish its answer within {self._max_tokens} tokens. Raise max_tokens, or give it less.",
                    too_long=True,
                    answer=text,
                ) from None
            raise self._error(
                f"gave an answer that cannot be read: {error}. Try again, or choose a larger model.",
                retryable=True,
                answer=text,
            ) from None

    def _late(self) -> LanguageModelError:
        return self._error(
            f"gave no whole answer within {self._timeout:g} s. Try again later, or allow a longer timeout.",
            retryable=True,
        )

    def _error(self, problem: str, **more: Any) -> LanguageModelError:
        return LanguageModelError(f"The language model {self.name} {problem}", **more)

    def _safe(self, words: str) -> str:
        """Return a server's words on one line, without the key, and not too many."""
        if self._key is not None:
            words = words.replace(self._key, "…")
        words = " ".join(words.split()).rstrip(".")
        return words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}…"


@functools.cache
def _tls() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()  # takes longer than a request to this machine


def _endpoint(url: object) -> str:
    """Return the URL of chat completions. Raises ConfigurationError, which repeats no password."""
    if not isinstance(url, str) or not re.fullmatch(r"[!-~]+", url.strip()):
        raise ConfigurationError("llm: must be a URL such as http://localhost:11434, of printable ASCII characters.")
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        raise ConfigurationError("llm: is not a URL. Write one such as http://localhost:11434.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError("llm: must begin with http:// or https:// and a host, as http://localhost:11434 does.")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            "llm: must have no user name, password, query or fragment. A key goes into llm_api_key."
        )
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        versioned = any(map(_VERSION.fullmatch, path.split("/")))
        path += "/chat/completions" if versioned else "/v1/chat/completions"
    return f"{parts.scheme}://{parts.netloc}{path}"


def _model(model: object) -> str:
    if not isinstance(model, str) or not model.strip() or len(model) > 1_000:
        raise ConfigurationError(f"llm_model: must be the name of a model, such as 'llama3.2', got {shown(model)}.")
    return model.strip()


def _key(key: object) -> str | None:
    """Return an API key without whitespace around it, as a file has it at its end."""
    if key is None:
        return None
    if not isinstance(key, str) or not re.fullmatch(r"[!-~]+", key.strip()):
        raise ConfigurationError("llm_api_key: must be printable ASCII characters without spaces, and not empty.")
    return key.strip()


def _positive(value: object, field: str, wanted: str) -> float:
    if not is_number(value) or not 0 < value < math.inf:
        raise ConfigurationError(f"{field}: must be {wanted}, got {shown(value)}.")
    return value


def _is_loopback(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES or host.endswith(".localhost")


def _simpler(dialect: _Dialect, answer: _Answer) -> _Dialect | None:
    """Return a dialect without what an answer refuses; None if nothing can be left out."""
    if answer.status not in _REFUSING:
        return None
    said = answer.body[:10_000].decode(errors="replace").lower()
    if "max_completion_tokens" in said and dialect.limit == "max_tokens":
        return dialect._replace(limit="max_completion_tokens")
    if "temperature" in said and dialect.temperature:
        return dialect._replace(temperature=False)
    names_format = _ABOUT_FORMAT.search(said) is not None
    if dialect.answer != _FORMATS[-1] and (names_format or answer.status in (400, 422)):
        return dialect._replace(answer=_FORMATS[_FORMATS.index(dialect.answer) + 1])
    return None


def _words(body: bytes) -> str:
    """Return what a server says about an error."""
    try:
        told = json.loads(body[:100_000])
    except (ValueError, RecursionError):
        return ""  # a page of a proxy, which says nothing in a line
    while isinstance(told, Mapping):
        told = next((told[name] for name in ("error", "message", "detail") if name in told), "")
    return told if isinstance(told, str) else ""


def _text(content: object) -> str:
    """Return the text of a message, which some servers give in parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    return content if isinstance(content, str) else ""


def _tokens(told: object) -> Usage:
    if not isinstance(told, Mapping):
        return Usage()
    asked, answered = told.get("prompt_tokens"), told.get("completion_tokens")
    return Usage(prompt_tokens=_count(asked), completion_tokens=_count(answered))


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a ``Retry-After``, which may also be a date."""
    given = headers.get("retry-after", "").strip()
    try:
        seconds = float(given)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(given).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(seconds, 0.0), _LONGEST_RETRY) if not math.isnan(seconds) else None
