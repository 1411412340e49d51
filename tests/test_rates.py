"""How many requests each caller may send."""

import json
import random
from pathlib import Path

import client_environments
import pytest
from embedder import HashEmbedder
from litestar.exceptions import TooManyRequestsException
from serving import client_of, served_by

from mem0lite import ConfigurationError, Memory
from mem0lite.server import ApiKey, Settings, create_app
from mem0lite.server.rates import Rates

KEYS = (ApiKey("first"), ApiKey("second", "alice"))


class Seconds:
    """A clock in seconds."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def admitted(rates: Rates, caller: str = "a") -> int:
    """Return 0 if a request of the caller is admitted, or else after how many seconds it should come again."""
    try:
        rates.admit(caller)
    except TooManyRequestsException as error:
        assert error.headers
        return int(error.headers["Retry-After"])
    return 0


@pytest.mark.parametrize("limit", [1, 2, 7, 60, 600, 20_000])
def test_a_minute_s_requests_may_come_at_once(limit: int) -> None:
    """After a quiet time exactly the limit is admitted, and whoever comes again when told is admitted."""
    clock = Seconds()
    rates = Rates(limit, clock)
    for _ in range(3):
        admissions = 0
        while not (wait := admitted(rates)):
            admissions += 1
            assert admissions <= limit
        assert admissions == limit
        assert 1 <= wait <= 60
        assert admitted(rates, "b") == 0
        clock.now += wait
        assert admitted(rates) == 0
        clock.now += 60 + 60 / limit


@pytest.mark.parametrize("limit", [3, 60])
def test_no_time_of_any_length_has_more(limit: int, seed: int) -> None:
    """Whenever requests come, no span of time admits more than the limit and what the rate gives in that span; and a
    refused request costs nothing."""
    rng, clock = random.Random(seed), Seconds()
    rates = Rates(limit, clock)
    times: list[float] = []
    for _ in range(2_000):
        clock.now += rng.choice([0, 0, 0.01, 0.5, 60 / limit, 30])
        if not admitted(rates):
            times.append(clock.now)
    for start, began in enumerate(times):
        for end in range(start, min(start + 3 * limit, len(times))):
            assert end - start + 1 <= limit + (times[end] - began) * limit / 60 + 0.01


def test_callers_are_forgotten() -> None:
    """However many callers there are, a bounded number is remembered: those who were seen last."""
    rates = Rates(1, Seconds())
    assert admitted(rates, "first") == 0
    for number in range(20_000):
        assert admitted(rates, str(number)) == 0
        if number < 15_000:
            assert admitted(rates, "first") > 0
    assert len(rates._quiet) == 10_000
    assert admitted(rates, "15000") > 0


def test_each_key_has_its_own(memory: Memory) -> None:
    """Over HTTP the keys are counted apart, whoever sends them; what needs no key is not counted."""
    settings = Settings(vacuum_interval_seconds=0, api_keys=KEYS, rate_limit_per_minute=2)
    with served_by(create_app(memory, settings)) as client:
        for key in ("first", "second"):
            headers = {"X-API-Key": key}
            found = [client.get("/memories?user_id=alice", headers=headers) for _ in range(3)]
            assert [one.status_code for one in found] == [200, 200, 429]
            answer = found[-1]
            assert 1 <= int(answer.headers["Retry-After"]) <= 30
            assert answer.headers["X-RateLimit-Limit"] == "2"
            assert "2 a minute" in answer.json()["detail"]
            for method, route in (("POST", "/v3/memories/search/"), ("POST", "/mcp"), ("POST", "/memories")):
                assert client.request(method, route, json={}, headers=headers).status_code == 429
        for route in ("/docs", "/openapi.json", "/health/live", "/health/ready"):
            assert {client.get(route).status_code for _ in range(4)} == {200}
        assert {client.get("/memories", headers={"X-API-Key": "wrong"}).status_code for _ in range(4)} == {401}
        assert memory.get_all(user_id="alice")["total"] == 0


def test_without_keys_each_address_has_its_own(memory: Memory) -> None:
    """An open server counts by address."""
    with served_by(create_app(memory, Settings(vacuum_interval_seconds=0, rate_limit_per_minute=1))) as client:
        assert [client.get("/memories").status_code for _ in range(2)] == [200, 429]
        with client_of(client.base_url) as other:
            assert other.get("/memories").status_code == 429


def test_there_is_none_by_default(memory: Memory) -> None:
    """Without the setting nothing is counted."""
    assert Settings().rate_limit_per_minute == Settings.from_environment({}).rate_limit_per_minute == 0
    with served_by(create_app(memory, Settings(vacuum_interval_seconds=0))) as client:
        assert {client.get("/memories").status_code for _ in range(50)} == {200}


@pytest.mark.parametrize("text", ["-1", "many", "1.5", "1000000001", "9" * 5000, "６"])
def test_a_rate_that_cannot_be_is_refused(text: str) -> None:
    """What is no number of requests is named with its variable."""
    with pytest.raises(ConfigurationError, match="MEM0LITE_RATE_LIMIT_PER_MINUTE"):
        Settings.from_environment({"MEM0LITE_RATE_LIMIT_PER_MINUTE": text})


@pytest.mark.parametrize("value", [-1, 1.5, True, "5", None, 10**10])
def test_a_rate_of_another_type_is_refused(value: object) -> None:
    """In code it is a whole number."""
    with pytest.raises(ConfigurationError, match="rate_limit_per_minute"):
        Settings(rate_limit_per_minute=value)  # type: ignore[arg-type]


CLIENT = """
import json, sys
from mem0 import MemoryClient
from mem0.exceptions import RateLimitError
client = MemoryClient(api_key="first", host=sys.argv[1])
try:
    while True:
        client.get_all(filters={"user_id": "alice"})
except RateLimitError as error:
    print(json.dumps({"code": error.error_code, "debug": error.debug_info}))
"""


def test_mem0_s_client_understands(tmp_path: Path) -> None:
    """The real client of mem0 raises its own error, with the seconds to wait."""
    python = client_environments.python_of(client_environments.needed("mem0ai", client_environments.PYTHON_CLIENTS[0]))
    settings = Settings(vacuum_interval_seconds=0, api_keys=KEYS, rate_limit_per_minute=5)
    with Memory(":memory:", embedder=HashEmbedder()) as memory, served_by(create_app(memory, settings)) as client:
        done = client_environments.run([python, "-c", CLIENT, str(client.base_url).rstrip("/")], tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["code"] == "HTTP_429"
    assert 1 <= told["debug"]["retry_after"] <= 12
    assert told["debug"]["x_ratelimit_limit"] == "5"
