"""What the functions in the database say of texts and instants is what Python says."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0lite.comparison import casefold, moment, nfc

psycopg = pytest.importorskip("psycopg")

from mem0lite.store.postgres.functions import functions  # noqa: E402

SPECIAL = [
    one
    for one in map(chr, range(4, 0x110000))
    if one.casefold() != one or unicodedata.decomposition(one) or unicodedata.combining(one)
]
"""Every character that has a case, is composed, or combines with others."""


@pytest.fixture
def connection(postgresql):
    with psycopg.connect(postgresql, autocommit=True) as opened:
        opened.execute(functions())
        yield opened


def of_all(connection, function, texts, *more):
    placeholders = ", %s" * len(more)
    rows = connection.execute(
        f"SELECT {function}(t{placeholders}) FROM unnest(%s::text[]) WITH ORDINALITY u (t, n) ORDER BY n",
        (*more, texts),  # in the order of the placeholders
    )
    return [row[0] for row in rows]


def test_every_character_is_composed_and_folded_as_python_does(connection):
    """No character of Unicode has another composed or folded form in the database than in Python."""
    assert len(SPECIAL) > 5_000
    for texts in (SPECIAL, [f"a\u0323{one}B" for one in SPECIAL]):
        assert of_all(connection, "nfc", texts) == [nfc(text) for text in texts]
        assert of_all(connection, "folded", texts) == [casefold(text) for text in texts]


@pytest.mark.parametrize("text", ["e" + "\u0301\u0323" * 600, "x" * 1_000 + "E\u0301", "É" * 2_000, "\x01\x02\x02K"])
def test_long_texts_are_composed_as_python_does(connection, text):
    """A run of combining characters that no writing has is left as it is, because sorting it takes quadratic time."""
    assert of_all(connection, "nfc", [text]) == [nfc(text)]
    assert of_all(connection, "folded", [text]) == [casefold(text)]


DATES = st.builds(
    "{}-{}-{}".format,
    st.sampled_from(["0000", "0001", "1900", "2000", "2024", "9999", "٢٠٢٤"]),
    st.sampled_from(["00", "01", "02", "06", "12", "13"]),
    st.sampled_from(["00", "01", "28", "29", "30", "31", "32"]),
)
CLOCKS = st.sampled_from(
    ("", "T00:00", "t23:59", " 23:59:59", "  00:00", "T23:59:59.999999", "T12:00:00,1", "T12", "T12:60", "T12:00:60")
) | st.sampled_from(("T1200", "T120000", "T120000.5", "T12:00:00." + "1" * 50))
ZONES = st.sampled_from(("", "Z", "z", " ", "\n", "+09:00", "-23:59", "+24:00", "+0930", "-00:00", "+09")) | (
    st.sampled_from(("+01:02:03", "+010203", "+01:0203", "+0102:03", "+1", "+00:99", "+23:59:60", "−09:00"))
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory, request):
    """A connection for many cases."""
    import backends

    if reason := backends.no_postgres():
        pytest.skip(reason)
    with psycopg.connect(str(backends.postgres(tmp_path_factory.getbasetemp(), request)), autocommit=True) as opened:
        opened.execute(functions())
        yield opened


@given(st.lists(st.tuples(DATES, CLOCKS, ZONES, st.booleans()), min_size=20, max_size=60))
def test_instants_are_read_as_python_does(shared, parts):
    """What is an instant or a day, and which, does not depend on where it is asked."""
    texts = [(date.replace("-", "") if basic else date) + clock + zone for date, clock, zone, basic in parts]
    for part in ("start", "end", "day", "date"):
        assert of_all(shared, "moment", texts, part) == [moment(text, part) for text in texts]
