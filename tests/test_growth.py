"""What one text may cost: every regular expression of the package, and all that reads callers' texts, is linear.

Work is measured as growth: four times the text may cost four times as much, not sixteen. No time is asserted in itself.
"""

import ast
import gc
import importlib
import itertools
import math
import pkgutil
import re
import time
from contextlib import suppress
from pathlib import Path
from re import _parser  # what a pattern consists of tells which texts may be slow for it

import pytest
from sizes import sizes

import mem0lite
from mem0lite import DependencyError, comparison, values
from mem0lite.cli import language
from mem0lite.embedding import prompts
from mem0lite.graph import RuleExtractor
from mem0lite.graph.asking import direction
from mem0lite.graph.build import name_of, named_in
from mem0lite.llm import reading
from mem0lite.search import dates, similarity, slots, text
from mem0lite.search.dates import grammar

pytestmark = pytest.mark.harness

SIZE = 1_000
NOTICEABLE = 80  # times a look at every character: what costs less is not looked at any closer
EXPONENTIAL = 2_000_000  # looks at a character, which a text of 24 characters costs only where each doubles the work
GROWTH = 11  # at most, of the cost of a text four times as long: 4 is linear, 16 is quadratic
ATTEMPTS = 12  # to find what seems to grow too fast to be linear: the machine may have been busy


def read_json(text):
    with suppress(ValueError):
        reading.read_json(text)


def imported():
    """Return the modules of the package. A door whose framework is not installed has no patterns of its own."""
    found = []
    for info in pkgutil.walk_packages(mem0lite.__path__, "mem0lite."):
        if info.name == "mem0lite.__main__":
            continue
        try:
            found.append(importlib.import_module(info.name))
        except DependencyError:
            assert "import re" not in Path(info.module_finder.find_spec(info.name).origin).read_text().splitlines()
    return found


MODULES = imported()
COMPILING = {
    f"re.{name}" for name in ("compile", "match", "fullmatch", "search", "findall", "finditer", "sub", "split")
}
METHODS = {"match", "fullmatch", "search", "findall", "finditer", "sub", "split"}
MADE = {
    "identifier": lambda: [text._patterns("").identifier, text._unicode().marked.identifier],
    "word": lambda: [text._patterns("").word, text._unicode().marked.word],
    "one": lambda: [text._unicode().symbol],
    "segments": lambda: [re.compile(r"(?:/+[^/]+){40}")],
    "family": lambda: [family for family, _ in prompts._FAMILIES],
    "phrase": lambda: [phrase for phrase, _ in language._PHRASES],
    "frame": lambda: [*(frame for _, _, frame in slots._frames()), *slots._attribute_frames()],
    "pattern": lambda: list({pattern: None for rules in grammar._RULES.values() for pattern, _ in rules}),
}
"""Patterns of which a part is known in a function only, by the name of that part."""
FRAMES = frozenset([*MADE["frame"](), slots._NOT_SO, slots._PASSIVE, slots._ENDED, slots._NEW, slots._DROPPED])
"""Patterns that see one sentence of bounded length."""
BOUNDED = {
    module.__name__: dates.MAX_QUESTION_LENGTH
    for module in MODULES
    if module.__name__.startswith("mem0lite.search.dates")
} | {"mem0lite.embedding.prompts": prompts.LONGEST_NAME, "mem0lite.search.slots": slots.LONGEST_TEXT}
"""Modules whose patterns see no longer texts than this."""


def resolved(module, call):
    """Return the patterns that a call of ``re.compile`` and the like has."""
    flags = call.args[1:] if call.func.attr == "compile" else ()
    try:
        return [re.compile(*(eval(ast.unparse(one), vars(module)) for one in (call.args[0], *flags)))]
    except NameError as error:
        assert error.name in MADE, f"{module.__name__}:{call.lineno}: give MADE the patterns made here"
        return MADE[error.name]()


def collected():
    """Return every pattern of the package, by where it is, with the methods that are called on it."""
    trees = {module: ast.parse(Path(module.__file__).read_text()) for module in MODULES}
    nodes = [(module, node) for module, tree in trees.items() for node in ast.walk(tree)]
    uses = {}
    for _, node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            uses.setdefault(ast.unparse(node.value).split(".")[-1], set()).add(node.attr)
    variables = {
        (module, node.value): node.targets[0].id
        for module, node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    found = {}
    for module, node in nodes:
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in COMPILING:
            continue
        variable = variables.get((module, node), "")
        method = node.func.attr
        methods = uses.get(variable, {"search", "fullmatch"}) if method == "compile" else {method} & METHODS
        for number, pattern in enumerate(resolved(module, node) if methods else ()):
            place = f"{module.__name__}:{node.lineno}{f'[{number}]' if number else ''}"
            found[place] = re.compile(pattern), sorted(methods)
    return found


PATTERNS = collected()


def characters(parsed):
    """Yield what a pattern speaks of: its characters, one or two of each class, and its words.

    Of these 40 characters at most, so that what they are repeated to is alike all along.
    """
    word = ""
    for operation, argument in parsed:
        name = str(operation)
        if name == "LITERAL":
            word += chr(argument)
            yield chr(argument)
        else:
            yield from [word[:40]] * (len(word) > 1)
            word = ""
        if name in ("NOT_LITERAL", "RANGE"):
            yield from [chr(end) for end in (argument if name == "RANGE" else [argument])]
        elif name == "CATEGORY":
            yield {"DIGIT": "1", "WORD": "a", "SPACE": " "}.get(str(argument).split("_")[-1], "!")
        elif isinstance(argument, list | tuple | _parser.SubPattern):
            yield from itertools.chain.from_iterable(map(characters, nested(argument)))
    yield from [word[:40]] * (len(word) > 1)


def nested(argument):
    """Yield the parsed patterns within the argument of an operation."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        if argument and all(isinstance(one, tuple) and len(one) == 2 for one in argument):
            yield argument
        else:
            yield from itertools.chain.from_iterable(map(nested, argument))


def attacks(pattern):
    """Return what to repeat: what the pattern speaks of, alone and in pairs, and what is slow for many others."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    own = list(dict.fromkeys(characters(_parser.parse(source, pattern.flags & ~re.UNICODE))))
    single = list(dict.fromkeys([*" a.1A-_\n", *(one for one in own if len(one) == 1)]))[:12]
    words = [one for one in own if len(one) > 1][:40]
    pairs = ["".join(pair) for pair in itertools.permutations(single, 2)]
    return [*single, *pairs, *words, *(f"{word} " for word in words)]


def called(pattern, method):
    """Return what does the work of a method: of all that go through a text, that is finding everything."""
    return (
        getattr(pattern, method) if method != "finditer" else lambda subject: sum(1 for _ in pattern.finditer(subject))
    )


def cost(work, subject):
    gc.collect(0)
    gc.disable()  # a collection that comes by chance goes through everything the tests have loaded
    started = time.thread_time()
    try:
        work(subject)
        return time.thread_time() - started
    finally:
        gc.enable()


LOOK = re.compile("[^a]").search
UNIT = min(cost(LOOK, "a" * 100 * SIZE) for _ in range(5)) / 100 / SIZE
"""What a look at one character costs."""


def grows(work, made, size=SIZE):
    """Tell whether a text of four times the size costs so much more that it cannot be in proportion."""
    # A short text first: what is worse than quadratic would not come back from a long one.
    if cost(work, made(24)) > EXPONENTIAL * UNIT and cost(work, made(24)) > EXPONENTIAL * UNIT:
        return True
    once, more = cost(work, made(size)), math.inf
    if once < NOTICEABLE * UNIT * size:
        return False
    for _ in range(ATTEMPTS):
        once = min(once, *(cost(work, made(size)) for _ in range(2)))  # a disturbed one makes the longer seem cheap
        more = min(more, cost(work, made(4 * size)))
        if more <= GROWTH * once:
            return False
    return True


def _most(longest):
    """Return what a text of bounded length may cost, whatever it is: a small part of what embedding it does."""
    return 250 * NOTICEABLE * UNIT * longest


def slow_for(pattern, methods, longest=None, size=SIZE):
    """Return the first that is found of what a pattern is slow for: to measure what is slow takes the longest."""
    through = {"search", "findall", "finditer", "sub", "split"}
    kinds = sorted({"finditer" if method in through else method for method in methods})
    for method, unit, end in itertools.product(kinds, attacks(pattern), ("", "!", "a")):
        work = called(pattern, method)

        def made(size, unit=unit, end=end):
            subject = (unit * size)[:size] + end
            return subject if isinstance(pattern.pattern, str) else subject.encode("latin-1", "replace")

        if grows(work, made, size) if longest is None else cost(work, made(longest)) > _most(longest):
            return [(method, unit, end)]
    return []


@pytest.mark.parametrize("place", PATTERNS)
@pytest.mark.parametrize("size", sizes(SIZE, 4 * SIZE))
def test_a_pattern_takes_linear_time(place, size):
    """A longer text costs any regular expression more in proportion to its length, whatever it repeats."""
    pattern, methods = PATTERNS[place]
    longest = slots.LONGEST_SENTENCE if pattern in FRAMES else BOUNDED.get(place.split(":")[0])
    assert slow_for(pattern, methods, longest, size) == []


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"^[^\w/~.$@+-]+|[^\w/+=)*-]+$", "sub"),
        (r"\s+$", "search"),
        (r"\d+-\d+x", "search"),
        (r"<.*>", "findall"),
        (r"\w*\w*!", "fullmatch"),
        (r"(?:ab)*[ab]+c", "match"),
        (r"(?:a+)+b", "match"),
        (r"(?:a|a)*b", "fullmatch"),
    ],
)
def test_a_slow_pattern_is_found(pattern, method):
    """The check above notices patterns of which it is known that they take more than linear time."""
    assert slow_for(re.compile(pattern), {method})


UNITS = [
    *". ~$@-_/\\:,;'\"`’“«([{<>=+*&#%!?|^\n\t\0aA1éЖ中ก✅\u00ad\u0301\u0e48",
    *(
        "aA",
        "İ",
        "ｶﾞ",
        "👨\u200d👩\u200d👧",
        "\u0323\u0301",
        "ﾞ\u0301",
        "A-",
        "a.",
        "a_",
        "a/",
        "./",
        "../",
        "@a",
        "a:",
        "::",
        "->",
        "a->",
    ),
    *("1.", "1,", "1,111", "1:11 ", "11-", "1/1 ", "'s", "n't ", "a'", "`a", '"a', "(a", "[a", "{a", "a ", "A ", "A. "),
    *(
        "the ",
        "of ",
        "and ",
        "between ",
        "1 of ",
        "two weeks ",
        "last ",
        "before ",
        "Ann ",
        "no, ",
        "'s ",
        "a, ",
        "a and ",
    ),
    *("--a", "a=", "http://", "a://", "v1.", "1.1", "a.py", "a.py/", "~/", "a+", "C++", "#a", "- a\n", "* a\n", "**a"),
    *(
        "2024-01-01T",
        "yesterday ",
        "next week ",
        "Deploying ",
        "deploy after ",
        "is ",
        "likes ",
        "to ",
        "not ",
        "a@b.c",
    ),
]
READERS = {
    "nfc": comparison.nfc,
    "casefold": comparison.casefold,
    "text_hashes": values.text_hashes,
    "terms": text.terms,
    "canonical": similarity._canonical,
    "depends_on_day": similarity.depends_on_day,
    "name_of": name_of,
    "named_in": named_in,
    "extract": RuleExtractor().extract,
    "direction": direction,
    "asked_moments": lambda question: dates.asked_moments(question, 0),
    "asks_for_present": dates.asks_for_present,
    "read_json": read_json,
}


SHORT = {
    "canonical": similarity.MAX_CHARACTERS,
    "asked_moments": dates.MAX_QUESTION_LENGTH,
    "asks_for_present": dates.MAX_QUESTION_LENGTH,
}
"""What reads no more than so many characters."""


def costly(work, made, longest):
    """Tell whether a text costs more than it may: in proportion to its length or, where that is bounded, in all."""
    return grows(work, made) if longest is None else cost(work, made(longest)) > _most(longest)


@pytest.mark.parametrize("end", ["", "a", "!"])
@pytest.mark.parametrize("reader", READERS)
def test_reading_a_text_takes_linear_time(reader, end):
    """What is done with a memory or a question costs more in proportion to its length, whatever it repeats."""
    work, longest = READERS[reader], SHORT.get(reader)
    assert [unit for unit in UNITS if costly(work, lambda n, unit=unit: (unit * n)[:n] + end, longest)] == []
