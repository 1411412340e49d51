#!/usr/bin/env bash
# SQLite 3.54.1's cksumvfs, from apsw 3.54.1.0: VACUUM INTO a file that is opened with it, with eight reserved bytes per page.
#
# Expected: a copy whose pages all have a checksum, of whatever size.
# Seen: a copy of 200 kB is so. One of 20 MB has checksums on its last 2 MB (the page cache) alone: the file system learns
# from page 1 that it is to write them, and page 1 is written last. VACUUM INTO succeeds, and the copy can't be read.
# Why it matters: the first backup that fails to open is that of a store that has grown; copy without, then VACUUM in place.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import apsw
from apsw import sqlite_extra

PAGE = 4096
plain = apsw.vfs_names()[0]
sqlite_extra.load(apsw.Connection(":memory:"), "cksumvfs")
apsw.set_default_vfs(plain)  # loading made the other one the default


def pages_with_checksums(rows):
    store = apsw.Connection(f"{rows}.db")
    store.execute(f"PRAGMA page_size = {PAGE}; CREATE TABLE memories (text)")
    with store:
        store.executemany("INSERT INTO memories VALUES (randomblob(900))", [()] * rows)
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI
    store = apsw.Connection(f"file:{rows}.db", flags=flags)
    store.execute("VACUUM INTO ?", (f"file:{rows}-copy.db?reserve=8&vfs=cksmvfs",))
    with open(f"{rows}-copy.db", "rb") as file:
        pages = list(iter(lambda: file.read(PAGE), b""))
    copy = apsw.Connection(f"{rows}-copy.db", vfs="cksmvfs")
    verified = sum(copy.execute("SELECT verify_checksum(?)", (page,)).get for page in pages)
    copy = apsw.Connection(f"{rows}-copy.db", vfs="cksmvfs")
    try:
        read = copy.execute("SELECT count(text) FROM (SELECT text FROM memories)").get
    except apsw.IOError as error:
        read = str(error)
    print(f"{rows} rows: {verified} of {len(pages)} pages have a checksum; read with it: {read}")
    return verified, len(pages), read


verified, pages, read = pages_with_checksums(200)
assert verified == pages and read == 200
verified, pages, read = pages_with_checksums(20_000)
assert verified < pages / 5 and read != 20_000
PYTHON
