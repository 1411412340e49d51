#!/usr/bin/env bash
# lancedb 0.40.0: full-text search with its defaults, for a word of forty characters, as Git's commit hashes are.
#
# Expected: a text is found by every word in it; at most, only the beginning of a long one counts.
# Seen: words of forty bytes and more are neither indexed nor looked for (max_token_length=40). A commit's hash of 40
# digits, a SHA-256 digest or a long path in a text is never found, one digit less is, and there is no warning.
# Why it matters: an agent that noted which commit it deployed can't find the note by the commit. max_token_length=None
# keeps all words.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lancedb==0.40.0
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import lancedb

COMMIT = "3f786850e387550fdab836ed7e6dc881de23001b"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
WORDS = [COMMIT[:7], COMMIT[:39], COMMIT, DIGEST]


def found(**options):
    name = f"notes_{len(options)}"
    table = lancedb.connect("lance").create_table(name, [{"text": f"We deployed {word} today."} for word in WORDS])
    table.create_fts_index("text", **options)
    return [any(word in row["text"].split() for row in table.search(word, query_type="fts").to_list()) for word in WORDS]


default, unlimited = found(), found(max_token_length=None)
for word, with_defaults, without_limit in zip(WORDS, default, unlimited):
    print(f"a word of {len(word)} characters: found {with_defaults}, without a limit {without_limit}")
assert default == [True, True, False, False]
assert unlimited == [True, True, True, True]
PYTHON
