"""Ask pip-audit which installed packages have known vulnerabilities; fail on one that is not excepted with a reason.

Where the service that knows them cannot be asked, as in a network of package mirrors alone, nothing is known: that is
said loudly and fails nothing.
"""

import json
import subprocess
import sys

EXCEPTIONS: dict[str, str] = {}
"""By the id of a vulnerability: why it does not matter here."""


def main() -> int:
    """Return the exit code: 1 for a vulnerability without an exception."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    run = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = json.loads(run.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"pip-audit: NOT AUDITED, no service could be asked: {run.stderr.strip().splitlines()[-1:]}")
        return 0
    audited = [package for package in packages if "vulns" in package]
    found = [(package, one["id"]) for package in audited for one in package["vulns"]]
    for package, name in found:
        print(f"pip-audit: {package['name']} {package['version']}: {name} {EXCEPTIONS.get(name, 'NOT EXCEPTED')}")
    skipped = len(packages) - len(audited)
    if skipped > 1:  # one is this project itself
        print(f"pip-audit: NOT AUDITED, {skipped} of {len(packages)} packages: no service knew of them")
    print(f"pip-audit: {len(audited)} packages audited, {len(found)} vulnerabilities")
    return int(any(name not in EXCEPTIONS for _, name in found))


if __name__ == "__main__":
    sys.exit(main())
