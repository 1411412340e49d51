"""Files that are damaged, or none of ours: every verb answers or says so, and what is damaged is not taken for sound.

Each case runs in another process, so that a crash is seen, and which case it was. Started as a program, this file is
that process.
"""

import io
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest
from embedder import HashEmbedder
from sizes import sizes

from mem0lite import ANY_SCOPE, CorruptFileError, Mem0LiteError, Memory
from mem0lite.values import text_hash

NOW = datetime(2026, 3, 1, tzinfo=UTC)
USERS = ("ann", "bob", "cyd")
SHARE = 250  # cases a process runs
PATIENCE = 600  # seconds for them, of which it needs a tenth: a hang is an outcome, too
PAGE = 8_192
APPLICATION_ID = 0x6D306C74

Files = dict[str, bytes]
"""What lies in a folder: "" is the database, the others are named by what follows its name."""


def opened(path: Path, **options: Any) -> Memory:
    return Memory(path, embedder=HashEmbedder(), clock=lambda: NOW, graph_categories=["skill"], **options)


def stored(memory: Memory) -> set[str]:
    """Return all memories of a store, as ``bare`` shows them."""
    items = memory.get_all(filters={"user_id": "*"}, top_k=1_000, show_expired=True)["results"]
    return {bare(item) for item in items}


def bare(item: dict[str, Any]) -> str:
    """Return a memory without what differs between verbs."""
    return json.dumps({name: value for name, value in item.items() if name not in ("score", "history")}, sort_keys=True)


def parts(item: dict[str, Any]) -> set[str]:
    """Return what an item, or a line of an export, tells: a memory, a call, settings, and the changes of a history."""
    return {bare(item), *(json.dumps(change, sort_keys=True) for change in item.get("history", ()))}


def fill(path: Path, **options: Any) -> tuple[Files, set[str]]:
    """Make a store with a bit of everything; return it as it lies on the disk in the middle of its use, and every
    memory there was at some time."""
    with opened(path, **options) as memory:
        for number in range(60):
            scope = {"user_id": USERS[number % 3], "run_id": f"r{number % 4}" if number % 2 else None}
            memory.add(
                [{"content": f"fact {number}.{n} about {n * number} things " * (1 + 40 * (number % 9 == n))}
                 for n in range(4)],
                **scope,
                metadata={"topic": f"t{number % 5}", "nested": {"rank": number}},
                timestamp=NOW - timedelta(days=number),
                infer=False,
            )  # fmt: skip
        for number in range(40):
            text = f"The part{number} requires the part{number + 1} and `run{number}`."
            memory.add(text, user_id="ann", metadata={"memory_category": "skill", "domain_tags": ["parts"]})
        memory.add("A text of many pages. " * 2_000, user_id="ann", agent_id="planner")
        ever = stored(memory)
        ids = [item["id"] for item in memory.get_all(user_id="ann", top_k=30)["results"]]
        for memory_id in ids[:10]:
            memory.update(memory_id, f"new words for {memory_id}", metadata={"changed": True})
        memory.delete_many(ids[10:15])
        memory.feedback(ids[20], "POSITIVE", "very much so")
        memory.add("soon gone", user_id="bob", ttl=3600)
        memory.update_project({"custom_instructions": "Be brief"})
        in_use = {"": path.read_bytes(), "-wal": Path(f"{path}-wal").read_bytes()}
        return in_use, ever | stored(memory)


# -- damage


def _flip(random: Random, content: bytearray, count: int) -> None:
    for _ in range(count):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _pages(random: Random, content: bytearray) -> tuple[slice, slice]:
    first, second = (random.randrange(len(content) // PAGE) * PAGE for _ in range(2))
    return slice(first, first + PAGE), slice(second, second + PAGE)


def flip_a_bit(random: Random, files: Files) -> None:
    _change(files, lambda content: _flip(random, content, 1))


def flip_bits(random: Random, files: Files) -> None:
    _change(files, lambda content: _flip(random, content, random.randint(2, 200)))


def flip_bits_of_a_page(random: Random, files: Files) -> None:
    def change(content: bytearray) -> None:
        page, _ = _pages(random, content)
        part = content[page]
        _flip(random, part, random.randint(1, 50))
        content[page] = part

    _change(files, change)


def garble_the_header(random: Random, files: Files) -> None:
    _change(files, lambda content: content.__setitem__(random.randrange(100), random.randrange(256)))


def garble_bytes(random: Random, files: Files) -> None:
    def change(content: bytearray) -> None:
        start, size = random.randrange(len(content)), random.randint(1, 3_000)
        content[start : start + size] = random.randbytes(len(content[start : start + size]))

    _change(files, change)


def garble_a_page(random: Random, files: Files) -> None:
    _change(files, lambda content: content.__setitem__(_pages(random, content)[0], random.randbytes(PAGE)))


def zero_a_page(random: Random, files: Files) -> None:
    _change(files, lambda content: content.__setitem__(_pages(random, content)[0], bytes(PAGE)))


def swap_pages(random: Random, files: Files) -> None:
    def change(content: bytearray) -> None:
        first, second = _pages(random, content)
        content[first], content[second] = content[second], content[first]

    _change(files, change)


def truncate(random: Random, files: Files) -> None:
    _change(files, lambda content: content.__delitem__(slice(random.randrange(len(content)), None)))


def extend(random: Random, files: Files) -> None:
    _change(files, lambda content: content.extend(random.randbytes(random.randint(1, 20_000))))


def lose_a_piece(random: Random, files: Files) -> None:
    def change(content: bytearray) -> None:
        start = random.randrange(len(content))
        del content[start : start + random.randint(1, 2 * PAGE)]

    _change(files, change)


def _change(files: Files, change: Callable[[bytearray], None]) -> None:
    content = bytearray(files[""])
    change(content)
    files[""] = bytes(content)


def damage_the_wal(random: Random, files: Files) -> None:
    """Leave the database as it was in use, and beside it a damaged write-ahead log."""
    content = bytearray(files["in use -wal"])
    way = random.randrange(3)
    if way == 0:
        _flip(random, content, random.choice((1, 10)))
    elif way == 1:
        del content[random.randrange(len(content)) :]
    else:
        content[random.randrange(len(content)) :] = random.randbytes(5_000)
    files[""], files["-wal"] = files["in use"], bytes(content)


def lose_the_wal(_: Random, files: Files) -> None:
    files[""] = files["in use"]


def damage_in_use(random: Random, files: Files) -> None:
    files[""], files["-wal"] = files["in use"], files["in use -wal"]
    random.choice((flip_bits, flip_bits_of_a_page, zero_a_page, truncate))(random, files)


def a_foreign_wal(_: Random, files: Files) -> None:
    files["-wal"] = files["other -wal"]


def a_garbage_wal(random: Random, files: Files) -> None:
    files["-wal"] = random.randbytes(random.randint(1, 50_000))


def a_garbage_journal(random: Random, files: Files) -> None:
    magic = bytes.fromhex("d9d505f920a163d7") if random.random() < 0.5 else b""
    files["-journal"] = magic + random.randbytes(random.randint(1, 50_000))


def another_file(random: Random, files: Files) -> None:
    """Put a file of another kind in the place of the database."""
    size = random.randint(0, 30_000)
    files[""] = random.choice(
        (
            random.randbytes(size),
            bytes.fromhex("ffd8ffe000104a46494600010100") + random.randbytes(size),
            b"SQLite format 3\0" + random.randbytes(size),
            b"Dear diary, today nothing happened.\n" * (size // 30),
            bytes(size),
            files["another database"],
        )
    )
    if random.random() < 0.3:
        a_garbage_wal(random, files)


def a_database_with_our_number(random: Random, files: Files) -> None:
    """Put a database in its place that says it is ours."""
    files[""] = files[random.choice(("other tables", "no tables", "some of our tables"))]


FLIPS = (flip_a_bit, flip_bits, flip_bits_of_a_page, garble_bytes, garble_a_page, garble_the_header)
"""Changes of bits, every one of which page checksums find."""
OTHERS = (
    zero_a_page, swap_pages, truncate, extend, lose_a_piece, damage_the_wal, lose_the_wal, damage_in_use,
    a_foreign_wal, a_garbage_wal, a_garbage_journal, another_file, a_database_with_our_number,
)  # fmt: skip


def foreign(folder: Path) -> Files:
    """Return databases that are not ours, or say that they are."""
    statements = {
        "another database": "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'one'), (2, 'two')",
        "other tables": f"PRAGMA application_id = {APPLICATION_ID}; CREATE TABLE memory (a); "
        "INSERT INTO memory VALUES (1); PRAGMA user_version = 3",
        "no tables": f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 3",
        "some of our tables": f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 2; "
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL); INSERT INTO meta VALUES ('embedder', '[')",
    }
    files = {}
    for name, sql in statements.items():
        connection = apsw.Connection(str(folder / name))
        connection.execute(sql).fetchall()
        connection.close()
        files[name] = (folder / name).read_bytes()
    return files


# -- what is asked of a damaged store


def readings(memory: Memory, ids: list[str], event_ids: list[str]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield every way to read a store."""
    for user in USERS:
        yield f"get_all {user}", lambda user=user: memory.get_all(user_id=user, top_k=1_000)["results"]
        yield f"search {user}", lambda user=user: memory.search("fact about things", user_id=user)["results"]
    yield (
        "search with a filter",
        lambda: memory.search("new words", filters={"user_id": "ann", "AND": [{"topic": "t1"}]}, threshold=0, top_k=50)[
            "results"
        ],
    )
    yield "get_all with a filter", lambda: memory.get_all(filters={**ANY_SCOPE, "changed": True}, top_k=50)["results"]
    yield "graph", lambda: memory.graph(user_id="ann", limit=1_000)
    yield "graph around", lambda: memory.graph(filters={"user_id": "*"}, entity="part20", depth=3)
    yield "search the graph", lambda: memory.search("what does part7 require?", user_id="ann")["results"]
    for number, memory_id in enumerate(ids):
        yield f"get {number}", lambda memory_id=memory_id: memory.get(memory_id)
        yield f"history {number}", lambda memory_id=memory_id: memory.history(memory_id)
    for number, event_id in enumerate(event_ids):
        yield f"event {number}", lambda event_id=event_id: memory.event(event_id)
    yield "entities", memory.entities
    yield "events", lambda: memory.events(top_k=100)
    yield "changes", lambda: memory.changes(limit=1_000)
    yield "project", memory.get_project
    yield "webhooks", memory.get_webhooks
    yield "export", lambda: _exported(memory)


def _exported(memory: Memory) -> list[Any]:
    lines = io.StringIO()
    memory.export(lines, show_expired=True)
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def writings(memory: Memory, ids: list[str], folder: Path) -> Iterator[Callable[[], Any]]:
    """Yield ways to change a store."""
    yield lambda: memory.add("something new about things", user_id="ann")
    yield lambda: memory.update(ids[0], "changed again", metadata={"k": 1})
    yield lambda: memory.delete(ids[1])
    yield lambda: memory.feedback(ids[2], "NEGATIVE")
    yield lambda: memory.add("The part1 uses part2.", user_id="ann", metadata={"memory_category": "skill"})
    yield memory.reindex_graph
    yield lambda: memory.delete_all(user_id="bob")
    yield memory.vacuum
    yield lambda: memory.update_project({"k": "v"})
    yield lambda: memory.backup(folder / "backup.db")
    yield lambda: memory.check(repair=True)
    yield lambda: memory.search("something new", user_id="ann")
    yield lambda: memory.reset(user_id="cyd")


@dataclass
class Outcome:
    """What became of a case."""

    case: int
    damage: str
    refused: list[str] = field(default_factory=list)
    """Types of errors."""
    altered: list[str] = field(default_factory=list)
    """Readings that answered otherwise than the sound store."""
    altered_memories: bool = False
    """Whether a memory, or something of an export, was returned that was never stored so."""
    found: bool = False
    """Whether something said that the file is damaged."""
    wrong: list[str] = field(default_factory=list)
    """What should not have happened."""


class Case:
    """One damaged copy of a store, and what became of it."""

    def __init__(self, work: "Work", number: int) -> None:
        random = Random(f"{work.seed} damage {number}")
        self.work = work
        self.damage = random.choice(FLIPS + OTHERS if random.random() < 0.5 else FLIPS)
        self.outcome = Outcome(number, self.damage.__name__)
        self.folder = work.folder / f"case {number}"
        self.folder.mkdir()
        files = dict(work.files)
        self.damage(random, files)
        self.path = self.folder / "agent.db"
        self.path.write_bytes(files[""])
        for beside in ("-wal", "-journal"):
            if beside in files:
                Path(f"{self.path}{beside}").write_bytes(files[beside])

    def run(self) -> Outcome:
        memory = self._try("open", lambda: opened(self.path))
        if memory is not None:
            for name, verb in readings(memory, self.work.ids, self.work.event_ids):
                self._read(name, verb)
            self._try("stats", memory.stats)
            self._check(memory)
            for number, verb in enumerate(writings(memory, self.work.ids, self.folder)):
                self._try(f"writing {number}", verb)
            self._try("close", memory.close)
        if not self.outcome.wrong:
            for file in self.folder.iterdir():
                file.unlink()
            self.folder.rmdir()
        return self.outcome

    def _try(self, name: str, verb: Callable[[], Any]) -> Any:
        try:
            return verb()
        except Mem0LiteError as error:
            self.outcome.refused.append(type(error).__name__)
            self.outcome.found = self.outcome.found or isinstance(error, CorruptFileError) or name == "open"
        except BaseException as error:
            self.outcome.wrong.append(f"{name}: {type(error).__name__}: {error} at {_where(error)}")
        return None

    def _read(self, name: str, verb: Callable[[], Any]) -> None:
        refused = self._refusals()
        answer = self._try(name, verb)
        if self._refusals() > refused or answer == self.work.truth[name]:
            return
        self.outcome.altered.append(name)
        if name.startswith(("get", "search", "export")):
            items = answer if isinstance(answer, list) else [answer]
            for item in filter(None, items):
                self._compare(name, item)

    def _refusals(self) -> int:
        return len(self.outcome.refused) + len(self.outcome.wrong)

    def _compare(self, name: str, item: dict[str, Any]) -> None:
        try:
            _check_types(item)
        except (AssertionError, TypeError, ValueError, KeyError) as error:
            self.outcome.wrong.append(f"{name}: malformed {item!r:.300}: {error!r}")
            return
        self.outcome.altered_memories |= not parts(item) <= self.work.known

    def _check(self, memory: Memory) -> None:
        result = self._try("check", memory.check)
        if result is not None and not result["ok"]:
            self.outcome.found = True
        texts = self._try("get_all *", lambda: memory.get_all(filters={"user_id": "*"}, top_k=1_000)["results"]) or []
        if result is not None and result["ok"]:
            changed = [item["id"] for item in texts if text_hash(item["memory"]) != item["hash"]]
            if changed:
                self.outcome.wrong.append(f"check did not find the changed texts of {changed}")


def _check_types(item: dict[str, Any]) -> None:
    json.dumps(item, allow_nan=False)
    for change in item.get("history", ()):
        assert isinstance(change["event"], str)
        datetime.fromisoformat(change["created_at"])
    if "memory" in item:
        _check_memory(item)
    elif item["type"] == "event":
        datetime.fromisoformat(item["created_at"])
        assert all(isinstance(one["id"], str) for one in item["results"])
    else:
        assert item["type"] in ("history", "settings")


def _check_memory(item: dict[str, Any]) -> None:
    assert all(isinstance(item[name], str) for name in ("id", "memory", "hash"))
    assert item["metadata"] is None or isinstance(item["metadata"], dict)
    for name in ("created_at", "updated_at"):
        datetime.fromisoformat(item[name])
    for name in ("user_id", "agent_id", "run_id", "app_id", "actor_id", "role"):
        assert item.get(name) is None or isinstance(item[name], str)
    if item.get("score") is not None:
        assert 0 <= item["score"] <= 1


def _where(error: BaseException) -> str:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(frames[-5:])


class Work:
    """A sound store, its answers, and cases of damage to it."""

    def __init__(self, folder: Path, seed: str, *, checksums: bool) -> None:
        self.folder, self.seed = folder, seed
        sound = folder / "sound.db"
        in_use, memories = fill(sound, checksums=checksums)
        other, _ = fill(folder / "other.db", checksums=checksums)
        self.files = {
            "": sound.read_bytes(),
            "in use": in_use[""],
            "in use -wal": in_use["-wal"],
            "other -wal": other["-wal"],
            **foreign(folder),
        }
        with opened(sound) as memory:
            known = [item["id"] for user in USERS for item in memory.get_all(user_id=user, top_k=5)["results"]]
            deleted = [one["memory_id"] for one in memory.changes(limit=1_000)["results"] if one["event"] == "DELETE"]
            self.ids = known[:3] + known[5:7] + known[10:12] + deleted[:1]
            self.event_ids = [event["id"] for event in memory.events(top_k=3)["results"]]
            self.truth = {name: verb() for name, verb in readings(memory, self.ids, self.event_ids)}
        self.known = memories.union(*map(parts, self.truth["export"]))


def main(folder: str, seed: str, checksums: str, first: str, last: str) -> None:
    """Run cases; print a line when each begins, and its outcome."""
    warnings.simplefilter("error")
    place = Path(folder, f"cases from {first}")
    place.mkdir()
    work = Work(place, seed, checksums=checksums == "checksums")
    for number in range(int(first), int(last)):
        print(json.dumps({"begin": number}), flush=True)  # noqa: T201
        print(json.dumps(asdict(Case(work, number).run())), flush=True)  # noqa: T201


def outcomes(folder: Path, seed: int, kind: str, count: int) -> list[Outcome]:
    """Run so many cases in processes, and go on after one that ended a process."""
    found: list[Outcome] = []
    first = 0
    while first < count:
        last = min(first + SHARE, count)
        command = [sys.executable, __file__, str(folder), str(seed), kind, str(first), str(last)]
        lines, ended = _run(command)
        done = [Outcome(**line) for line in lines if "case" in line]
        found += done
        begun = [line["begin"] for line in lines if "begin" in line]
        first = last
        if len(done) < len(begun):
            found.append(Outcome(begun[-1], "?", wrong=[f"the process ended: {ended}"]))
            first = begun[-1] + 1
        elif ended:
            raise AssertionError(f"{command}: {ended}")
    return found


def _run(command: list[str]) -> tuple[list[dict[str, Any]], str]:
    environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            output, errors = process.communicate(timeout=PATIENCE)
            hung = ""
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)
            output, errors = process.communicate()
            hung = "it hung; "
    lines = [json.loads(line) for line in output.splitlines() if line.endswith("}")]
    return lines, f"{hung}{process.returncode} {errors[-2_000:]}" if process.returncode or hung else ""


def problems(found: list[Outcome]) -> str:
    lines = [f"case {one.case}, {one.damage}: {wrong}" for one in found for wrong in one.wrong[:3]]
    return f"{sum(bool(one.wrong) for one in found)} of {len(found)} cases:\n" + "\n".join(lines[:40])


@pytest.mark.parametrize("count", sizes(100, 5_000))
def test_a_damaged_file_never_breaks_the_caller(tmp_path, seed, count):
    """Of a damaged or foreign file every verb answers in its own form, or raises an error of ours; texts that were
    changed are found by ``check``."""
    found = outcomes(tmp_path, seed, "plain", count)
    assert not any(one.wrong for one in found), f"seed {seed}: {problems(found)}"
    assert len(found) == count
    altered = sum(one.altered_memories for one in found)
    unnoticed = sum(one.altered_memories and not one.found for one in found)
    print(  # noqa: T201
        f"without page checksums {altered} of {count} damaged files gave back a memory that was never stored so, "
        f"{unnoticed} of them without any error, also of check"
    )
    assert sum(one.found for one in found) > count // 3
    assert altered, "SQLite alone cannot know of every bit: the comparison with what was stored sees nothing"


@pytest.mark.parametrize("count", sizes(100, 5_000))
def test_with_page_checksums_no_changed_bit_is_believed(tmp_path, seed, count):
    """In a file with page checksums every answer is what was stored, exactly, or a CorruptFileError, whatever bits have
    changed; and other damage never breaks the caller either."""
    found = outcomes(tmp_path, seed, "checksums", count)
    assert not any(one.wrong for one in found), f"seed {seed}: {problems(found)}"
    flipped = [one for one in found if one.damage in {damage.__name__ for damage in FLIPS}]
    believed = [(one.case, one.damage, one.altered) for one in flipped if one.altered]
    assert believed == [], f"seed {seed}"
    assert len(flipped) > count // 2
    assert sum("CorruptFileError" in one.refused for one in flipped) > len(flipped) // 2


def leaves(path: Path, table: str) -> list[int]:
    """Return the numbers of the pages that hold the rows of a table, in the order of their keys."""
    connection = apsw.Connection(str(path))
    found = connection.execute(
        "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path", (table,)
    ).fetchall()
    connection.close()
    return [number for (number,) in found]


def swap(path: Path, first: int, second: int) -> None:
    """Exchange two pages of a file."""
    content = bytearray(path.read_bytes())
    pages = [slice((number - 1) * PAGE, number * PAGE) for number in (first, second)]
    content[pages[0]], content[pages[1]] = content[pages[1]], content[pages[0]]
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("table", ["memory", "history", "event"])
def test_what_is_read_in_parts_comes_to_its_end_in_a_damaged_tree(tmp_path, table):
    """Rows that are out of order in a damaged file do not lead whoever reads them in parts back to the beginning."""
    path = tmp_path / "agent.db"
    with opened(path) as memory:
        for number in range(200):
            memory.add(f"fact {number}", user_id="ann", metadata={"long": "x" * 500}, ttl=60)
    pages = leaves(path, table)
    assert len(pages) > 2
    swap(path, pages[0], pages[-1])

    def all_pages(read: Callable[[str | None], Any]) -> None:
        found = read(None)
        while (cursor := found.get("next_cursor")) is not None:
            found = read(cursor)

    def all_changes(memory: Memory) -> None:
        after = 0
        while found := memory.changes(after=after, limit=20)["results"]:
            after = found[-1]["sequence"]

    with opened(path) as memory:
        calls: list[Callable[[], Any]] = [
            memory.reindex_graph,
            lambda: all_pages(lambda after: memory.get_all(user_id="ann", after=after, limit=20)),
            lambda: all_pages(lambda after: memory.events(after=after, limit=20)),
            lambda: all_changes(memory),
            lambda: _exported(memory),
        ]
        refused = [_is_refused(call) for call in calls]
        assert any(refused) or table == "event"  # of which a page may seem to be the last
        assert not memory.check()["ok"]
    with Memory(path, embedder=HashEmbedder(), clock=lambda: NOW + timedelta(hours=1)) as memory:
        _is_refused(memory.vacuum)
    _is_refused(lambda: Memory.reembed(path, embedder=HashEmbedder(dimensions=32)))


def _is_refused(call: Callable[[], Any]) -> bool:
    try:
        call()
    except CorruptFileError:
        return True
    return False


if __name__ == "__main__":
    main(*sys.argv[1:])
