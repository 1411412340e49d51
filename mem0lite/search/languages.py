"""Words of many languages to terms: stop words, stems, and which language in Latin script a text is in. Pure.

Stems are those of Snowball's stemmers (Porter, "Snowball: A language for stemming algorithms", 2001).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import chain

from py_rust_stemmers import SnowballStemmer  # type: ignore[import-untyped]

_ENGLISH = """
a about above after again all also am an and any are as at be because been before being between both but by can could
did do does doing down during each few for from further had has have having he her here hers herself him himself his
how i if in into is it its itself just let me more most my myself no nor not of off on once only or other our ours
ourselves out over own same she should so some such than that the their theirs them themselves then there these they
this those through to too under until up us very was we were what when where which while who whom whose why will with
would you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_ENGLISH.split())
"""English words that do not say which memory is meant, and that occur in most of them."""

# The most common function words of the languages in Latin script that have a stemmer. They show which language a text
# is in, and are dropped from texts in that language. If two languages fit equally well, the first in this list wins.
FUNCTION_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "german": """aber als am an auch auf aus bei bin bis bist da das dass dein deine dem den der des die dir doch du
            ein eine einem einen einer es für habe haben hat hatte ich ihm ihn ihr ihre im in ist ja kann kein keine
            mein meine meinem meinen meiner mich mir mit nach nicht noch nur ob oder schon sehr sein seine sich sie sind
            so über um und uns unser unter vom von vor wann war waren warum was wegen welche wenn wer werden wie wir
            wird wo wurde zu zum zur""",
        "french": """à ai alors as au aussi aux avec avez avons c ce ces cet cette comme d dans de depuis des donc du
            elle elles en est et été être eu il ils j je l la le les leur leurs lui m ma mais me mes moi mon n ne nos
            notre nous on ont ou où par pas plus pour pourquoi qu quand que quel quelle quelles quels qui s sa sans se
            ses si son sont sur ta te tes toi ton très tu un une vos votre vous y""",
        "spanish": """a al algo como con cómo cuál cuáles cuándo cuando de del desde donde dónde e el él ella ellos en
            entre era eres es esta está están este esto estoy fue ha han hasta hay la las le les lo los más me mi mis
            muy no nos nuestra nuestro o para pero por porque qué que quién quien se sí si sin sobre son soy su sus
            también te tengo tiene todo tu tú un una unas uno unos y ya yo""",
        "italian": """a ad ai al alla alle anche che chi ci come con cosa d da dal dalla dei del della delle di dove e è
            ed era gli ha hai hanno ho i il in io l la le lei li lo loro lui ma mi mia mie miei mio molto nel nella noi
            non o per perché più quale quali quando quella quello questa questo sei si sia siamo sono su sua sue suo sul
            sulla suoi ti tra tu tuo un una uno vi voi""",
        "portuguese": """a à ao aos as às até com como da das de dela dele depois do dos e é ela ele eles em entre era
            essa esse esta está este eu foi há isso já lhe mais mas me meu meus minha minhas muito na não nas nem no nos
            nós o onde os ou para pela pelo por porque qual quando que quem se sem ser seu seus só sua suas também te
            tem tenho um uma umas uns você""",
        "dutch": """aan al als bij daar dan dat de deze die dit doen door een en er geen haar had heb hebben heeft hem
            het hij hoe hun ik in is je jij kan maar me met mij mijn na naar niet nog nu of om omdat onder ons ook op
            over te toen tot uit van veel voor waar wanneer waren was wat we wel welke wie wij worden zal ze zich zij
            zijn zo""",
        "swedish": """alla att av blev bli de dem den denna det detta dig din du där efter ej eller en er ett från för
            ha hade han hans har hon honom hos hur här i inte jag kan man med men mig min mina mitt mot mycket ni nu när
            och om oss på sedan sig sin som så till under upp ut vad var varför vem vi vid vilken är över""",
        "danish": """af alle at blev bliver da de dem den denne der deres det dig din du efter eller en er et for fra få
            ham han hans har havde hende her hun hvad hvem hvis hvor hvornår hvorfor i ikke ind jeg jer kan man med
            meget men mig min mine mit når og også om op os på sig skal som til ud under var ved vi være""",
        "norwegian": """alle at av ble bli da de dem den denne der deres det deg du eller en er et etter for fra ha
            hadde ham han hans har henne her hun hva hvem hvis hvor hvordan hvorfor i ikke inn jeg kan man med meg men
            min mine mitt mye når og også om opp oss på seg skal som så til under ut var ved vi være""",
        "finnish": """ei eivät en entä että hän he ja joka jos kanssa keitä ketä koska kuin kuka kun me mikä mikään minä
            minua minulla minulle minun missä mitä mutta myös ne nyt ole olen oli olivat on ovat se sekä sen siellä
            siinä sinä sinun sitä tai tämä tässä voi""",
        "hungarian": """a az azt de egy el én és ez ezt ha hogy hol is itt ki le lesz meg mert mi mikor milyen mint most
            már nagyon nekem nem ő ők ott se sem te ti vagy vagyok van vannak volt voltam""",
        "romanian": """a ai al ale am ar are au că ca care când ce cine cu cum dar de din ea ei el este eu fi fost în
            într la mai mea meu mi nu o pe pentru prin sa să sau se și sunt tu un una unde unei unui va vă voi""",
        "turkish": """acaba ama ben beni benim bir biri bize bizim böyle bu bunu çok çünkü da daha de değil diye en gibi
            hangi hem hep her için ile ise kadar kim mi mı mu mü nasıl ne neden nerede o olan olarak oldu onlar onu
            onun sen senin şu var ve veya ya yok""",
    }.items()
}

# Function words in other scripts, and the most frequent terms of texts that are written without spaces.
_OTHERS = """
и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было вот от меня
еще нет о из ему теперь когда даже ну ли если или ни быть был него до вас они тут где есть мы тебя их чем была
без будто раз тоже себе под будет кто этот это эта эти того потому какой какая какие мой моя мои
και να το η ο τα του της με που για είναι σε οι στο στη στην στον από ένα μια μου σου μας τη την τον τους των
δεν θα ποιος ποια τι πώς πού πότε αλλά
في من على إلى عن أن إن هذا هذه ذلك التي الذي هو هي ما لا لم كان كانت مع أو و ثم هل أين متى كيف أنا نحن هم
है हैं का की के को में से और पर यह वह था थी थे हो ने एक भी कि मैं हम तो ही या मेरा मेरी मेरे क्या कौन कब कहाँ
的 了 是 在 和 吗 呢
は が を に の と で も へ や か から まで です ます でし まし した する して いる ある
"""
# Function words that say nothing about the language, because they are also English words or left over before or after
# an apostrophe, and those that say half as much, because English texts have them in names or in passing.
_ENGLISH_TOO = """
a ad ai al alle ar art ben bin bis c ca care chi cine com come con cum d dal den die dig dir don door e ed em er fi
fin go ha ham han hans hat hem hep hol hun inn j jag kan ki kim l li lo m ma man mas mi min mine mint mit mot mu n na
nas ne ni non nos o ole os p par pas plus pour q s sin sit son sue sur t ti todo ton tot u um un ut van var ve vi vid
war wie y ya
"""
_SOMETIMES_ENGLISH = """
ama da dan das dat de dei del della der des di dos du een el ella en era est et hade ho il im io ja je jos la las le
les los med meg men met mia mina nu om op pe per sa sans se soy te til till una va von yo zo zu
"""
_NO_EVIDENCE = STOP_WORDS.union(_ENGLISH_TOO.split())
_WEAK_EVIDENCE = frozenset(_SOMETIMES_ENGLISH.split())
_EVIDENCE: dict[str, list[tuple[str, int]]] = {}
for _name, _words in FUNCTION_WORDS.items():
    for _word in _words - _NO_EVIDENCE:
        _EVIDENCE.setdefault(_word, []).append((_name, 1 if _word in _WEAK_EVIDENCE else 2))
_LETTERS = {
    letter: languages.split()
    for letters, languages in {
        "ß": "german",
        "ä": "german swedish finnish",
        "ö": "german swedish finnish hungarian turkish",
        "ü": "german turkish hungarian",
        "å": "swedish danish norwegian",
        "æø": "danish norwegian",
        "ñ": "spanish",
        "ãõ": "portuguese",
        "ç": "french portuguese turkish",
        "é": "french spanish portuguese hungarian",
        "áíóú": "spanish portuguese hungarian",
        "àèù": "french italian",
        "ìò": "italian",
        "âê": "french portuguese",
        "ëïôûœ": "french",
        "î": "french romanian",
        "őű": "hungarian",
        "ăşșţț": "romanian",
        "ığş": "turkish",
    }.items()
    for letter in letters
}
_ACCENTED = re.compile(r"[À-ÖØ-öø-ɏḀ-ỿ]")
_SCRIPTS = (
    ("greek", "\u0370", "\u03ff"),
    ("russian", "\u0400", "\u052f"),
    ("arabic", "\u0600", "\u06ff"),
    ("tamil", "\u0b80", "\u0bff"),
)

# A query without accents finds words with accents, and the other way round. What looks like an accent but makes another
# letter (й, ї, ў, ѓ, ќ) stays, as do the vowel signs of Indic scripts and of Thai.
_ACCENT = re.compile(
    "([иу]\u0306|і\u0308|[гк]\u0301)|[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u093c]"
)
_SAME_LETTERS = str.maketrans(
    dict(zip("øłđðħŧıىیکۀँ", "olddhtiييكهं", strict=True)) | {"æ": "ae", "œ": "oe", "þ": "th", "ـ": None}
)
_SHORT_WORD = 40  # letters up to which a word's stem is cached
_LETTERS_PLURAL = re.compile(
    r"(\d{2,}|[b-df-hj-np-tv-xz\d]+[b-df-hj-np-rtv-xz\d]|[b-df-hj-np-tv-xz]{2}u)s"
)  # pdfs, gpus
_NO_PLURALS = frozenset(("https", "dns", "sms", "mms", "tls", "cms", "gps", "vps", "nfs", "mrs", "kbps", "mbps", "fps"))
_DOUBLED = re.compile(r"([ae](dd|gg|bb|rr))(?:ed|ing)")  # the stemmer would make "ad" of "added"


def languages_of(words: list[str], text: str) -> list[str]:
    """Return the language in Latin script that function words and letters point to, or the first two of several.

    The list is empty for English, and if nothing points to a language.
    """
    evidence = {word for word in words if word in _EVIDENCE}
    letters = set() if text.isascii() else {letter.lower() for letter in _ACCENTED.findall(text)}
    if not evidence and not letters:
        return []
    votes: Counter[str] = Counter()
    for language, weight in chain.from_iterable(_EVIDENCE[word] for word in evidence):
        votes[language] += weight
    for letter in letters:
        votes.update(dict.fromkeys(_LETTERS.get(letter, ["other"]), 2))
    most = max(votes.values())
    best = [language for language in FUNCTION_WORDS if votes[language] == most][:2]
    english = STOP_WORDS.intersection(words).difference(*(FUNCTION_WORDS[language] for language in best))
    return best if most > max(1, 2 * len(english)) else []


def word_terms(words: list[str], languages: list[str]) -> Iterable[str]:
    """Return each word's stem, and its stems in ``languages`` if they differ from it."""
    if not languages:
        return filter(None, map(term_of, words))
    dropped = frozenset.intersection(*(_DROPPED[language] for language in languages))
    kept = [word for word in words if word not in dropped]
    stems = ({term: None} | dict.fromkeys(stems_in(languages, word)) for word in kept if (term := term_of(word)))
    return chain.from_iterable(stems)


def term_of(word: str) -> str:
    """Return the stem of a word in the language of its script; empty for a stop word."""
    return _known_term(word) if len(word) <= _SHORT_WORD else _new_term(word)


def _new_term(word: str) -> str:
    if word in STOP_WORDS:
        return ""
    if word.isascii():
        return _careful_english_stem(word)
    word = folded(word)
    if word in OTHER_STOP_WORDS:
        return ""
    language = next((language for language, first, last in _SCRIPTS if first <= word[:1] <= last), "english")
    return _stemmer(language)(word)


_known_term = lru_cache(maxsize=1 << 14)(_new_term)


def _careful_english_stem(word: str) -> str:
    """Return the stem of an English word; the stemmer is not asked about "gpus" and "added", which it gets wrong."""
    if (plural := _LETTERS_PLURAL.fullmatch(word)) and word not in _NO_PLURALS:
        return plural[1]
    doubled = _DOUBLED.fullmatch(word)
    return doubled[1] if doubled else english_stem(word)


def stems_in(languages: list[str], word: str) -> Iterator[str]:
    """Yield the stems of a word in each of the languages, which like the word are in Latin script."""
    if word[0].isascii() or _ACCENTED.match(word):
        yield from filter(None, (folded(_stemmer(language)(word)) for language in languages))


@cache
def _stemmer(language: str) -> Callable[[str], str]:
    stem: Callable[[str], str] = SnowballStemmer(language).stem_word
    return stem


def folded(text: str) -> str:
    """Return the text without accents and with one form of each letter."""
    if text.isascii():
        return text
    text = _ACCENT.sub(r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", text).translate(_SAME_LETTERS)


english_stem = _stemmer("english")
OTHER_STOP_WORDS = frozenset(folded(word.casefold()) for word in _OTHERS.split())
_DROPPED = {name: words.union(map(folded, words)) for name, words in FUNCTION_WORDS.items()}  # also without accents
