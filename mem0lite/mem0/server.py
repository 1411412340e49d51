"""Memories on a running mem0 server, hosted or self-hosted, and their histories."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from ..data.filters import SCOPE_IDS
from ..errors import ValidationError
from .connection import Connection
from .interfaces import Hosted, Interface, SelfHosted, Whose
from .source import CHUNK, Found, Item, Report, filled, to_history, with_extras

_OURS = (
    *("id", "memory", "metadata", "created_at", "updated_at", *SCOPE_IDS, "actor_id", "role"),
    *("expiration_date", "expires_at", "feedback", "feedback_reason", "key"),
)
_SUCCESSOR = ("superseded_by", "valid_to")  # where both are there
_INTO_METADATA = ("attributed_to", "categories", "immutable")  # mem0 keeps them beside the metadata
_DERIVED = {  # what follows from the rest, or concerns mem0's own accounts
    *("hash", "score", "score_details", "text", "session_id", "structured_attributes", "text_lemmatized", "name"),
    *("type", "owner", "organization", "org_id", "project_id", "input", "event", "total_memories", "memory_id"),
    "valid_from",
}
_THREADS = 8  # histories asked for at a time: there is a request for each memory


class Server:
    """The memories of one mem0 server."""

    def __init__(
        self,
        url: str,
        api_key: str | None,
        ids: dict[str, str],
        known: Callable[[Iterable[str]], set[str]],
        report: Report,
    ) -> None:
        self._ids, self._known, self._report = ids, known, report
        self._connection = Connection(url, api_key)
        self._left_out: Counter[str] = Counter()
        self.total = 0

    def found(self) -> Iterator[Found]:
        """Yield every memory of the ids given, or of everybody, with its history."""
        seen: set[str] = set()
        pool = ThreadPoolExecutor(_THREADS)
        try:
            surface = _surface(self._connection, self._ids, self._report)
            whose = [Whose(self._ids)] if self._ids else surface.whose()
            self.total = _expected(whose)
            for one in whose:
                for rows in surface.pages(one):
                    fresh = [row for row in rows if str(row.get("id")) not in seen]
                    seen.update(str(row["id"]) for row in fresh if row.get("id") is not None)
                    for start in range(0, len(fresh), CHUNK):
                        yield from self._items(surface, str(one), fresh[start : start + CHUNK], pool)
        finally:
            pool.shutdown(cancel_futures=True)
            self._connection.close()
        for name, count in self._left_out.items():
            self._report(
                None, "server", f"The field {name!r} of {count} memories was left out: there is no such field here."
            )

    def _items(self, surface: Interface, where: str, rows: Sequence[Item], pool: ThreadPoolExecutor) -> Iterator[Found]:
        known = self._known([str(row["id"]) for row in rows if row.get("id") is not None])

        def history(row: Item) -> list[Item]:
            return [] if row.get("id") is None or str(row["id"]) in known else surface.history(str(row["id"]), where)

        for row, changes in zip(rows, pool.map(history, rows), strict=True):
            item = filled(row, _ours(row))
            if "run_id" not in item and row.get("session_id"):
                item["run_id"] = row["session_id"]
            item.setdefault("memory", row.get("text"))
            item["history"] = to_history(changes, item)
            self._left_out.update(_unknown(row))
            yield Found(where, with_extras(item, filled(row, [name for name in _INTO_METADATA if row.get(name)])))


def _ours(row: Item) -> Sequence[str]:
    return (*_OURS, *_SUCCESSOR) if all(row.get(name) for name in _SUCCESSOR) else _OURS


def _unknown(row: Item) -> list[str]:
    known = {*_ours(row), *_INTO_METADATA, *_DERIVED}
    return [name for name, value in row.items() if name not in known and value not in (None, "", [], {})]


def _expected(whose: Sequence[Whose]) -> int:
    """Return a lower bound of how many memories there are: those of all users, or of all agents, runs or apps."""
    sums: Counter[str] = Counter()
    for one in whose:
        sums[next(iter(one.ids), "")] += one.total
    return max(sums.values(), default=0)


def _surface(connection: Connection, ids: Mapping[str, str], report: Report) -> Interface:
    """Return the interface that a server has. Raises ValidationError when it has neither of mem0's."""
    connection.authorize("Token")
    ping, answer = connection.ask("GET", "v1/ping/")
    if ping == 200 and isinstance(answer, dict) and "status" in answer:
        return Hosted(connection, report)
    refused = answer if ping in (401, 403) else None
    for scheme in ("X-API-Key", "Bearer"):
        connection.authorize(scheme)
        status, answer = connection.ask("GET", "memories", {**ids, "top_k": 1})
        if status != 401:
            break
    listed = status == 200 and (isinstance(answer, list) or (isinstance(answer, dict) and "results" in answer))
    if listed or (status in (400, 403) and isinstance(answer, dict) and "detail" in answer):  # some versions want ids
        return SelfHosted(connection, report)
    if status == 401 or refused is not None:
        raise connection.refusal(answer if status == 401 else refused)
    raise ValidationError(
        f"{connection.shown} does not look like mem0: /v1/ping/ answered {ping}, /memories {status}. Give the address "
        "under which its interface begins.",
        field="source",
    )
