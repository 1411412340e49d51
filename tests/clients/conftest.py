"""The scripts of this folder run in the clients' own environments, never in the test process."""

collect_ignore_glob = ["*.py"]
