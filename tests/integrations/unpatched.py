"""Run a script that knows only mem0: ``unpatched.py url ADDRESS SCRIPT`` or ``unpatched.py path FILE SCRIPT``.

Its ``MemoryClient(api_key=…)`` is of that server, or answers from that file. Nothing else may be reached.
"""

import runpy
import sys

import offline

from mem0lite import compat

_, kind, where, script = sys.argv
sys.addaudithook(offline.refuse_but_loopback if kind == "url" else offline.refuse)
compat.install(**{kind: where})
sys.argv = [script]
runpy.run_path(script, run_name="__main__")
