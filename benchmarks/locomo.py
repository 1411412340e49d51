"""How well search finds the evidence of LoCoMo's questions (Maharana et al., "Evaluating very long-term conversational
memory of LLM agents", ACL 2024), through the public API.

    python benchmarks/locomo.py --data locomo10.json [--others 100000] [--shuffled] [--no-captions] [--by-conversation]

A conversation is stored as a user would store it: one user per conversation, one run per session, every turn a message
with its speaker's name, the photo's caption behind the text, and the session's date as timestamp. Every question of
the categories 1 to 4 (multi-hop, temporal, open-domain, single-hop) whose evidence exists is asked of its
conversation: as search does it, with what the conversation says around it ("default"), by both meaning and keywords of
each memory itself ("plain"), by meaning alone ("dense"), and by keywords alone ("sparse").

--others stores that many memories of 1,000 other users in the same file, half of them before and half after, and also
says how many questions were answered with the same turns in the same order as without them. --shuffled stores single
facts instead of conversations: every turn alone, in random order, without run, name or time. --cache keeps vectors in
a folder from run to run. LoCoMo is CC BY-NC 4.0 and not part of this project.
"""

import argparse
import hashlib
import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

from mem0lite import LocalEmbedder, Memory
from mem0lite.retrieval import (
    DEPTHS,
    HIT_DEPTH,
    RANKINGS,
    Collection,
    Document,
    Figures,
    Report,
    fill,
    locomo,
    retrieve,
    summarize,
)

OTHER_USERS = 1_000
FILLER = "fillerword"  # in every memory of the other users; no question has it
EVERYDAY_WORDS = """
adopt animal anniversary apartment art aunt bake band beach best bike birthday book brother busy buy camp car cat
charity city class coach coffee college concert cook cousin dance daughter day dinner doctor dog dream drive family
favorite festival film finish food friend fun game garden gift go grow guitar gym happy help hike hobby holiday home
hope horse hospital house husband idea interview job join kid kitchen language learn library life like lose love make
meet month mother mountain move movie museum music new office paint parent park party pet photo piano picture plan
plant play pottery present project race read recipe remember research restaurant river road run school sea sister song
start store story street study summer support swim talk teach team tell tournament town train travel tree trip try
university vacation visit volunteer walk watch wedding week weekend wife win winter work write yard year
"""


class BenchmarkEmbedder(LocalEmbedder):
    """The bundled model; texts of the other users get seeded random vectors, as embedding them would take hours."""

    def __init__(self, cache: Path | None) -> None:
        super().__init__()
        self._file = cache and cache / f"{self.fingerprint[:12]}.npz"
        self._known: dict[str, Any] = {}
        if self._file and self._file.exists():
            with np.load(self._file) as stored:
                self._known = dict(zip(stored["digests"].tolist(), stored["vectors"], strict=True))

    def embed(self, texts: Sequence[str]) -> Any:
        """Return one vector per text."""
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        own = {d: t for d, t in zip(digests, texts, strict=True) if FILLER not in t and d not in self._known}
        if own:
            self._known |= zip(own, map(np.float32, super().embed(list(own.values()))), strict=True)
        return [
            self._known[digest] if digest in self._known else random_vector(digest, self.dimensions)
            for digest in digests
        ]

    def embed_query(self, text: str) -> Any:
        """Return the vector of a question."""
        digest = "query " + hashlib.sha256(text.encode()).hexdigest()
        if digest not in self._known:
            self._known[digest] = np.float32(super().embed_query(text))
        return self._known[digest]

    def save(self) -> None:
        """Write the vectors to the cache's folder, if there is one."""
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(self._file, digests=list(self._known), vectors=list(self._known.values()))


def random_vector(digest: str, dimensions: int) -> Any:
    """Return a vector that depends on nothing but the digest."""
    return np.random.default_rng(int(digest[:16], 16)).standard_normal(dimensions, dtype=np.float32)


def collection(data: Sequence[Mapping[str, Any]], captions: bool, shuffled: bool) -> Collection:
    """Return LoCoMo as conversations, or shuffled as single facts."""
    found = locomo.collection(data, captions)
    if not shuffled:
        return found
    turns = [Document(turn.id, turn.text, turn.user_id) for turn in found.documents]
    random.Random(5).shuffle(turns)
    return Collection(turns, found.questions)


def others(count: int, seed: int) -> list[Document]:
    """Return memories of other users: conversations of ten turns over everyday words."""
    generator, words = random.Random(seed), EVERYDAY_WORDS.split()
    return [
        Document(
            f"other {seed} {number}",
            " ".join([*generator.choices(words, k=11), FILLER]),
            f"other-{number // 10 % OTHER_USERS}",
            f"session-{number // 10}",
            generator.choice(("Robin", "Kim")),
            timestamp=1_680_000_000 + number,
        )
        for number in range(count)
    ]


# -- measuring


def measure(embedder: BenchmarkEmbedder, data: Collection, count: int) -> dict[str, list[list[str]]]:
    """Return the turns found for each question by ranking, with ``count`` memories of others in the file."""
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder, "locomo.db"), embedder=embedder) as memory:
        fill(memory, others(count // 2, 1))
        ids = fill(memory, data.documents)
        fill(memory, others(count - count // 2, 2))
        return {name: retrieve(memory, data.questions, ids, ranking) for name, ranking in RANKINGS.items()}


def report_of(data: Collection, found: Mapping[str, Sequence[Sequence[str]]]) -> Report:
    """Return the figures of what was found."""
    return {name: summarize(data.questions, ids) for name, ids in found.items()}


def by_conversation(data: Collection, found: Mapping[str, Sequence[Sequence[str]]]) -> Report:
    """Return the figures of each conversation alone."""
    return {name: {user: own(data, ids, user) for user in users(data)} for name, ids in found.items()}


def own(data: Collection, found: Sequence[Sequence[str]], user: str) -> Figures:
    """Return the figures of one conversation."""
    pairs = [(one, ids) for one, ids in zip(data.questions, found, strict=True) if one.user_id == user]
    return summarize([one for one, _ in pairs], [ids for _, ids in pairs])["all"]


def users(data: Collection) -> list[str]:
    """Return the conversations' names in order."""
    return list(dict.fromkeys(one.user_id for one in data.questions))


def show(report: Report) -> None:
    """Print figures as a table, in per cent."""
    columns = [f"{name}@{depth}" for name in ("recall", "ndcg") for depth in DEPTHS] + [f"hit@{HIT_DEPTH}"]
    headings = ["ranking", "category", "questions", *columns]
    rows = [
        [ranking, category, str(int(figures["questions"])), *(f"{100 * figures[column]:.1f}" for column in columns)]
        for ranking, categories in report.items()
        for category, figures in categories.items()
    ]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        names = [f"{cell:<{width}}" for cell, width in zip(row[:2], widths[:2], strict=True)]
        figures = [f"{cell:>{width}}" for cell, width in zip(row[2:], widths[2:], strict=True)]
        print("  ".join(names + figures))
    print()


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="LoCoMo's file of conversations")
    parser.add_argument("--others", type=int, default=0, metavar="N", help="also with N memories of other users")
    parser.add_argument("--shuffled", action="store_true", help="single facts instead of conversations")
    parser.add_argument("--no-captions", dest="captions", action="store_false", help="without the photos' captions")
    parser.add_argument("--by-conversation", action="store_true", help="also the figures of each conversation")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep vectors here from run to run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = arguments()
    data = collection(json.loads(given.data.read_text()), given.captions, given.shuffled)
    embedder = BenchmarkEmbedder(given.cache)
    print(machine())
    print(f"{len(data.documents)} turns of {len(users(data))} conversations, {len(data.questions)} questions\n")
    start = time.perf_counter()
    found = measure(embedder, data, 0)
    embedder.save()
    report = report_of(data, found)
    show(report)
    if given.by_conversation:
        show(by_conversation(data, found))
    if given.others:
        crowded = measure(embedder, data, given.others)
        print(f"with {given.others:,} memories of other users in the file:")
        show(report_of(data, crowded))
        for name, ids in found.items():
            same = sum(one == other for one, other in zip(ids, crowded[name], strict=True))
            print(f"{name}: {same} of {len(ids)} questions found the same turns in the same order")
    print(f"{time.perf_counter() - start:.0f} s")
    if given.json:
        given.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
