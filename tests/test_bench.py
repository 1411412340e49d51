"""The benchmarks: figures known beforehand, data that is refused, and every script on a small scale."""

import json
import math
import subprocess
import sys
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest
from embedder import HashEmbedder

from mem0lite import Memory, ValidationError
from mem0lite.retrieval import (
    DEPTHS,
    Collection,
    Document,
    Question,
    difference,
    evaluate,
    ids_of,
    intervals,
    metrics,
    read,
    search_bm25,
    summarize,
    table,
)

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"

DOCUMENTS = [
    {"type": "document", "id": "d1", "text": "My sister Nora breeds alpacas in Wales", "user_id": "ann",
     "run_id": "monday", "name": "Ann", "role": "user", "timestamp": "2024-05-06T10:00:00Z"},
    {"type": "document", "id": "d2", "text": "How many of them does she have?", "user_id": "ann", "run_id": "monday",
     "name": "Ben", "role": "assistant", "timestamp": "2024-05-06T10:01:00Z"},
    {"type": "document", "id": 3, "text": "The boiler was repaired on Tuesday", "user_id": "ann"},
    {"type": "document", "id": "d4", "text": "Carl's favourite tea is jasmine tea", "user_id": "carl"},
    {"type": "document", "id": "d5", "text": "Carl drinks some tea every day", "user_id": "carl"},
]  # fmt: skip
QUESTIONS = [
    {"type": "question", "id": "q1", "text": "Who breeds alpacas in Wales?", "relevant": ["d1"], "user_id": "ann",
     "category": "family", "reference_date": "2024-06-01"},
    {"type": "question", "id": "q2", "text": "What is Carl's favourite tea, jasmine tea?", "relevant": ["d5"],
     "user_id": "carl", "category": "food"},
]  # fmt: skip


def lines(*items: object) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, encoding="utf-8", check=False, timeout=300
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (path := tmp_path / "data.jsonl").write_text(lines(*QUESTIONS, *DOCUMENTS) + "\n")
    return path


def test_metrics_are_those_of_the_literature() -> None:
    """Recall, NDCG and hit are what their formulas give by hand, for grades and for what was not found."""
    found = ["x1", "a", "x2", "b", "x3", *(f"y{n}" for n in range(20))]
    figures = metrics(found, {"a": 3.0, "b": 1.0, "missing": 2.0})
    ideal = 3 + 2 / math.log2(3) + 1 / 2
    assert figures["recall@5"] == figures["recall@20"] == pytest.approx(2 / 3)
    assert figures["ndcg@5"] == pytest.approx((3 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert figures["hit@10"] == 1.0
    late = metrics([*(f"y{n}" for n in range(10)), "a"], {"a": 1.0})
    assert (late["recall@10"], late["recall@20"], late["hit@10"]) == (0.0, 1.0, 0.0)
    assert late["ndcg@20"] == pytest.approx(1 / math.log2(12))
    assert set(metrics([], {"a": 1.0}).values()) == {0.0}


def test_ideal_gains_are_cut_at_the_depth() -> None:
    """With more relevant documents than a depth shows, a perfect ranking still has an NDCG of 1 there."""
    relevant = {f"d{n}": 1.0 for n in range(30)}
    figures = metrics(list(relevant), relevant)
    assert [figures[f"ndcg@{depth}"] for depth in DEPTHS] == [pytest.approx(1.0)] * 3
    assert [figures[f"recall@{depth}"] for depth in DEPTHS] == [pytest.approx(depth / 30) for depth in DEPTHS]


def test_means_are_over_questions() -> None:
    """Every question counts once in the mean of all and in its category's; one without a category only in all."""
    questions = [
        Question("1", "?", {"a": 1.0}, category="x"),
        Question("2", "?", {"a": 1.0}, category="x"),
        Question("3", "?", {"a": 1.0}),
    ]
    figures = summarize(questions, [["a"], ["b"], ["a"]])
    assert list(figures) == ["all", "x"]
    assert (figures["all"]["questions"], figures["all"]["recall@5"]) == (3, pytest.approx(2 / 3))
    assert (figures["x"]["questions"], figures["x"]["recall@5"]) == (2, 0.5)


def test_a_category_is_resampled_by_itself() -> None:
    """Each interval holds its mean, is the same whenever it is measured, and has no width where all questions agree."""
    questions = [Question(str(n), "?", {"a": 1.0}, category="even" if n % 2 == 0 else "mixed") for n in range(40)]
    found = [["a"] if n % 2 == 0 or n % 4 == 1 else ["b"] for n in range(40)]
    spans, means = intervals(questions, found), summarize(questions, found)
    assert spans == intervals(questions, found) != intervals(questions, found, seed=1)
    assert list(spans) == ["all", "even", "mixed"]
    assert spans["even"]["recall@5"] == (1.0, 1.0)
    for category in ("all", "mixed"):
        low, high = spans[category]["recall@5"]
        assert 0 < low < means[category]["recall@5"] < high < 1
    # 20 questions of which half are answered: the mean's standard deviation is √(0.25 / 20)
    low, high = spans["mixed"]["recall@5"]
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(0.25 / 20), rel=0.2)


def test_many_questions_have_intervals() -> None:
    """More questions than are drawn at once have intervals, too, which are as narrow as many questions make them."""
    questions = [Question(str(n), "?", {"a": 1.0}) for n in range(2_001)]
    low, high = intervals(questions, [["a"] if n % 2 else ["b"] for n in range(2_001)])["all"]["hit@10"]
    assert (low, high) == pytest.approx((0.5 - 0.022, 0.5 + 0.022), abs=0.004)


def test_a_difference_is_of_the_same_questions() -> None:
    """Two rankings of which one is always a little better differ by a narrow interval, however wide their own are."""
    questions = [Question(str(n), "?", {"a": 1.0, "b": 1.0}) for n in range(20)]
    better = [["a", "b"] if n % 2 else ["a"] for n in range(20)]
    worse = [["a"] if n % 2 else [] for n in range(20)]
    assert difference(questions, better, worse, "recall@5") == (0.5, (0.5, 0.5))
    assert difference(questions, worse, better, "recall@5") == (-0.5, (-0.5, -0.5))


def test_what_is_new_should_come_first() -> None:
    """new_first counts questions for which something new is found before everything old; others have no such figure."""
    questions = [Question(str(n), "?", {"n": 1.0, "o": 1.0}, category="update", old=["o"], new=["n"]) for n in range(4)]
    questions.append(Question("5", "?", {"n": 1.0}, category="other"))
    found = [["n", "o"], ["x", "n"], ["o", "n"], ["x"], ["n"]]
    figures = summarize(questions, found)
    assert (figures["all"]["new_first"], figures["update"]["new_first"]) == (0.5, 0.5)
    assert "new_first" not in figures["other"]
    assert (figures["all"]["questions"], figures["all"]["hit@10"]) == (5, 0.8)
    low, high = intervals(questions, found)["all"]["new_first"]
    assert low < 0.5 < high
    _, rows = table(questions, {"default": found})
    assert [row[1] for row in rows if row[0] == "all" and row[2] in ("hit@10", "new_first")] == ["5", "4"]


def test_the_command_measures_a_file(data: Path) -> None:
    """mem0lite bench retrieval prints the known figures of each ranking, with intervals: all and by category."""
    result = run("-m", "mem0lite", "bench", "retrieval", data, "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert [name for name in report if name != "bm25"] == ["default", "plain", "dense", "sparse"]
    for figures in report.values():
        assert list(figures) == ["all", "family", "food"]
        spans = figures["family"].pop("intervals")
        assert figures["family"] == {"questions": 1} | dict.fromkeys(spans, 1.0)
        assert all(span == [1.0, 1.0] for span in spans.values())
        assert figures["food"]["recall@5"] == figures["food"]["hit@10"] == 1.0
        assert figures["food"]["ndcg@5"] == pytest.approx(1 / math.log2(3))  # the second of two
        assert figures["all"]["questions"] == 2
        assert figures["all"]["ndcg@10"] == pytest.approx((1 + 1 / math.log2(3)) / 2)
        assert figures["all"]["intervals"]["ndcg@10"] == [pytest.approx(1 / math.log2(3)), 1.0]


def test_the_command_prints_a_table(data: Path) -> None:
    """Without --json, a line per category and figure has the rankings beside each other, in per cent."""
    result = run("-m", "mem0lite", "bench", "retrieval", data)
    rows = [line.split("\t")[:7] for line in result.stdout.splitlines()]
    assert ["family", "1", "recall@5", *["100.0 (100.0–100.0)"] * 4] in rows
    assert ["food", "1", "ndcg@10", *["63.1 (63.1–63.1)"] * 4] in rows
    assert ["all", "2", "ndcg@10", *["81.5 (63.1–100.0)"] * 4] in rows
    questions = [Question("1", "?", {"a": 1.0}, category="x")]
    headings, cells = table(questions, {"default": [["a"]], "bm25": [["b"]]})
    assert headings == ["category", "questions", "figure", "default", "bm25"]
    assert ["x", "1", "hit@10", "100.0 (100.0–100.0)", "0.0 (0.0–0.0)"] in cells


def test_the_command_writes_what_was_found(data: Path, tmp_path: Path) -> None:
    """--output has the ids and scores that each ranking found for each question, best first, at most twenty."""
    many = [{"type": "document", "id": f"m{n}", "text": f"Carl drinks tea number {n}", "user_id": "carl"}
            for n in range(30)]  # fmt: skip
    data.write_text(data.read_text() + lines(*many), encoding="utf-8")
    result = run("-m", "mem0lite", "bench", "retrieval", data, "--json", "--output", tmp_path / "raw.json")
    assert result.returncode == 0, result.stderr
    raw = json.loads((tmp_path / "raw.json").read_text(encoding="utf-8"))
    assert raw["figures"] == json.loads(result.stdout)
    assert [(one["id"], one["category"], one["relevant"]) for one in raw["questions"]] == [
        ("q1", "family", {"d1": 1.0}),
        ("q2", "food", {"d5": 1.0}),
    ]
    for question in raw["questions"]:
        assert list(question["found"]) == list(raw["figures"])
        for found in question["found"].values():
            scores = [one["score"] for one in found]
            assert scores == sorted(scores, reverse=True)
            assert all(isinstance(score, float) for score in scores)
    found = raw["questions"][1]["found"]["default"]
    assert len(found) == len({one["id"] for one in found}) == 20
    assert found[0]["id"] == "d4"
    assert {one["id"][0] for one in found} == {"d", "m"}  # Carl's, not Ann's 3


def test_results_that_cannot_be_written_are_refused_first(data: Path, tmp_path: Path) -> None:
    """--output in a folder that does not exist, or onto the data itself, fails at once and leaves everything alone."""
    before = data.read_bytes()
    result = run("-m", "mem0lite", "bench", "retrieval", data, "--output", tmp_path / "missing" / "raw.json")
    assert (result.returncode, result.stdout) == (1, "")
    assert "missing" in result.stderr
    result = run("-m", "mem0lite", "bench", "retrieval", data, "--output", data)
    assert (result.returncode, result.stdout) == (2, "")
    assert "--output" in result.stderr
    assert data.read_bytes() == before
    assert list(tmp_path.iterdir()) == [data]


def test_a_bench_that_fails_leaves_no_results(data: Path, tmp_path: Path) -> None:
    """When a model does not exist, an older --output file stays as it was."""
    (tmp_path / "raw.json").write_text("old")
    arguments = ("--model", tmp_path / "no-model", "--output", tmp_path / "raw.json")
    result = run("-m", "mem0lite", "bench", "retrieval", data, *arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert (tmp_path / "raw.json").read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [data, tmp_path / "raw.json"]


# -- BM25 of another library


def without_bm25s(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run the command line where bm25s is not installed."""
    code = "import sys; sys.modules['bm25s'] = None; from mem0lite.cli import main; sys.exit(main(sys.argv[1:]))"
    return run("-c", code, *arguments)


def test_without_bm25s_the_rest_is_measured(data: Path) -> None:
    """Where bm25s is missing, a note names the extra, and the other rankings are measured."""
    result = without_bm25s("bench", "retrieval", data, "--json")
    assert result.returncode == 0, result.stderr
    assert list(json.loads(result.stdout)) == ["default", "plain", "dense", "sparse"]
    assert "bm25" in result.stderr
    assert 'pip install "mem0lite[bench]"' in result.stderr


def test_bm25_is_of_a_users_own_words(data: Path) -> None:
    """BM25 finds documents of the question's user that share a word with it, stemmed, and nothing else."""
    pytest.importorskip("bm25s")
    boiler, breeding, nothing = (
        Question(str(n), text, {"d1": 1.0}, "ann")
        for n, text in enumerate(["repairing boilers", "Carl and Ann breeding tea", "is it of the?"])
    )
    collection = Collection(read(data).documents, [boiler, breeding, nothing])
    found = search_bm25(collection)
    assert ids_of(found) == [["3"], ["d1"], []]  # d1 is what Ann said; Carl and his tea are another user's
    assert all(score > 0 for one in found for _, score in one)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("雷明轩在店铺办公区整理年度账目", "年度账目"),
        ("昨日は母と京都へ行きました", "京都はどうでしたか"),
        ("ฉันชอบกินข้าวผัด", "ข้าวผัด"),
        ("Δεν μου αρέσει το τσάι", "ΤΣΆΙ"),
    ],
    ids=["Chinese", "Japanese", "Thai", "Greek"],
)
def test_bm25_reads_scripts_without_spaces(text: str, question: str) -> None:
    """Parts of a sentence without spaces are words, as they would be to anybody who compares with BM25 in earnest."""
    pytest.importorskip("bm25s")
    documents = [Document("no", "Nothing of this kind, 完全不同"), Document("yes", text)]
    assert ids_of(search_bm25(Collection(documents, [Question("q", question, {"yes": 1.0})]))) == [["yes"]]


def test_bm25_prefers_the_earlier_of_equals() -> None:
    """Documents of equal score are in the order they were given in, and at most twenty are found."""
    pytest.importorskip("bm25s")
    documents = [Document(f"d{n}", "a green parrot") for n in range(25)]
    [found] = search_bm25(Collection(documents, [Question("q", "parrots", {"d1": 1.0})]))
    assert [name for name, _ in found] == [f"d{n}" for n in range(20)]


def test_bm25_of_texts_without_words() -> None:
    """Where no document, or no question, has a word, nothing is found."""
    pytest.importorskip("bm25s")
    questions = [Question("1", "?!", {"a": 1.0}), Question("2", "the", {"a": 1.0}), Question("3", "tea", {"a": 1.0})]
    assert search_bm25(Collection([Document("a", "!!!"), Document("b", "the")], questions)) == [[], [], []]


# -- reading


def test_the_command_leaves_the_store_alone(data: Path, tmp_path: Path) -> None:
    """Benchmark data never goes into the user's own file: --db is refused and MEM0LITE_DB untouched."""
    result = run("-m", "mem0lite", "--db", tmp_path / "own.db", "bench", "retrieval", data)
    assert (result.returncode, result.stdout) == (2, "")
    assert "--db" in result.stderr
    assert not (tmp_path / "own.db").exists()


def test_a_folder_in_beirs_form_gives_the_same_figures(tmp_path: Path) -> None:
    """corpus.jsonl, queries.jsonl and qrels hold the same collection as the lines: titles count as text, queries
    nobody judged and judgements of 0 do not count."""
    (tmp_path / "corpus.jsonl").write_text(
        lines(
            {"_id": "a", "title": "Alpacas", "text": "Nora breeds them in Wales", "metadata": {}},
            {"_id": "b", "title": "", "text": "The boiler was repaired"},
        )
    )
    (tmp_path / "queries.jsonl").write_text(
        lines({"_id": "1", "text": "alpacas in Wales"}, {"_id": "2", "text": "nobody judged this"})
    )
    judgements = "query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t0\n"
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(judgements)
    documents = [Document("a", "Alpacas Nora breeds them in Wales"), Document("b", "The boiler was repaired")]
    expected = Collection(documents, [Question("1", "alpacas in Wales", {"a": 2.0})])
    assert read(tmp_path) == expected
    (tmp_path / "qrels" / "test.tsv").rename(tmp_path / "qrels.tsv")
    assert read(tmp_path) == expected
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        assert evaluate(memory, expected, {"default": None})["default"]["all"]["ndcg@5"] == 1.0


def test_documents_are_added_as_said(data: Path) -> None:
    """User, run, speaker, role and time of a document are the memory's."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        progress: list[tuple[int, int]] = []
        evaluate(memory, read(data), {"default": None}, lambda done, total: progress.append((done, total)))
        [item] = memory.get_all(filters={"user_id": "ann", "run_id": "monday", "role": "assistant"})["results"]
        assert (item["memory"], item["actor_id"]) == ("How many of them does she have?", "Ben")
        assert item["created_at"] == "2024-05-06T10:01:00+00:00"
        assert memory.get_all(user_id="carl")["total"] == 2
    assert progress == [(5, 5)]


ABOUT = '{"type": "question", "id": "q9", "text": "x?", "user_id": "ann", "relevant": ["d1"], '
BAD_LINES = [
    ('{"type": "document", "id": "d9"}', "text"),
    ('{"type": "document", "text": "no id"}', "id"),
    ('{"type": "document", "id": "d1", "text": "an id twice"}', "id"),
    ('{"type": "document", "id": true, "text": "not an id"}', "id"),
    ('{"type": "document", "id": "d9", "text": "  "}', "text"),
    ('{"type": "document", "id": "d9", "text": "x", "user": "ann"}', "user"),
    ('{"type": "document", "id": "d9", "text": "x", "user_id": "a b"}', "user_id"),
    ('{"type": "document", "id": "d9", "text": "x", "role": "system"}', "role"),
    ('{"type": "document", "id": "d9", "text": "x", "timestamp": "soon"}', "timestamp"),
    ('{"type": "question", "id": "q9", "text": "x?"}', "relevant"),
    ('{"type": "question", "id": "q9", "text": "x?", "relevant": []}', "relevant"),
    ('{"type": "question", "id": "q9", "text": "x?", "relevant": "d1"}', "relevant"),
    ('{"type": "question", "id": "q9", "text": "x?", "relevant": [["d1"]]}', "relevant"),
    ('{"type": "question", "id": "q9", "text": "x?", "relevant": {"d1": 0}}', "relevant"),
    ('{"type": "question", "id": "q9", "text": "x?", "relevant": ["d1"], "reference_date": "soon"}', "reference_date"),
    ('{"type": "question", "id": "q9", "text": "x?", "user_id": "ann", "relevant": ["nothing"]}', "relevant"),
    ('{"type": "question", "id": "q9", "text": "x?", "user_id": "ann", "relevant": ["d4"]}', "relevant"),
    ('{"type": "answer", "id": "q9", "text": "x"}', "type"),
    ('{"id": "q9", "text": "x"}', "type"),
    ('{"type": "document", "id": "d9", "text": "x", "role": "Tool"}', "role"),
    ('{"type": "document", "id": "d9", "text": "x", "old": ["d1"]}', "old"),
    ('{"type": "document", "id": "d9", "id": "d8", "text": "x"}', "id"),
    ('{"type": "document", "id": "\\ud800", "text": "x"}', "id"),
    ('{"type": "question", "id": "q1", "text": "an id twice?", "relevant": ["d1"], "user_id": "ann"}', "id"),
    (ABOUT + '"category": "all"}', "category"),
    (ABOUT + '"old": ["d2"], "new": ["d4"]}', "new"),
    (ABOUT + '"old": ["d2"], "new": ["nothing"]}', "new"),
    (ABOUT + '"old": ["nothing"], "new": ["d1"]}', "old"),
    (ABOUT + '"old": ["d2"]}', "new"),
    (ABOUT + '"old": ["d1"], "new": ["d1"]}', "old"),
    (ABOUT + '"old": "d2", "new": ["d1"]}', "old"),
    (ABOUT + '"new": []}', "new"),
    ("[1]", "line"),
    ("{", "line"),
    ("[" * 100_000, "line"),
]


@pytest.mark.parametrize(("line", "field"), BAD_LINES)
def test_a_bad_line_is_named(data: Path, line: str, field: str) -> None:
    """A line that cannot be accepted is refused with the file, its number and the field, and nothing is measured."""
    data.write_text(data.read_text() + line + "\n")
    with pytest.raises(ValidationError, match=r"data\.jsonl, line 9: ") as caught:
        read(data)
    assert caught.value.field == field


def test_what_replaces_what_is_read(data: Path) -> None:
    """Old and new documents of a question about a change are read, and new ones may be alone."""
    data.write_text(data.read_text() + ABOUT + '"old": [3, "d2"], "new": ["d1"]}\n', encoding="utf-8")
    assert read(data).questions[-1].old == ("3", "d2")
    assert read(data).questions[-1].new == ("d1",)
    data.write_text(data.read_text().replace('"old": [3, "d2"], ', ""), encoding="utf-8")
    assert (read(data).questions[-1].old, read(data).questions[-1].new) == ((), ("d1",))


@pytest.mark.parametrize("text", ["", "\n \n"], ids=["empty", "blank"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    """A file without lines says that documents are missing."""
    (path := tmp_path / "data.jsonl").write_text(text)
    with pytest.raises(ValidationError, match=r"data\.jsonl: there is no document in it") as caught:
        read(path)
    assert caught.value.field == "type"


def test_a_bad_file_is_an_error_of_input(data: Path) -> None:
    """On the command line a bad line is named on stderr, nothing is printed, and the exit code is 2."""
    data.write_text(data.read_text() + '{"type": "document", "id": "d1", "text": "again"}\n')
    result = run("-m", "mem0lite", "bench", "retrieval", data)
    assert (result.returncode, result.stdout) == (2, "")
    assert "data.jsonl, line 9" in result.stderr
    assert "'d1' is used twice" in result.stderr


def test_a_file_without_questions_is_refused(tmp_path: Path) -> None:
    """Documents alone measure nothing, and say so."""
    (path := tmp_path / "data.jsonl").write_text(lines(*DOCUMENTS))
    with pytest.raises(ValidationError, match="no question") as caught:
        read(path)
    assert caught.value.field == "type"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8 is named."""
    (path := tmp_path / "data.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(ValidationError, match=r"data\.jsonl as UTF-8"):
        read(path)


BAD_JUDGEMENTS = [
    (None, "there is neither qrels"),
    ("h\n1\ta\n", r"qrels\.tsv, line 2: Invalid score"),
    ("h\n1\ta\tmuch\n", r"qrels\.tsv, line 2: Invalid score"),
    ("h\n1\tz\t1\n", r"qrels\.tsv, line 2: Invalid relevant: there is no document 'z'"),
    ("h\n", "no question"),
    ("1\ta\t1\n", r"qrels\.tsv, line 1: Invalid headings"),
    ("h\n1\ta\t1\n1\ta\t2\n", r"qrels\.tsv, line 3: Invalid corpus-id: .* judged twice"),
    ("h\n1\ta\tinf\n", r"qrels\.tsv, line 2: Invalid score"),
    ("h\n1\ta\tnan\n", r"qrels\.tsv, line 2: Invalid score"),
    ("h\n1\ta\t1\n7\ta\t1\n", r"qrels\.tsv: query '7' is not in queries\.jsonl"),
]


@pytest.mark.parametrize(("judgements", "message"), BAD_JUDGEMENTS)
def test_a_bad_judgement_is_named(tmp_path: Path, judgements: str | None, message: str) -> None:
    """In BEIR's form, a judgement that is missing, cannot be read, or is of no document is an error."""
    (tmp_path / "corpus.jsonl").write_text(lines({"_id": "a", "text": "Nora breeds alpacas"}))
    (tmp_path / "queries.jsonl").write_text(lines({"_id": "1", "text": "alpacas"}))
    if judgements is not None:
        (tmp_path / "qrels.tsv").write_text(judgements)
    with pytest.raises(ValidationError, match=message):
        read(tmp_path)


# -- the scripts

TALK = [("Ines", "D1:1", "I finally adopted a greyhound called Pixel", None),
        ("Omar", "D1:2", "Congratulations! How old is the dog?", "a dog on a sofa"),
        ("Ines", "D1:3", "Three years, and very lazy", None)]  # fmt: skip
LATER = [("Omar", "D2:1", "My bakery opens next month", None),
         ("Ines", "D2:2", "Save me a rye bread", None)]  # fmt: skip
ASKED = [
    {"question": "Which dog did Ines adopt?", "answer": "a greyhound", "evidence": ["D1:1", "D9:9"], "category": 1},
    {"question": "Who opens a bakery?", "answer": "Omar", "evidence": ["D2:1"], "category": 4},
    {"question": "What is on the sofa?", "answer": "a dog", "evidence": ["D1:2"], "category": 2},
    {"question": "Which cat did Omar adopt?", "answer": "", "evidence": ["D1:1"], "category": 5},
    {"question": "Where is the evidence?", "answer": "", "evidence": ["D9:9"], "category": 4},
]


def turns(talk: list[tuple[str, str, str, str | None]]) -> list[dict[str, str]]:
    return [
        {"speaker": speaker, "dia_id": turn, "text": text} | ({"blip_caption": caption} if caption else {})
        for speaker, turn, text, caption in talk
    ]


DATES = ("1:56 pm on 8 May, 2023", "9:00 am on 1 June, 2023")
AS_A_LIST = {
    "sessions": [
        {"session": 1, "date_time": DATES[0], "turns": turns(TALK)},
        {"session": 2, "date_time": DATES[1], "turns": turns(LATER)},
    ]
}
AS_PUBLISHED = {
    "conversation": {
        "session_2_date_time": DATES[1],
        "session_2": turns(LATER),
        "session_1_date_time": DATES[0],
        "session_1": turns(TALK),
    }
}


@pytest.mark.parametrize("layout", [AS_A_LIST, AS_PUBLISHED], ids=["list", "published"])
def test_locomo_is_measured(tmp_path: Path, layout: dict[str, object]) -> None:
    """A conversation in either layout gives the figures of its three answerable questions, and none of them changes
    when other users' memories are in the file."""
    (tmp_path / "locomo.json").write_text(json.dumps([{"sample_id": "c1", "qa": ASKED, **layout}]))
    arguments = ("--data", tmp_path / "locomo.json", "--others", 40, "--by-conversation", "--cache", tmp_path)
    result = run(BENCHMARKS / "locomo.py", *arguments, "--json", tmp_path / "figures.json")
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "figures.json").read_text())
    assert list(report["default"]) == ["all", "1 multi-hop", "2 temporal", "4 single-hop"]
    assert report["default"]["all"]["questions"] == 3
    assert report["default"]["all"]["recall@5"] == 1.0
    assert "5 turns of 1 conversations, 3 questions" in result.stdout
    for ranking in report:
        assert f"{ranking}: 3 of 3 questions found the same turns in the same order" in result.stdout
    assert list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize("layout", [AS_A_LIST, AS_PUBLISHED], ids=["list", "published"])
def test_locomos_file_is_read(tmp_path: Path, layout: dict[str, object]) -> None:
    """A conversation is a user, a session a run, a turn a message with its caption; what can't be answered is left."""
    (path := tmp_path / "locomo.json").write_text(json.dumps([{"sample_id": "c1", "qa": ASKED, **layout}], indent=1))
    collection = read(path)
    assert collection.documents[1] == Document(
        "c1 D1:2",
        "Congratulations! How old is the dog? [photo: a dog on a sofa]",
        "c1",
        "session-1",
        "Omar",
        timestamp=datetime(2023, 5, 8, 13, 56),
    )
    assert [one.id for one in collection.documents] == [f"c1 {turn}" for _, turn, *_ in TALK + LATER]
    assert [(one.text, list(one.relevant), one.category, one.user_id) for one in collection.questions] == [
        ("Which dog did Ines adopt?", ["c1 D1:1"], "1 multi-hop", "c1"),
        ("Who opens a bakery?", ["c1 D2:1"], "4 single-hop", "c1"),
        ("What is on the sofa?", ["c1 D1:2"], "2 temporal", "c1"),
    ]


TURN = {"speaker": "Ines", "dia_id": "D1:1", "text": "Hello"}
QUESTION = {"question": "Who?", "evidence": ["D1:1"], "category": 1}


def conversation(*turns: object, date: object = DATES[0], **other: object) -> dict[str, object]:
    sessions = [{"session": 1, "date_time": date, "turns": list(turns)}]
    return {"sample_id": "c1", "qa": [QUESTION], "sessions": sessions, **other}


BAD_CONVERSATIONS = [
    ([1], r"conversation 1: must be an object\. .* LoCoMo", "line"),
    ([{"type": "document", "id": "d1", "text": "x"}], r"conversation 1: sample_id must be", "sample_id"),
    ([conversation(TURN, sample_id="c 1")], r"Invalid sample_id", "sample_id"),
    ([conversation(TURN), conversation(TURN)], r"conversation 2: sample_id 'c1' is used twice", "sample_id"),
    ([conversation(TURN, TURN)], r"conversation 1: dia_id 'D1:1' is used twice", "dia_id"),
    ([conversation({**TURN, "text": None})], r"conversation 1, session 1, turn 1: text must be a text", "text"),
    ([conversation({**TURN, "speaker": 7})], r"session 1, turn 1: speaker must be a text", "speaker"),
    ([conversation(TURN, "Hello")], r"session 1, turn 2: must be an object", "line"),
    ([conversation(TURN, date="yesterday")], r"session 1: 'yesterday' is no date\. Write it like", "date_time"),
    ([conversation(TURN, qa=None)], r"conversation 1: qa must be a list", "qa"),
    ([conversation(TURN, qa=[{**QUESTION, "evidence": "D1:1"}])], r"question 1: evidence must be a list", "evidence"),
    ([conversation(TURN, qa=[{**QUESTION, "category": 6}])], r"question 1: category must be a number", "category"),
    ([conversation(TURN, sessions={})], r"conversation 1: sessions must be a list", "sessions"),
    ([{"sample_id": "c1", "qa": []}], r"conversation 1: conversation must be an object", "conversation"),
    ([conversation(TURN, qa=[])], r"there is no question in it", "type"),
    ([], r"there is no document in it", "type"),
]


@pytest.mark.parametrize(("data", "message", "field"), BAD_CONVERSATIONS)
def test_a_bad_conversation_is_named(tmp_path: Path, data: object, message: str, field: str) -> None:
    """What cannot be read of LoCoMo's form is named with its file, its place and its field."""
    (path := tmp_path / "locomo.json").write_text(json.dumps(data))
    with pytest.raises(ValidationError, match=rf"locomo\.json.*{message}") as caught:
        read(path)
    assert caught.value.field == field


def test_a_list_that_is_cut_off_is_named(tmp_path: Path) -> None:
    """A file in LoCoMo's form that ends too early is no JSON, and says so with its name."""
    (path := tmp_path / "locomo.json").write_text(json.dumps([conversation(TURN)])[:-9])
    with pytest.raises(ValidationError, match=r"locomo\.json: not valid JSON: ") as caught:
        read(path)
    assert caught.value.field == "line"


def test_locomo_as_single_facts(tmp_path: Path) -> None:
    """--shuffled and --no-captions change what is stored: without its caption, the photo is not found by its words."""
    (tmp_path / "locomo.json").write_text(json.dumps([{"sample_id": "c1", "qa": ASKED, **AS_A_LIST}]))
    arguments = ("--data", tmp_path / "locomo.json", "--shuffled", "--no-captions", "--json", tmp_path / "figures.json")
    result = run(BENCHMARKS / "locomo.py", *arguments)
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "figures.json").read_text())
    assert report["sparse"]["2 temporal"]["recall@20"] == 0.0
    assert report["sparse"]["4 single-hop"]["recall@5"] == 1.0


def test_all_sets_are_written_between_the_markers(data: Path, tmp_path: Path) -> None:
    """retrieval.py measures every set of a folder and replaces only what is between two lines of a file."""
    pytest.importorskip("bm25s")
    (folder := tmp_path / "sets").mkdir()
    data.rename(folder / "talk.jsonl")
    (folder / "locomo_dev.json").write_text(json.dumps([{"sample_id": "c1", "qa": ASKED, **AS_A_LIST}]))
    (folder / "README.md").write_text("not a set")
    (results := tmp_path / "RESULTS.md").write_text(
        "before\n<!-- retrieval.py: begin -->\nold figures\n<!-- retrieval.py: end -->\nafter\n"
    )
    arguments = (BENCHMARKS / "retrieval.py", folder, "--cache", tmp_path / "cache", "--results", results)
    for _ in range(2):  # the second time, vectors come from the cache
        result = run(*arguments)
        assert result.returncode == 0, result.stderr
        written = results.read_text(encoding="utf-8")
        assert written.startswith("before\n<!-- retrieval.py: begin -->\n")
        assert written.endswith("\n<!-- retrieval.py: end -->\nafter\n")
        assert "old figures" not in written
        best = "**100.0** / **100.0** / **100.0**"
        assert f"| talk | 2 | 5 | 2 | {' | '.join([best] * 5)} |" in written
        assert "| talk | family | 1 | 100.0 | 100.0 | 100.0 | 100.0 | 100.0 |" in written
        same = "default is as good as plain at R@10 (+0.0, +0.0 to +0.0)."
        assert f"- **talk**: for 2 questions of 2 users, {same} Nothing was" in " ".join(written.split())
        assert f"- **locomo_dev**: for 3 questions of 1 user, {same} The weights" in " ".join(written.split())
        assert written.count("| locomo_dev |") == 2 + 3  # two tables, and three categories


def test_a_verdict_is_what_its_interval_allows() -> None:
    """Better, worse and neither are said by the interval of the difference, not by the difference."""
    code = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
from mem0lite.retrieval import Collection, Question
from retrieval import Measured, belief
questions = [Question(str(n), "?", {{"a": 1.0}}) for n in range(100)]
def found(right):
    return [["a"] if n < right else [] for n in range(100)]
for default, plain in ((60, 40), (40, 60), (50, 49)):
    print(belief(Measured("some", Collection([], questions), {{"default": found(default), "plain": found(plain)}})))
"""
    result = run("-c", code)
    assert result.returncode == 0, result.stderr
    better, worse, neither = result.stdout.splitlines()
    assert better.startswith("by 100 questions of 1 user, default is better than plain at R@10 (+20.0, +1")
    assert worse.startswith("by 100 questions of 1 user, plain is better than default at R@10 (\N{MINUS SIGN}20.0, ")
    assert neither.startswith("100 questions of 1 user cannot tell default from plain at R@10 (+1.0, +0.0 to +")


@pytest.mark.parametrize(
    ("results", "sets", "message"),
    [("no markers", True, "There must be two lines"), ("<!-- retrieval.py: begin -->", True, "There must be two lines"),
     ("<!-- retrieval.py: begin --><!-- retrieval.py: end -->", False, "There is no set in")],
    ids=["no marker", "one marker", "no set"],
)  # fmt: skip
def test_tables_without_a_place_are_refused_first(
    data: Path, tmp_path: Path, results: str, sets: bool, message: str
) -> None:
    """Without the markers, or without a set, retrieval.py says what to add, measures nothing, and writes nothing."""
    (folder := tmp_path / "sets").mkdir()
    if sets:
        data.rename(folder / "talk.jsonl")
    (tmp_path / "RESULTS.md").write_text(results)
    result = run(BENCHMARKS / "retrieval.py", folder, "--results", tmp_path / "RESULTS.md")
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert (tmp_path / "RESULTS.md").read_text() == results


def test_weights_are_judged_on_what_they_were_not_fitted_to(tmp_path: Path) -> None:
    """weights.py fits once for each conversation without it, and reports the left-out figures beside the default's."""
    data = [{"sample_id": name, "qa": ASKED, **AS_A_LIST} for name in ("c1", "c2")]
    (tmp_path / "locomo.json").write_text(json.dumps(data))
    result = run(BENCHMARKS / "weights.py", "--data", tmp_path / "locomo.json")
    assert result.returncode == 0, result.stderr
    assert [line.split(":")[0] for line in result.stdout.splitlines() if line.startswith("without")] == [
        "without c1",
        "without c2",
    ]
    rows = [line.split() for line in result.stdout.splitlines() if " all " in line]
    assert [row[-8] for row in rows] == ["6", "6"]  # questions


def test_peers_measures_mem0lite(tmp_path: Path) -> None:
    """peers.py fills, searches and reopens mem0lite; by vectors alone its ten are brute force's; plot.py draws it."""
    arguments = (
        "--sizes",
        1_000,
        "--users",
        3,
        "--rounds",
        6,
        "--folder",
        tmp_path / "files",
        "--json",
        tmp_path / "f",
    )
    result = run(BENCHMARKS / "peers.py", *arguments, "--only", "mem0lite", "mem0lite, vectors only", "sqlite-vec vec0")
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "f").read_text())["1000"]
    assert list(report) == ["mem0lite", "mem0lite, vectors only", "sqlite-vec vec0"]
    for name in list(report)[1:]:
        assert report[name]["recall"] == {"scoped": 1.0, "filtered": 1.0, "unscoped": 1.0}
    assert report["mem0lite"]["bytes"] > 1_000 * 384 * 4
    assert "1,000 memories of 3 users" in result.stdout
    drawing = tmp_path / "peers.svg"
    assert run(BENCHMARKS / "plot.py", tmp_path / "f", drawing, "--size", 1_000).returncode == 0
    assert "mem0lite, vectors only" in "".join(ElementTree.parse(drawing).getroot().itertext())


def test_peers_that_are_missing_are_named(tmp_path: Path) -> None:
    """A peer that is not installed is named, and the run goes on."""
    missing = [name for name, module in (("chromadb", "chromadb"), ("duckdb", "duckdb")) if find_spec(module) is None]
    arguments = ("--sizes", 100, "--users", 2, "--rounds", 2, "--only", "mem0lite", *missing)
    result = run(BENCHMARKS / "peers.py", *arguments)
    assert result.returncode == 0, result.stderr
    assert [line for line in result.stdout.splitlines() if "not installed" in line] == [
        f"{name}: not installed" for name in missing
    ]


def test_latency_runs() -> None:
    """latency.py measures every part, in the library and through a server."""
    pytest.importorskip("litestar")
    result = run(BENCHMARKS / "latency.py", "--sizes", 50, "--runs", 5, "--repeat", 3)
    assert result.returncode == 0, result.stderr
    for row in ("search, filtered", "first of a scope", "users of ten, agent asked", "HTTP: search"):
        assert f"| {row}" in result.stdout
