"""API keys that a store keeps: made, listed and revoked while servers run."""

import io
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Clock
from embedder import HashEmbedder
from serving import client_of, served_by
from test_auth import run, serve  # noqa: F401 (a fixture)
from test_cli import command, environment

from mem0lite import Memory, NotFoundError, ValidationError, keys
from mem0lite.compat.local import Local
from mem0lite.server import ApiKey, Settings, create_app

QUIET = Settings(vacuum_interval_seconds=0)
SETTINGS_KEY = "of-the-settings"


@pytest.fixture
def workers(path: Path, clock: Clock) -> Iterator[list[httpx.Client]]:
    """Clients of two servers that have the same store open, as two workers do."""
    with ExitStack() as stack:
        clients = []
        for _ in range(2):
            memory = stack.enter_context(Memory(path, embedder=HashEmbedder(), clock=clock))
            clients.append(stack.enter_context(served_by(create_app(memory, QUIET))))
        yield clients


def statuses(clients: list[httpx.Client], key: str | None = None, path: str = "/memories?user_id=alice") -> list[int]:
    """Return what each server answers to a request with a key."""
    return [client.get(path, headers={} if key is None else {"X-API-Key": key}).status_code for client in clients]


def test_a_key_is_shown_once(memory: Memory) -> None:
    """A key is answered where it is made, and nothing that the store keeps or lists contains it or its digest."""
    made = memory.create_key(label="shop", user_id=" alice ", ttl=60)
    assert re.fullmatch(r"m0l_[0-9a-f]{12}_[\w-]{43}", made["key"])
    [listed] = memory.get_keys()
    assert listed == {name: value for name, value in made.items() if name != "key"}
    assert listed["key_prefix"] == made["key"][:16]
    assert (listed["label"], listed["user_id"], listed["last_used_at"]) == ("shop", "alice", None)
    assert (listed["created_at"], listed["expires_at"]) == (
        "2026-03-01T12:00:00.250000+00:00",
        "2026-03-01T12:01:00.250000+00:00",
    )
    secret = made["key"].rpartition("_")[2]
    assert secret not in json.dumps([*memory._store.documents("key"), *memory._store.documents("keyring")])
    assert {one["key"] for one in (memory.create_key(), memory.create_key())} & {made["key"]} == set()


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"label": 7}, "label"),
        ({"label": "x" * 201}, "label"),
        ({"label": "\ud800"}, "label"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "*"}, "user_id"),
        ({"user_id": "a b"}, "user_id"),
        ({"ttl": 0}, "ttl"),
        ({"ttl": -1}, "ttl"),
        ({"ttl": "soon"}, "ttl"),
        ({"ttl": 1e300}, "ttl"),
        ({"expires_at": "2020-01-01"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2030-01-01", "ttl": 5}, "expires_at"),
    ],
    ids=str,
)
def test_a_key_that_cannot_be_is_refused(memory: Memory, arguments: dict[str, Any], field: str) -> None:
    """What a key cannot have is named, and no key is made; the store stays one without keys."""
    with pytest.raises(ValidationError) as caught:
        memory.create_key(**arguments)
    assert caught.value.field == field
    assert memory.get_keys() == []
    assert not memory._needs_key


def test_an_unknown_key_cannot_be_revoked(memory: Memory) -> None:
    """Revoking an id that no key has is an error, and closes nothing."""
    for name in ("nothing", "", 7):
        with pytest.raises(NotFoundError, match="List the keys"):
            memory.revoke_key(name)  # type: ignore[arg-type]
    assert not memory._needs_key


def test_a_running_server_follows(workers: list[httpx.Client], memory: Memory) -> None:
    """Every worker takes a new key, and refuses callers without one, at its next request; and refuses a revoked key.
    When the last key is revoked, nobody comes in: the servers do not open."""
    assert statuses(workers) == [200, 200]
    admin, alice = memory.create_key(), memory.create_key(user_id="alice")
    assert statuses(workers) == [401, 401]
    assert statuses(workers, "m0l_wrong") == [401, 401]
    assert statuses(workers, admin["key"]) == statuses(workers, alice["key"]) == [200, 200]
    assert statuses(workers, alice["key"], "/memories?user_id=bob") == [403, 403]
    assert statuses(workers, alice["key"], "/api-keys") == [403, 403]
    memory.revoke_key(alice["id"])
    assert statuses(workers, alice["key"]) == [401, 401]
    assert statuses(workers, admin["key"]) == [200, 200]
    memory.revoke_key(admin["id"])
    assert statuses(workers, admin["key"]) == statuses(workers) == [401, 401]
    assert memory._needs_key
    memory.revoke_all_keys()
    assert not memory._needs_key
    assert statuses(workers) == [401, 401]  # until somebody starts them again, on purpose


def test_a_key_ends(workers: list[httpx.Client], memory: Memory, clock: Clock) -> None:
    """A key works until the instant at which it expires, and its store stays closed afterwards."""
    key = memory.create_key(expires_at="2026-03-01T12:01:00Z")["key"]
    clock.advance(seconds=59.749999)
    assert statuses(workers, key) == [200, 200]
    clock.advance(seconds=0.000001)
    assert statuses(workers, key) == statuses(workers) == [401, 401]


@pytest.mark.parametrize("change", ["id", "secret", "case", "more", "less", "empty"])
def test_a_key_that_is_like_one_is_none(workers: list[httpx.Client], memory: Memory, change: str) -> None:
    """Every character of a key counts."""
    key, other = memory.create_key(), memory.create_key()
    _, name, secret = key["key"].split("_", 2)
    forged = {
        "id": f"m0l_{other['id']}_{secret}",
        "secret": f"m0l_{name}_{other['key'][17:]}",
        "case": key["key"].swapcase(),
        "more": key["key"] + "x",
        "less": key["key"][:-1],
        "empty": f"m0l_{name}_",
    }[change]
    assert statuses(workers, forged) == [401, 401]


def test_keys_of_the_settings_stay(memory: Memory) -> None:
    """The keys of the environment work beside those of the store, and neither list nor revocation touches them."""
    app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey(SETTINGS_KEY),)))
    with served_by(app) as client:
        made = memory.create_key(user_id="alice")
        assert statuses([client], made["key"]) == statuses([client], SETTINGS_KEY) == [200]
        memory.revoke_all_keys()
        assert statuses([client], made["key"]) == statuses([client]) == [401]
        assert statuses([client], SETTINGS_KEY, "/api-keys") == [200]


def test_keys_over_http(workers: list[httpx.Client], memory: Memory) -> None:
    """A caller whose key reaches everything makes, lists and revokes keys, in the shapes of mem0's server."""
    admin = {"X-API-Key": memory.create_key()["key"]}
    made = workers[0].post("/api-keys", json={"label": "shop", "user_id": 7, "ttl": 60}, headers=admin)
    assert made.status_code == 201
    assert set(made.json()) >= {"id", "key", "label", "key_prefix", "created_at"}  # mem0's CreateKeyResponse
    assert made.json()["user_id"] == "7"
    assert statuses(workers, made.json()["key"], "/memories?user_id=7") == [200, 200]
    listed = workers[1].get("/api-keys", headers=admin).json()
    assert [one["id"] for one in listed] == [memory.get_keys()[0]["id"], made.json()["id"]]
    assert "key" not in listed[1]
    for body, status in (({"ttl": 0}, 400), ({"label": 7}, 422), ({"admin": True}, 400), ({"user_id": "*"}, 400)):
        assert workers[0].post("/api-keys", json=body, headers=admin).status_code == status, body
    assert len(memory.get_keys()) == 2
    path = f"/api-keys/{made.json()['id']}"
    answers = [client.delete(path, headers=admin) for client in workers]
    assert [one.status_code for one in answers] == [200, 404]
    assert statuses(workers, made.json()["key"], "/memories?user_id=7") == [401, 401]


@pytest.mark.parametrize(("method", "route"), [("GET", "/api-keys"), ("POST", "/api-keys"), ("DELETE", "/api-keys/x")])
def test_nobody_without_a_key_makes_one(workers: list[httpx.Client], memory: Memory, method: str, route: str) -> None:
    """An open server has no keys to give: whoever made the first would lock the others out."""
    answer = workers[0].request(method, route, json={} if method == "POST" else None)
    assert (answer.status_code, "mem0lite keys create" in answer.text) == (403, True)
    assert statuses(workers) == [200, 200]


def test_the_last_use_is_noted(workers: list[httpx.Client], memory: Memory, clock: Clock) -> None:
    """When a key was used is noted, at most every five minutes; a request does not wait for it."""

    def noted_after_requests(expected: str) -> bool:
        return any(statuses(workers, key) and memory.get_keys()[0]["last_used_at"] == expected for _ in range(1_000))

    key = memory.create_key()["key"]
    assert memory.get_keys()[0]["last_used_at"] is None
    assert noted_after_requests("2026-03-01T12:00:00.250000+00:00")
    clock.advance(seconds=299)
    assert statuses(workers, key) == [200, 200]
    clock.advance(seconds=1)
    assert noted_after_requests("2026-03-01T12:05:00.250000+00:00")


def test_keys_are_read_again_only_after_a_change(memory: Memory) -> None:
    """A server that knows the keys reads one small document, until a key is made or revoked; a use changes nothing."""
    store = memory._store
    none = keys.current(store, None)
    assert keys.current(store, none) is none
    made = memory.create_key()
    known = keys.current(store, none)
    assert set(known.keys) == {made["id"]}
    keys.note_use(store, made["id"], 1)
    assert keys.current(store, known) is known
    memory.create_key()
    assert len(keys.current(store, known).keys) == 2
    known = keys.current(store, known)
    memory.revoke_key(made["id"])
    assert made["id"] not in keys.current(store, known).keys


def test_requests_look_for_keys_without_a_thread(path: Path, clock: Clock) -> None:
    """After a request the next one knows the keys at a glance, with none and with one, until somebody commits."""
    if "://" in str(path):
        pytest.skip("Every look into a server's store takes a round trip.")
    with (
        Memory(path, embedder=HashEmbedder(), clock=clock) as memory,
        served_by(create_app(memory, QUIET)) as client,
    ):

        def known() -> bool:
            return memory._store.glance("keyring", "") is not None

        def noted() -> bool:
            return memory.get_keys()[0]["last_used_at"] is not None

        assert statuses([client]) == [200] and known()
        key = memory.create_key()
        assert not known()
        assert statuses([client]) == [401] and known()
        # The first request notes that the key was used, after its answer; one after that note knows the keys.
        assert any(statuses([client], key["key"]) == [200] and noted() and known() for _ in range(1_000))
        memory.revoke_key(key["id"])
        assert not known()
        assert statuses([client], key["key"]) == [401] and known()


def test_a_look_without_waiting_says_what_reading_says(memory: Memory) -> None:
    """Keys that are known are found at once or not at all, and never found where they have changed."""
    store = memory._store

    def same(known: keys.Table | None) -> bool:
        return keys.at_once(store, known) in (None, keys.current(store, known))

    assert same(None)
    made = memory.create_key()
    assert keys.at_once(store, keys.current(store, None)._replace(version="another")) is None
    known = keys.current(store, None)
    assert same(known)
    memory.revoke_key(made["id"])
    assert keys.at_once(store, known) is None
    store.close()
    assert keys.at_once(store, known) is None


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("verb", ["create", "revoke"])
def test_a_process_that_dies_in_the_middle_lets_nobody_in(memory: Memory, verb: str, step: int) -> None:
    """Wherever making or revoking a key ends, a server sees what became of it, and no store opens by it."""

    class Dies:
        """The store of a process that dies before its transaction number ``step``."""

        def __init__(self) -> None:
            self.done = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(memory._store, name)

        def change_document(self, *arguments: Any) -> Any:
            self.done += 1
            if self.done >= step:
                raise KeyboardInterrupt
            return memory._store.change_document(*arguments)

    first = memory.create_key() if verb == "revoke" else None
    before = keys.current(memory._store, None)
    with pytest.raises(KeyboardInterrupt):
        if first is None:
            keys.create(Dies(), 1)
        else:
            keys.revoke(Dies(), 1, first["id"])
    after = keys.current(memory._store, before)
    assert set(after.keys) == {one["id"] for one in memory.get_keys()}
    assert after.required == (step > 1 or first is not None)
    memory.create_key()
    assert len(keys.current(memory._store, after).keys) == len(memory.get_keys())


@pytest.mark.parametrize(
    "forged",
    [
        {},
        {"id": 7},
        {"id": "x", "digest": "zz"},
        {"id": "x", "digest": "00", "user_id": 7},
        {"id": "x", "digest": None},
        {"id": "x", "digest": "00", "expires_at": "never"},
        {"id": "x", "digest": "00", "last_used_at": "now"},
    ],
    ids=str,
)
def test_a_document_that_is_no_key_lets_nobody_in(
    workers: list[httpx.Client], memory: Memory, forged: dict[str, Any]
) -> None:
    """What somebody else wrote into the file in a key's place is nobody's key, and the others work."""
    key = memory.create_key()["key"]
    memory._store.change_document("key", "x", lambda _: forged)
    memory._store.change_document("keyring", "", lambda ring: {**(ring or {}), "version": "other"})
    assert statuses(workers, "m0l_x_y") == [401, 401]
    assert statuses(workers, key) == [200, 200]


def test_exports_have_no_keys(memory: Memory) -> None:
    """An export carries neither keys nor that there were some."""
    memory.add("tea", user_id="alice")
    made = memory.create_key(label="secret label", user_id="zoe")
    lines = io.StringIO()
    memory.export(lines, show_expired=True)
    assert not [word for word in (made["id"], "secret label", "zoe", "keyring") if word in lines.getvalue()]


def test_keys_of_an_erased_user_are_revoked(workers: list[httpx.Client], memory: Memory) -> None:
    """Erasing a user ends the keys that were made for it; erasing a part of it ends none."""
    kept, gone = memory.create_key(user_id="bob"), memory.create_key(user_id="alice")
    memory.erase(user_id="alice", run_id="r")
    assert statuses(workers, gone["key"]) == [200, 200]
    memory.erase(user_id="alice")
    assert statuses(workers, gone["key"]) == [401, 401]
    assert [one["id"] for one in memory.get_keys()] == [kept["id"]]
    memory.reset()
    assert [one["id"] for one in memory.get_keys()] == [kept["id"]]


def test_whoever_has_the_memory_needs_no_key(memory: Memory) -> None:
    """A client that mem0lite.compat answers in this process reaches a store that has keys."""
    memory.create_key()
    local = Local(memory)
    try:
        assert local.client().get("http://local/memories", params={"user_id": "alice"}).status_code == 200
    finally:
        local.close()


# -- the command line


def said(result: "subprocess.CompletedProcess[str]") -> str:
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_commands(tmp_path: Path) -> None:
    """The commands make, list and revoke keys of a file; only the key is on standard output."""
    db = ["--db", str(tmp_path / "a.db")]
    key = said(run("keys", "create", "--label", "shop", "--user", "alice", *db)).strip()
    assert key.startswith("m0l_")
    [listed] = json.loads(said(run("keys", "list", "--json", *db)))
    assert (listed["label"], listed["user_id"]) == ("shop", "alice")
    assert said(run("keys", "list", *db)).split("\t")[:3] == [listed["id"], "shop", "alice"]
    for arguments, words in (
        (["create", "--ttl", "0"], "Invalid --ttl"),
        (["create", "--ttl", "5", "--expires-at", "2090-01-01"], "Invalid --expires-at"),
        (["create", "--user", "*"], "Invalid --user"),
        (["revoke"], "--all"),
        (["revoke", "x", "--all"], "--all"),
        (["revoke", "x"], "'x' not found"),
    ):
        refused = run("keys", *arguments, *db)
        assert refused.returncode in (1, 2)
        assert words in refused.stderr
    assert "revoked" in said(run("keys", "revoke", listed["id"], *db))
    assert said(run("keys", "list", *db)) == ""


def test_a_store_with_keys_is_served_to_others(serve: Any, tmp_path: Path) -> None:  # noqa: F811
    """A store whose only keys are in it is served on any host, and over HTTP the commands manage its keys."""
    db = str(tmp_path / "keys.db")
    key = said(run("keys", "create", "--db", db)).strip()
    url = serve("--host", "0.0.0.0", "--db", db)
    assert httpx.get(f"{url}/memories", headers={"Host": "memory.example"}).status_code == 401
    remote = ["--url", url, "--api-key", key]
    other = said(run("keys", "create", "--user", "alice", *remote)).strip()
    with client_of(url) as client:
        assert statuses([client], other) == [200]
        [_, listed] = json.loads(said(run("keys", "list", "--json", *remote)))
        said(run("keys", "revoke", listed["id"], *remote))
        assert statuses([client], other) == [401]
    refused = run("keys", "revoke", "--all", "--yes", *remote)
    assert (refused.returncode, "--db" in refused.stderr) == (2, True)
    said(run("keys", "revoke", "--all", "--yes", "--db", db))
    ended = subprocess.run(
        command("serve", "--host", "0.0.0.0", "--port", "0", "--db", db),
        capture_output=True, text=True, env=environment(), timeout=60,
    )  # fmt: skip
    assert (ended.returncode, "mem0lite keys create" in ended.stderr) == (2, True)
