#!/usr/bin/env bash
# SQLite 3.54.1 (from apsw 3.54.1.0): FTS5 with its default tokenizer, unicode61, on languages that write vowels as marks.
#
# Expected: a word between spaces is one token, with its marks or without them, as "café" is.
# Seen: marks that stand on their own in Unicode separate tokens, as spaces do. Hindi, Bengali and Tamil words fall into
# their consonants, vocalised Arabic and Hebrew into pieces of a letter or two: two Hindi words with the same consonants
# and other vowels are the same to a search.
# Why it matters: a search for one word finds others, and ranks by letters. categories 'L* N* Co M*' keeps words whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import apsw


def opened(tokenizer):
    connection = apsw.Connection(":memory:")
    connection.execute(f'CREATE VIRTUAL TABLE notes USING fts5(text, tokenize="{tokenizer}")')
    connection.execute("CREATE VIRTUAL TABLE tokens USING fts5vocab(notes, 'row')")
    return connection


def tokens(text, tokenizer="unicode61"):
    connection = opened(tokenizer)
    connection.execute("INSERT INTO notes VALUES (?)", (text,))
    return [term for (term,) in connection.execute("SELECT term FROM tokens")]


def finds(asked, text, tokenizer="unicode61"):
    connection = opened(tokenizer)
    connection.execute("INSERT INTO notes VALUES (?)", (text,))
    return connection.execute("SELECT count(*) FROM notes WHERE notes MATCH ?", (f'"{asked}"',)).get == 1


WHOLE = "unicode61 categories 'L* N* Co M*'"
for language, word in [("French", "café"), ("Hindi", "हिन्दी"), ("Bengali", "বাংলা"), ("Hebrew", "עִבְרִית")]:
    print(f"{language} {word}: {tokens(word)}; with marks as parts of words {tokens(word, WHOLE)}")
assert tokens("café") == ["cafe"]
assert tokens("हिन्दी") == ["द", "न", "ह"] and len(tokens("हिन्दी", WHOLE)) == 1
assert len(tokens("বাংলা")) == 2 and len(tokens("עִבְרִית")) == 4
print("asked for दान (gift), found दिन (day):", finds("दान", "दिन"))
assert finds("दान", "दिन") and not finds("दान", "दिन", WHOLE)
PYTHON
