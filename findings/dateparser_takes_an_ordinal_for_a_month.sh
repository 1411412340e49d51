#!/usr/bin/env bash
# dateparser 1.5.0: "the 5th", asked on 13 September 2023.
#
# Expected: 5 September, which is the latest, as the setting for dates in the past asks; or None.
# Seen: 13 May 2023: the ordinal is the number of a month, and the day is today's. From the 13th on it is a day, and then the
# setting is forgotten: "the 20th" is 20 September, a week ahead.
# Why it matters: "what did I do on the 5th?" asks for another month, and nothing says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dateparser==1.5.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime

import dateparser

asked = datetime(2023, 9, 13, 15)
read = {
    words: dateparser.parse(words, languages=["en"], settings={"RELATIVE_BASE": asked, "PREFER_DATES_FROM": "past"})
    for words in ("the 5th", "the 20th")
}
for words, day in read.items():
    print(f"{words!r}: {day:%d %B %Y}")
assert read["the 5th"] == datetime(2023, 5, 13)
assert read["the 20th"] == datetime(2023, 9, 20)
PYTHON
