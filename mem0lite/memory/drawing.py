"""Facts from what was said: a job of the queue is claimed, a language model is asked, and the store takes all or none.

The model sees small numbers in the place of ids, and only facts of the job's own scope. Nothing that it answers can
reach another memory: numbers are looked up in what it was shown.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from .. import telemetry
from ..data.filters import EVERYTHING, FACTS, SCOPE_IDS, Condition, Expression, Not, both
from ..data.records import Record, Scope
from ..embedding.protocol import embed_documents
from ..errors import DatabaseError, LanguageModelError, MemoryNotFoundError
from ..llm.decisions import Decided, Decision, Known, decide
from ..llm.facts import Fact, Refusal, Turn, Wishes, extract
from ..llm.protocol import LanguageModel, Usage
from ..store import Changes, Claimed, Entry, Finished, JobLostError, Queue, SourcesChangedError, Update, Visible
from ..types import AddedItem, AddResult, Extraction, ExtractResult, Redrawn
from ..values import new_id, text_hash, to_micros
from .graphs import following
from .planning import PlannedAdd, to_be_redrawn
from .redrawing import Before, believed, found_again, said_at
from .wishing import readable

if TYPE_CHECKING:
    from .decay import Uses
    from .searching import Searcher
    from .writing import Writer

_LEASE = 600_000_000  # microseconds that a job stays claimed: longer than a model takes for a long conversation
_FIRST_WAIT, _LONGEST_WAIT = 30_000_000, 6 * 3600 * 1_000_000  # microseconds until a failed job is tried again
_MOST_ATTEMPTS = 12  # with these waits, a model may be away for half a day
_NEAR, _MOST_SHOWN = 5, 30  # known facts that a model is shown for each new one, and for all of them
_MORE = 4  # jobs that an add does beside its own
_ROUNDS = 3  # how often a job begins again because what it rests on was changed meanwhile
_OF_LIFETIMES = ("expires_at", "memory_lifespan")  # a fact lives as long as its sources


class Done(NamedTuple):
    """What became of a job."""

    event_id: str
    status: Literal["SUCCEEDED", "PENDING", "FAILED"]
    items: Sequence[AddedItem] = ()
    problem: str | None = None
    refused: Sequence[Refusal] = ()


class _ChangedError(Exception):
    """A fact that the model was shown has other words by now."""


class _Shown(NamedTuple):
    """What a model was shown for a job, by the numbers under which it was."""

    turns: Mapping[int, Record]
    known: Mapping[int, Record]


class _Plan(NamedTuple):
    """What a job does."""

    additions: Sequence[Record]
    updates: Mapping[str, tuple[Record, Record]]
    """By id: a fact as it was shown, and what it becomes."""
    deletions: Sequence[str]
    items: Sequence[AddedItem]
    edited: frozenset[str] = frozenset()
    """Memories that are sources of these facts no longer, unless they are drawn from them again."""

    def with_rest(self, before: Before, now: int) -> "_Plan":
        """Return the same, and what becomes of the facts of edited messages that nothing was decided about."""
        updates, deletions, items = dict(self.updates), list(self.deletions), list(self.items)
        for left in before.left():
            if left.id in updates or left.id in deletions:
                continue
            if before.holds(left):
                updates[left.id] = left, left._replace(updated_at=max(left.updated_at, now))
                items.append(_item(left, "NONE"))
            else:
                deletions.append(left.id)
                items.append(_item(left, "DELETE"))
        return _Plan(self.additions, updates, deletions, items, before.edited)


class Drawer(NamedTuple):
    """Draws facts in one store with one model."""

    model: LanguageModel
    writer: "Writer"
    searcher: "Searcher"
    uses: "Uses"
    clock: Callable[[], datetime]

    @property
    def queue(self) -> Queue:
        """The queue of the store."""
        return cast("Queue", self.writer.store)

    def work(self, event_id: str | None = None) -> Done | None:
        """Do the next job that is due, or the one of an event; None if there is none to do.

        Whatever the model does, nothing is raised: the job then waits for its next attempt, or is given up. Raises
        DatabaseError.
        """
        now = self._now()
        claimed = self.queue.claim(now, now + _LEASE, event_id=event_id)
        if claimed is None:
            return None
        spent = Usage()
        try:
            for _ in range(_ROUNDS):
                done, used = self._attempt(claimed, spent)
                spent += used
                if done is not None:
                    return done
        except JobLostError:
            return None
        except DatabaseError:  # the claim runs out by itself
            raise
        except Exception as error:  # whatever a caller's model or embedder raises
            cost = getattr(error, "usage", None)
            return self._failed(claimed, error, spent + cost if isinstance(cost, Usage) else spent)
        return self._failed(claimed, _again(), spent)

    def answers(self, plans: Sequence[PlannedAdd], results: Sequence[AddResult], *, later: bool) -> list[AddResult]:
        """Return what adds answer: with the facts of their messages, or that these are to follow.

        When the model fails, the rest is left for later: every call might wait as long as the one that failed.
        """
        answers = []
        for plan, result in zip(plans, results, strict=True):
            answers.append(self._answer(plan, result, later=later))
            later = later or answers[-1].get("extraction", {}).get("status") == "PENDING"
        return answers

    def _answer(self, plan: PlannedAdd, result: AddResult, *, later: bool) -> AddResult:
        if plan.call.job is None or all(item["event"] != "ADD" for item in result["results"]):
            return result
        done = None if later else self.work(plan.call.event_id)
        if done is None:  # somebody works at another job of its scope, and does this one next
            return {**result, "extraction": {"status": "PENDING"}}
        if done.status == "SUCCEEDED":
            self._go_on()
        return {**result, "results": [*result["results"], *done.items], "extraction": _extraction(done)}

    def redo(self, events: Sequence[str]) -> list[Redrawn]:
        """Draw the facts of edited messages again, and return what became of them. When the model fails, the rest is
        left for later."""
        answers: list[Redrawn] = []
        later = False
        for event_id in events:
            done = None if later else self.work(event_id)
            if done is None:
                answers.append(to_be_redrawn(event_id))
                continue
            answer = cast("Redrawn", {"event_id": event_id, **_extraction(done)})
            later = done.status != "SUCCEEDED"
            answers.append(answer if later else {**answer, "results": list(done.items)})
        return answers

    def _go_on(self) -> None:
        """Do a few other jobs that are due: those that came meanwhile, and those that failed before."""
        for _ in range(_MORE):
            done = self.work()
            if done is None or done.status != "SUCCEEDED":
                return

    def extract(self, limit: int | None, *, retry_failed: bool) -> ExtractResult:
        """Do the jobs that are due, at most so many."""
        if retry_failed:
            self.queue.retry(EVERYTHING, self._now())
        done = failed = 0
        while limit is None or done + failed < limit:
            outcome = self.work()
            if outcome is None:
                break
            done += outcome.status == "SUCCEEDED"
            failed += outcome.status != "SUCCEEDED"
        left = self.queue.jobs(EVERYTHING)
        return {
            "done": done,
            "failed": failed,
            "pending": left.pending,
            "retry_in": retry_in(left.due_at, self._now()),
        }

    @telemetry.extraction
    def _attempt(self, claimed: Claimed, spent: Usage) -> tuple[Done | None, Usage]:
        """Ask the model and store what it says; nothing, if what that rests on was changed meanwhile."""
        turns = self._turns(claimed)
        if not turns:  # all of them were deleted, or expired
            return self._stored(claimed, _Plan((), {}, (), ()), spent, (), ()), Usage()
        before = self._before(claimed, turns)
        turns = sorted([*turns, *before.beside.values()], key=lambda one: one.created_at) if claimed.edited else turns
        numbered = dict(enumerate(turns, start=1))
        said = [_turn(number, record) for number, record in numbered.items()]
        beside = frozenset(number for number, record in numbered.items() if record.id in before.beside)
        extraction = extract(self.model, said, self._wishes(claimed), beside)
        shown = _Shown(numbered, dict(enumerate(self._known(extraction.facts, claimed.scope, before), start=1)))
        decided, usage = self._decided(extraction.facts, shown, said, before)
        used = extraction.usage + usage
        plan = planned(decided.decisions, shown, claimed.scope, self._now()).with_rest(before, self._now())
        refused = [*extraction.refused, *decided.refused]
        try:
            return self._stored(claimed, plan, spent + used, refused, turns), used
        except (MemoryNotFoundError, SourcesChangedError, _ChangedError):
            return None, used

    def _before(self, claimed: Claimed, turns: Sequence[Record]) -> Before:
        """Return what was drawn from edited messages; nothing for new ones."""
        if not claimed.edited:
            return Before()
        visible = Visible(_exactly(claimed.scope), self._now(), latest=True)
        edited = frozenset(one.id for one in turns)
        facts = self.queue.drawn(edited, visible)
        beside = {source for fact in facts for source in fact.sources or ()} - edited
        return Before(facts, self.writer.store.get_many(beside, visible._replace(latest=False)), edited)

    def _known(self, facts: Sequence[Fact], scope: Scope, before: Before) -> list[Record]:
        """Return the facts that the model is shown: those drawn from edited messages, and those near in meaning."""
        left = before.left()
        old = {one.id for one in left}
        return [*left, *(one for one in self._near(facts, scope) if one.id not in old)]

    def _decided(
        self, facts: Sequence[Fact], shown: _Shown, said: Sequence[Turn], before: Before
    ) -> tuple[Decided, Usage]:
        """Return what new facts do to the known ones."""
        old = {number: one for number, one in shown.known.items() if number <= len(before.facts)}
        again = list(found_again(facts, old))
        same = [one for one in again if isinstance(one, Decision)]
        taken = {one.number for one in same}
        asked = [Known(number, one.text) for number, one in shown.known.items() if number not in taken]
        decided = decide(self.model, [one for one in again if isinstance(one, Fact)], asked, said)
        decisions = [*same, *believed(decided.decisions, shown.known, shown.turns, before)]
        return decided._replace(decisions=decisions), decided.usage

    def _turns(self, claimed: Claimed) -> list[Record]:
        found = self.writer.store.get_many(claimed.turns, Visible(_exactly(claimed.scope), self._now()))
        return [found[one] for one in claimed.turns if one in found]

    def _wishes(self, claimed: Claimed) -> Wishes:
        """Return what the call wants of the facts, or else the project."""
        project = self.writer.store.document("project", "") or {}
        return wishes_of({**readable(project), **claimed.wishes})

    def _near(self, facts: Sequence[Fact], scope: Scope) -> list[Record]:
        """Return the facts of a scope that are nearest in meaning to new ones."""
        near: dict[str, Record] = {}
        if not facts:
            return []
        now = self._now()
        visible = Visible(both(_exactly(scope), FACTS), now, latest=True)
        if not self.writer.store.page(visible, 1, 0).records:
            return []
        for fact in facts:
            search = self.searcher.search(
                fact.text,
                now,
                count=_NEAR,
                threshold=0.0,
                rerank=False,
                explain=False,
                reference_date=None,
                ranking=None,
                graph=False,
                relevant_only=False,
            )
            with self.writer.store.searching(visible, search.question) as reading:
                found = search.read(reading, self.uses).found
            near.update((one.record.id, one.record) for one in found)
        return list(near.values())[:_MOST_SHOWN]

    def _stored(
        self, claimed: Claimed, plan: _Plan, spent: Usage, refused: Sequence[Refusal], read: Sequence[Record]
    ) -> Done:
        texts = [record.indexed_text for record in plan.additions]
        told = {one: after for one, (before, after) in plan.updates.items() if after.text != before.text}
        vectors = embed_documents(self.writer.embedder, [*texts, *(one.indexed_text for one in told.values())])
        new = dict(zip(told, vectors[len(texts) :], strict=True))
        results = [(item["id"], item["event"]) for item in plan.items]
        counted = spent._asdict() | {"facts": len(plan.additions), "refused": len(refused)}
        finished = Finished(
            claimed.event_id,
            claimed.claim,
            results,
            {name: one for name, one in counted.items() if one},
            {one.id: (one.hash, one.created_at) for one in read},
        )

        def write(categories: tuple[str, ...]) -> None:
            graph_of = self.writer.grapher.prepared([after for _, after in plan.updates.values()], categories)
            additions = [
                Entry(record, vector, dated=True, graph=self.writer.grapher.graph_of(record, categories))
                for record, vector in zip(plan.additions, vectors, strict=False)
            ]
            updates = [
                Update(one, _unless_changed(before, after, plan.edited), new.get(one), graph=graph_of)
                for one, (before, after) in plan.updates.items()
            ]
            changes = Changes(additions, updates, plan.deletions, categories=categories, finished=finished)
            self.writer.store.apply(changes, Visible(_exactly(claimed.scope), self._now()))

        following(self.writer.store, write)
        return Done(claimed.event_id, "SUCCEEDED", plan.items, refused=refused)

    def _failed(self, claimed: Claimed, error: Exception, spent: Usage) -> Done | None:
        """Put a job back, to be tried again later, or give it up."""
        problem = str(error) if isinstance(error, LanguageModelError) else f"{type(error).__name__}: {error}"
        now = self._now()
        due_at = due_again(error, claimed.attempts, now)
        counted = {name: number for name, number in spent._asdict().items() if number}
        counted["failed_attempts"] = 1
        if not self.queue.give_back(claimed, problem, due_at, counted, now):
            return None
        return Done(claimed.event_id, "FAILED" if due_at is None else "PENDING", problem=problem)

    def _now(self) -> int:
        return to_micros(self.clock(), "clock")


def due_again(error: Exception, attempts: int, now: int) -> int | None:
    """Return when a job is due again that failed for the n-th time; None to give it up."""
    lasting = isinstance(error, LanguageModelError) and not error.retryable
    if lasting or attempts >= _MOST_ATTEMPTS:
        return None
    wait: int = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** (attempts - 1))
    asked = (error.retry_after or 0) if isinstance(error, LanguageModelError) else 0
    return now + max(wait, min(_LONGEST_WAIT, int(asked * 1_000_000)))


def planned(decisions: Iterable[Decision], shown: _Shown, scope: Scope, now: int) -> _Plan:
    """Return what decisions do. One whose number was not shown, or was dealt with before, adds its fact instead."""
    additions: list[Record] = []
    updates: dict[str, tuple[Record, Record]] = {}
    deletions: list[str] = []
    items: list[AddedItem] = []
    for decision in decisions:
        known = None if decision.number is None else shown.known.get(decision.number)
        if known is not None and (known.id in updates or known.id in deletions):
            known = None
        if decision.event == "DELETE":
            if known is not None:
                deletions.append(known.id)
                items.append(_item(known, "DELETE"))
            continue
        fact = _record(decision.fact, shown.turns, scope, now)
        if known is None:
            additions.append(fact)
            items.append(_item(fact, "ADD"))
            continue
        after = _told_again(known, fact, decision.text if decision.event == "UPDATE" else None, now)
        updates[known.id] = known, after
        items.append(_item(after, "NONE" if after.text == known.text else "UPDATE", known.text))
    return _Plan(additions, updates, deletions, items)


def _record(fact: Fact, turns: Mapping[int, Record], scope: Scope, now: int) -> Record:
    """Return a fact as a memory: it has the date of the last thing that it rests on, and the metadata of all."""
    sources = [turns[number] for number in fact.sources if number in turns]
    said_at = max(one.created_at for one in sources)
    roles = {one.role for one in sources}
    return Record(
        id=new_id(),
        scope=scope,
        text=fact.text,
        hash=text_hash(fact.text),
        metadata=_metadata(sources, fact.categories) or None,
        created_at=said_at,
        updated_at=max(said_at, now),
        actor_id=fact.speaker,
        role=roles.pop() if len(roles) == 1 else None,
        sources=tuple(dict.fromkeys(one.id for one in sources)),
    )


def _metadata(sources: Sequence[Record], categories: Sequence[str]) -> dict[str, Any]:
    """Return what the metadata of all sources have alike, without lifetimes, and the categories of a fact."""
    first, *others = [one.metadata or {} for one in sources]
    alike = {
        name: value
        for name, value in first.items()
        if name not in _OF_LIFETIMES and all(name in one and one[name] == value for one in others)
    }
    return {"categories": list(categories), **alike} if categories else alike


def _told_again(known: Record, fact: Record, text: str | None, now: int) -> Record:
    """Return a known fact with another source, and perhaps other words."""
    sources = tuple(dict.fromkeys([*(known.sources or ()), *(fact.sources or ())]))
    text = known.text if text is None else text
    metadata = {**(fact.metadata or {}), **(known.metadata or {})}
    return known._replace(
        text=text,
        hash=text_hash(text),
        sources=sources,
        metadata=metadata or None,
        created_at=known.created_at if known.sources else fact.created_at,  # nothing is left of what it was drawn from
        updated_at=max(known.updated_at, now),
    )


def _unless_changed(shown: Record, after: Record, edited: frozenset[str]) -> Callable[[Record], Record]:
    def change(record: Record) -> Record:
        if record.text != shown.text:
            raise _ChangedError
        return record._replace(
            text=after.text,
            hash=after.hash,
            sources=tuple(
                dict.fromkeys([*(one for one in record.sources or () if one not in edited), *(after.sources or ())])
            ),
            metadata=after.metadata,
            created_at=after.created_at,
            updated_at=after.updated_at,
        )

    return change


def _item(record: Record, event: str, before: str | None = None) -> AddedItem:
    item = cast("AddedItem", {"id": record.id, "memory": record.text, "event": event})
    if event == "UPDATE" and before is not None:
        item["previous_memory"] = before
    item["sources"] = list(record.sources or ())
    return item


def _turn(number: int, record: Record) -> Turn:
    return Turn(number, record.role or "user", record.actor_id, record.text, said_at(record))


def _extraction(done: Done) -> Extraction:
    extraction: Extraction = {"status": done.status}
    if done.refused:
        extraction["refused"] = [{"text": one.text, "reason": one.reason} for one in done.refused]
    if done.problem is not None:
        extraction["problem"] = done.problem
    return extraction


def _exactly(scope: Scope) -> Expression:
    """Return the condition that a memory has these ids and no others."""
    return both(
        *(
            Not(Condition(name, "scope", "exists", True)) if value is None else Condition(name, "scope", "eq", value)
            for name, value in zip(SCOPE_IDS, scope, strict=True)
        )
    )


def wishes_of(given: Mapping[str, Any]) -> Wishes:
    """Return wishes from what a job keeps of them."""
    return Wishes(
        given.get("prompt"),
        given.get("custom_instructions"),
        given.get("includes"),
        given.get("excludes"),
        given.get("custom_categories"),
    )


def _again() -> LanguageModelError:
    return LanguageModelError(
        "The facts that the model was shown were changed each time before its answer could be stored.", retryable=True
    )


def retry_in(due_at: int | None, now: int) -> float | None:
    """Return in how many seconds the next job is due; None if there is none."""
    return None if due_at is None else max(0, due_at - now) / 1_000_000
