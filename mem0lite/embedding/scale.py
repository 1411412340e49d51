"""The scale of an embedder's cosines, and how they are brought to the bundled model's, which search was fitted to.

Every model has a scale of its own. The cosines of a question and a text that has nothing to do with it lie at 0.08 with
the bundled model, and at 0.72 with multilingual-e5. What tells one memory from another is then three times smaller, the
keywords decide nearly everything, and a threshold lets all pass.

The scale is measured on fixed sentences, once for an embedder. The rejected option is to measure it on what is stored:
then one user's texts would move another user's scores.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .multilingual import IDENTITY
from .protocol import Embedder, embed_documents, embed_query, identity
from .reading import no_meaning

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

UNRELATED = 0.063
"""The mean cosine of a question and a text that has nothing to do with it, with the bundled model."""

_ALIKE = 0.2  # mean cosine of texts that have nothing to do with each other, below which it is not high
_MOST = 0.999  # of an embedder that tells something apart; with more, it is rounding

# Sentences of everyday life in six languages: texts that have nothing to do with each other, then questions that none
# of them answers. A model may know only some of the languages. What it can't read looks all alike to it.
_SENTENCES: tuple[tuple[Sequence[str], Sequence[str]], ...] = (
    (
        (
            "The tomatoes on the balcony are ripe.",
            "He has played the cello since he was a child.",
            "Our landlord raised the rent again.",
            "The car needs new tyres before winter.",
            "I read crime novels before I fall asleep.",
            "Two of my teeth have hurt since Monday.",
            "The printer is out of paper.",
            "Grandmother turned ninety in October.",
        ),
        (
            "Where does my sister work?",
            "What did they cook for us yesterday?",
            "Which train goes to the airport?",
            "How old is the dog?",
            "Who painted the kitchen wall?",
            "When does the football match begin?",
        ),
    ),
    (
        (
            "Die Tomaten auf dem Balkon sind reif.",
            "Er spielt Cello, seit er ein Kind war.",
            "Unser Vermieter hat schon wieder die Miete erhöht.",
            "Vor dem Winter braucht das Auto neue Reifen.",
            "Ich lese Krimis, bevor ich einschlafe.",
            "Seit Montag tun mir zwei Zähne weh.",
            "Im Drucker ist kein Papier mehr.",
            "Großmutter wurde im Oktober neunzig.",
        ),
        (
            "Wo arbeitet meine Schwester?",
            "Was haben sie gestern für uns gekocht?",
            "Welcher Zug fährt zum Flughafen?",
            "Wie alt ist der Hund?",
            "Wer hat die Küchenwand gestrichen?",
            "Wann beginnt das Fußballspiel?",
        ),
    ),
    (
        (
            "Los tomates del balcón están maduros.",
            "Toca el violonchelo desde que era niño.",
            "El casero nos ha vuelto a subir el alquiler.",
            "El coche necesita neumáticos nuevos antes del invierno.",
            "Leo novelas policíacas antes de dormirme.",
            "Me duelen dos muelas desde el lunes.",
            "La impresora se ha quedado sin papel.",
            "La abuela cumplió noventa años en octubre.",
        ),
        (
            "¿Dónde trabaja mi hermana?",
            "¿Qué nos cocinaron ayer?",
            "¿Qué tren va al aeropuerto?",
            "¿Qué edad tiene el perro?",
            "¿Quién pintó la pared de la cocina?",
            "¿Cuándo empieza el partido de fútbol?",
        ),
    ),
    (
        (
            "阳台上的西红柿熟了。",
            "他从小就拉大提琴。",
            "房东又涨了房租。",
            "汽车在冬天之前需要换新轮胎。",
            "我睡前看侦探小说。",
            "从星期一起我有两颗牙疼。",
            "打印机没纸了。",
            "奶奶十月满九十岁了。",
        ),
        (
            "我姐姐在哪里工作？",
            "他们昨天给我们做了什么菜？",
            "哪趟火车去机场？",
            "这只狗多大了？",
            "谁粉刷了厨房的墙？",
            "足球比赛什么时候开始？",
        ),
    ),
    (
        (
            "Помидоры на балконе созрели.",
            "Он с детства играет на виолончели.",
            "Хозяин квартиры опять поднял плату.",
            "До зимы машине нужны новые шины.",
            "Перед сном я читаю детективы.",
            "С понедельника у меня болят два зуба.",
            "В принтере кончилась бумага.",
            "Бабушке в октябре исполнилось девяносто.",
        ),
        (
            "Где работает моя сестра?",
            "Что они нам вчера приготовили?",
            "Какой поезд идёт в аэропорт?",
            "Сколько лет собаке?",
            "Кто покрасил стену на кухне?",
            "Когда начинается футбольный матч?",
        ),
    ),
    (
        (
            "نضجت الطماطم في الشرفة.",
            "يعزف على التشيلو منذ طفولته.",
            "رفع المالك الإيجار مرة أخرى.",
            "تحتاج السيارة إلى إطارات جديدة قبل الشتاء.",
            "أقرأ الروايات البوليسية قبل النوم.",
            "تؤلمني سنّان منذ يوم الاثنين.",
            "نفد الورق من الطابعة.",
            "بلغت جدتي التسعين في أكتوبر.",
        ),
        (
            "أين تعمل أختي؟",
            "ماذا طبخوا لنا أمس؟",
            "أي قطار يذهب إلى المطار؟",
            "كم عمر الكلب؟",
            "من طلى جدار المطبخ؟",
            "متى تبدأ مباراة كرة القدم؟",
        ),
    ),
)


class Scale(NamedTuple):
    """Where an embedder's cosines lie."""

    unrelated: float
    """The mean cosine of a question and a text that has nothing to do with it."""

    @property
    def narrow(self) -> bool:
        """Whether cosines lie higher than the bundled model's, so that less is left to tell texts apart."""
        return UNRELATED < self.unrelated < _MOST

    def brought(self, cosines: "Floats") -> "Floats":
        """Return cosines as the bundled model's would lie, in the same order: 1 stays 1, and what has nothing to do
        with each other comes to where the bundled model has it.

        That undoes what makes cosines narrow, a direction that all vectors have in common, and needs no deviation: one
        that is measured on some sentences is off by a tenth.
        """
        if not self.narrow:
            return cosines
        return 1 - (1 - cosines) * ((1 - UNRELATED) / (1 - self.unrelated))


MULTILINGUAL = Scale(0.057)
"""Of the multilingual model, which need not embed the sentences for it."""


def measured(embedder: Embedder) -> Scale | None:
    """Return the scale of an embedder's cosines. None if it can't embed the sentences, which is logged.

    It is that of the language that the embedder tells apart best. If all texts are alike to it, questions are embedded
    too: models that put prompts before both have another scale for texts beside each other.
    """
    key = tuple(identity(embedder).values())
    if key == tuple(IDENTITY.values()):
        return MULTILINGUAL
    if key not in _known:
        found = _measure(embedder)
        if found is None or not getattr(embedder, "fingerprint", ""):
            return found  # without a fingerprint, another embedder may have the same name
        _known[key] = found
    return _known[key]


_known: dict[tuple[object, ...], Scale] = {}


def _measure(embedder: Embedder) -> Scale | None:
    import numpy as np

    try:
        alike, texts, questions = _best_told_apart(embedder)
        if alike < _ALIKE:
            return Scale(min(alike, UNRELATED))
        asked = np.array([embed_query(embedder, question) for question in questions])
    except Exception as error:  # an embedder that knows only some texts, or a service that is away
        logging.getLogger("mem0lite").warning(
            "The scale of the embedder %r could not be measured, so its cosines count as they are until the store is "
            "opened again: %r",
            embedder.name,
            error,
        )
        return None
    return Scale(float(np.mean(asked @ texts.T, dtype=np.float64)))


def _best_told_apart(embedder: Embedder) -> "tuple[float, Floats, Sequence[str]]":
    """Return how alike the texts of one language are, their vectors, and its questions."""
    import numpy as np

    vectors = np.array(embed_documents(embedder, [text for texts, _ in _SENTENCES for text in texts]))
    unread = np.frombuffer(no_meaning(embedder.dimensions), "<f4")
    found: list[tuple[float, Floats, Sequence[str]]] = []
    for (_, questions), those in zip(_SENTENCES, np.split(vectors, len(_SENTENCES)), strict=True):
        cosines = those @ those.T
        alike = float(cosines[np.triu_indices(len(those), 1)].mean())
        found.append((2.0 if (those == unread).all(axis=1).any() else alike, those, questions))
    return min(found, key=lambda one: one[0])
