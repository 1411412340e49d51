"""The two interfaces of mem0's servers: of its hosted service, and of the server one runs oneself."""

import abc
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..data.filters import SCOPE_IDS
from ..errors import Mem0LiteError
from .connection import Connection
from .source import Item, Report

_NAME_THEM = "Name them with user_id=, agent_id=, run_id= or app_id=."
_HOSTED_PAGE = 100
_SELFHOSTED_MOST = 1_000  # memories mem0's server lists, with no way to the next
_OLD_MOST = 100  # memories it listed before it knew top_k
_SELFHOSTED_SCAN = 10_000  # memories mem0's server looks at to say whose there are
_SEARCH_MOST = 50_000
_EVERY = {"show_expired": True, "latest_only": False}


@dataclass(frozen=True, slots=True)
class Whose:
    """The ids to ask a server with, and how many memories it says they have."""

    ids: dict[str, str]
    total: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{name.removesuffix('_id')} {value}" for name, value in self.ids.items())


@dataclass
class Interface(abc.ABC):
    """What a server is asked for, and what both interfaces share."""

    connection: Connection
    report: Report

    @abc.abstractmethod
    def whose(self) -> list[Whose]:
        """Return the users, agents, runs and apps that have memories. Raises Mem0LiteError."""

    @abc.abstractmethod
    def pages(self, whose: Whose) -> Iterator[list[Item]]:
        """Yield the memories of one of them, page by page; what may be missing is reported."""

    def history(self, memory_id: str, where: str) -> list[Item]:
        """Return the rows of a memory's history, oldest first; none where the server does not answer, which is
        reported."""
        status, answer = self.connection.ask("GET", self._history_path(_segment(memory_id)))
        if status == 200:
            rows = rows_of(answer)
            newest_first = len(rows) > 1 and rows[-1].get("event") == "ADD" != rows[0].get("event")
            return rows[::-1] if newest_first else rows
        self.report(
            memory_id,
            where,
            f"Its history was left out: the server answered {status}: {self.connection.detail(answer)}",
        )
        return []

    @abc.abstractmethod
    def _history_path(self, memory_id: str) -> str: ...

    def _entities(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        status, answer = self.connection.ask("GET", path, params)
        if status != 200:
            raise Mem0LiteError(
                f"{self.connection.shown} does not list whose memories it has "
                f"({status}: {self.connection.detail(answer)}). {_NAME_THEM}"
            )
        return answer

    def _listed(self, answers: Iterable[object], name: str) -> list[Whose]:
        """Return whose memories there are, from what the server lists."""
        whose: dict[tuple[str, str], Whose] = {}
        for row in (row for answer in answers for row in rows_of(answer)):
            kind, value, total = f"{row.get('type')}_id", row.get(name) or row.get("id"), row.get("total_memories")
            if kind not in SCOPE_IDS or not value:
                self.report(None, "server", f"It lists a {row.get('type')} {value!r}, which was left out.")
                continue
            whose[kind, str(value)] = Whose({kind: str(value)}, total if isinstance(total, int) else 0)
        return list(whose.values())

    def _failed(self, whose: Whose, status: int, answer: object) -> None:
        if status == 401:
            raise self.connection.refusal(answer)
        self.report(None, str(whose), f"The server answered {status}: {self.connection.detail(answer)}")

    def _short(self, whose: Whose, got: int, counted: int) -> None:
        it_counts = f"; it counts {counted}" if counted else ""
        self.report(None, str(whose), f"The server gave {got} memories and may have more{it_counts}.")


class Hosted(Interface):
    """The interface of mem0's own service: versions in the paths, and pages."""

    _lists: tuple[tuple[str, str], ...] = (("POST", "v3/memories/"), ("POST", "v2/memories/"), ("GET", "v1/memories/"))

    def whose(self) -> list[Whose]:
        """Return the entities of every page."""
        answers: list[object] = []
        while True:
            answer = self._entities("v1/entities/", {"page": len(answers) + 1, "page_size": _HOSTED_PAGE})
            answers.append(answer)
            if not (isinstance(answer, dict) and answer.get("next")) or answer in answers[:-1]:
                return self._listed(answers, "name")

    def pages(self, whose: Whose) -> Iterator[list[Item]]:
        """Yield page after page until the server has no next one."""
        before: list[Item] = []
        page, got, counted = 1, 0, whose.total
        while True:
            status, answer = self._page(whose.ids, page)
            if status != 200:
                return self._failed(whose, status, answer)
            rows = rows_of(answer)
            if page > 1 and rows == before:  # a server without pages
                break
            yield rows
            page, before, got = page + 1, rows, got + len(rows)
            named = answer if isinstance(answer, dict) else {}
            if isinstance(named.get("count"), int):
                counted = max(counted, named["count"])
            if not named.get("next") and len(rows) < _HOSTED_PAGE:
                break
        if got < counted:
            self._short(whose, got, counted)
        return None

    def _page(self, ids: Mapping[str, str], page: int) -> tuple[int, Any]:
        """Ask for a page in the newest way that the server knows, and in that way from then on."""
        position = {"page": page, "page_size": _HOSTED_PAGE}
        each = [{name: value} for name, value in ids.items()]
        filters = each[0] if len(each) == 1 else {"AND": each}
        for method, path in tuple(self._lists):
            if method == "GET":
                status, answer = self.connection.ask(method, path, {**ids, **position, **_EVERY})
            else:
                status, answer = self.connection.ask(method, path, position, {"filters": filters, **_EVERY})
            if status not in (404, 405):
                self._lists = ((method, path),)
                break
        return status, answer

    def _history_path(self, memory_id: str) -> str:
        return f"v1/memories/{memory_id}/history/"


class SelfHosted(Interface):
    """The interface of mem0's self-hosted server: bare paths, which list a thousand memories at most."""

    def whose(self) -> list[Whose]:
        """Return the entities, and report where mem0's server may not have looked at every memory."""
        whose = self._listed([self._entities("entities")], "id")
        if sum(one.total for one in whose) >= _SELFHOSTED_SCAN:
            self.report(
                None,
                "server",
                f"mem0's server looks at {_SELFHOSTED_SCAN} memories only to list whose there are. If somebody is "
                "missing, import theirs by name, with user_id=, agent_id= or run_id=.",
            )
        return whose

    def pages(self, whose: Whose) -> Iterator[list[Item]]:
        """Yield what listing gives, and where that is cut short, what a search finds."""
        got = 0
        while True:
            params = {**whose.ids, "top_k": _SELFHOSTED_MOST, "offset": got, **_EVERY}
            status, answer = self.connection.ask("GET", "memories", params)
            if status != 200:
                return self._failed(whose, status, answer)
            rows = rows_of(answer)
            yield rows
            got += len(rows)
            total = answer.get("total") if isinstance(answer, dict) else None
            if not isinstance(total, int):
                break
            if not rows or got >= total:
                return None
        if not self._is_all(whose, got):
            yield from self._rest(whose, got)
        return None

    def _is_all(self, whose: Whose, got: int) -> bool:
        if got >= _SELFHOSTED_MOST or got < whose.total:
            return False
        if whose.total or got < _OLD_MOST:
            return True
        _, answer = self.connection.ask("GET", "memories", {**whose.ids, "top_k": 1})
        return len(rows_of(answer)) <= 1  # more come from an old server, which does not know top_k

    def _rest(self, whose: Whose, got: int) -> Iterator[list[Item]]:
        """Yield what a search finds, which mem0's server does not limit; report if that may not be everything."""
        body = {"query": "memory", "filters": whose.ids, "top_k": _SEARCH_MOST, "threshold": 0, **_EVERY}
        status, answer = self.connection.ask("POST", "search", body=body)
        rows = rows_of(answer) if status == 200 else []
        yield rows
        is_cut = len(rows) == got < _SELFHOSTED_MOST
        if is_cut or not max(got, whose.total) <= len(rows) < _SEARCH_MOST:
            self._short(whose, max(got, len(rows)), whose.total)

    def _history_path(self, memory_id: str) -> str:
        return f"memories/{memory_id}/history"


def _segment(text: str) -> str:
    """Return a text as one segment of a path: dots are quoted by hand, because "." and ".." would be other paths."""
    return quote(text, safe="", errors="replace").replace(".", "%2E")


def rows_of(answer: object) -> list[Item]:
    """Return the list in an answer, bare or as ``results``, with an empty object for everything that is not one."""
    rows = answer.get("results") if isinstance(answer, dict) else answer
    return [row if isinstance(row, dict) else {} for row in rows] if isinstance(rows, list) else []
