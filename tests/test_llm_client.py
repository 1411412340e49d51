"""The client of the chat-completions protocol: what it sends, what it reads, and what it says about failures."""

import email.utils
import json
import logging
import time
from typing import Any

import pytest
from llm_server import Asked, Reply, completion, model_server

from mem0lite import ChatCompletions, ConfigurationError, LanguageModel, LanguageModelError, Memory
from mem0lite.llm.asking import UnusableError, ask
from mem0lite.llm.protocol import Usage, name_of
from mem0lite.llm.reading import read_json

KEY = "sk-very-secret-0123456789"
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
MESSAGES = [{"role": "system", "content": "Count."}, {"role": "user", "content": "How many?"}]


def refusing(*words: str) -> Any:
    """Return a script of a server that refuses any of some words in a request, and says which."""

    def script(asked: Asked) -> Any:
        sent = json.dumps({name: value for name, value in asked.body.items() if name != "messages"})
        found = next((word for word in words if word in sent), None)
        if found is None:
            return {"a": 1}
        hint = " Use 'max_completion_tokens' instead." if found == "max_tokens" else ""
        return Reply({"error": {"message": f"Unsupported parameter: '{found}'.{hint}"}}, status=400)

    return script


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/openai/v1", "/openai/v1/chat/completions"),
        ("/v1beta/openai/", "/v1beta/openai/chat/completions"),
        ("/proxy/ollama", "/proxy/ollama/v1/chat/completions"),
        ("/chat/completions", "/chat/completions"),
    ],
)
def test_the_url_may_be_given_with_or_without_the_path_of_the_protocol(given: str, path: str) -> None:
    """A base URL, with or without /v1, and the whole URL of an endpoint lead to the same place."""
    with model_server([{"a": 1}]) as server:
        assert ChatCompletions(f"{server.url}{given}", "m").complete(MESSAGES, SCHEMA) == {"a": 1}
        assert [asked.path for asked in server.asked] == [path]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "must be a URL"),
        ("localhost:11434", "begin with http"),
        ("ftp://host", "begin with http"),
        ("http://", "begin with http"),
        ("http://host:port", "not a URL"),
        (f"https://user:{KEY}@host", "no user name"),
        (f"https://host/v1?key={KEY}", "query"),
        ("https://host/#x", "fragment"),
        ("http://ho st", "printable"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str, says: str) -> None:
    """The error names the argument, tells the cure, and repeats no password."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        ChatCompletions(url, "m")
    assert str(caught.value).startswith("llm: ")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"model": " "}, "llm_model"),
        ({"model": None}, "llm_model"),
        ({"api_key": ""}, "llm_api_key"),
        ({"api_key": f"{KEY} {KEY}"}, "llm_api_key"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"temperature": -1}, "temperature"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(arguments: dict[str, Any], field: str) -> None:
    """The error names the argument, and shows no key."""
    with pytest.raises(ConfigurationError, match=f"^{field}: ") as caught:
        ChatCompletions(**{"url": "http://localhost", "model": "m", **arguments})
    assert KEY not in str(caught.value)


def test_a_request_has_what_the_protocol_wants() -> None:
    """The model, the messages, the budget, the schema and the key are sent; the usage is what the server counted."""
    with model_server([{"a": 7}]) as server:
        model = ChatCompletions(server.url, "llama3.2", f"{KEY}\n", max_tokens=50)
        assert isinstance(model, LanguageModel)
        assert model.complete(MESSAGES, SCHEMA) == {"a": 7}
        [asked] = server.asked
        assert asked.headers["Authorization"] == f"Bearer {KEY}"
        assert asked.body["messages"] == MESSAGES
        assert (asked.body["model"], asked.body["max_tokens"], asked.body["temperature"]) == ("llama3.2", 50, 0.0)
        assert asked.body["response_format"]["json_schema"]["schema"] == SCHEMA
        usage = model.usage
        assert usage._replace(seconds=0) == Usage(1, 100, 20)
        assert usage.seconds > 0


def test_without_a_key_none_is_sent() -> None:
    """Servers on this machine need no key, and get no header."""
    with model_server([{"a": 1}]) as server:
        ChatCompletions(server.url, "m").complete(MESSAGES, SCHEMA)
        assert "Authorization" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("refused", "format_", "tells_the_schema"),
    [
        (("json_schema",), "json_object_schema", False),
        (("json_schema", '"schema"'), "json_object", True),
        (("response_format",), "text", True),
    ],
)
def test_what_a_server_refuses_is_left_out_from_then_on(
    refused: tuple[str, ...], format_: str, tells_the_schema: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Without response_format the schema is told in words; the client remembers, and says so once."""
    with model_server(refusing(*refused)) as server, caplog.at_level(logging.WARNING, "mem0lite"):
        model = ChatCompletions(server.url, "m")
        assert model.complete(MESSAGES, SCHEMA) == {"a": 1}
        assert (model.response_format, model.usage.failures) == (format_, 0)
        tried = len(server.asked)
        assert model.usage.calls == tried > 1
        assert model.complete(MESSAGES, SCHEMA) == {"a": 1}
        assert len(server.asked) == tried + 1
        assert ("additionalProperties" in server.asked[-1].text) is tells_the_schema
        assert [record.getMessage() for record in caplog.records if format_ in record.getMessage()] != []
        assert len(caplog.records) == 1


def test_newer_models_get_the_names_that_they_want() -> None:
    """max_tokens becomes max_completion_tokens, and temperature is left out, where a server says so."""
    with model_server(refusing("max_tokens", "temperature")) as server:
        model = ChatCompletions(server.url, "o9", max_tokens=9)
        assert model.complete(MESSAGES, SCHEMA) == {"a": 1}
        assert server.asked[-1].body["max_completion_tokens"] == 9
        assert "temperature" not in server.asked[-1].body
        assert model.response_format == "json_schema"


def test_a_server_that_refuses_everything_is_not_asked_for_ever() -> None:
    """The first reason is the error, the number of requests is bounded, and nothing is remembered."""
    with model_server(lambda asked: Reply({"error": {"message": "the model is broken"}}, status=400)) as server:
        model = ChatCompletions(server.url, "m")
        with pytest.raises(LanguageModelError, match="the model is broken") as caught:
            model.complete(MESSAGES, SCHEMA)
        assert not caught.value.retryable
        assert 1 < len(server.asked) <= 6
        assert model.response_format == "json_schema"
        assert model.usage.failures == 1


@pytest.mark.parametrize(
    ("reply", "says", "retryable"),
    [
        (Reply({"error": "boom"}, status=500), "status 500: boom. Try again later", True),
        (Reply(b"<html>bad gateway</html>", status=502), "status 502", True),
        (Reply({"detail": "overloaded"}, status=503), "overloaded", True),
        (Reply({"error": {"message": "slow down"}}, status=429), "slow down", True),
        (Reply({"error": {"message": f"Incorrect key {KEY[:6]}***"}}, status=401), "refuses access", False),
        (Reply(status=403), "llm_api_key", False),
        (Reply({"error": "model 'm' not found"}, status=404), "model 'm' not found", False),
        (Reply(status=307, headers={"Location": "http://127.0.0.1:9/v1"}), "redirects elsewhere", False),
        (Reply(b"not JSON"), "chat-completions protocol", True),
        (Reply({"choices": []}), "chat-completions protocol", True),
        (Reply({"choices": [{"message": "text"}]}), "chat-completions protocol", True),
        (Reply(b"[" * 100_000), "chat-completions protocol", True),
        (Reply(completion("I would rather not.")), "cannot be read", True),
        (Reply(completion("")), "cannot be read", True),
        (Reply(completion('{"a": 1', "stop")), "cannot be read", True),
        (Reply(completion("", refusal="I can't.")), "declines", False),
        (Reply(b" " * (5 * 2**20)), "more than", False),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_every_failure_is_a_typed_error(reply: Reply, says: str, retryable: bool) -> None:
    """The error names the model and the server, says what to do and whether to try again, and shows no key."""
    with model_server(lambda asked: reply) as server:
        model = ChatCompletions(server.url, "llama3.2", KEY)
        with pytest.raises(LanguageModelError, match=says) as caught:
            model.complete(MESSAGES, SCHEMA)
        assert caught.value.retryable is retryable
        assert f"llama3.2 at {server.url}" in str(caught.value)
        for text in (str(caught.value), repr(caught.value), repr(model), name_of(model)):
            assert KEY[:6] not in text
        assert model.usage.failures == 1


def test_a_server_that_echoes_the_key_does_not_bring_it_into_a_log() -> None:
    """A key in a server's words is left out of the error."""
    with model_server(lambda asked: Reply({"error": f"no credit for {KEY}"}, status=402)) as server:
        with pytest.raises(LanguageModelError, match="no credit for") as caught:
            ChatCompletions(server.url, "m", KEY).complete(MESSAGES, SCHEMA)
        assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("1.5", 1.5, 1.5),
        ("-3", 0, 0),
        ("999999999", 86_400, 86_400),
        ("nan", None, None),
        ("soon", None, None),
        (None, None, None),
        ("in an hour", 3_000, 3_601),
        ("an hour ago", 0, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, least: float | None, most: float | None) -> None:
    """When to try again is told by the error, bounded to a day; what cannot be read is left out."""
    dates = {"in an hour": 3_600, "an hour ago": -3_600}
    if header in dates:
        header = email.utils.formatdate(time.time() + dates[header], usegmt=True)
    headers = {} if header is None else {"Retry-After": header}
    with model_server(lambda asked: Reply({"error": "slow down"}, status=429, headers=headers)) as server:
        with pytest.raises(LanguageModelError) as caught:
            ChatCompletions(server.url, "m").complete(MESSAGES, SCHEMA)
        assert len(server.asked) == 1
    after = caught.value.retry_after
    assert after is None if least is None or most is None else after is not None and least <= after <= most


@pytest.mark.parametrize("reply", [Reply(stall=True), Reply(drip=True)], ids=["stall", "drip"])
def test_a_slow_server_is_given_up(reply: Reply) -> None:
    """Neither silence nor one byte after the other holds a call for longer than its budget."""
    with model_server(lambda asked: reply) as server:
        model = ChatCompletions(server.url, "m", timeout=0.3)
        with pytest.raises(LanguageModelError, match=r"within 0\.3 s") as caught:
            model.complete(MESSAGES, SCHEMA)
        assert caught.value.retryable
        assert model.usage.failures == 1


def test_a_server_that_is_not_there_is_an_error_to_try_again() -> None:
    """Nobody listens: the error says so."""
    with model_server([]) as server:
        url = server.url
    with pytest.raises(LanguageModelError, match="cannot be reached") as caught:
        ChatCompletions(url, "m").complete(MESSAGES, SCHEMA)
    assert caught.value.retryable


@pytest.mark.parametrize(
    "reply",
    [
        Reply(completion('{"a": 1, "b": [1, 2', "length")),
        Reply({"error": {"message": "This model's maximum context length is 4096 tokens"}}, status=400),
        Reply({"error": {"code": 400, "message": "the request exceeds the available context size"}}, status=400),
        Reply(status=413),
    ],
    ids=["truncated", "context", "context of llama.cpp", "413"],
)
def test_what_is_too_long_is_recognised(reply: Reply) -> None:
    """An answer that was cut off, and a question that does not fit, are errors of their own, after one request."""
    with model_server(lambda asked: reply) as server:
        with pytest.raises(LanguageModelError) as caught:
            ChatCompletions(server.url, "m").complete(MESSAGES, SCHEMA)
        assert caught.value.too_long
        assert len(server.asked) == 1


def test_a_whole_answer_counts_even_if_the_model_was_stopped() -> None:
    """Only chatter after the JSON was cut off."""
    with model_server([Reply(completion('{"a": 1} I hope that', "length"))]) as server:
        assert ChatCompletions(server.url, "m").complete(MESSAGES, SCHEMA) == {"a": 1}


def test_a_proxy_of_the_environment_gets_nothing_meant_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY is not followed for loopback, even without NO_PROXY."""
    with model_server([{"a": 1}]) as server, model_server([{"a": 2}]) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert ChatCompletions(server.url, "m").complete(MESSAGES, SCHEMA) == {"a": 1}
        assert proxy.asked == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ('\ufeff \n{"a": 1}\n', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('```\n{"a": 1}\n```', {"a": 1}),
        ('Sure! Here it is:\n```json\n{"a": 1}\n```\nAnything else?', {"a": 1}),
        ('Sure, {"a": 1} it is.', {"a": 1}),
        ('As in [1], it is {"a": 1}.', {"a": 1}),
        ('Not {this}, but {"a": 1}', {"a": 1}),
        ('<think>{"a": 0}, or not?</think>\n{"a": 1}', {"a": 1}),
        ('no start tag {"a": 0}</think>{"a": 1}', {"a": 1}),
        ('{"a": "</think>"}', {"a": "</think>"}),
        ('{"a": 1, "b": [1, 2,],}', {"a": 1, "b": [1, 2]}),
        ('{"a": True, "b": None, "c": "True, None,]"}', {"a": True, "b": None, "c": "True, None,]"}),
        ('{"a": 1, // one\n "b": "http://x"}', {"a": 1, "b": "http://x"}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
        ('{"a": "\\"quoted\\" {"}', {"a": '"quoted" {'}),
        ('[{"a": 1}]', [{"a": 1}]),
    ],
)
def test_a_model_may_write_around_its_json(text: str, value: Any) -> None:
    """Fences, thoughts, chatter, trailing commas, comments and Python's words are read over; texts stay as they are."""
    assert read_json(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "no", '<think>{"a": 1}', "42", '"a"', "{", "{a: 1}", "[" * 5_000, '{"a": ' * 5_000, '{"a": "never ends'],
    ids=["empty", "words", "thought", "number", "text", "brace", "bare key", "deep", "deeper", "open text"],
)
def test_what_is_no_json_is_not_made_up(text: str) -> None:
    """An answer without an object, or one that was cut off, has no value."""
    with pytest.raises(ValueError, match="no JSON"):
        read_json(text)


def number(value: Any) -> int:
    if not isinstance(value, dict) or type(value.get("a")) is not int:
        raise UnusableError("a must be a whole number")
    return int(value["a"])


def test_an_answer_that_cannot_be_used_is_asked_for_once_more() -> None:
    """The model gets its answer back with the reason; the cost of both calls is counted."""
    for first, reason in (("What?", "cannot be read"), ({"a": "x"}, "a must be a whole number")):
        with model_server([first, {"a": 3}]) as server:
            value, usage = ask(ChatCompletions(server.url, "m"), MESSAGES, SCHEMA, number)
            assert (value, usage.calls, usage.failures, usage.prompt_tokens) == (3, 2, 1, 200)
            assert reason in server.asked[1].body["messages"][-1]["content"]
            assert server.asked[1].body["messages"][:2] == MESSAGES


def test_there_is_one_repair_and_no_more() -> None:
    """A model that answers nonsense twice is an error to try again, which tells what it cost."""
    with model_server(lambda asked: {"b": 1}) as server:
        with pytest.raises(LanguageModelError, match="another shape") as caught:
            ask(ChatCompletions(server.url, "m"), MESSAGES, SCHEMA, number)
        assert caught.value.retryable
        assert len(server.asked) == caught.value.usage.calls == caught.value.usage.failures == 2


def test_a_model_that_is_down_is_not_asked_to_repair() -> None:
    """Only an answer is repaired; a refusal is an error at once."""
    with model_server(lambda asked: Reply(status=503)) as server:
        with pytest.raises(LanguageModelError) as caught:
            ask(ChatCompletions(server.url, "m"), MESSAGES, SCHEMA, number)
        assert len(server.asked) == 1
        assert caught.value.usage.failures == 1


class OwnModel:
    """A model of a caller, without a name or usage."""

    def complete(self, messages: Any, schema: Any) -> Any:
        raise OSError("out of memory")


def test_any_object_with_the_method_is_a_model() -> None:
    """Its exceptions become LanguageModelError, and calls and seconds are counted for it."""
    model = OwnModel()
    assert isinstance(model, LanguageModel)
    with pytest.raises(LanguageModelError, match="OwnModel failed: OSError: out of memory") as caught:
        ask(model, MESSAGES, SCHEMA, number)
    assert (caught.value.retryable, caught.value.usage.calls, caught.value.usage.failures) == (True, 1, 1)


def test_memory_takes_a_model_or_a_url() -> None:
    """Nothing is sent when a Memory is opened; what cannot be used names the argument."""
    with model_server([]) as server:
        with Memory(":memory:", llm=server.url, llm_model="m", llm_api_key=KEY) as memory:
            assert KEY not in repr(memory)
        with Memory(":memory:", llm=OwnModel()):
            pass
        assert server.asked == []
    for arguments, field in (
        ({"llm": "http://localhost:1"}, "llm_model"),
        ({"llm_model": "m"}, "llm_model"),
        ({"llm_api_key": KEY}, "llm_api_key"),
        ({"llm": OwnModel(), "llm_model": "m"}, "llm_model"),
        ({"llm": 5}, "llm"),
        ({"llm": ""}, "llm"),
        ({"llm": "localhost:1", "llm_model": "m"}, "llm"),
        ({"llm": "http://localhost:1", "llm_model": "m", "llm_api_key": ""}, "llm_api_key"),
    ):
        with pytest.raises(ConfigurationError, match=f"^{field}: ") as caught:
            Memory(":memory:", **arguments)
        assert KEY not in str(caught.value)


def test_several_threads_may_ask_at_once() -> None:
    """Each thread has the usage of its own calls."""
    from concurrent.futures import ThreadPoolExecutor

    with model_server(lambda asked: {"a": 1}) as server:
        model = ChatCompletions(server.url, "m")

        def asked(_: int) -> int:
            model.complete(MESSAGES, SCHEMA)
            return model.usage.calls

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(asked, range(8))) == [1] * 8
        assert model.usage == Usage()
