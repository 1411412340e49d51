"""The estimate of tokens, beside real tokenizers."""

import json
import subprocess
from pathlib import Path

import client_environments
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mem0lite
from mem0lite.embedding.tokens import estimate_tokens

GUIDE = Path(mem0lite.__file__).parent / "guide"
PACKAGE = Path(mem0lite.__file__).parent
TEXTS = {
    "chat": "Hey Caroline! Great to hear from you. Yesterday we went to Lake Tahoe, and I can't wait to go back :)\n"
    * 5,
    "names": "Aleksandra Przybylski met Ngozi Okonjo-Iweala at Kirkstall near Llanfairpwllgwyngyll. " * 5,
    "numbers": "Order 4711-0815 of 2024-05-06T10:00:00Z costs 1,234.56 EUR; call +49 (0)30 901820. " * 5,
    "identifiers": "payment_service.py raised E4711 in getUserById(userId: UUID) -> HTTPResponse; see PR#8812. " * 5,
    "uuid": "3f2b7c1e-9a54-4a0e-8d0e-5b7f3c9d1a20 550e8400-e29b-41d4-a716-446655440000 " * 5,
    "shouting": "PLEASE DO NOT FORGET THAT I AM ALLERGIC TO PEANUTS AND SHELLFISH! " * 5,
    "german": "Die Straßenbahnhaltestelle liegt gegenüber der Grundstücksverwaltungsgesellschaft in Köln. " * 5,
    "french": "J'ai déménagé à Besançon l'été dernier, où j'étudie l'ingénierie aérospatiale. " * 5,
    "polish": "W Szczebrzeszynie chrząszcz brzmi w trzcinie, a ja mieszkam w Łodzi od września. " * 5,
    "turkish": "Geçen ay İstanbul'dan Eskişehir'e taşındım ve yeni işime başladım. " * 5,
    "vietnamese": "Tôi chuyển đến Đà Nẵng vào tháng trước và bị dị ứng với đậu phộng. " * 5,
    "russian": "Я переехала в Новосибирск в прошлом месяце и работаю медсестрой. " * 5,
    "greek": "Μετακόμισα στη Θεσσαλονίκη τον περασμένο μήνα και εργάζομαι ως νοσοκόμα. " * 5,
    "arabic": "انتقلت إلى الدار البيضاء الشهر الماضي وأعمل ممرضة في المستشفى. " * 5,
    "hebrew": "עברתי לחיפה בחודש שעבר ואני עובדת כאחות בבית חולים. " * 5,
    "hindi": "मैं पिछले महीने जयपुर आ गई और अस्पताल में नर्स का काम करती हूँ। " * 5,
    "thai": "ฉันย้ายไปเชียงใหม่เมื่อเดือนที่แล้วและทำงานเป็นพยาบาล " * 5,
    "tamil": "நான் கடந்த மாதம் மதுரைக்கு குடிபெயர்ந்தேன். " * 5,
    "chinese": "我上个月搬到了成都,现在在一家医院当护士,对花生过敏。" * 5,
    "japanese": "先月、札幌に引っ越しました。ピーナッツアレルギーがあります。" * 5,
    "korean": "지난달에 부산으로 이사했고 병원에서 간호사로 일하고 있어요. " * 5,
    "emoji": "So happy 🎉🎉 see you 👩‍👩‍👧‍👦 soon ❤️🇵🇹 " * 5,
    "json": json.dumps([{"user_id": "alice", "score": 0.8312, "metadata": {"tags": ["a", "b"]}}] * 5, indent=2),
    "markup": "<div class=\"memory\"><a href='https://example.org/a?b=c&d=%20'>x</a></div>\n" * 5,
    "blanks": "a    b\t\tc\n\n\n        d" * 10,
    **{page.stem: page.read_text()[:4_000] for page in sorted(GUIDE.glob("*.md"))},
    "python": (PACKAGE / "values.py").read_text()[:4_000],
}

# Beside these: scripts, languages without marks of their own, and what is dense in tokens.
MORE = {
    "indonesian": (
        "Saya pindah ke Surabaya bulan lalu dan bekerja sebagai perawat di rumah sakit. A"
        "dik saya alergi kacang tanah, jadi kami selalu memeriksa bahan makanan."
    ),
    "swahili": (
        "Nilihamia Mombasa mwezi uliopita na ninafanya kazi hospitalini kama muuguzi. Dada yangu hawezi kula karanga."
    ),
    "finnish": (
        "Muutin viime kuussa Tampereelle ja olen sairaanhoitajana keskussairaalassa. Velj"
        "eni ei voi syoda maapahkinoita eika kalaa."
    ),
    "hinglish": (
        "Main pichhle mahine Jaipur aa gayi aur hospital mein nurse ka kaam karti hoon. M"
        "ere bhai ko moongphali se allergy hai."
    ),
    "zulu": (
        "Ngathuthela eThekwini ngenyanga edlule futhi ngisebenza njengomhlengikazi esibhe"
        "dlela. Umfowethu akadli amantongomane."
    ),
    "hungarian": (
        "A múlt hónapban Szegedre költöztem, és ápolónőként dolgozom a kórházban. A bátyám allergiás a földimogyoróra."
    ),
    "yoruba": ("Mo kó lọ sí Ìbàdàn ní oṣù tó kọjá, mo sì ń ṣiṣẹ́ gẹ́gẹ́ bí nọ́ọ̀sì ní ilé ìwòsàn."),
    "ukrainian": ("Минулого місяця я переїхала до Харкова й працюю медсестрою в лікарні. Мій брат не їсть арахіс."),
    "armenian": "Անցյալ ամիս տեղափոխվեցի Գյումրի և աշխատում եմ որպես բուժքույր։",
    "persian": "ماه گذشته به شیراز نقل مکان کردم و در بیمارستان پرستار هستم.",
    "amharic": "ባለፈው ወር ወደ ባህር ዳር ተዛወርኩ እና በሆስፒታል ነርስ ሆኜ እሰራለሁ።",
    "burmese": "ပြီးခဲ့တဲ့လက မန္တလေးကို ပြောင်းရွှေ့ပြီး ဆေးရုံမှာ သူနာပြုလုပ်နေတယ်။",
    "traditional": "我上個月搬到了臺南,現在在一家醫院當護士,對花生過敏。餐廳裡擺著筍乾燒肉。",
    "cantonese": "我上個月搬咗去旺角,而家喺醫院做護士,食花生會敏感㗎。",
    "rare han": "莫干山特色的笋干烧肉、清炒野菜和土鸡汤，餐具古朴，农家乐氛围浓厚，魅可矿质柔润遮瑕膏",
    "kaomoji": "so happy (╯°□°)╯︵ ┻━┻ ʕ•ᴥ•ʔ ¯\\_(ツ)_/¯ (づ｡◕‿‿◕｡)づ",
    "joined emoji": "🎂🎈🥳🫠🫶🏽👨\u200d👩\u200d👧\u200d👦🏳️\u200d🌈🇯🇵🇧🇷1️⃣✅❌⭐️☀️ 👍🏿",
    "math": "∑_{i=1}^{n} x_i² ≤ ∞; ∀ε>0 ∃δ: |x−y|<δ ⇒ |f(x)−f(y)|<ε",
    "one line of python": (
        "def f(x): return {k: v**2 for k, v in x.items() if not k.startswith('_')}  # noq"
        "a: E501\n\tassert f({}) == {}\n"
    ),
    "sql": (
        "SELECT u.id, COUNT(*) FROM users AS u LEFT JOIN orders o ON o.user_id=u.id WHERE"
        " u.created_at>='2024-01-01' GROUP BY 1;\n"
    ),
    "regex": ('^(?:[a-z0-9!#$%&\'*+/=?^_`{|}~-]+(?:\\.[a-z0-9]+)*|\\"(?:[\\x01-\\x08])*\\")@(?:[a-z0-9]\\.)+$'),
    "base64": (
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHx"
        "gljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg=="
    ),
    "hex": (
        "deadbeefcafebabe0123456789abcdef 5f4dcc3b5aa765d61d8327deb882cf99 e3b0c44298fc1c"
        "149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    ),
    "urls": (
        "https://www.example.org/watch?v=dQw4w9WgXcQ&t=43s&utm_source=news-letter#section"
        "-2.1 http://localhost:8080/a/b/c.tar.gz"
    ),
    "table": "| a | b |\n|---|---|\n| 1 | 2 |\n+-----+-----+\n| x   | y   |\n",
    "slang": (
        "lol omg idk tbh... brb!!! gonna be l8, wyd?? :-) <3 xoxo haha hahahaha noooo sooooo goooood!!!!! ugh smh rn"
    ),
    "other names": (
        "Xochitl Nguyen-Okafor, Siobhan O'Shaughnessy, Dzmitry Kavalchuk, Thandiwe Mkhwan"
        "azi, Bjork, Krzysztof, Zsofia, Aoife"
    ),
    "caps": "URGENT: CALL DR. MUKHOPADHYAY RE MRI RESULTS ASAP. BP 140/90, HR 72, SPO2 98%.",
    "drugs": (
        "Amoxicillin-clavulanate 875/125mg BID, levothyroxine 75mcg QD, hydroxychloroquin"
        "e, adalimumab, escitalopram 10mg qhs"
    ),
    "rarewords": (
        "defenestrate sesquipedalian borborygmus crepuscular lugubrious obstreperous pers"
        "picacious quixotic rambunctious taciturn"
    ),
    "words on lines": (
        "doubt\nfighting\nagreed\ndiscovery\npainting\ninspired\nsurround\nbelieve\nappreciate\nguinea\nfingers\n"
    ),
    "quotes": (
        "“Don’t,” she said — ‘it’s not…’ – she’d gone. She'll be back; they've left, I'm "
        "sure we're fine. 'Twas rock 'n' roll o'clock. y'all'd've"
    ),
    "control characters": "a\x00b\x1b[31mred\x1b[0m\r\nc\x7f\u200b\u200d\ufeff\xa0d\u2028e",
    "more blanks": "a     b          c\n\n\n\n\t\t\td   \n   e\n      f\n",
    "more numbers": (
        "1234567 12345678 1,234,567.89 3.14159265358979 2024-12-31T23:59:59.999Z 192.168."
        "0.255 +1 (555) 010-9999 1e-10 0x1F 50% $5 #1 1st 2nd"
    ),
}
TEXTS |= {name: " ".join([text] * 5) for name, text in MORE.items()}


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """How many tokens real encodings make of the texts, by name."""
    environment = client_environments.needed("frameworks")
    script = Path(__file__).parent / "integrations" / "count_tokens.py"
    finished = subprocess.run(
        [client_environments.python_of(environment), str(script)],
        input=json.dumps(list(TEXTS.values())),
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path_factory.mktemp("tokens"),
    )
    assert finished.returncode == 0, finished.stderr[-2_000:]
    return dict(zip(TEXTS, json.loads(finished.stdout), strict=True))


@pytest.mark.parametrize("name", TEXTS)
def test_the_estimate_is_not_below_tiktoken(counted, name):
    """In every script, and for code, names and numbers, the estimate is at least what GPT models read."""
    assert estimate_tokens(TEXTS[name]) >= counted[name]


@pytest.mark.parametrize(
    ("name", "most"), [("chat", 1.25), ("search", 1.3), ("german", 2), ("chinese", 2), ("thai", 4)]
)
def test_the_estimate_is_near_tiktoken(counted, name, most):
    """It is not so far above that a budget would stay empty, and nearest in English."""
    assert estimate_tokens(TEXTS[name]) < most * counted[name]


@given(st.text(max_size=200), st.text(max_size=200))
def test_lines_add_up(first, second):
    """Two lines have as many tokens as each of them with its line break, but for rounding."""
    both = estimate_tokens(f"{first}x\nx{second}\n")
    assert abs(both - estimate_tokens(f"{first}x\n") - estimate_tokens(f"x{second}\n")) <= 2


@given(st.text(max_size=300))
def test_the_estimate_is_a_count(text):
    """Any text has a number of tokens, none has more than it has bytes and blanks, and the empty one has none."""
    assert 0 <= estimate_tokens(text) <= 3 * len(text.encode("utf-8", "surrogatepass"))
    assert estimate_tokens("") == 0


def test_counting_ends_above_the_most():
    """A huge text is read only as far as it takes to know that it is too long."""
    assert 100 < estimate_tokens("tea " * 1_000_000, 100) < 110
