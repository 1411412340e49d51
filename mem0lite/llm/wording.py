"""Whether the names, numbers and negations of a fact were said. Pure.

What can't be compared is not refused: a name in a script that no source is written in, or a negation in a language
whose negations are not known here.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from ..comparison import compatible
from ..search.languages import FUNCTION_WORDS, STOP_WORDS, folded, languages_of, term_of

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_TIME = re.compile(r"(?<!\d)(\d{1,2})(?::\d\d)?(?:\s{0,2}([ap])\.?m\b)?", re.IGNORECASE)


def _list(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _by_number(words: str) -> dict[str, int]:
    return {one: number for number, names in enumerate(words.split()) for one in names.split("/")}


# ---- Numbers -----------------------------------------------------------------------------------------------------
_ENGLISH_NUMBERS = _by_number(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
) | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_FOREIGN_NUMBERS = {
    **_by_number(
        "null/zéro/cero/nul ein/eine/einen/einem/einer/un/une/uno/una/um/uma/een zwei/deux/dos/due/dois/duas/twee "
        "drei/trois/tres/tre/três/drie vier/quatre/cuatro/quattro/quatro fünf/cinq/cinco/cinque/vijf "
        "sechs/six/seis/sei/zes sieben/sept/siete/sette/sete/zeven acht/huit/ocho/otto/oito neun/neuf/nueve/nove/negen "
        "zehn/dix/diez/dieci/dez/tien elf/onze/undici zwölf/douze/doce/dodici/doze/twaalf"
    ),
    **_by_number("零 一 二 三 四 五 六 七 八 九 十"),
    **_by_number("ноль один/одна/одну два/две три четыре пять шесть семь восемь девять десять"),
    **{"once": 1, "twice": 2, "couple": 2, "both": 2, "pair": 2, "thrice": 3, "dozen": 12, "hundred": 100, "两": 2},
    **{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9},
}


_MULTIPLES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "k": 1_000, "m": 1_000_000}
_SHORTENED = re.compile(r"(?<![\d.,])(\d{1,6})(k|m)\b", re.IGNORECASE)


def check_numbers(text: str, sources: Sequence[str], also: Iterable[str] = ()) -> str | None:
    """Return what is wrong with the numbers of a text, or None if all are in its sources or ``also`` known."""
    said: frozenset[str] | None = None
    for written in _numbers(text):
        said = said or frozenset([*also, *(one for source in sources for one in _said_numbers(source))])
        if said.isdisjoint(_forms(written)):
            return f"the number {written!r} was not said"
    return None


def _numbers(text: str) -> Iterator[str]:
    """Yield the numbers of a text, also those written as English words, but not "one", which is also a pronoun."""
    text = _with_digits(text)
    yield from _NUMBER.findall(text)
    for run in _runs(text):
        if run != ["one"]:
            yield str(_value(run))


def _said_numbers(text: str) -> Iterator[str]:
    text = _with_digits(text)
    for written in _NUMBER.findall(text):
        yield from _forms(written)
    for digits, suffix in _SHORTENED.findall(text):
        yield str(int(digits) * _MULTIPLES[suffix.lower()])
    yield from (str(_value(run)) for run in _runs(text))
    for word in _WORD.findall(text.casefold()):
        parts = [word] if word.isascii() else [word, *word]  # 三匹
        yield from (str(_FOREIGN_NUMBERS[part]) for part in parts if part in _FOREIGN_NUMBERS)
    for found in _TIME.finditer(text):
        hour = int(found[1])
        if hour <= 24 and (found[2] or ":" in found[0]):
            yield from (str((hour + 12) % 24), str(hour % 12 or 12))


def _runs(text: str) -> Iterator[list[str]]:
    """Yield the English words that make a number together: two; twenty-five; three hundred and ten thousand."""
    run: list[str] = []
    for word in [*_WORD.findall(text.casefold()), ""]:
        if word in _ENGLISH_NUMBERS or (run and word in _MULTIPLES):
            run.append(word)
        elif run and not (word == "and" and run[-1] in _MULTIPLES):
            yield run
            run = []


def _value(run: Sequence[str]) -> int:
    total = part = 0
    for word in run:
        if word in _ENGLISH_NUMBERS:
            part += _ENGLISH_NUMBERS[word]
        elif _MULTIPLES[word] == 100:
            part *= 100
        else:
            total, part = total + part * _MULTIPLES[word], 0
    return total + part


def _forms(written: str) -> Iterator[str]:
    """Yield a number as it may be written: 1,000 and 1000; 5.50 and 5.5; 17:00 and 17."""
    whole = re.sub(r"[,.](?=\d{3}(?!\d))", "", written)
    yield _plain(whole)
    if whole == written:
        yield _plain(written.replace(",", "."))
    if ":" in written:
        yield _plain(written.removesuffix(":00"))


def _plain(written: str) -> str:
    whole, point, fraction = written.partition(".")
    if point and fraction.isdigit() and not fraction.strip("0"):
        return whole.lstrip("0") or "0"
    return (written.rstrip("0") if point and fraction.isdigit() else written).lstrip("0") or "0"


def _with_digits(text: str) -> str:
    """Return a text with ASCII digits in place of those of other scripts."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in compatible(text))


# ---- Names -------------------------------------------------------------------------------------------------------
_NOBODY = _list(
    "user users assistant assistants i im ive id ill benutzer benutzerin nutzer nutzerin anwender assistent"
    " utilisateur usuario usuaria utente usuário usuária gebruiker användaren bruger brukeren käyttäjä"
    " пользователь użytkownik kullanıcı ユーザー アシスタント"
)
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc]{2,}")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_LEAST_STEM, _SHARED = 3, 0.75
_NOUNS_HAVE_CAPITALS = "german"


def check_names(text: str, sources: Sequence[str], speakers: Iterable[str]) -> str | None:
    """Return what is wrong with the names of a text, or None if all are in its sources or are those of speakers.

    In German, where every noun has a capital, half of the words with capitals are enough.
    """
    said = _Words(text, sources, speakers)
    names = [name for name in _names(text, said.foreign) if name.casefold() not in _NOBODY and said.comparable(name)]
    missing = [name for name in names if not said.has(name)]
    if not missing or (said.in_german and 2 * len(missing) <= len(names)):
        return None
    return f"the name {missing[0]!r} was not said"


class _Words:
    """The words of some sources, for the names of a text."""

    def __init__(self, text: str, sources: Sequence[str], speakers: Iterable[str]) -> None:
        self._folded = folded(compatible("\n".join([*sources, *speakers])).casefold())
        self._words = {one for word in _WORD.findall(self._folded) for one in (word, *re.split("['’]", word))}
        self._terms = {term_of(word) for word in self._words} - {""}
        letters = [one for source in sources for one in source if one.isalpha()]
        self._latin = 2 * sum(map(bool, map(_LATIN.match, letters))) >= len(letters)
        languages = [language for one in (text, *sources) for language in _languages(one)[:1]]
        self.in_german = _NOUNS_HAVE_CAPITALS in languages
        self.foreign = bool(languages) or not all(map(str.isascii, (text, *sources)))

    def comparable(self, name: str) -> bool:
        """Whether a name is in the script of most of what was said."""
        return self._latin or not _LATIN.search(name) or name.casefold() in self._folded

    def has(self, name: str) -> bool:
        """Whether a name was said, perhaps with another ending."""
        plain = folded(compatible(name).casefold())
        if plain in self._folded and not plain.isalpha():
            return True
        parts = [part for part in re.split(r"[\W_]+", plain) if part and not part.isdigit()]
        return all(map(self._has_word, parts))

    def _has_word(self, word: str) -> bool:
        if word in self._words or term_of(word) in self._terms or not word.isalpha():
            return True
        if _KATAKANA.fullmatch(word):
            return word in self._folded
        return self.foreign and any(_alike(word, other) for other in self._words)


def _alike(word: str, other: str) -> bool:
    """Whether two words begin alike, as the forms of a name do in many languages."""
    shorter = min(len(word), len(other))
    if shorter < _LEAST_STEM:
        return False
    shared = next((place for place in range(shorter) if word[place] != other[place]), shorter)
    return shared >= max(_LEAST_STEM, _SHARED * shorter)


def _names(text: str, foreign: bool) -> Iterator[str]:
    yield from _KATAKANA.findall(text)
    if foreign:
        for sentence in re.split(r"[.!?;:\n]\s", text):
            words = _WORD.findall(sentence)
            yield from (word for word in words[1:] if word[:1].isupper())
        return
    from ..graph.english.tagging import tag  # with its lexicon, which nothing else needs so far
    from ..graph.english.tokens import sentences

    for words in sentences(text):
        tag(words)
        yield from (word.text for word in words if word.tag == "name" and word.kind != "version" and word.text)


@functools.lru_cache(maxsize=256)
def _languages(text: str) -> list[str]:
    return languages_of([word.casefold() for word in _WORD.findall(text)], text)


# ---- Negations ---------------------------------------------------------------------------------------------------
_NOT = _list(
    "not no never nobody nothing none nor neither cannot cant without nowhere hardly barely seldom rarely nicht"
    " kein keine keinen keinem keiner keines nie niemals ohne niemand nichts ne pas jamais sans aucun aucune rien"
    " personne nunca sin jamás nadie nada ningún ninguna ninguno tampoco non mai senza nessuno nessuna niente não"
    " nem sem jamais ninguém nenhum nenhuma niet geen nooit zonder niemand niets inte aldrig utan ingen inga inget"
    " ej ikke uden aldri uten ei en emme ette eivät nem nincs soha nu fără niciodată değil yok hiç nie nigdy bez"
    " nic ne nikdy не нет никогда без ничего никто нельзя ні δεν δε μην ποτέ לא אין בלי لا لم لن ليس ليست بدون"
    " नहीं मत कभी"
)
_NOT_IN_ENGLISH = _list("not no never nobody nothing none nor neither cannot cant without nowhere")
_ALSO_OTHERWISE = _list("sin nu ei en emme ne pas non mai sem nem ni nic ej")
"""Negations of one language that are words of others."""
_NOT_IN_CHARACTERS = re.compile("[不没沒無无未別别]|ない|ません|なかった|なし|안 |않|없|못|아니|ไม่|មិន|မ")
_LIKE_NOT = _list(
    "stop stopped stops quit quits avoid avoids avoided dislike dislikes disliked hate hates hated refuse refuses"
    " refused allergic allergy intolerant lack lacks lacked fail failed fails unable hardly barely seldom rarely"
    " except instead only cancel cancelled canceled missing missed lost forgot former formerly ex gave gives give"
    " ended end ends ban banned free vegan vegetarian against reject rejected declined decline declines deny"
    " denied denies impossible unlikely until unless longer out left skip skips skipped less anymore before"
    " despises despise detest detests detest loathes"
)
_IDIOMS = re.compile(
    r"(?:can't|cannot) (?:wait|help|stop|get enough)|(?:don't|do not|never) (?:forget|mind|worry)|why (?:don't|not)"
    r"|nothing (?:beats|better|like)|never miss|(?:wouldn't|would not) mind|(?:isn't|aren't|not) just"
    r"|not only|no (?:doubt|problem|worries|wonder|longer)|not bad|nothing but"
    r"|(?:haven't|hasn't|have not|has not)(?=[^.!?\n]{0,80} since )"
    r"|no,|not sure (?:if|whether)|isn't it|aren't (?:you|we|they)|don't you|doesn't (?:he|she|it)|if not|or not"
)
_CLAUSE = re.compile(
    r"[.!?;:\n]+|,|\b(?=not )|\b(?:but|although|though|because|while|whereas|and|so|since|as|when|if|that|who|which"
    r"|mais|et|aber|und|sondern|pero|sino|y|ma|però|e|mas|maar|en|men|och|og|ale|ama|ve)\b"
)


def check_negations(text: str, sources: Sequence[str]) -> str | None:
    """Return what is wrong with the negations of a text: it has one that nobody said, or left one out."""
    foreign = any(map(_is_foreign, (text, *sources)))
    if _negates(text, foreign):
        known = any(_negates(source, foreign) or _words(source) & _LIKE_NOT for source in sources)
        comparable = not any(map(_is_foreign, sources)) or _knows_negations(sources)
        return "it negates what was not negated" if comparable and not known else None
    if _words(text) & _LIKE_NOT or not all(map(str.isascii, map(folded, (text, *sources)))):
        return None
    return "it leaves out a negation" if _is_negated(text, sources, foreign) else None


def _negates(text: str, foreign: bool) -> bool:
    words = _words(text)
    return bool(
        words & (_NOT if foreign else _NOT - _ALSO_OTHERWISE)
        or any(word.endswith("n't") for word in words)
        or _NOT_IN_CHARACTERS.search(text)
    )


def _is_negated(text: str, sources: Sequence[str], foreign: bool) -> bool:
    """Whether something that a fact is about is in negated clauses only."""
    clauses = [clause for source in sources for clause in _CLAUSE.split(_IDIOMS.sub(" ", source.casefold()))]
    negated: set[str] = set()
    plain: set[str] = set()
    for clause in clauses:
        (negated if _negates(clause, foreign) else plain).update(_terms(clause))
    return not (negated - plain).isdisjoint(_terms(text))


def _terms(text: str) -> frozenset[str]:
    words = _words(text) - _NOT_IN_ENGLISH - _NOBODY
    return frozenset(term_of(word) for word in words if "'" not in word) - {""}


def _words(text: str) -> frozenset[str]:
    return frozenset(word.replace("’", "'") for word in _WORD.findall(text.casefold()))


def _is_foreign(text: str) -> bool:
    """Whether a text is in another language than English, as far as it shows."""
    return bool(_languages(text)) or sum(not one.isascii() for one in text) > len(text) // 10


def _knows_negations(sources: Sequence[str]) -> bool:
    """Whether a source is in a language of Latin script whose negations are known here."""
    return any(language in FUNCTION_WORDS for source in sources for language in _languages(source))


def content_terms(text: str) -> frozenset[str]:
    """Return what a text is about: the stems of its words without those that most texts have."""
    if not text.isascii():
        from ..search.text import query_terms

        return frozenset(query_terms(text))
    return frozenset(term for term in _terms(text) if term not in STOP_WORDS)


# ---- Requests ----------------------------------------------------------------------------------------------------
_ABOUT_MEMORY = _list(
    "memory memories forget forgot forgotten forgets delete deletes deleted deleting erase erases erased"
    " remove removes removed overwrite overwrites overwritten instruction instructions prompt ignore ignores"
    " ignored reset wipe wiped discard disregard purge purged vergiss vergessen lösche löschen gelöscht olvida"
    " olvidar borra borrar oublie oublier supprime supprimer efface effacer esquece apaga dimentica cancella"
    " забудь удали удалить 忘记 忘記 删除 刪除 忘れ 消して 削除 清除 잊어 삭제 you your yours yourself please"
)


_FORMATTED = ('{"', '"}', "{'", "```", "<|", "</", "[/", "[INST", "{{", "{%")


def asks_for_a_change(text: str) -> bool:
    """Whether a text speaks to a model, asks for a change of memories, or is in a format, instead of telling a fact."""
    folded_text = text.casefold()
    words = frozenset(re.split(r"[\W_]+", folded_text))
    if any(mark in text for mark in _FORMATTED) or words & _ABOUT_MEMORY:
        return True
    return any(not word.isascii() and word in folded_text for word in _ABOUT_MEMORY)


_CHANGES = _list(
    "anymore longer now instead stopped stops quit quits moved moves left leaves sold changed changes"
    " switched switches replaced cancelled canceled ended ends broke divorced died closed lost gave became"
    " becomes former formerly already nicht mehr jetzt statt plus maintenant désormais ya ahora più ora agora"
    " больше теперь もう 今は 现在 現在 不再"
)


def tells_a_change(text: str) -> bool:
    """Whether a text tells that something is not as it was."""
    return bool(_words(text) & _CHANGES) or any(not word.isascii() and word in text for word in _CHANGES)


def differ_in_negation(text: str, other: str) -> bool:
    """Whether one of two texts is negated, or has a word such as "stopped" or "hates", and the other has not."""
    foreign = _is_foreign(text) or _is_foreign(other)
    negative = [_negates(one, foreign) or bool(_words(one) & _LIKE_NOT) for one in (text, other)]
    return negative[0] != negative[1]


def has_number(text: str) -> bool:
    """Whether a text has a number in digits."""
    return any(map(str.isdecimal, text))
