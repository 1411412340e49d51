"""Threads that embed at the same time share calls of the model."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..environment import processors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[Any]

BATCH_SIZE = 32
"""Texts per model call; larger calls are not faster."""

_MAX_TOKENS = 1_024  # per model call, about 0.3 s; larger calls are not faster
_MAX_PADDING = 20  # tokens of padding that cost as much as another model call
_MODEL_CALLS = max(1, processors() // 2)  # at once; each takes a core, and a server needs some for the rest


class _Job:
    """What one thread waits for: texts of similar length in tokens, then their vectors or an error."""

    def __init__(self, pieces: Mapping[str, int]) -> None:
        self.texts = list(pieces)
        self.longest = max(pieces.values())
        self.signal = threading.Event()  # the job is done, or its thread should make the next model call
        self.done = False
        self.vectors: dict[str, Vector] = {}
        self.error: Exception | None = None

    def finish(self, vectors: "Mapping[str, Vector]") -> None:
        self.vectors = {text: vectors[text] for text in self.texts}
        self.done = True

    def fail(self, error: Exception) -> None:
        self.error, self.done = error, True


class Batches:
    """Lets threads that embed at the same time share model calls.

    A thread that finds the model free embeds the text that has waited longest, together with other texts of its
    length, while the other threads wait. Texts of other lengths are left for the next call: padding a short text to
    the length of a long one costs as much as embedding a long one. No thread has to be started for this, and a thread
    without company waits for nobody.

    ``run`` turns a list of texts into one vector per text; ``size`` is the most texts it gets at once.
    """

    def __init__(self, run: "Callable[[list[str]], Iterable[Vector]]", size: int = BATCH_SIZE) -> None:
        self._run = run
        self._size = size
        self._state = threading.RLock()  # guards the two lists below
        self._waiting: list[_Job] = []
        self._running: list[list[_Job]] = []

    @property
    def busy(self) -> bool:
        """Whether a thread is in the middle of a model call."""
        return bool(self._running)

    def embed(self, pieces: Mapping[str, int]) -> "dict[str, Vector]":
        """Return the vector of each text; ``pieces`` gives each text's length in tokens.

        Raises what the model raises for these texts, and nothing that it raises for texts of other threads.
        """
        vectors: dict[str, Vector] = {}
        for call in calls(pieces, self._size):  # one by one, so that a long list of texts lets others in between
            vectors |= self._embedded(_Job(call))
        return vectors

    def _embedded(self, job: _Job) -> "dict[str, Vector]":
        try:
            with self._state:
                self._waiting.append(job)
            while not job.done:
                self._take_turn(job)
        finally:
            self._leave([job])  # if an interrupt ended the wait, another thread must be told to go on
        if job.error is not None:
            raise job.error
        return job.vectors

    def _take_turn(self, own: _Job) -> None:
        """Make one model call if the model is free; otherwise wait until another thread has made one."""
        turn: list[_Job] = []
        try:
            with self._state:
                if own in self._waiting and len(self._running) < _MODEL_CALLS:
                    turn.extend(_alike(self._waiting, self._size))
                    self._running.append(turn)
                    self._waiting[:] = [job for job in self._waiting if job not in turn]
            if turn:
                self._compute(turn)
            else:
                own.signal.wait()
                own.signal.clear()
        finally:
            if turn:
                self._leave(turn, again=[job for job in turn if not job.done])

    def _leave(self, turn: list[_Job], again: Sequence[_Job] = ()) -> None:
        """Let the next thread go on; jobs that an interrupt left undone wait ``again``, for another thread."""
        with self._state:
            self._running[:] = [jobs for jobs in self._running if jobs is not turn]
            self._waiting[:] = [*again, *(job for job in self._waiting if job not in turn)]
            for job in turn:
                job.signal.set()
            if self._waiting and len(self._running) < _MODEL_CALLS:
                self._waiting[0].signal.set()

    def _compute(self, jobs: Sequence[_Job]) -> None:
        """Embed the jobs together; if that fails, one by one, so that an error reaches only the job it belongs to."""
        try:
            texts = list(dict.fromkeys(text for job in jobs for text in job.texts))
            vectors = dict(zip(texts, self._run(texts), strict=True))
        except Exception as error:  # whatever it is, the thread that waits for these texts raises it
            if len(jobs) == 1:
                jobs[0].fail(error)
            else:
                for job in jobs:
                    self._compute([job])
        else:
            for job in jobs:
                job.finish(vectors)


def _alike(jobs: Sequence[_Job], size: int) -> Iterator[_Job]:
    """Yield the first job and the jobs that can share its model call, nearest in length first."""
    longest, first, texts = 0, jobs[0].longest, 0
    for job in sorted(jobs, key=lambda job: abs(job.longest - first)):
        longest, texts = max(longest, job.longest), texts + len(job.texts)
        padding = abs(job.longest - first) * texts
        if texts > len(job.texts) and (padding > _MAX_PADDING or texts > size or longest * texts > _MAX_TOKENS):
            return
        yield job


def calls(pieces: Mapping[str, int], size: int) -> Iterator[dict[str, int]]:
    """Divide texts into model calls of at most ``size`` texts of similar length in tokens."""
    call: dict[str, int] = {}
    longest = 0
    for piece, tokens in sorted(pieces.items(), key=lambda item: item[1]):
        padding = (tokens - longest) * len(call)
        if call and (padding > _MAX_PADDING or len(call) == size or tokens * (len(call) + 1) > _MAX_TOKENS):
            yield call
            call = {}
        call[piece] = longest = tokens
    if call:
        yield call
