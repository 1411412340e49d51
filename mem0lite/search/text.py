"""Text to keyword terms: normalise, take identifiers apart, split, drop stop words, stem. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from itertools import accumulate, chain, islice, pairwise
from typing import NamedTuple

from py_rust_stemmers import SnowballStemmer  # type: ignore[import-untyped]

from ..comparison import compatible

TERMS_VERSION = 3
"""Which terms a text gives. A file remembers the version its keyword index was made with; 1 knew English words only, 2
neither symbols nor words that are written together and apart."""

MAX_QUERY_TERMS = 64
"""Distinct terms of a query that are looked up; the rest of a longer query still counts in its vector."""

FOREIGN = "\x02"
"""The term that a memory has besides its own when its words have stems in another language than English."""

_ENGLISH = """
a about above after again all also am an and any are as at be because been before being between both but by can could
did do does doing down during each few for from further had has have having he her here hers herself him himself his
how i if in into is it its itself just let me more most my myself no nor not of off on once only or other our ours
ourselves out over own same she should so some such than that the their theirs them themselves then there these they
this those through to too under until up us very was we were what when where which while who whom whose why will with
would you your yours yourself yourselves
"""
STOP_WORDS = frozenset(_ENGLISH.split())
"""Words that do not say which memory is meant, and whose postings are the longest."""

# The commonest function words of the languages in Latin script that have a stemmer. They are dropped from a text of
# their language, and say that it is one: where two languages fit equally well, the one that comes first is meant.
_FUNCTION_WORDS = {
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
# Words that are written apart as well, by their second part. Others are found apart only by a question that writes
# them so.
_APART = """
up: set back start sign follow clean look mark pop pick stand; in: log sign check; out: log sign check roll work lay
print time pay; on: log; off: take lay kick; down: shut break count slow; back: fall call roll pay play; away: take;
over: turn take hand roll; around: work; end: back front week; base: data code; site: web; page: web home; name: user
file host nick; word: pass; line: time dead; map: road; flow: work; board: white dash key; list: check white black;
space: work name; care: health child day skin; time: lunch bed real run part full; day: week birth; friend: girl boy;
mate: room class team flat house; source: open; mail: voice; phone: smart; stream: live; set: data; point: end check;
frame: time; stamp: time; zone: time; shot: screen snap; hook: web; socket: web; stack: full; sheet: spread cheat
"""
_COMPOUNDS = frozenset(
    first + second.strip()
    for line in _APART.split(";")
    for second, _, rest in [line.partition(":")]
    for first in rest.split()
)
_ADVERBS = frozenset(("up", "in", "out", "on", "off", "down", "over", "back", "away", "around"))
_SECOND_PARTS = frozenset(line.partition(":")[0].strip() for line in _APART.split(";"))

# Function words of other scripts, and the most frequent of what runs without spaces are split into.
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
# Function words that say nothing about the language, because they are English words or what an apostrophe cuts off, and
# those that say half as much, because English texts have them in names or by the way.
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
for _name, _words in _FUNCTION_WORDS.items():
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

_PARTICLES = re.compile("(?:에서|에게|한테|으로|부터|까지|은|는|이|가|을|를|에|의|도|로|와|과|만|랑)$")  # of Korean
_SCRIPTS = (
    ("greek", "\u0370", "\u03ff"),
    ("russian", "\u0400", "\u052f"),
    ("arabic", "\u0600", "\u06ff"),
    ("tamil", "\u0b80", "\u0bff"),
)

# A query without accents finds the word with them, and the other way round. What looks like an accent and makes another
# letter stays (й, ї, ў, ѓ, ќ), as do the vowel signs of Indic scripts and of Thai.
_ACCENT = re.compile(
    "([иу]\u0306|і\u0308|[гк]\u0301)|[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u093c]"
)
_SAME_LETTERS = str.maketrans(
    dict(zip("øłđðħŧıىیکۀँ", "olddhtiييكهं", strict=True)) | {"æ": "ae", "œ": "oe", "þ": "th", "ـ": None}
)

_LONGEST_WORD = 255  # what is longer is no word and is cut into pieces, so that a posting stays small
_SHORT_WORD = 40  # whose stem is remembered
_LONGEST_NAME = 256
_LONGEST_JOINED = 2_000  # characters of a query that are looked at for words written together or apart
_LONGEST_COMPOUND = 12  # letters that two words of a query may have as one; each such word is looked up
_TOO_SHORT = 3  # words, which say nothing of a query's language
_MOST_PARTS = 64  # of an identifier: no path has more, and an encoded file must not fill the index

_DIGIT = re.compile(r"[^\D0-9]")
_CLUSTER = re.compile(r"[^\W_][^\w\s]*|.")
_VARIANTS = re.compile("[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]")  # colour or not, joiners, tones of skin

# Signs of an identifier, a number or a time. Most prose has none and is spared the rest.
_JOINED = re.compile(r"[-_./\\:@+=&~%?>#,](?:(?<=[_#])|(?<!,)[\w+]|\d)")
_DATE_TIME = re.compile(r"(?<=\d-\d\d)T(?=\d\d:)")
_HUMP = re.compile(r"[A-Z](?:(?<=[a-z].)|(?<=\d.)(?=[a-z])|(?<=[A-Z].)(?=[a-z]{2}))")
_CAMEL = re.compile(rf"(?<![A-Za-z\d])[A-Za-z\d]*?{_HUMP.pattern}[A-Za-z\d]*")
_HASH = re.compile(r"[\da-f]{32,128}")
_SCHEME = re.compile(r"^(?:[a-z][a-z\d+.-]*://)?(?:www\.)?")
_HARD_JOINER = re.compile(r"[._@\\]|::|->")
_OUTER_JOINER = re.compile(r"::|->|[/\\:@+=&~%?#]+")
_PART = re.compile(r"[^\W_]+")
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)")
_SUFFIX = re.compile(r"[?#]|:(?=\d)")  # of an address or a path: a query, a fragment, a line
_TICKET = re.compile(r"[a-z]+-\d+(?=-)")
_SIGNED = re.compile(r"[@#.]\w+|\w+\+\+|[a-z]#")

_PLURAL = re.compile(r"(?<![^\W_])([A-Z][A-Z\d]+)(?:s['’]?|['’]s)(?![^\W_])")  # PDFs, CEOs', GPU's
_LETTERS_PLURAL = re.compile(
    r"(\d{2,}|[b-df-hj-np-tv-xz\d]+[b-df-hj-np-rtv-xz\d]|[b-df-hj-np-tv-xz]{2}u)s"
)  # pdfs, gpus
_NO_PLURALS = frozenset(("https", "dns", "sms", "mms", "tls", "cms", "gps", "vps", "nfs", "mrs", "kbps", "mbps", "fps"))
_DOUBLED = re.compile(r"([ae](dd|gg|bb|rr))(?:ed|ing)")  # of which the stemmer leaves "ad" for "add"
_WORD = re.compile(r"[^\W_]+")
_DASHED = re.compile(r"(?<![\w./\\:@#+-])[^\W_]{1,20}+(?:-[^\W_]{1,20}+)++(?![\w@/\\:]|[-.+]\w)")
_DOTTED = re.compile(r"(?<![\w./\\:@#+-])[^\W\d_]{1,20}+(?:\.[^\W\d_]{1,20}+)++(?![\w@/\\:]|[-.+]\w)")
_SPACED = re.compile(r"(?<!\w)([^\W_]{1,20}+) (?=([^\W_]{1,20}+)(?!\w))")


class _Patterns(NamedTuple):
    word: re.Pattern[str]
    identifier: re.Pattern[str]


class _Unicode(NamedTuple):
    """The patterns whose compilation takes milliseconds, which only texts beyond ASCII need."""

    beyond_latin: re.Pattern[str]
    invisible: re.Pattern[str]
    spaceless: re.Pattern[str]
    may_be_symbol: re.Pattern[str]
    symbol: re.Pattern[str]
    marked: _Patterns


@cache
def _patterns(marks: str) -> _Patterns:
    """Return the patterns of words made of ``\\w`` and ``marks``. Possessive: none takes more than linear time."""
    word = rf"[\w{marks}]"
    sign = r"(?:\+\+\d*+|(?<=[A-Za-z])\#(?!\w))"
    identifier = rf"""(?<!{word})(?:
        (?P<number>\d{{1,3}}(?:,\d{{3}}){{1,8}}+(?:\.\d{{1,20}}+)?+)(?!{word})
        |(?P<time>\d{{1,2}}:\d\d(?::\d\d)?+)(?=(?:[AaPp][Mm]|Z)(?!{word})|(?![:\w]))
        |(?P<name>(?:(?<![@\#.])[@\#.])?+{word}++(?:(?:(?:://|:\\|::|->|[-./\\:@+=&~%?\#]){word}++)++{sign}?+|{sign})
            |(?<![@\#.])[@\#.]{word}++
            |(?={word}*_){word}++))"""
    return _Patterns(re.compile(rf"[^\W_]{word}{{0,{_LONGEST_WORD - 1}}}"), re.compile(identifier, re.VERBOSE))


@cache
def _unicode() -> _Unicode:
    """Return them. In scripts beyond the Basic Multilingual Plane, historic or rare, a combining mark ends a word.

    Symbols are what Unicode calls so, but for ASCII, modifiers, the slash of fractions, and what rules, bars, and
    progress are drawn with.
    """
    marks = "".join(c for c in map(chr, range(0x10000)) if unicodedata.category(c)[0] == "M")
    symbols = "".join(
        c
        for c in map(chr, chain(range(0xA0, 0xFFFD), range(0x1F000, 0x1FC00)))
        if unicodedata.category(c) in ("So", "Sm", "Sc") and not (c in "¦\u2044" or "\u2500" <= c <= "\u259f")
        if not "\u2800" <= c <= "\u28ff"
    )
    one = rf"[{symbols}][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
    return _Unicode(
        beyond_latin=re.compile(
            "[^\x00-\xac\xae-\u02ff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u2100-\u2bff\U0001f000-\U0001faff]"
        ),
        invisible=re.compile(
            "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
            "\U000e0000-\U000e0fff]"
        ),
        spaceless=re.compile(
            r"(?P<han>[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]+)"
            r"|(?P<hiragana>[\u3041-\u3096\u309d-\u309f\u30fc]+)|(?P<katakana>[\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff]+)"
            r"|(?P<hangul>[\u1100-\u11ff\ua960-\ua97c\uac00-\ud7fb]+)"
            r"|(?P<southeast>[\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf"  # Thai, Lao
            r"\u1000-\u103f\u1050-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f\u1780-\u17d3\u17d7\u17dc\u17dd]+)"  # Myanmar, Khmer
        ),
        may_be_symbol=re.compile(
            "[\xa2-\xa5\xa9\xac\xae\xb0\xb1\xd7\xf7\u03f6\u0606-\u060f\u20a0-\u2bff\u3000-\U0001fbff]"
        ),
        symbol=re.compile(
            "(?P<key>[0-9#*])\ufe0f?\u20e3|[\U0001f1e6-\U0001f1ff]{2}"
            rf"|\U0001f3f4[\U000e0020-\U000e007e]{{1,16}}\U000e007f|{one}(?:\u200d{one}){{0,9}}"
        ),
        marked=_patterns(marks),
    )


def indexed_text(text: str, actor_id: str | None) -> str:
    """Return what is embedded and indexed for a memory: the text, after the speaker's name where there is one."""
    return text if actor_id is None else f"{actor_id}: {text}"


def terms(text: str) -> Counter[str]:
    """Return the keyword terms of a text and how often each occurs.

    * Words: NFKC-normalised, case-folded, without accents, without stop words, stemmed with Snowball's stemmer (Porter,
      "Snowball: A language for stemming algorithms", 2001) for the word's script, which is English for Latin. Where
      function words and letters show another language in Latin script, its stem is one more term of each word it
      differs for, so that a query need not be recognised as the language its memory is in.
    * Chinese, Japanese, Korean, Thai, Lao, Khmer and Myanmar: pairs of neighbouring characters within a run of one
      script, and for Chinese characters each by itself too (Kwok, "Employing multiple representations for Chinese
      information retrieval", 1999); a run of one character is a term in any script.
    * Symbols and emoji, each by itself, without tone of skin; those joined into one also as a whole; flags; keycaps.
    * Identifiers (names joined by ``. _ - / \\ : @``, versions, addresses, hashes): each whole, in lower case and not
      stemmed, then its parts as words.
    * Two words with a hyphen, initials with dots, a name with a short end, and words that are also written apart, as
      one word besides: "e-mail", "U.S.A.", "Node.js", "set up".
    """
    return _terms(text)[0]


def indexed_terms(text: str) -> Counter[str]:
    """Return the terms of a memory: those of its text, and FOREIGN where that is in another language than English."""
    found, languages = _terms(text)
    if languages:
        found[FOREIGN] = 1
    return found


def _terms(text: str, *, joined: bool = True) -> tuple[Counter[str], list[str]]:
    """Return the terms of a text, with the words that parts of it make as one or without, and its languages where they
    are Latin in script and not English."""
    found: list[str] = []
    if not text.isascii() and _unicode().may_be_symbol.search(text):
        text = _unicode().symbol.sub(lambda symbol: _take_symbol(symbol, found), text)
    marked = not text.isascii() and _unicode().beyond_latin.search(text)
    if marked:
        text = _unicode().spaceless.sub(lambda run: _take_run(run, found), _normalised(text))
    elif not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    patterns = _unicode().marked if marked else _patterns("")
    if _JOINED.search(text):
        if joined:
            found += filter(None, (_term(one) for one, *_ in _joined(text.casefold())))
        text = _DATE_TIME.sub(" ", text)
        text = patterns.identifier.sub(lambda name: _take_identifier(name, found), text)
    if _HUMP.search(text):
        text = _CAMEL.sub(_humps, text)
    text = _PLURAL.sub(r"\1", text)
    folded = text.casefold().replace("i\u0307", "i")
    words = patterns.word.findall(folded)
    if joined:
        found += map(_term, _written_apart(words, folded))
    found += [word[:length] for word in words if len(word) > 31 and _HASH.fullmatch(word) for length in (7, 12)]
    languages = _languages(words, text)
    return Counter(chain(found, _word_terms(words, languages))), languages


def query_terms(query: str) -> list[str]:
    """Return the distinct terms of a query, at most MAX_QUERY_TERMS: identifiers first, then by appearance.

    Without the words that parts of it make as one: those are other forms of the parts (``other_forms``).
    """
    return list(_terms(query, joined=False)[0])[:MAX_QUERY_TERMS]


def other_forms(query: str) -> dict[str, list[str]]:
    """Return by term of a query what else a memory may have in its place: the word that it makes with its neighbour."""
    text = _plain(query)
    pairs = [(_as_one(*pair), *pair) for pair in _SPACED.findall(text)]
    pairs = [
        pair
        for pair in pairs
        if pair[0] in _COMPOUNDS or (len(pair[0]) <= _LONGEST_COMPOUND and STOP_WORDS.isdisjoint(pair))
    ]
    forms: dict[str, list[str]] = {}
    for one, *parts in chain(_joined(text), pairs):
        for part in parts:
            forms.setdefault(part if "." in part else _term(part), []).append(_term(one))
    return {part: list(dict.fromkeys(ones)) for part, ones in forms.items() if part}


def foreign_forms(query: str) -> dict[str, list[str]]:
    """Return by term of a query that is too short to tell its language the stems of its words in any.

    They mean the same only in a memory that has FOREIGN, as in another they may be the stem of quite another word.
    """
    text = _plain(query)
    words = _WORD.findall(text)
    if len(words) > _TOO_SHORT or not STOP_WORDS.isdisjoint(words) or _languages(words, text):
        return {}
    forms = {_term(word): {stem for stem in _terms_in([*_FUNCTION_WORDS], word) if len(stem) > 2} for word in words}
    return {term: sorted(stems - {term}) for term, stems in forms.items() if stems - {term}}


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_LONGEST_JOINED]).casefold()


def _normalised(text: str) -> str:
    """Return the text in NFKC, without invisible characters and with ASCII digits."""
    text = compatible(_unicode().invisible.sub("", text))
    return _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)


def _take_run(match: re.Match[str], found: list[str]) -> str:
    """Add the terms of a run of characters that are written without spaces, and return what takes its place."""
    run, script = match[0], match.lastgroup
    units = _CLUSTER.findall(run) if script == "southeast" else list(run)
    grams = [first + second for first, second in pairwise(units)]
    if script == "han" or len(units) == 1:
        grams += units
    elif script == "hangul" and len(noun := _PARTICLES.sub("", run)) == 1:
        grams.append(noun)
    found += [gram for gram in grams if gram not in _OTHER_STOP_WORDS]
    return " "


def _take_symbol(match: re.Match[str], found: list[str]) -> str:
    """Add the terms of a symbol, and return what takes its place: itself where it stands for letters, as "™" does."""
    symbol = match[0]
    if match["key"]:
        found.append(f"{symbol[0]}\u20e3")
        return f" {symbol[0]} "
    parts = _VARIANTS.split(symbol)
    whole = unicodedata.normalize("NFKC", "".join(parts))
    if any(map(str.isalnum, whole)):
        return symbol
    found += dict.fromkeys([whole, *parts] if "\u200d" in symbol else [whole])
    return " "


def _joined(text: str) -> Iterator[tuple[str, ...]]:
    """Yield what parts of a folded text are as one word, each time with the terms that it stands for.

    Two with a hyphen, initials with dots, and a name with a short end: "e-mail", "u.s.a", "node.js".
    """
    for name in _DASHED.finditer(text) if "-" in text else ():
        parts = name[0].split("-")
        if len(parts) == 2 and not "".join(parts).isdigit():
            yield "".join(parts), *parts
    for name in _DOTTED.finditer(text) if "." in text else ():
        parts = name[0].split(".")
        if all(len(part) == 1 for part in parts) or (len(parts) == 2 and len(parts[1]) < 3):
            yield "".join(parts), name[0], *parts


def _as_one(first: str, second: str) -> str:
    """Return two words as one; the first may be inflected where the second is one such as "in": "logged in"."""
    return (_english(first) if second in _ADVERBS else first) + second


def _written_apart(words: list[str], text: str) -> Iterator[str]:
    """Yield the words that are written apart in a folded text and are also written as one."""
    for place, second in enumerate(words[1:]):
        if second in _SECOND_PARTS:
            one = _as_one(words[place], second)
            if one in _COMPOUNDS and f"{words[place]} {second}" in text:
                yield one


def _take_identifier(match: re.Match[str], found: list[str]) -> str:
    """Add an identifier's, number's or time's terms as a whole, and return its parts, separated by spaces."""
    name = match[0]
    if match.lastgroup == "number":
        number = name.replace(",", "")
        found += dict.fromkeys((number, number.partition(".")[0]))
        return " "
    if match.lastgroup == "time":
        found.append(name.removeprefix("0"))
    else:
        wholes = dict.fromkeys(_wholes(_folded(name.casefold())))
        found += islice((whole for whole in wholes if len(whole) <= _LONGEST_NAME), _MOST_PARTS)
    return " ".join(islice((part[0] for part in _PART.finditer(name)), _MOST_PARTS)) + " "


def _wholes(name: str) -> Iterator[str]:
    """Yield what an identifier is found by besides its parts: itself, and the identifiers and versions within."""
    name = _SCHEME.sub("", name)
    if signed := _SIGNED.match(name):
        yield signed[0]
        yield name
    name = name.lstrip("@#.")
    outer = _OUTER_JOINER.split(name)
    hyphenated = [piece for whole in outer for piece in whole.split("-")]
    dotted = [piece for whole in hyphenated for piece in whole.split(".")]
    for piece in [name, _SUFFIX.split(name)[0], *outer, *hyphenated, *dotted]:
        if _is_identifier(piece := piece.strip("_")):
            yield piece
    yield from (ticket[0] for piece in outer if (ticket := _TICKET.match(piece)))
    for piece in hyphenated:
        if version := _VERSION.match(piece):
            yield from islice(accumulate(version[1].split("."), lambda prefix, number: f"{prefix}.{number}"), 1, 8)
        elif piece.count(".") > 1:
            yield ".".join(piece.split(".")[-2:])


def _is_identifier(name: str) -> bool:
    """Say whether a name is worth a term of its own: not "e.g", "and/or", "well-known", nor "state-of-the-art"."""
    parts = _PART.findall(name)
    if len(parts) < 2 or len(name) > _LONGEST_NAME:
        return False
    if "_" in name or any(map(str.isdigit, name)):
        return True
    if _HARD_JOINER.search(name):
        return any(len(part) > 1 for part in parts)
    return len(parts) > 2 and STOP_WORDS.isdisjoint(parts)


def _humps(match: re.Match[str]) -> str:
    """Return a name in camel case followed by its parts of two letters and more."""
    parts = _HUMP.sub(r" \g<0>", match[0]).split()
    return " ".join([match[0], *(part for part in parts[:_MOST_PARTS] if 1 < len(part) < len(match[0]))])


def _languages(words: list[str], text: str) -> list[str]:
    """Return the language in Latin script that function words and letters speak for, or the first two that are level.

    None for English, and where there is no evidence.
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
    best = [language for language in _FUNCTION_WORDS if votes[language] == most][:2]
    english = STOP_WORDS.intersection(words).difference(*(_FUNCTION_WORDS[language] for language in best))
    return best if most > max(1, 2 * len(english)) else []


def _word_terms(words: list[str], languages: list[str]) -> Iterable[str]:
    """Return each word's stem, and its stems in ``languages`` where they are others."""
    if not languages:
        return filter(None, map(_term, words))
    dropped = frozenset.intersection(*(_DROPPED[language] for language in languages))
    kept = [word for word in words if word not in dropped]
    stems = ({term: None} | dict.fromkeys(_terms_in(languages, word)) for word in kept if (term := _term(word)))
    return chain.from_iterable(stems)


def _term(word: str) -> str:
    """Return the stem of a word by its script, and nothing for a stop word."""
    return _known_term(word) if len(word) <= _SHORT_WORD else _new_term(word)


def _new_term(word: str) -> str:
    if word in STOP_WORDS:
        return ""
    if word.isascii():
        return _english_stem(word)
    word = _folded(word)
    if word in _OTHER_STOP_WORDS:
        return ""
    language = next((language for language, first, last in _SCRIPTS if first <= word[:1] <= last), "english")
    return _stemmer(language)(word)


_known_term = lru_cache(maxsize=1 << 14)(_new_term)


def _english_stem(word: str) -> str:
    """Return the stem of an English word: of "gpus" and plurals without a vowel the singular, and of "added" "add"."""
    if (plural := _LETTERS_PLURAL.fullmatch(word)) and word not in _NO_PLURALS:
        return plural[1]
    doubled = _DOUBLED.fullmatch(word)
    return doubled[1] if doubled else _english(word)


def _terms_in(languages: list[str], word: str) -> Iterator[str]:
    """Yield the stems of a word in Latin script in languages in Latin script."""
    if word[0].isascii() or _ACCENTED.match(word):
        yield from filter(None, (_folded(_stemmer(language)(word)) for language in languages))


@cache
def _stemmer(language: str) -> Callable[[str], str]:
    stem: Callable[[str], str] = SnowballStemmer(language).stem_word
    return stem


def _folded(text: str) -> str:
    """Return the text without accents and with one form of each letter."""
    if text.isascii():
        return text
    text = _ACCENT.sub(r"\1", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", text).translate(_SAME_LETTERS)


_english = _stemmer("english")
_OTHER_STOP_WORDS = frozenset(_folded(word.casefold()) for word in _OTHERS.split())
_DROPPED = {name: words.union(map(_folded, words)) for name, words in _FUNCTION_WORDS.items()}  # typed without accents
