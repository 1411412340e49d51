"""Reads of the file end with whoever asked for them."""

import asyncio

import pytest
from serving import served_by
from test_limits import SEARCH, filled, heavy, requests, send

from mem0lite import AsyncMemory
from mem0lite.server import Settings, create_app
from mem0lite.server.settings import ApiKey

requests = requests  # the fixture


def test_cancelling_the_task_ends_the_read(tmp_path):
    """An AsyncMemory whose caller is cancelled stops reading, and then serves the next one."""

    async def main():
        async with AsyncMemory(filled(tmp_path / "m.db", memories=80)) as memory:
            task = asyncio.create_task(memory.get_all(user_id="u", filters=heavy()))
            while not memory.memory._store._database._active:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ended(memory.memory)
            return (await memory.get_all(user_id="u"))["total"]

    assert asyncio.run(main()) == 80


def ended(memory, patience=20):
    """Tell whether no call reads any more, soon; the filters here take minutes."""
    state = memory._store._database._state
    with state:
        return state.wait_for(lambda: memory._store._database._active == 0, patience)


def wait_for_a_long_read(memory, client):
    """Wait until something is read for longer than the keys are, which each request asks for."""
    seen = 0
    while seen < 5:
        assert client.get("/health/live").status_code == 200
        seen = seen + 1 if memory._store._database._active else 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/search", SEARCH),
        ("/v3/memories/", {"filters": {"AND": [{"user_id": "u"}, heavy()]}}),
        ("/v1/exports/get/", {"filters": {"AND": [{"user_id": "u"}, heavy()]}}),
    ],
)
def test_work_ends_when_the_caller_hangs_up(tmp_path, requests, path, body):
    """A client that closes its connection stops the read that was made for it."""
    lines, arrived = requests
    with filled(tmp_path / "m.db", memories=80) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, statement_timeout_seconds=0))
        with served_by(app) as client:
            connection = send(client, path, body)
            wait_for_a_long_read(memory, client)
            connection.close()
            assert ended(memory)
            with arrived:
                assert arrived.wait_for(lambda: any(line["method"] == "POST" for line in lines), 20)
            assert [line["status"] for line in lines if line["method"] == "POST"] == [499]
            assert client.get("/memories", params={"user_id": "u", "limit": 1}).json()["total"] == 80


def test_a_quick_request_overtakes_slow_ones(tmp_path):
    """Of four slow filters of one user two run at a time, so that another's request is answered before they are."""
    with filled(tmp_path / "m.db", memories=80) as memory:
        memory.add("tea", user_id="other")
        app = create_app(memory, Settings(vacuum_interval_seconds=0, statement_timeout_seconds=0))
        with served_by(app) as client:
            slow = [send(client, "/v3/memories/", {"filters": {"AND": [{"user_id": "u"}, heavy()]}}) for _ in range(4)]
            while memory._store._database._active < 2:
                assert client.get("/health/live").status_code == 200
            answer = client.get("/memories", params={"user_id": "other"})
            assert answer.json()["total"] == 1
            for connection in slow:
                connection.setblocking(False)
                with pytest.raises(BlockingIOError):  # it waits still
                    connection.recv(1)
                connection.close()
            assert ended(memory)


def test_a_key_leaves_a_thread_to_the_others(tmp_path):
    """Whatever users one key names, another key's request is answered while the first one's are read."""
    with filled(tmp_path / "m.db", memories=80) as memory:
        keys = (ApiKey("boss"), ApiKey("alice-key", "alice"))
        settings = Settings(vacuum_interval_seconds=0, statement_timeout_seconds=0, api_keys=keys)
        with served_by(create_app(memory, settings)) as client:
            slow = [
                send(
                    client,
                    "/v3/memories/",
                    {"filters": {"AND": [{"OR": [{"user_id": "u"}, {"user_id": f"u{number}"}]}, heavy()]}},
                    X_API_Key="boss",
                )
                for number in range(4)
            ]
            wait_for_a_long_read(memory, client)
            assert client.get("/memories", headers={"X-API-Key": "alice-key"}).json()["total"] == 0
            for connection in slow:
                connection.close()
            assert ended(memory)
