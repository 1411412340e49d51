import asyncio
import inspect
import io
import threading
import typing

import pytest
from embedder import HashEmbedder

from mem0lite import AsyncMemory, ClosedError, CompatibilityWarning, LocalEmbedder, Memory, NotAMemoryFileError

NOT_VERBS = {"for_user", "from_config"}  # make another object, so the asynchronous ones are no coroutines
VERBS = sorted(
    name
    for name in dir(Memory)
    if not name.startswith("_") and callable(getattr(Memory, name)) and name not in NOT_VERBS
)


def test_the_verbs_are_the_designs():
    """Memory has the documented verbs, so that one that goes missing or appears is noticed."""
    assert [
        *(
            "add",
            "add_many",
            "backup",
            "changes",
            "check",
            "close",
            "context",
            "copy",
            "create_key",
            "create_memory_export",
            "create_webhook",
        ),
        *(
            "delete",
            "delete_all",
            "delete_many",
            "delete_webhook",
            "deliver_webhooks",
            "entities",
            "erase",
            "event",
            "events",
        ),
        *(
            "export",
            "extract",
            "feedback",
            "get",
            "get_all",
            "get_keys",
            "get_memory_export",
            "get_project",
            "get_webhooks",
            "graph",
        ),
        *(
            "history",
            "import_",
            "import_from_mem0",
            "reembed",
            "reindex_graph",
            "reset",
            "restore",
            "revoke_all_keys",
            "revoke_key",
            "search",
            "stats",
            "summary",
            "update",
        ),
        *("update_many", "update_project", "update_webhook", "usage", "vacuum"),
    ] == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_async_and_sync_have_the_same_verbs(verb):
    """Every public verb of Memory is a coroutine of AsyncMemory with the same signature, types and docstring."""
    ours, theirs = getattr(AsyncMemory, verb), getattr(Memory, verb)
    assert inspect.iscoroutinefunction(ours)
    assert inspect.signature(ours) == inspect.signature(theirs)
    if verb != "close":
        assert ours.__doc__ == theirs.__doc__
        assert typing.get_type_hints(ours) == typing.get_type_hints(theirs)


def test_the_asker_s_zone_is_kept(path, clock):
    """A reference date given to AsyncMemory has the days of its zone, as given to Memory."""

    async def scores():
        async with AsyncMemory(path, embedder=HashEmbedder(), clock=clock) as memory:
            await memory.add("red apple", user_id="u", timestamp="2024-06-18T10:00:00Z")
            await memory.add("green pear", user_id="u", timestamp="2023-01-01T10:00:00Z")
            for reference in ("2024-06-19T09:00:00+12:00", "2024-06-18T21:00:00Z"):
                found = await memory.search(
                    "red apple yesterday", user_id="u", reference_date=reference, explain=True, threshold=0
                )
                yield found["results"][0]["score_details"]["signals"]["date"]["score"]

    async def collected():
        return [score async for score in scores()]

    here, utc = asyncio.run(collected())
    assert here == 1 > utc


def test_the_verbs_work_awaited(path, clock, tmp_path):
    """A life of a memory through AsyncMemory gives what Memory gives."""

    async def life():
        async with AsyncMemory(path, embedder=HashEmbedder(), clock=clock) as memory:
            [item] = (await memory.add("red apple", user_id="u", metadata={"k": 1}))["results"]
            await memory.add_many([{"messages": "green pear", "user_id": "u"}])
            await memory.update(item["id"], "red apples")
            assert (await memory.get(item["id"]))["memory"] == "red apples"
            assert (await memory.get_all(user_id="u"))["total"] == 2
            assert (await memory.search("red", user_id="u"))["results"][0]["id"] == item["id"]
            assert len(await memory.history(item["id"])) == 2
            assert len(await memory.entities()) == 1
            assert await memory.export(tmp_path / "out.jsonl") == 2
            assert await memory.import_(tmp_path / "out.jsonl") == {
                "added": 0,
                "skipped": 2,
                "deleted": 0,
                "events": 0,
                "settings": 0,
            }
            await memory.backup(tmp_path / "backup.db")
            await memory.delete(item["id"])
            await memory.delete_all(user_id="u")
            await memory.reset()
            assert (await memory.vacuum())["removed"] == 0
            assert (await memory.stats())["memories"] == 0
        return memory

    closed = asyncio.run(life())
    with pytest.raises(ClosedError):
        asyncio.run(closed.get("x"))
    assert asyncio.run(AsyncMemory.reembed(path, embedder=HashEmbedder("new"))) == {"embedded": 0, "total": 0}


def test_a_memory_passed_in_stays_its_owners(memory):
    """AsyncMemory around a Memory serves it and does not close it."""

    async def life():
        async with AsyncMemory(memory) as wrapped:
            await wrapped.add("x", user_id="u")

    asyncio.run(life())
    assert memory.get_all(user_id="u")["total"] == 1


class Held(HashEmbedder):
    """An embedder whose file cannot be opened, as its name is asked for, until it is released."""

    def __init__(self):
        super().__init__()
        self.release, self.threads = threading.Event(), set()

    @property
    def fingerprint(self):
        self.threads.add(threading.get_ident())
        assert self.release.wait(30)
        return "x"


def test_opening_leaves_the_loop_free(path):
    """While a file is being opened, by whatever way one begins, the event loop goes on, and views can be made."""

    async def life():
        embedder = Held()
        memory = AsyncMemory(path, embedder=embedder)
        adding = asyncio.create_task(memory.for_user("u").add("red apple"))
        entering = asyncio.create_task(memory.__aenter__())
        given_up = asyncio.create_task(memory.stats())
        await asyncio.sleep(0)  # each begins to wait
        given_up.cancel()
        await asyncio.wait([given_up])
        assert not (adding.done() or entering.done())
        embedder.release.set()
        assert await entering is memory
        assert (await adding)["results"][0]["event"] == "ADD"
        assert threading.get_ident() not in embedder.threads
        assert (await memory.get_all(user_id="u"))["total"] == 1
        await memory.close()

    asyncio.run(life())
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_that_cannot_be_opened_is_told(path):
    """Entering, awaiting, any verb, a view's and closing raise what is wrong; a misspelt argument is told at once."""
    path.write_bytes(b"not a memory file, but somebody's text " * 10)

    async def life():
        for use in (
            lambda memory: memory.__aenter__(),
            lambda memory: memory._itself(),
            lambda memory: memory.stats(),
            lambda memory: memory.for_user("u").get_all(),
            lambda memory: memory.close(),
        ):
            with pytest.raises(NotAMemoryFileError):
                await use(AsyncMemory(path, embedder=HashEmbedder()))
        with pytest.raises(TypeError, match="embeder"):
            AsyncMemory(path, embeder=HashEmbedder())

    asyncio.run(life())
    with pytest.raises(NotAMemoryFileError):
        AsyncMemory(path, embedder=HashEmbedder())


def test_the_loop_and_other_verbs_stay_free(path):
    """While more adds than there are threads wait for the embedder, the loop goes on and reads and searches answer."""
    entered, release = threading.Event(), threading.Event()

    class Slow(HashEmbedder):
        def embed(self, texts):
            entered.set()
            assert release.wait(30)
            return super().embed(texts)

    async def life():
        async with AsyncMemory(path, embedder=Slow()) as memory:
            adding = [asyncio.create_task(memory.add(f"x {n}", user_id="u")) for n in range(10)]
            await asyncio.to_thread(entered.wait, 30)
            assert (await memory.get_all(user_id="u"))["total"] == 0
            assert (await memory.search("x", user_id="u"))["results"] == []
            assert not any(task.done() for task in adding)
            release.set()
            assert [(await task)["results"][0]["event"] for task in adding] == ["ADD"] * 10

    asyncio.run(life())


def test_adds_that_share_model_calls_are_many_at_once(path, model):
    """With an embedder that shares its calls, far more adds than four wait for it at once, as it needs to share."""
    together = threading.Barrier(32)

    class Gathering(LocalEmbedder):
        def embed(self, texts):
            together.wait(30)
            return model.embed(texts)

    async def life():
        async with AsyncMemory(path, embedder=Gathering()) as memory:
            adding = [memory.add(f"text {n}", user_id="u", infer=False) for n in range(32)]
            assert len(await asyncio.gather(*adding)) == 32

    asyncio.run(life())


def test_another_embedder_is_asked_by_four_threads_at_most(path):
    """An embedder of the caller's own is not run by more threads than four, however many adds wait."""
    guard, running, most = threading.Lock(), [], []

    class Counting(HashEmbedder):
        def embed(self, texts):
            with guard:
                running.append(texts)
                most.append(len(running))
            together.wait(30)
            with guard:
                running.remove(texts)
            return super().embed(texts)

    together = threading.Barrier(4)

    async def life():
        async with AsyncMemory(path, embedder=Counting()) as memory:
            await asyncio.gather(*(memory.add(f"text {n}", user_id="u") for n in range(40)))

    asyncio.run(life())
    assert max(most) == 4


def test_long_maintenance_keeps_no_writer_waiting(path):
    """While more exports than there are threads wait for whoever reads them, a memory is added, read and deleted."""
    release = threading.Event()

    class Sink(io.StringIO):
        def write(self, text):
            assert release.wait(30)
            return super().write(text)

    async def life():
        async with AsyncMemory(path, embedder=HashEmbedder()) as memory:
            await memory.add("text", user_id="u")
            exporting = [asyncio.create_task(memory.export(Sink())) for _ in range(10)]
            await asyncio.sleep(0)  # each begins to wait
            [item] = (await memory.add("another", user_id="u"))["results"]
            assert (await memory.get(item["id"]))["memory"] == "another"
            await memory.delete(item["id"])
            assert not any(task.done() for task in exporting)
            release.set()
            assert len(await asyncio.gather(*exporting)) == 10

    asyncio.run(life())


def test_closing_finishes_what_was_accepted(path):
    """A verb already accepted when close is called is done, not dropped; closing twice does nothing."""

    async def life():
        memory = AsyncMemory(path, embedder=HashEmbedder())
        adding = [asyncio.create_task(memory.add(f"text {n}", user_id="u")) for n in range(20)]
        await asyncio.sleep(0)
        await memory.close()
        await memory.close()
        await asyncio.gather(*adding)

    asyncio.run(life())
    with Memory(path, embedder=HashEmbedder()) as again:
        assert again.get_all(user_id="u")["total"] == 20


def test_an_export_that_is_cancelled_or_fails_lets_the_store_close(path):
    """A cancelled export runs to its end in its thread, a failed one ends at once; then the store closes."""
    written = threading.Event()

    class Sink(io.StringIO):
        def write(self, text):
            written.set()
            if self.tell() > 50:
                raise RuntimeError("full")
            return super().write(text)

    async def main():
        memory = AsyncMemory(path, embedder=HashEmbedder())
        await memory.add([{"content": f"text {number}"} for number in range(9)], user_id="u")
        call = asyncio.create_task(memory.export(Sink()))
        await asyncio.to_thread(written.wait, 30)
        call.cancel()
        with pytest.raises((asyncio.CancelledError, RuntimeError)):
            await call
        with pytest.raises(RuntimeError, match="full"):
            await memory.export(Sink())
        await memory.close()
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]

    asyncio.run(main())


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_language_model_given_to_add_has_no_effect_and_is_told_of(path, asynchronous):
    """``llm``, which mem0's AsyncMemory.add takes, warns that messages are stored as they are; None does not."""

    async def add(**model):
        async with AsyncMemory(path, embedder=HashEmbedder()) as memory:
            return await memory.add("I like figs", agent_id="a", memory_type="procedural_memory", **model)

    def add_at_once(**model):
        with Memory(path, embedder=HashEmbedder()) as memory:
            return memory.add("I like figs", agent_id="a", memory_type="procedural_memory", **model)

    def call(**model):
        return asyncio.run(add(**model)) if asynchronous else add_at_once(**model)

    with pytest.warns(CompatibilityWarning, match="llm has no effect"):
        assert call(llm=object())["results"][0]["memory"] == "I like figs"
    assert call(llm=None)["results"][0]["event"] == "NONE"
