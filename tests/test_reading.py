"""What a model can't read has no say in meaning, and words decide."""

import math
import struct

import pytest
from embedder import HashEmbedder

from mem0lite import Memory, Ranking
from mem0lite.embedding.protocol import embed_documents, trust
from mem0lite.embedding.reading import Vocabulary, no_meaning

# Two memories, a question that shares a word with the first, and one that shares none with either.
UNREAD = {
    "Thai": ("ฉันแพ้กุ้ง", "หมาของฉันชื่อเร็กซ์", "กุ้ง", "ทำงานที่ไหน"),
    "Lao": ("ຂ້ອຍມີແມວ", "ລາວຢູ່ບ້ານ", "ແມວ", "ເຮັດຫຍັງ"),
    "Khmer": ("ខ្ញុំមានឆ្មាពីរ", "ថ្ងៃនេះភ្លៀង", "ឆ្មា", "ទៅណា"),
    "Burmese": ("ငါ့မှာကြောင်ရှိတယ်", "မိုးရွာတယ်", "ကြောင်", "ဘယ်သူလဲ"),
    "Amharic": ("ድመት አለኝ", "ዝናብ ነው", "ድመት", "የት"),
    "Russian": ("У меня аллергия на моллюсков", "Мою собаку зовут Рекс", "аллергия", "любимая музыка"),
    "Greek": ("Έχω μια γάτα", "Μένω στην Αθήνα", "γάτες", "αγαπημένο χρώμα"),
    "Arabic": ("تعمل أختي في المدرسة", "كلبي اسمه ركس", "مدرسة", "لون مفضل"),
    "Hebrew": ("יש לי חתול", "אני גר בחיפה", "חתול", "צבע אהוב"),
    "Hindi": ("मेरी बिल्ली सो रही है", "बैठक गुरुवार को होगी", "बिल्ली", "पसंदीदा रंग"),
    "Korean": ("나는 조개 알레르기가 있다", "회의는 목요일로 옮겨졌다", "알레르기", "좋아하는 색"),
    "Georgian": ("მე კატა მყავს", "დღეს წვიმს", "კატა", "საყვარელი ფერი"),
    "a long word": ("a" * 300, "b" * 300, "a" * 300, "c" * 300),
}
CASES = [pytest.param(*case, id=name) for name, case in UNREAD.items()]


def found(memory, query, **options):
    options = {"user_id": "u", "explain": True} | options
    return memory.search(query, **options)["results"]


@pytest.fixture(params=[None, 0], ids=["cached", "uncached"])
def store(request, model):
    with Memory(":memory:", embedder=model, cache_bytes=request.param) as memory:
        yield memory


@pytest.mark.parametrize(("first", "second", "shared", "other"), CASES)
def test_of_what_the_model_cannot_read_words_decide(store, first, second, shared, other):
    """In a script that the model doesn't know a shared word finds, and a question without one finds nothing."""
    for text in (first, second, "I moved to Porto"):
        store.add(text, user_id="u", infer=False)
    [best] = found(store, shared)
    assert best["memory"] == first
    assert best["score_details"]["semantic_weight"] == 0
    assert best["score_details"]["bm25_weight"] == 1
    assert best["score"] == pytest.approx(best["score_details"]["bm25_score"])
    assert found(store, other) == []
    assert {item["score"] for item in found(store, other, threshold=0)} == {0}
    assert {item["score"] for item in found(store, shared, threshold=0, ranking=Ranking.dense())} == {0}


def test_other_unread_scripts_are_no_nearer_than_others(store):
    """A Thai, Russian or emoji memory is nothing to a Chinese question, whatever signs the model has in common."""
    store.add("我妹妹去年搬到另一个城市了", user_id="u")
    for text in ("ฉันแพ้กุ้ง", "Моя собака спит", "🍣🍜", "q" * 300):
        store.add(text, user_id="u", infer=False)
    results = found(store, "她现在住在什么地方", threshold=0)
    assert results[0]["memory"].startswith("我")
    assert {item["score"] for item in results[1:]} == {0}
    assert [item["memory"][0] for item in found(store, "她住在哪个城市")] == ["我"]


def test_an_english_question_is_nothing_to_what_cannot_be_read(store):
    """A question that is read finds by meaning what is read, and the rest by the words it shares."""
    for text in ("ฉันแพ้กุ้ง", "ร้านอยู่ที่ Sukhumvit ติดกับโรงพยาบาลบำรุงราษฎร์ ใกล้สถานีรถไฟฟ้า", "I am allergic to shrimps"):
        store.add(text, user_id="u", infer=False)
    results = found(store, "seafood allergy", threshold=0)
    assert results[0]["memory"] == "I am allergic to shrimps"
    assert results[0]["score_details"]["semantic_weight"] == 1
    assert found(store, "Sukhumvit")[0]["memory"].startswith("ร้าน")


def test_what_is_partly_read_counts_for_its_part(model):
    """The share of a text that is read is that of its pieces; emoji beside English leave the most of it."""
    assert trust(model, "I love sushi") == 1
    assert trust(model, "Ich heiße Jürgen und wohne in Łódź") == 1
    assert trust(model, "?!") == 1
    assert 0.85 < trust(model, "I love sushi 🍣") < 1
    assert 0 < trust(model, "会议改到星期四") < trust(model, "会议 about the API 改到 Thursday") < 1
    assert trust(model, "会议改到星期四") == pytest.approx(model.share_read("会议改到星期四") ** 0.5)
    assert [trust(model, text) for text in ("ฉันแพ้กุ้ง", "🍣", "Привет, как дела?", "γάτα", "x" * 101)] == [0] * 5


def test_english_beside_another_script_is_found_by_meaning(store):
    """A text that is read in part is found by what the model can read of it."""
    store.add("เมื่อวาน I ate raw fish and rice", user_id="u")
    store.add("พรุ่งนี้ I have a meeting with my boss", user_id="u", infer=False)
    assert found(store, "sushi")[0]["memory"].startswith("เมื่อวาน")


def test_neighbours_that_cannot_be_read_are_no_evidence(store):
    """In a conversation an unread turn neither lends meaning to its neighbours nor breaks the search."""
    turns = ["ฉันแพ้กุ้ง", "I see", "หมาของฉันชื่อเร็กซ์", "What a nice dog"]
    store.add([{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)], user_id="u")
    results = found(store, "ทำงานที่ไหน", threshold=0)
    assert len(results) == 4
    for item in results:
        signals = item["score_details"]["signals"]
        assert not {"neighbor_semantic", "session_semantic"} & set(signals)
        assert 0 <= item["score"] < 0.1
    assert found(store, "my pet", threshold=0)[0]["memory"] == "What a nice dog"


def test_the_vector_of_what_cannot_be_read_is_nobodys(model):
    """It is of unit length, the same in every process, and far from every vector a model gives."""
    marker = no_meaning(384)
    numbers = struct.unpack("<384f", marker)
    assert math.fsum(number * number for number in numbers) == pytest.approx(1, abs=1e-6)
    assert numbers[:2] == pytest.approx(struct.unpack("<2f", bytes.fromhex(FIRST)), abs=0)
    assert embed_documents(model, ["ฉัน", "I love sushi", "γάτα"])[::2] == [marker, marker]
    for text in ("I love sushi", "Where is the dog?", "我家的猫"):
        [vector] = embed_documents(model, [text])
        assert abs(sum(a * b for a, b in zip(numbers, struct.unpack("<384f", vector), strict=True))) < 0.2


FIRST = "9f549f3de2c9ad3d"


class Partial(HashEmbedder):
    """An embedder of somebody else's that knows what it can't read."""

    def share_read(self, text):
        return sum(map(str.islower, text)) / len(text)


def test_any_embedder_may_say_what_it_cannot_read():
    """An embedder with ``share_read`` is asked for it; one without is taken to read everything."""
    for embedder, weight in ((Partial(), 0), (HashEmbedder(), 1)):
        with Memory(":memory:", embedder=embedder) as memory:
            memory.add("SHOUTED LOUD", user_id="u")
            [item] = found(memory, "ANOTHER ONE", threshold=0)
            assert item["score_details"]["semantic_weight"] == weight


@pytest.mark.parametrize(
    ("more", "text", "share"),
    [
        ((), ["hello"], 1),
        ((), ["[UNK]", "hello"], 0.5),
        ((), ["[UNK]", "!", "##?"], 0),
        ((), ["!"], 1),
        ((), ["к", "##о", "hello"], 1 / 3),
        ((), ["é", "我"], 1),
        (["ко", "то"], ["к", "##о"], 0),
        ([a + b for a in "абвгдежзикл" for b in "абвгдежзикл"], ["к", "##о"], 1),
        ([a + b for a in "абвгдежзикл" for b in "абвгдежзикл"], ["к", "α"], 0.5),
    ],
)
def test_a_vocabulary_that_has_an_alphabet_alone_only_spells(more, text, share):
    """Single letters tell something to a model whose vocabulary has words in that script, and to no other."""
    known = ["[UNK]", "hello", "!", "##?", "к", "##о", "é", "我", "α", *more]
    tokens = {token: number for number, token in enumerate(known)}
    assert Vocabulary(tokens, "[UNK]").share_read([tokens[token] for token in text]) == pytest.approx(share)
