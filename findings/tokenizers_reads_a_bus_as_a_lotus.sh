#!/usr/bin/env bash
# tokenizers 0.23.3: BertNormalizer with its defaults, which most small models for embeddings have in their tokenizer.json.
#
# Expected: accents go, as "café" becomes "cafe"; letters of other scripts stay what they are.
# Seen: every mark that combines goes, and in Japanese, Hindi, Thai or Russian marks are what tells letters apart: bus is lotus,
# key is oyster, "my" is "mine". Hangul falls into its single letters and looks the same.
# Why it matters: two different memories get the same tokens and so the same vector, before any model; lowercase=False ends it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from tokenizers.normalizers import BertNormalizer

pairs = {
    ("バス", "ハス"): "bus and lotus",
    ("かぎ", "かき"): "key and oyster",
    ("мой", "мои"): "my, of one and of several",
    ("मेल", "मूल"): "post and root",
    ("กิน", "กัน"): "to eat and each other",
}
default, cased = BertNormalizer(), BertNormalizer(lowercase=False)
assert default.normalize_str("Café") == "cafe"
for (one, other), meaning in pairs.items():
    read = default.normalize_str(one), default.normalize_str(other)
    print(f"{one} and {other} ({meaning}) are {read[0]} and {read[1]}")
    assert read[0] == read[1]
    assert cased.normalize_str(one) != cased.normalize_str(other)
korean = default.normalize_str("한국")
print(f"한국 of {len('한국')} characters is {korean} of {len(korean)}")
assert len(korean) == 6
PYTHON
