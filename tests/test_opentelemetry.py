"""What OpenTelemetry is told, read from the real SDK's exporters in memory."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from embedder import HashEmbedder
from llm_server import ModelServer
from scripted_model import ScriptedModel
from serving import served_by
from starlette.applications import Starlette
from starlette.routing import Mount

from mem0lite import AsyncMemory, ConfigurationError, DependencyError, Memory, MemoryNotFoundError, telemetry
from mem0lite.llm.client import ChatCompletions
from mem0lite.server import Settings, create_app

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="the SDK of OpenTelemetry is not installed")

from opentelemetry import trace  # noqa: E402
from opentelemetry.sdk.metrics import MeterProvider  # noqa: E402
from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402

ROOT = Path(__file__).parents[1]
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
SECRET = "The staging password is heron"
QUIET = Settings(vacuum_interval_seconds=0, insecure=True)


class Told(NamedTuple):
    """What the SDK was told."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader
    tracers: Any

    def spans(self, name: str = "") -> list[Any]:
        return [span for span in self.exporter.get_finished_spans() if span.name.startswith(name)]

    def span(self, name: str) -> Any:
        [span] = self.spans(name)
        return span

    def text(self) -> str:
        """All that was told, in one text."""
        return "".join(span.to_json() for span in self.spans()) + str(self.measured())

    def measured(self) -> dict[str, list[tuple[dict[str, Any], int]]]:
        """The attributes and the counts of each histogram."""
        found: dict[str, list[tuple[dict[str, Any], int]]] = {}
        data = self.reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    assert metric.unit == "s"
                    found[metric.name] = [(dict(point.attributes), point.count) for point in metric.data.data_points]
        return found


Begin = Callable[..., Told]


@pytest.fixture
def begin() -> Iterator[Begin]:
    """A function that begins to trace into memory."""

    def begin(content: bool = False) -> Told:
        exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = sdk.TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(exporter))
        meters = MeterProvider([reader], shutdown_on_exit=False)
        telemetry.instrument(content=content, tracer_provider=tracers, meter_provider=meters)
        return Told(exporter, reader, tracers)

    yield begin
    telemetry.uninstrument()


@pytest.fixture
def told(begin: Begin) -> Told:
    return begin()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


def within(span: Any, parent: Any) -> bool:
    return span.parent is not None and span.parent.span_id == parent.context.span_id


def use(memory: Memory) -> None:
    """Call every verb that is traced."""
    memory.add(SECRET, user_id="alice")
    [one] = memory.search(SECRET, user_id="alice", threshold=0)["results"]
    memory.context(SECRET, user_id="alice", relevant_only=False)
    memory.update(one["id"], f"{SECRET}!")
    memory.delete(one["id"])


def test_each_verb_is_a_span_of_the_conventions(told: Told, store: Memory) -> None:
    """Each verb is one span with the names of the conventions, and embeddings and storage are within it."""
    use(store)
    names = [span.name for span in told.spans() if span.name.endswith("_memory")]
    assert names == ["create_memory", "search_memory", "search_memory", "update_memory", "delete_memory"]
    for span in told.spans():
        assert (span.parent is None) == (span.name in names), span.name
    added = told.span("create_memory")
    assert dict(added.attributes) == {
        "gen_ai.operation.name": "create_memory",
        "gen_ai.provider.name": "mem0lite",
        "gen_ai.memory.store.id": "agent.db",
        "gen_ai.memory.record.count": 1,
    }
    inside = [span for span in told.spans() if within(span, added)]
    assert {"embeddings test-hash", "write sqlite"} <= {span.name for span in inside}
    embedded = next(span for span in inside if span.name == "embeddings test-hash")
    assert embedded.attributes["gen_ai.embeddings.dimension.count"] == 64
    assert told.span("delete_memory").attributes["gen_ai.memory.record.id"]


def test_everything_is_measured(told: Told, store: Memory) -> None:
    """How long each operation took is in the histograms, once, by its name and its error."""
    use(store)
    with pytest.raises(MemoryNotFoundError):
        store.delete("missing")
    measured = told.measured()
    operations = measured["gen_ai.client.operation.duration"]
    counted = {(point["gen_ai.operation.name"], point.get("error.type")): count for point, count in operations}
    assert counted == {
        ("create_memory", None): 1,
        ("search_memory", None): 2,
        ("update_memory", None): 1,
        ("delete_memory", None): 1,
        ("delete_memory", "MemoryNotFoundError"): 1,
    }
    assert {point["gen_ai.request.model"] for point, _ in measured["gen_ai.client.embeddings.duration"]} == {
        "test-hash"
    }
    assert {point["db.operation.name"] for point, _ in measured["db.client.operation.duration"]} == {"read", "write"}


def test_a_failure_is_told_without_its_words(told: Told, store: Memory) -> None:
    """A span of a call that failed has the class of the error; its message may repeat a text, and is not told."""
    with pytest.raises(MemoryNotFoundError):
        store.update(SECRET, "x")
    span = told.span("update_memory")
    assert span.status.status_code.name == "ERROR"
    assert span.attributes["error.type"] == "MemoryNotFoundError"
    assert SECRET not in told.text()


def test_content_is_told_only_if_it_is_asked_for(begin: Begin, store: Memory) -> None:
    """Without content no text and no user is in any span or metric; with it, questions and memories are."""
    told = begin()
    use(store)
    assert "staging" not in told.text()
    assert "alice" not in told.text()
    told = begin(content=True)
    use(store)
    search = told.spans("search_memory")[0].attributes
    assert search["gen_ai.memory.query.text"] == SECRET
    [record] = json.loads(search["gen_ai.memory.records"])
    assert record["content"] == SECRET
    assert isinstance(record["score"], float)
    assert json.loads(told.span("update_memory").attributes["gen_ai.memory.records"])[0]["content"] == f"{SECRET}!"


def test_a_callers_span_is_the_parent(told: Told, store: Memory) -> None:
    """A verb is a part of whatever the program traces around it, in a view and in batches, too."""
    with told.tracers.get_tracer("program").start_as_current_span("turn") as turn:
        store.for_user("alice").add_many([{"messages": "a"}, {"messages": "b"}])
    span = told.span("create_memory")
    assert within(span, told.span("turn"))
    assert span.context.trace_id == turn.get_span_context().trace_id
    assert span.attributes["gen_ai.memory.record.count"] == 2


def test_async_calls_keep_their_parents(told: Told, tmp_path: Path) -> None:
    """Calls that run at the same time in threads each belong to the task that made them."""

    async def main() -> None:
        tracer = told.tracers.get_tracer("program")

        async def turn(number: int) -> None:
            with tracer.start_as_current_span(f"turn {number}"):
                await memory.add(f"fact {number}", user_id="alice")
                await memory.search(f"fact {number}", user_id="alice")

        async with AsyncMemory(tmp_path / "a.db", embedder=HashEmbedder()) as memory:
            await asyncio.gather(*(turn(number) for number in range(6)))

    asyncio.run(main())
    for turn in told.spans("turn"):
        below = [span.name for span in told.spans() if within(span, turn)]
        assert below == ["create_memory", "search_memory"]


def test_off_means_nothing(store: Memory) -> None:
    """Unless it is asked for, neither a store nor a server imports OpenTelemetry. (Litestar looks for its names.)"""
    code = (
        "import sys\n"
        "from mem0lite import Memory\n"
        "from mem0lite.server import Settings, create_app\n"
        "memory = Memory(':memory:')\n"
        "memory.add('tea', user_id='u'); memory.search('tea', user_id='u'); create_app(memory, Settings())\n"
        "print(sorted({'opentelemetry.trace', 'opentelemetry.sdk', 'mem0lite.telemetry.tracing'} & set(sys.modules)))"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEM0", "OTEL"))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=kept, cwd=ROOT)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
    assert not telemetry.is_on()


def test_facts(told: Told, tmp_path: Path) -> None:
    """Drawing facts is a span within the add, and the questions to the model are within that."""
    with Memory(tmp_path / "a.db", embedder=HashEmbedder(), llm=ScriptedModel()) as memory:
        memory.add(SECRET, user_id="alice")
    drawn = told.span("mem0lite.extract_facts")
    assert within(drawn, told.span("upsert_memory"))
    chats = told.spans("chat scripted")
    assert chats
    for chat in chats:
        assert within(chat, drawn)
        assert chat.attributes["gen_ai.usage.input_tokens"] == 100
        assert chat.attributes["gen_ai.usage.output_tokens"] == 10
    assert SECRET not in told.text()
    assert told.measured()["mem0lite.extraction.duration"] == [({}, 1)]


def test_the_language_model_gets_the_context(told: Told, tmp_path: Path) -> None:
    """A request to an endpoint names the span of its question."""
    with ModelServer(lambda asked: {"facts": []}).serving() as server:
        model = ChatCompletions(server.url, "m")
        with Memory(tmp_path / "a.db", embedder=HashEmbedder(), llm=model) as memory:
            memory.add("I ski", user_id="alice")
        asked = server.asked[0]
    chat = told.spans("chat m")[0]
    wanted = f"00-{chat.context.trace_id:032x}-{chat.context.span_id:016x}-"
    assert {name.lower(): value for name, value in asked.headers.items()}["traceparent"].startswith(wanted)
    assert chat.attributes["server.address"] == "127.0.0.1"
    assert chat.kind.name == "CLIENT"


# -- the server

SAID = {"messages": [{"role": "user", "content": SECRET}], "user_id": "alice"}
ASKED = {"query": SECRET, "filters": {"user_id": "alice"}}
ROUTES = [
    ("/memories", SAID, "create_memory"),
    ("/search", ASKED, "search_memory"),
    ("/v1/memories/", SAID, "create_memory"),
    ("/v2/memories/search/", ASKED, "search_memory"),
    ("/v3/memories/search/", ASKED, "search_memory"),
]


@pytest.mark.parametrize(("address", "body", "verb"), ROUTES, ids=[address for address, _, _ in ROUTES])
def test_a_request_continues_the_trace_of_its_caller(
    told: Told, store: Memory, address: str, body: Any, verb: str
) -> None:
    """On both APIs a request is a span beneath the one that its traceparent names, and the verb is within it."""
    with served_by(create_app(store, QUIET)) as client:
        client.post(address, json=body, headers=TRACEPARENT).raise_for_status()
    span = told.span(f"POST {address.removesuffix('/')}")
    assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{span.parent.span_id:016x}" == PARENT
    assert span.kind.name == "SERVER"
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["http.route"].rstrip("/") == address.rstrip("/")
    assert within(told.span(verb), span)
    assert "alice" not in told.text()
    assert "staging" not in told.text()


def test_what_is_wrong_with_a_request(told: Told, store: Memory) -> None:
    """A request that no route takes has no route, ids in paths are not told, and a refusal is no failure of ours."""
    with served_by(create_app(store, QUIET)) as client:
        client.get("/nowhere/secret")
        client.get("/v1/event/secret-id/", headers={"traceparent": "nonsense"})
        client.request("PROPFIND", "/memories")
    unknown, missing, strange = told.spans()[0], told.span("GET /v1"), told.span("HTTP")
    assert unknown.name == "GET"
    assert "http.route" not in unknown.attributes
    assert missing.name.rstrip("/") == "GET /v1/event/{event_id}"
    assert missing.parent is None
    assert missing.attributes["http.response.status_code"] == 404
    assert missing.status.status_code.name == "UNSET"
    assert strange.attributes["http.request.method"] == "_OTHER"
    assert "secret" not in told.text()
    points = told.measured()["http.server.request.duration"]
    assert {point.get("http.route") for point, _ in points} >= {None, missing.attributes["http.route"]}


def test_a_mounted_app_is_a_part_of_its_host(told: Told, store: Memory) -> None:
    """Where the host traces the request itself, ours is within its span, whatever the headers say."""
    inner = create_app(store, QUIET)

    async def host(scope: Any, receive: Any, send: Any) -> None:
        with told.tracers.get_tracer("host").start_as_current_span("host"):
            await inner(scope, receive, send)

    app = Starlette(routes=[Mount("/mem", app=host)], lifespan=lambda _: inner.lifespan())
    with served_by(app) as client:
        client.post("/mem/memories", json=SAID, headers=TRACEPARENT).raise_for_status()
    span = told.span("POST /memories")
    assert within(span, told.span("host"))
    assert span.kind.name == "INTERNAL"
    assert within(told.span("create_memory"), span)


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, and keeps their headers."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append({name.lower(): value for name, value in self.headers.items()})
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


def test_webhooks_get_the_context_of_the_call_that_made_the_change(told: Told, store: Memory) -> None:
    """A delivery belongs to the trace of the add, update or delete, though somebody else delivers it later."""
    with Receiver() as receiver:
        threading.Thread(target=receiver.serve_forever, args=(0.01,), daemon=True).start()
        store.create_webhook(f"http://127.0.0.1:{receiver.server_address[1]}/hook", allow_private=True)
        one = store.add("I ski", user_id="alice")["results"][0]["id"]
        assert store.deliver_webhooks(allow_private=True)["delivered"] == 1
        store.update(one, "I sail")
        assert store.deliver_webhooks(allow_private=True)["delivered"] == 1
        store.delete(one)
        with told.tracers.get_tracer("program").start_as_current_span("other"):
            assert store.deliver_webhooks(allow_private=True)["delivered"] == 1
        receiver.shutdown()
    assert len(told.spans("POST")) == 3
    verbs = [told.span(f"{verb}_memory") for verb in ("create", "update", "delete")]
    for verb, sent, headers in zip(verbs, told.spans("POST"), receiver.got, strict=True):
        assert within(sent, verb)
        assert headers["traceparent"].startswith(f"00-{verb.context.trace_id:032x}-{sent.context.span_id:016x}-")
        assert sent.attributes["http.response.status_code"] == 200


# -- asking for it


@pytest.mark.parametrize("text", ["2", "yes please", "otlp"])
def test_a_wrong_switch_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A value that is neither yes nor no is refused by the library and by a server."""
    monkeypatch.setenv("MEM0LITE_OPENTELEMETRY", text)
    with pytest.raises(ConfigurationError, match="MEM0LITE_OPENTELEMETRY"):
        Memory(":memory:", embedder=HashEmbedder())
    with pytest.raises(ConfigurationError, match="MEM0LITE_OPENTELEMETRY"):
        Settings.from_environment()
    with pytest.raises(ConfigurationError, match="content"):
        telemetry.instrument(content="yes")  # type: ignore[arg-type]


def test_the_environment_and_settings_turn_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening a store with the variable set, or making an app with the setting, begins to trace."""
    try:
        monkeypatch.setenv("MEM0LITE_OPENTELEMETRY", "1")
        Memory(":memory:", embedder=HashEmbedder()).close()
        assert telemetry.is_on()
        telemetry.uninstrument()
        monkeypatch.delenv("MEM0LITE_OPENTELEMETRY")
        with Memory(":memory:", embedder=HashEmbedder()) as memory:
            create_app(memory, Settings())
            assert not telemetry.is_on()
            create_app(memory, Settings(opentelemetry=True))
            assert telemetry.is_on()
    finally:
        telemetry.uninstrument()


WITHOUT = """
import sys
class Missing:
    def find_spec(self, name, *more):
        if name == {module!r} or name.startswith({module!r} + "."):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from mem0lite.cli import main
sys.argv = ["mem0lite", *{arguments!r}]
sys.exit(main())
"""


@pytest.mark.parametrize("module", ["opentelemetry", "opentelemetry.sdk"])
@pytest.mark.parametrize("arguments", [("serve", "--opentelemetry", "--port", "0", "--db", ":memory:"), ("doctor",)])
def test_what_is_missing_is_named_with_the_command_that_installs_it(
    tmp_path: Path, module: str, arguments: tuple[str, ...]
) -> None:
    """Asked for without its packages, serve does not start and says what to install; doctor says the same."""
    code = WITHOUT.format(module=module, arguments=arguments)
    variables = {**os.environ, "MEM0LITE_OPENTELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=variables, cwd=tmp_path, timeout=120
    )
    assert done.returncode != 0
    assert "pip install 'mem0lite[opentelemetry]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


class Collector(ThreadingHTTPServer):
    """Takes what is sent by OTLP over HTTP."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.bodies[self.path] = collector.bodies.get(self.path, b"") + body
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_sends_where_the_variables_of_opentelemetry_say(tmp_path: Path, workers: int) -> None:
    """A server sends its spans and metrics to the endpoint, under the service's name, also what is left at its end."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    import httpx

    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, args=(0.01,), daemon=True).start()
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MEM0", "OTEL"))},
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_address[1]}",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_SERVICE_NAME": "agents-memory",
            "NO_PROXY": "127.0.0.1",
        }
        command = [sys.executable, "-m", "mem0lite", "serve", "--port", "0", "--db", str(tmp_path / "a.db")]
        server = subprocess.Popen(
            [*command, "--opentelemetry", "--workers", str(workers)], stderr=subprocess.PIPE, text=True, env=variables
        )
        try:
            assert server.stderr is not None
            url = server.stderr.readline().split(" at ", 1)[1].split(" ", 1)[0]
            httpx.post(f"{url}/memories", json=SAID, headers=TRACEPARENT, timeout=60).raise_for_status()
        finally:
            server.terminate()
            _, said = server.communicate(timeout=60)
        collector.shutdown()
    traces, metrics = collector.bodies["/v1/traces"], collector.bodies["/v1/metrics"]
    assert bytes.fromhex(TRACE) in traces, said
    for words in (b"create_memory", b"POST /memories", b"agents-memory", b"gen_ai.memory.store.id"):
        assert words in traces
    for words in (b"gen_ai.client.operation.duration", b"http.server.request.duration", b"agents-memory"):
        assert words in metrics
    assert b"heron" not in traces + metrics


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "Choose otlp, console or none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "Choose one of: http/protobuf, grpc"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc", "pip install opentelemetry-exporter-otlp-proto-grpc"),
    ],
    ids=["exporter", "protocol", "package"],
)
def test_a_choice_that_cannot_be_followed_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    """An exporter or a protocol that is unknown or not installed is an error, not silence."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from mem0lite.telemetry.exporting import exporting, missing

    assert missing() is None
    monkeypatch.setenv(variable, value)
    with pytest.raises((ConfigurationError, DependencyError), match=says), exporting(True):
        pass
    assert says in str(missing())
    with exporting(False):
        assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
