"""Which texts a keyword query finds: words of many languages, identifiers, and any text at all."""

import sys
import unicodedata

import pytest
from embedder import HashEmbedder
from hypothesis import example, given
from hypothesis import strategies as st

from mem0lite import Memory, Ranking
from mem0lite.search.text import MAX_QUERY_TERMS, STOP_WORDS, query_terms, terms


def shared(query, text):
    return set(query_terms(query)) & set(terms(text))


SAME = [
    ("English", "Where did she buy the paintings?", "Anna bought a painting of the harbour"),
    ("English", "allergies", "He is allergic to nuts; the allergy is severe"),
    ("German", "Häuser", "Das Haus am See gehört meiner Tante"),
    ("German", "Welche Bücher hat sie gelesen?", "Sie leiht mir jedes Buch, das ich mag"),
    ("German", "STRASSE", "Die Straße ist gesperrt"),
    ("French", "Où sont les chevaux noirs ?", "Elle a peur du cheval noir"),
    ("French", "ecole", "Ma sœur va à l'école du village"),
    ("French", "soeur", "Ma sœur va à l'école du village"),
    ("Spanish", "¿Qué canciones cantaba la abuela?", "Mi abuela me cantó una canción muy triste"),
    ("Spanish", "nino", "El niño duerme"),
    ("Spanish or French", "¿Dónde viven las gatas?", "Mi gato duerme en la cama"),
    ("Italian", "Dove abitano i gatti?", "Il gatto della vicina non mangia pesce"),
    ("Italian", "perche citta", "La città è bella"),
    ("Portuguese", "Onde moram as gatas?", "A minha gata não gosta do vizinho"),
    ("Portuguese", "coracao", "O meu coração está tranquilo"),
    ("Dutch", "Waar wonen de katten?", "De kat van mijn buurman is ziek"),
    ("Swedish", "Vilka böcker har du läst?", "Jag har köpt en bok och läst den"),
    ("Swedish", "smorgas", "Hon äter en smörgås till frukost"),
    ("Danish", "Hvor er mine nøgler?", "Jeg har mistet min nøgle"),
    ("Norwegian", "Hvor er hundene?", "Jeg har en hund som heter Balder"),
    ("Finnish", "Missä kissat asuvat?", "Minun kissa on vanha, mutta se leikkii"),
    ("Hungarian", "Hol vannak a könyvek?", "Ez a könyv nem az enyém, és nagyon régi"),
    ("Romanian", "Unde sunt pisicile?", "Pisica mea este pe canapea și doarme"),
    ("Turkish", "ISPARTA ışıkları", "Işık söndü ama ısparta güzel"),
    ("Turkish", "istanbul", "Gelecek yıl İSTANBUL'a taşınıyor"),
    ("Turkish", "DIYARBAKIR", "Kardeşim Diyarbakır'da öğretmen"),
    ("Russian", "кошки", "Моя кошка любит спать на окне"),
    ("Russian", "елка", "В комнате стоит ёлка"),
    ("Russian", "замок", "Старый за\u0301мок стоит на горе"),
    ("Greek", "γατες", "Η γάτα κοιμάται στον καναπέ"),
    ("Greek", "ΔΡΟΜΟΣ", "Ο δρόμος είναι μακρύς"),
    ("Arabic", "مدرسة", "تعمل أختي في المدرسة الجديدة"),
    ("Arabic", "احمد", "أَحْمَد يسكن في القاهرة"),
    ("Persian", "کتاب", "او يك كتاب خرید"),
    ("Hebrew", "שלום", "שָׁלוֹם לכולם"),
    ("Hindi", "बिल्ली कहाँ है?", "मेरी बिल्ली छत पर सो रही है"),
    ("Hindi", "जमीन", "उसने गाँव में ज़मीन खरीदी"),
    ("Tamil", "பூனைகள்", "என் பூனை தூங்குகிறது"),
    ("Bengali", "বিড়াল", "আমার বিড়াল মাছ খায়"),
    ("Chinese", "猫", "我家的猫喜欢睡在窗边"),
    ("Chinese", "她住在哪个城市?", "我妹妹去年搬到另一个城市了"),
    ("Japanese", "猫", "猫が魚を食べた"),
    ("Japanese", "カメラを買った?", "先週、新しいカメラを注文しました"),
    ("Japanese", "ｶﾒﾗ", "先週、新しいカメラを注文しました"),
    ("Japanese", "ねこ", "ねこが好き"),
    ("Japanese", "ラーメン", "夜はラーメンを食べる"),
    ("Korean", "학교", "언니는 학교에서 음악을 가르친다"),
    ("Korean", "책", "동생이 책을 샀다"),
    ("Korean", "책을", unicodedata.normalize("NFD", "동생이 책을 샀다")),
    ("Thai", "แมว", "ฉันเลี้ยงแมวสองตัว"),
    ("Lao", "ແມວ", "ຂ້ອຍມີແມວ"),
    ("Khmer", "ឆ្មា", "ខ្ញុំមានឆ្មាពីរ"),
    ("Burmese", "ကြောင်", "ငါ့မှာကြောင်ရှိတယ်"),
    ("Vietnamese", "ca phe", "Tôi uống cà phê mỗi sáng"),
    ("Polish", "lodz", "Mieszka w Łódź od roku"),
    ("composition", "cafe", "cafe\u0301"),
    ("ligature", "office file", "ﬁle"),
    ("full width", "ＡＢＣ", "abc"),
    ("soft hyphen", "password", "pass\u00adword"),
    ("joiners", "password", "pass\u200b\u200dword\ufeff"),
    ("digits", "42", "٤٢"),
    ("digits", "42", "४२"),
]


@pytest.mark.parametrize(("query", "text"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_a_word_is_found_in_every_language(query, text):
    """A query finds a text with another form of its word, with or without accents, in any script."""
    assert shared(query, text)


@pytest.mark.parametrize("length", [1, 7, 40, 64, 128, 1_000])
def test_a_word_of_any_length_is_found(length):
    """Commit hashes, digests and keys are found by all of their characters, however many those are."""
    word = ("9f86d081884c7d65" * 63)[:length]
    assert shared(word, f"We deployed {word} on Monday.")


@pytest.mark.parametrize(
    "query", ["What is my pet's name?", "Don’t I know that name?", "It's a name we'll need", "I'm asking for the name"]
)
def test_what_hangs_on_a_word_is_not_asked_for(query):
    """The end of "pet's" or "don't" is no word of a query, which any other such text would share with it."""
    assert not shared(query, "We celebrated my sister's wedding, she'll be glad and I'm too, don’t you think?")
    assert shared(query, "The name's on the door")


def found_by(query, *memories):
    """Return the memories that a store of these finds by their words."""
    with Memory(":memory:", embedder=HashEmbedder(), ranking=Ranking.sparse()) as memory:
        for text in memories:
            memory.add(text, user_id="u", infer=False)
        return [item["memory"] for item in memory.search(query, user_id="u", threshold=0.01)["results"]]


MEETING = [
    ("PDFs", "the PDF is long"),
    ("pdfs", "the PDF is long"),
    ("PDF", "three PDFs arrived"),
    ("GPU", "we bought GPUs"),
    ("gpus", "we bought a GPU"),
    ("LLM", "LLMs hallucinate"),
    ("CEO", "the CEOs' meeting"),
    ("H100", "eight H100s"),
    ("the 1990s", "born in 1990"),
    ("1990", "music of the 1990s"),
    ("90s", "the '90s were fun"),
    ("add", "She added a file"),
    ("adding", "Add milk"),
    ("erred", "to err is human"),
    ("email", "send an e-mail"),
    ("e-mail", "send an email"),
    ("E-Mails", "send an email"),
    ("nodejs", "written in Node.js"),
    ("Node.js", "written in NodeJS"),
    ("USA", "she left the U.S.A. in May"),
    ("U.S.A.", "she left the USA in May"),
    ("setup", "set up the server"),
    ("set up", "the setup is done"),
    ("setting up", "the setup is done"),
    ("dataset", "a data set of birds"),
    ("timezone", "in the time zone of Porto"),
    ("realtime", "a real time feed"),
    ("endpoint", "the end point is slow"),
    ("login", "she logged in twice"),
    ("log in", "the login fails"),
    ("wifi", "the Wi-Fi code"),
    ("Wi-Fi", "the wifi code"),
    ("wi fi", "the wifi code"),
    ("cooperate", "they co-operate"),
    ("backend", "the back-end is slow"),
    ("backend", "the back end is slow"),
    ("back end", "the backend is slow"),
    ("back-end", "the backend is slow"),
    ("GPT4", "asked GPT-4"),
    ("GPT-4", "asked GPT4"),
    ("gpt 4", "asked GPT4"),
    ("solar power", "the SolarPower app"),
    ("tshirt", "a red T-shirt"),
    ("gatto", "I gatti della vicina non mangiano il pesce"),
    ("kirja", "Minulla on monta kirjaa ja se on hyvä"),
    ("wohnen", "Ich wohne nicht in Berlin"),
    ("canciones", "Mi abuela me cantó una canción muy triste"),
    ("❌", "❌ invoice 13 is open"),
    ("👍", "👍🏽 from Ann"),
    ("👍🏿", "👍🏽 from Ann"),
    ("❤", "I ❤️ Porto"),
    ("👩‍💻", "👩🏽‍💻 joined"),
    ("💻", "👩‍💻 joined"),
    ("🇵🇹", "moved to 🇵🇹 in May"),
    ("1️⃣", "1️⃣ buy milk"),
    ("→", "A → B"),
    ("€", "it cost 5€"),
    ("☑", "☑ done"),
    ("≠", "x ≠ y"),
    ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 won"),
]


@pytest.mark.parametrize(("query", "text"), MEETING)
def test_what_is_one_word_to_people_is_found(query, text):
    """Plurals, spellings with and without hyphen, dots or space, and symbols find each other, and nothing else."""
    others = ["Hello there", "✅ invoice 12 is paid", "🐈 sleeps", "🇵🇱 and 🏴", "a sad ad", "2️⃣ call Ann", "I am fine"]
    assert found_by(query, *others, text) == [text]


APART = [
    ("ads", "She added a file"),
    ("added", "a sad ad"),
    ("https", "a http proxy"),
    ("bus", "bu"),
    ("cares", "the car of Ann"),
    ("1.2", "12 apples"),
    ("2024-05", "202405"),
    ("✅", "❌ open"),
    ("🇵🇹", "🇵🇱 moved"),
    ("🇵🇹", "🇹🇱🇵🇱 moved"),
    ("─", "─── a line"),
    ("▓", "▓▓▓░░"),
    ("*", "* a list"),
]


@pytest.mark.parametrize(("query", "text"), APART)
def test_what_only_looks_alike_is_not_found(query, text):
    """Other words, numbers, symbols and flags stay others, and what lines are drawn with is no symbol."""
    assert found_by(query, text) == []


def test_a_short_query_has_stems_of_other_languages_for_their_memories_only():
    """A word that may be of any language finds its forms in a memory of that language, and none in an English one."""
    english, german = "The car is red", "Ich habe ein Auto und wohne in Berlin"
    assert found_by("wohnt", english, german) == [german]
    assert found_by("wohnt", "A wohn is red") == []


def test_writing_a_word_apart_costs_no_score():
    """A question that writes a word apart scores a memory that does so too as if there were no other way."""
    with Memory(":memory:", embedder=HashEmbedder(), ranking=Ranking.sparse()) as memory:
        scores = {}
        for text in ("e-mail server", "green mail server"):
            memory.add(text, user_id=text[0])
            [item] = memory.search(text, user_id=text[0], explain=True)["results"]
            scores[text] = item["score"]
            assert len(item["score_details"]["matched_terms"]) == 3
        assert scores["e-mail server"] == pytest.approx(scores["green mail server"], abs=1e-6)


OTHER = [
    ("English", "What was it that they would have done?", "They have it, and that is what it was"),
    ("German", "Wo ist die Katze?", "Der Hund ist auf dem Sofa und schläft"),
    ("French", "Où est le chat ?", "Le train pour la ville est en retard"),
    ("French", "thé", "The weather is the best"),
    ("Spanish", "¿Dónde está el gato?", "El coche de mi hermano está en la calle"),
    ("Russian", "где моя кошка", "мой брат и его машина"),
    ("Russian", "йод", "иод"),
    ("Greek", "πού είναι η γάτα", "ο δρόμος είναι μακρύς"),
    ("Arabic", "أين القطة", "هذا هو البيت"),
    ("Hindi", "बिल्ली कहाँ है", "यह मेरा घर है"),
    ("Hindi", "कमल", "कोमल"),
    ("Chinese", "猫", "狗在公园里跑"),
    ("Japanese", "猫は", "犬は公園に"),
    ("Korean", "고양이", "강아지"),
    ("Thai", "แมว", "สุนัข"),
    ("snake case", "parse", "parsec"),
]


@pytest.mark.parametrize(("query", "text"), [case[1:] for case in OTHER], ids=[case[0] for case in OTHER])
def test_another_word_is_not_found(query, text):
    """Neither function words, nor words that merely look alike, make a text match."""
    assert not shared(query, text)


IDENTIFIERS = [
    ("parse_config", {"parse_config", "pars", "config"}),
    ("__init__", {"init"}),
    ("_private_name", {"private_name", "privat", "name"}),
    ("user-profile-card", {"user-profile-card", "user", "profil", "card"}),
    ("gpt-4o", {"gpt-4o", "gpt", "4o", "gpt4o"}),
    ("parseConfigFile", {"parseconfigfil", "pars", "config", "file"}),
    ("HTTPServer", {"httpserver", "http", "server"}),
    ("os.path.join", {"os.path.join", "path.join", "os", "path", "join"}),
    (
        "src/api/parse_config.py",
        {"src/api/parse_config.py", "parse_config.py", "parse_config", "src", "api", "pars", "config", "py"},
    ),
    ("/etc/nginx/nginx.conf", {"etc/nginx/nginx.conf", "nginx.conf", "etc", "nginx", "conf"}),
    ("C:\\Users\\Mel\\notes.txt", {"c:\\users\\mel\\notes.txt", "notes.txt", "c", "user", "mel", "note", "txt"}),
    ("std::vec::Vec", {"std::vec::vec", "std", "vec"}),
    ("E0308", {"e0308"}),
    ("ERR_CONNECTION_REFUSED", {"err_connection_refused", "err", "connect", "refus"}),
    ("HTTP-404", {"http-404", "http", "404", "http404"}),
    ("v1.2.3", {"v1.2.3", "1.2.3", "1.2", "v1", "2", "3"}),
    ("python-3.11.4", {"python-3.11.4", "3.11.4", "3.11", "python", "3", "11", "4"}),
    ("1.0.0-beta.2", {"1.0.0-beta.2", "1.0.0", "1.0", "beta.2", "1", "0", "beta", "2"}),
    ("mel.smith@example.com", {"mel.smith@example.com", "mel.smith", "example.com", "mel", "smith", "exampl", "com"}),
    (
        "https://www.docs.example.org/v2/a_b?page=3#top",
        {"docs.example.org/v2/a_b?page=3#top", "docs.example.org/v2/a_b", "docs.example.org", "example.org", "a_b"}
        | {"https", "www", "doc", "exampl", "org", "v2", "b", "page", "3", "top"},
    ),
    (
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        {"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "9f86d08", "9f86d081884c"},
    ),
    ("C++", {"c++", "c"}),
    ("C++17", {"c++17", "c++", "c", "17"}),
    ("C#", {"c#", "c"}),
    (".NET", {".net", "net"}),
    ("node.js", {"node.js", "node", "js", "nodej"}),
    ("#running", {"#running", "run"}),
    ("@Mel", {"@mel", "mel"}),
    ("@types/node", {"@types/node", "@types", "type", "node"}),
    ("192.168.1.20", {"192.168.1.20", "192.168.1", "192.168", "192", "168", "1", "20"}),
    ("fe80::1", {"fe80::1", "fe80", "1"}),
    ("localhost:8080", {"localhost:8080", "localhost", "8080"}),
    ("10:30", {"10:30", "10", "30"}),
    ("09:05pm", {"9:05", "09", "05", "pm"}),
    ("2026-05-17T10:30:15Z", {"2026-05-17", "10:30:15", "2026", "05", "17", "10", "30", "15", "z"}),
    ("$1,299.99", {"1299.99", "1299"}),
    ("1,000,000", {"1000000"}),
    ("2026-05-17", {"2026-05-17", "2026", "05", "17"}),
    ("größe_maß", {"grosse_mass", "gross", "mass"}),
]


@pytest.mark.parametrize(("name", "expected"), IDENTIFIERS)
def test_an_identifier_is_found_whole_and_in_parts(name, expected):
    """An identifier gives itself in lower case and its parts as words, wherever in a sentence it stands."""
    assert set(terms(name)) == expected
    assert expected <= set(terms(f"See ({name}), please."))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("parse_config.py", "the bug is in src/api/parse_config.py"),
        ("config", "call parseConfig() twice"),
        ("parseconfig", "call parseConfig() twice"),
        ("version 1.2", "upgraded to v1.2.9"),
        ("src/api/config.py", "raised at src/api/config.py:42"),
        ("JIRA-1234", "merged feature/JIRA-1234-fix-login"),
        ("9f86d08", "reverted 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"),
        ("192.168.1", "the printer is 192.168.1.20"),
        ("example.com", "see https://www.example.com/pricing/"),
        ("9:05", "the train leaves at 09:05"),
        ("1299", "it cost $1,299"),
        ("youtube", "her YouTube channel"),
        ("parse_config", "他写了parse_config函数"),
    ],
)
def test_part_of_an_identifier_finds_it(query, text):
    """What people remember of an identifier finds it, by the whole of what they remember and not only by its pieces."""
    assert query_terms(query)[0] in terms(text)


@pytest.mark.parametrize(
    ("prose", "expected"),
    [
        ("I don't know", {"don", "t", "know"}),
        ("We met at Mel's well-known café", {"met", "mel", "s", "well", "known", "wellknown", "cafe"}),
        ("state-of-the-art", {"state", "art"}),
        ("apples and/or pears", {"appl", "pear"}),
        ("e.g. at 5 p.m. in the U.S.", {"e", "g", "eg", "5", "p", "m", "pm", "u", "s"}),
        ("wait...what? yes--no; Mel & co.", {"wait", "yes", "mel", "co"}),
        ("the DVDs, 3,5 or 7", {"dvd", "3", "5", "7"}),
        ("_emphasis_ and # a heading", {"emphasi", "head"}),
        ("Los Angeles and La Jolla", {"los", "angel", "la", "jolla"}),
        ("Die Hard with my uncle", {"die", "hard", "uncl"}),
    ],
)
def test_prose_gives_its_words_alone(prose, expected):
    """Apostrophes and foreign names in English prose add no terms; hyphens and dots the word without them."""
    assert set(terms(prose)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("猫", {"猫"}),
        ("東京都", {"東京", "京都", "東", "京", "都"}),
        ("私の猫は走りました", {"私", "猫", "走", "りま"}),
        ("新しいカメラ", {"新", "しい", "カメ", "メラ"}),
        ("책을 샀다", {"책을", "책", "샀다"}),
        ("กินปู", {"กิน", "นปู"}),
        ("iPhone14を買った", {"iphone14", "phone14", "買", "った"}),
    ],
)
def test_a_run_without_spaces_gives_pairs_of_characters(text, expected):
    """Characters count in pairs, with their vowel signs, within a script; Chinese ones alone too; particles do not."""
    assert set(terms(text)) == expected


def test_a_word_of_one_language_is_kept_where_another_is_as_likely():
    """Where two languages are level, only what is a function word in both is dropped."""
    assert "dos" in terms("Compró dos casas en Valencia")


def test_how_often_a_word_occurs_counts():
    """A term's count is the number of times it occurs in any form; English stop words do not count."""
    assert terms("Painting, painted; the paint") == {"paint": 3}
    assert not terms(" ".join(STOP_WORDS))


def test_a_language_that_was_not_recognised_still_matches():
    """A text whose language is plain and a query too short to tell share the word as it is written."""
    assert shared("gatti", "Il gatto della vicina mangia con i gatti di mia nonna")


@given(st.text())
@example("\u0301")
@example("ـ")
@example("\ud800 \udfff")
@example("_ __ # @ . ++ C# -> :: :// 1,000,")
def test_every_text_has_terms(text):
    """Any text gives terms, none of them empty or with a space, and no more than its characters allow."""
    found = terms(text)
    normal = unicodedata.normalize("NFKC", text)
    assert all(term and term.split() == [term] for term in found)
    assert found.total() <= 6 * len(normal)


IDENTIFIER_CHARACTERS = st.text(st.sampled_from("aZ9_-./\\:@+#&=?%, éн猫กิ가\u0301"), max_size=60)


@given(st.one_of(st.text(), IDENTIFIER_CHARACTERS))
def test_a_text_finds_itself(text):
    """The terms of a query are terms of the same text, none twice and at most MAX_QUERY_TERMS."""
    found = query_terms(text)
    assert set(found) <= set(terms(text))
    assert len(set(found)) == len(found) <= MAX_QUERY_TERMS


@given(IDENTIFIER_CHARACTERS, IDENTIFIER_CHARACTERS)
def test_another_line_takes_no_identifier_away(first, second):
    """Terms with a sign in them, which only identifiers give, stay when another line is added."""

    def wholes(text):
        return {term for term in terms(text) if not term.isalnum()}

    assert wholes(first) | wholes(second) <= wholes(f"{first}\n{second}")


@pytest.mark.parametrize("text", ["/".join(f"a_{i}.py" for i in range(5000)), "a1." * 5000, "x_" * 5000 + "y"])
def test_an_identifier_gives_a_bounded_number_of_terms(text):
    """However long a path is, it does not fill the index."""
    found = terms(text)
    assert 0 < len(found) < 200
    assert max(map(len, found)) <= 256


UNITS = "a A aB a_ a. a/ 1, 111, 10: a++ @a # _ \u0300\u0316 ﾞ\u0300 गि 猫 กิ 가 ひ deadbeef :// 😀"


@pytest.mark.parametrize("unit", UNITS.split())
def test_hundreds_of_thousands_of_any_character_are_taken(unit):
    """No text, however hostile, takes time out of proportion: this would run for hours if any step were quadratic."""
    found = terms("a" + unit * (300_000 // len(unit)))
    assert max(map(len, found), default=0) <= 256


def test_every_character_that_normalising_turns_into_a_mark_is_bounded():
    """Only the two half-width marks are word characters that become combining ones; the guard rests on that."""
    characters = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    marks = {c for c in characters if unicodedata.combining(unicodedata.normalize("NFKD", c)[0])}
    assert {mark for mark in marks if mark.isalnum() or mark.isspace()} == {"\uff9e", "\uff9f"}


@pytest.mark.parametrize(
    ("query", "expected", "matched"),
    [
        ("猫の名前", "妹の猫の名前はミケです", {"猫", "名前"}),
        ("parse_config.py", "The bug is in src/api/parse_config.py", {"parse_config.py"}),
        ("Häuser", "Das Haus am See ist alt", {"haus"}),
    ],
)
def test_search_finds_by_these_terms(query, expected, matched):
    """Search ranks by these terms and says under explain which of them matched."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        for text in ("弟は犬と公園を走る", "The parser reads a file", "Der Hund ist auf dem Sofa", expected):
            memory.add(text, user_id="u", infer=False)
        best = memory.search(query, user_id="u", explain=True)["results"][0]
    assert best["memory"] == expected
    assert matched <= set(best["score_details"]["matched_terms"])
    assert best["score_details"]["bm25_score"] > 0.2
