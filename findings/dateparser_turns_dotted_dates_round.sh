#!/usr/bin/env bash
# dateparser 1.5.0: dates with dots, as German, Czech, Finnish and a dozen other languages write them, day first.
#
# Expected: one order for one list, and German's where "de" stands first among the languages.
# Seen: "12.06.2024" is 6 December and "13.06.2024" is 13 June, so that two neighbouring days lie half a year apart; with
# languages=["de", "en"] too, since the languages are tried in an order of the library's own. Only "de" alone helps.
# Why it matters: a log that is imported line by line is right after the 12th of each month and wrong before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check dateparser==1.5.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import dateparser

days = "12.06.2024", "13.06.2024"
for languages in (None, ["en"], ["de", "en"], ["de"]):
    read = [dateparser.parse(day, languages=languages).date().isoformat() for day in days]
    print(f"languages={languages}: {read}")
    assert read == ["2024-06-12" if languages == ["de"] else "2024-12-06", "2024-06-13"]
PYTHON
