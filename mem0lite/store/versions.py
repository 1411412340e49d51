"""What is the same in any store."""

import apsw

SQLITE_VERSION = apsw.sqlite_lib_version()
"""Of SQLite in this process."""
