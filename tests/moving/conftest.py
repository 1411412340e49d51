"""The script of this folder runs in mem0's own environments, never in the test process."""

collect_ignore_glob = ["*.py"]
