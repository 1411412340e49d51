"""The scripts here run in the environment of the frameworks, where test_integrations.py runs them."""

collect_ignore_glob = ["*.py"]
