"""How well search finds what answers the questions of several sets of data, written into RESULTS.md.

    python benchmarks/retrieval.py FOLDER [--cache FOLDER] [--results FILE]

FOLDER holds files that `mem0lite bench retrieval` reads: JSON lines (*.jsonl) or LoCoMo's form (*.json). Every set is
searched under every ranking of the bench and by bm25s, through the public API. Tables of recall, by set and by
category, and what can be believed of them replace what is between the two markers of RESULTS.md. --cache keeps vectors
in a folder from run to run; embedding is most of the time. The sets are not part of this project.
"""

import argparse
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from common import machine, markdown
from locomo import BenchmarkEmbedder

from mem0lite import Memory
from mem0lite.retrieval import (
    DEPTHS,
    Collection,
    difference,
    ids_of,
    intervals,
    read,
    search_all,
    search_bm25,
    summarize,
)

BEGIN, END = "<!-- retrieval.py: begin -->", "<!-- retrieval.py: end -->"
RESULTS = Path(__file__).with_name("RESULTS.md")
_IN_SIGHT = "Constants of default were chosen with this set in sight: its line flatters."
SEEN = {
    "locomo_dev": "The weights of default were fitted to these questions, and then changed by hand: believe, in place "
    "of its line, the one above of weights that were fitted to the other conversations. Constants of plain and sparse "
    "were chosen on it, too.",
    **dict.fromkeys(
        (
            *("beam_dev", "lifebench_en_dev", "lifebench_zh_dev", "memsim_zh_dev", "realtalk_dev"),
            *("xquad_ar_dev", "xquad_de_dev", "xquad_en_dev", "xquad_zh_dev"),
        ),
        _IN_SIGHT,
    ),
}
"""What the choices behind the default ranking have seen of a set. To be kept true when the ranking changes."""
UNSEEN = "Nothing was fitted to it: believe all lines, as far as the intervals go."

Ids = Sequence[Sequence[str]]


class Measured(NamedTuple):
    """A set, and the ids found for each of its questions by every ranking."""

    name: str
    data: Collection
    found: Mapping[str, Ids]


def measured(path: Path, embedder: BenchmarkEmbedder) -> Measured:
    """Search a set under every ranking."""
    data = read(path)
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder, "sets.db"), embedder=embedder) as memory:
        found = search_all(memory, data)
    found["bm25"] = search_bm25(data)
    return Measured(path.stem, data, {ranking: ids_of(one) for ranking, one in found.items()})


def overview(sets: Sequence[Measured]) -> str:
    """Return the table of recall at each depth; the best ranking of each depth is in bold."""
    rows = []
    for one in sets:
        recalls = {ranking: recall(one, ids) for ranking, ids in one.found.items()}
        best = [max(column) for column in zip(*recalls.values(), strict=True)]
        cells = [" / ".join(map(figure, values, best)) for values in recalls.values()]
        users = len({document.user_id for document in one.data.documents})
        rows.append([one.name, users, f"{len(one.data.documents):,}", len(one.data.questions), *cells])
    return markdown(["set", "users", "documents", "questions", *sets[0].found], rows)


def recall(one: Measured, ids: Ids) -> list[float]:
    """Return recall at each depth over all questions."""
    figures = summarize(one.data.questions, ids)["all"]
    return [figures[f"recall@{depth}"] for depth in DEPTHS]


def figure(value: float, best: float) -> str:
    """Return a share in per cent, in bold if it is the best."""
    text = f"{100 * value:.1f}"
    return f"**{text}**" if text == f"{100 * best:.1f}" else text


def spans(sets: Sequence[Measured]) -> str:
    """Return the table of R@10 with intervals, and of how far default is from the best of the others."""
    rows = []
    for one in sets:
        cells = []
        for ids in one.found.values():
            mean = summarize(one.data.questions, ids)["all"]["recall@10"]
            low, high = intervals(one.data.questions, ids)["all"]["recall@10"]
            cells.append(f"{100 * mean:.1f} ({100 * low:.1f}–{100 * high:.1f})")
        rows.append([one.name, *cells])
    return markdown(["R@10", *sets[0].found], rows)


def categories(sets: Sequence[Measured]) -> str:
    """Return the table of R@10 by category."""
    rows = []
    for one in sets:
        means = {ranking: summarize(one.data.questions, ids) for ranking, ids in one.found.items()}
        for category, figures in means["default"].items():
            if category != "all":
                cells = [f"{100 * categories[category]['recall@10']:.1f}" for categories in means.values()]
                rows.append([one.name, category, int(figures["questions"]), *cells])
    return markdown(["R@10", "category", "questions", *sets[0].found], rows)


def beliefs(sets: Sequence[Measured]) -> str:
    """Return a few sentences for each set: which line to believe, and why."""
    return "\n".join(
        textwrap.fill(f"- **{one.name}**: {belief(one)}", 120, subsequent_indent="  ", break_on_hyphens=False)
        for one in sets
    )


def belief(one: Measured) -> str:
    """Say whether default is better than the best of the others, and what default has seen of the set."""
    others = {ranking: recall(one, ids)[1] for ranking, ids in one.found.items() if ranking != "default"}
    best = max(others, key=lambda ranking: others[ranking])
    mean, (low, high) = difference(one.data.questions, one.found["default"], one.found[best], "recall@10")
    users = len({question.user_id for question in one.data.questions})
    asked = f"{len(one.data.questions)} questions of {users} user{'s' * (users > 1)}"
    if low > 0:
        verdict = f"by {asked}, default is better than {best}"
    elif high < 0:
        verdict = f"by {asked}, {best} is better than default"
    elif low == high == 0:
        verdict = f"for {asked}, default is as good as {best}"
    else:
        verdict = f"{asked} cannot tell default from {best}"
    change = f"{100 * mean:+.1f}, {100 * low:+.1f} to {100 * high:+.1f}".replace("-", "\N{MINUS SIGN}")
    return f"{verdict} at R@10 ({change}). {SEEN.get(one.name, UNSEEN)}"


def commit() -> str:
    """Return the commit that was measured, and whether something was changed since."""
    command = ("git", "describe", "--always", "--dirty", "--exclude=*")
    done = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def block(sets: Sequence[Measured]) -> str:
    """Return what stands between the markers."""
    return "\n\n".join(
        [
            f"{machine('mem0lite', 'bm25s', 'numpy', 'onnxruntime')}; commit {commit()}.",
            "R@5 / R@10 / R@20 in per cent, the best of each in bold:",
            overview(sets),
            "The same with 95 % intervals, from a thousand resamples of the questions:",
            spans(sets),
            "**Which line to believe.** In brackets: how far default is above the best of the others at R@10, with the "
            "95 % interval\nof that difference over the same resamples. The best was chosen by looking, which flatters "
            "it. Sets of few users say\nlittle about other users, whatever the interval.",
            beliefs(sets),
            "By category:",
            categories(sets),
        ]
    )


def replaced(text: str, inner: str) -> str:
    """Return a text with something else between the markers. Raises SystemExit if they are not there."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"There must be two lines in the file, {BEGIN} and {END}. Add them.")
    return f"{before}{begin}\n{inner}\n{end}{after}"


def files(folder: Path) -> Iterator[Path]:
    """Yield the sets of a folder in the order of their names."""
    yield from sorted(path for path in folder.iterdir() if path.suffix in (".json", ".jsonl"))


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="sets that mem0lite bench retrieval reads")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep vectors here from run to run")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="write there, not to RESULTS.md")
    given = parser.parse_args()
    if not (paths := list(files(given.folder))):
        raise SystemExit(f"There is no set in {given.folder}. Put files into it that end in .jsonl or .json.")
    replaced(given.results.read_text(encoding="utf-8"), "")  # fails before minutes are spent
    embedder, sets = BenchmarkEmbedder(given.cache), []
    for path in paths:
        start = time.perf_counter()
        sets.append(measured(path, embedder))
        embedder.save()
        print(f"{path.stem}: {time.perf_counter() - start:.0f} s", flush=True)
    measured_block = block(sets)
    text = given.results.read_text(encoding="utf-8")  # again, as somebody may have edited it in the meantime
    given.results.write_text(replaced(text, measured_block), encoding="utf-8")
    print(measured_block)


if __name__ == "__main__":
    main()
