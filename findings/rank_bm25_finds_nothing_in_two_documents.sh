#!/usr/bin/env bash
# rank-bm25 0.2.2: BM25Okapi over a few documents.
#
# Expected: a document with the word that is asked for scores more than one without it.
# Seen: with two documents, a word of one of them has an idf of log(1.5 / 1.5) = 0, so that both score 0; with one document
# the idf is negative, and its own word gives it a score below 0.
# Why it matters: a new user's memory holds two or three texts, and search by words ranks them by chance or the wrong way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rank-bm25==0.2.2
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from rank_bm25 import BM25Okapi

two = BM25Okapi([["the", "cat", "sat"], ["a", "dog", "ran"]]).get_scores(["cat"])
print("two documents, one with the word:", two)
assert two[0] == two[1] == 0
one = BM25Okapi([["cat"]]).get_scores(["cat"])
print("one document, with the word:", one)
assert one[0] < 0
PYTHON
