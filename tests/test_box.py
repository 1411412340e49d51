"""The box: the image, compose files and unit of the repository, and the wheel, each run in a bare environment.

No container engine is needed: a stage of the Dockerfile is its files in a folder, and its commands.
"""

import fnmatch
import importlib.metadata
import json
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from client_environments import ROOT, _registry, needed, python_of, run

from mem0lite import guide

if os.name != "posix":
    pytest.skip("the box is Linux", allow_module_level=True)

DOCKERFILE, UNIT = ROOT / "Dockerfile", ROOT / "deploy" / "mem0lite.service"
COMPOSE = ("compose.yaml", "compose.postgres.yaml")
KEY = "only-for-this-test"
NOBODY = 65_534


def instructions(file: Path = DOCKERFILE) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, with what they are given."""
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", file.read_text()))
    return [(line.split()[0], line.partition(" ")[2].strip()) for line in text.splitlines() if line.strip()]


def given(name: str) -> list[str]:
    return [text for one, text in instructions() if one == name]


def kept(path: str, patterns: Sequence[str]) -> bool:
    """Tell whether Docker sends a file to a build: the last pattern that matches it, or a folder it is in, decides.

    https://docs.docker.com/build/concepts/context/#dockerignore-files
    """
    parts = path.split("/")
    paths = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    result = True
    for pattern in patterns:
        inner = pattern.removeprefix("!")
        deep = inner.removeprefix("**/")
        names = [one.rpartition("/")[2] for one in paths] if deep != inner else paths
        if any("/" not in name and fnmatch.fnmatchcase(name, deep) for name in names):
            result = pattern.startswith("!")
    return result


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Docker would be sent of a repository in which somebody has worked."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    folder = tmp_path_factory.mktemp("context")
    theirs = ["mem0lite.db", "mem0lite.db-wal", ".env", ".git/config", "mem0lite/x.db", "mem0lite/__pycache__/x.pyc"]
    assert [path for path in [*theirs, "tests/test_box.py", "mem0lite.egg-info/x"] if kept(path, patterns)] == []
    for name in ("mem0lite", *(path.name for path in ROOT.iterdir() if path.is_file())):
        for file in [ROOT / name] if (ROOT / name).is_file() else sorted((ROOT / name).rglob("*")):
            path = file.relative_to(ROOT).as_posix()
            if file.is_file() and kept(path, patterns):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, folder / path)
    assert {path.name for path in folder.iterdir()} == {"pyproject.toml", "README.md", "LICENSE", "mem0lite"}
    return folder


@pytest.fixture(scope="module")
def wheel(context: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what the Dockerfile copies."""
    copied = tmp_path_factory.mktemp("src")
    for text in given("COPY"):
        if text.startswith("--from"):
            continue
        *sources, _ = shlex.split(text)
        for source in sources:
            copy = shutil.copytree if (context / source).is_dir() else shutil.copy
            copy(context / source, copied / source)
    return built(copied, tmp_path_factory.mktemp("dist"))


def built(source: Path, target: Path, kind: str = "--wheel") -> Path:
    """Build a wheel or a source distribution, at a fixed time."""
    python = python_of(needed("packaging"))
    command = [python, "-m", "build", "--no-isolation", kind, "--outdir", str(target), str(source)]
    finished = run(command, target, 600, SOURCE_DATE_EPOCH="1700000000")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    [file] = target.iterdir()
    return file


@pytest.fixture(scope="module")
def bare(wheel: Path) -> Iterator[Path]:
    """A folder with the virtual environment of the image, which nobody may write to, and which others may read."""
    needed("box")  # the packages are in the cache now
    folder = Path(tempfile.mkdtemp(prefix="mem0lite-box-"))
    folder.chmod(0o755)
    try:
        uv = [sys.executable, "-m", "uv"]
        python = str(folder / "venv" / "bin" / "python")
        for command in (
            [*uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")],
            [*uv, "pip", "install", "--quiet", "--offline", "--python", python, f"mem0lite[server] @ {wheel.as_uri()}"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **_registry()})
            assert done.returncode == 0, done.stderr
        for path in (folder / "venv").rglob("*"):
            if not path.is_symlink():
                path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
        yield folder
    finally:
        for path in (folder, *(one for one in folder.rglob("*") if one.is_dir() and not one.is_symlink())):
            path.chmod(0o755)
        shutil.rmtree(folder)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A folder to write to, in a place that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="mem0lite-data-") as folder:
        yield Path(folder)


def as_nobody(bare: Path, data: Path) -> dict[str, Any]:
    """Return how to start a process that is not root, if this user may, and if Python is where others can read it."""
    if os.geteuid() != 0:
        return {}
    other: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    try:
        subprocess.run([bare / "venv" / "bin" / "python", "-c", ""], check=True, capture_output=True, **other)
    except (OSError, subprocess.SubprocessError):
        return {}
    os.chown(data, NOBODY, NOBODY)
    return other


def serve(command: list[str], bare: Path, data: Path, **variables: str) -> tuple[str, str]:
    """Run a command that serves, ask it with its key and without, and stop it; what it said first and last."""
    alone = {"PATH": f"{bare / 'venv' / 'bin'}:/usr/bin:/bin", "HOME": "/nonexistent", "NO_PROXY": "*"}
    process = subprocess.Popen(
        command, cwd="/", env={**alone, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **as_nobody(bare, data),
    )  # fmt: skip
    assert process.stderr
    assert process.stdout
    with process:
        try:
            begun = process.stderr.readline()
            found = re.search(r"http://[\d.]+:(\d+)", begun)
            assert found, begun + process.stderr.read()
            url = f"http://127.0.0.1:{found[1]}"
            check_health(url, bare)
            request = urllib.request.Request(f"{url}/entities", headers={"X-API-Key": KEY})
            with urllib.request.urlopen(request, timeout=60) as answer:
                assert answer.read() == b"[]"
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"{url}/entities", timeout=60)
            refused.value.close()
            assert refused.value.code == 401
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            return begun, process.stderr.read()
        finally:
            process.kill()


def check_health(url: str, bare: Path) -> None:
    """Run the image's health check against a server, and against none."""
    _, _, check = given("HEALTHCHECK")[0].partition("CMD ")
    for port, healthy in ((url.rpartition(":")[2], True), ("1", False)):
        python, *rest = json.loads(check.replace("127.0.0.1:8888", f"127.0.0.1:{port}"))
        done = subprocess.run([bare / "venv" / "bin" / python, *rest], capture_output=True, env={"NO_PROXY": "*"})
        assert (done.returncode == 0) == healthy, done.stderr


def test_the_image_serves(bare: Path, data: Path) -> None:
    """What the image starts serves the file in its volume, answers its health check, wants a key, and closes the
    file."""
    assert given("USER") == ["10001"]
    variables = dict(one.split("=", 1) for one in shlex.split(given("ENV")[0]))
    assert variables["PATH"] == "/opt/mem0lite/bin:$PATH"
    assert given("VOLUME") == ["/data"]
    variables |= {"MEM0LITE_DB": variables["MEM0LITE_DB"].replace("/data", str(data)), "MEM0LITE_PORT": "0"}
    del variables["PATH"]
    command = json.loads(given("ENTRYPOINT")[0])
    begun, ended = serve(command, bare, data, **variables, MEM0LITE_API_KEYS=KEY)
    assert f"serves {data / 'mem0lite.db'} at http://0.0.0.0:" in begun
    assert "mem0lite closed" in ended
    assert '"/entities"' in ended  # the access log
    assert KEY not in begun + ended
    assert [path.name for path in data.iterdir()] == ["mem0lite.db"]


def test_the_image_needs_a_key(bare: Path, data: Path) -> None:
    """Without keys the image does not start: its address can be reached by others."""
    variables = dict(one.split("=", 1) for one in shlex.split(given("ENV")[0]) if not one.startswith("PATH="))
    done = subprocess.run(
        [bare / "venv" / "bin" / "mem0lite", "serve"], cwd=data, env={**variables, "MEM0LITE_DB": f"{data}/x.db"},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, list(data.iterdir())) == (2, [])
    assert "Set MEM0LITE_API_KEYS" in done.stderr


def test_the_commands_of_the_build(bare: Path) -> None:
    """The build copies only what is there, installs what it copied with the extras that are asked for, and the image
    takes the environment from where it was made."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    [argument] = given("ARG")
    assert argument == "EXTRAS=server"
    assert "server" in extras
    made, user = given("RUN")
    assert made == 'python -m venv /opt/mem0lite && /opt/mem0lite/bin/pip install --no-cache-dir ".[$EXTRAS]"'
    assert "--uid 10001" in user
    assert "--from=build /opt/mem0lite /opt/mem0lite" in given("COPY")
    assert (bare / "venv" / "bin" / "mem0lite").is_file()


def test_the_unit_serves(bare: Path, data: Path) -> None:
    """The command of the unit serves a file in its state folder, with keys of its environment file."""
    settings = [line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line and line[0] != "#"]
    [command] = [value for name, value in settings if name == "ExecStart"]
    assert ["StateDirectory", "mem0lite"] in settings
    places = {"/opt/mem0lite": str(bare / "venv"), "/var/lib/mem0lite": str(data)}
    for place, here in places.items():
        assert place in command
        command = command.replace(place, here, 1)
    begun, ended = serve(shlex.split(command), bare, data, MEM0LITE_API_KEYS=KEY, MEM0LITE_PORT="0")
    assert str(data / "mem0lite.db") in begun
    assert "mem0lite closed" in ended


def test_systemd_knows_the_unit(tmp_path: Path) -> None:
    """systemd has nothing to say about the unit, and finds little that it leaves open."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd")
    unit = tmp_path / "mem0lite.service"
    unit.write_text(UNIT.read_text().replace("/opt/mem0lite/bin/mem0lite", sys.executable))
    said = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=120)
    assert [line for line in said.stderr.splitlines() if "mem0lite.service" in line] == []
    said = subprocess.run(
        [analyze, "security", "--offline=true", str(unit)], capture_output=True, text=True, timeout=120
    )
    found = re.search(r"exposure level for mem0lite.service: ([\d.]+)", said.stdout)
    if found is None:
        pytest.skip("this systemd cannot judge a unit that it does not run")
    assert float(found[1]) < 2


@pytest.mark.parametrize("name", COMPOSE)
def test_a_compose_file_is_one(name: str, tmp_path: Path) -> None:
    """A compose file follows the specification, shows no port to others, and needs its secrets to be set."""
    python = python_of(needed("packaging"))
    command = [python, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(ROOT / name)]
    said = run(command, tmp_path)
    assert said.returncode == 0, said.stdout
    found = yaml.safe_load((ROOT / name).read_text())
    server = found["services"]["mem0lite"]
    assert server["ports"] == ["127.0.0.1:8888:8888"]
    assert server["read_only"] is True
    secrets = re.findall(r"\$\{(\w+)(:\?[^}]+)?\}", (ROOT / name).read_text())
    assert {one for one, _ in secrets} >= {"MEM0LITE_API_KEYS"}
    assert all(reason for _, reason in secrets)
    mounted = [one.split(":")[0] for service in found["services"].values() for one in service.get("volumes", ())]
    assert set(mounted) == set(found["volumes"])


def test_a_linter_reads_the_dockerfile(tmp_path: Path) -> None:
    """hadolint has nothing to say about the Dockerfile."""
    said = run([str(needed("packaging") / "bin" / "hadolint"), str(DOCKERFILE)], tmp_path)
    assert (said.returncode, said.stdout) == (0, "")


@pytest.mark.parametrize("path", [DOCKERFILE, UNIT, *(ROOT / name for name in COMPOSE)], ids=lambda path: path.name)
def test_the_guide_shows_the_files(path: Path) -> None:
    """The page on deployment shows each file as it is."""
    assert f"\n{path.read_text()}```\n" in guide.read("deploy")


# -- the wheel


def test_the_same_source_gives_the_same_wheel(wheel: Path, context: Path, tmp_path: Path) -> None:
    """A wheel that is built again, elsewhere and from files of another age, has the same bytes."""
    again = shutil.copytree(context, tmp_path / "again")
    for path in again.rglob("*"):
        os.utime(path, (1, 1))
    (tmp_path / "dist").mkdir()
    assert built(again, tmp_path / "dist").read_bytes() == wheel.read_bytes()


def test_the_wheel_can_be_published(wheel: Path, tmp_path: Path) -> None:
    """The long description is one that registries show, and the wheel has what it should and no tests."""
    said = run([python_of(needed("packaging")), "-m", "twine", "check", "--strict", str(wheel)], tmp_path)
    assert said.returncode == 0, said.stdout
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"mem0lite", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}
    assert [name for name in names if name.endswith((".db", ".pyc"))] == []
    assert any(name.endswith("fused.bin") for name in names)


def test_uvx_and_pipx_find_the_command(wheel: Path, bare: Path, tmp_path: Path) -> None:
    """uvx runs the wheel's command from its own environment; pipx takes the command that has the package's name."""
    uvx = [sys.executable, "-m", "uv", "tool", "run", "--quiet", "--offline", "--python", sys.executable]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MEM0", "PYTHONPATH"))}

    def served(package: str) -> str:
        said = subprocess.run(
            [*uvx, "--from", f"{package} @ {wheel.as_uri()}", "mem0lite", "serve", "--host", "192.0.2.1"],
            capture_output=True, text=True, cwd=tmp_path, timeout=300, env={**kept, **_registry()},
        )  # fmt: skip
        assert said.returncode == 2, said.stderr
        return said.stderr

    assert "192.0.2.1 can be reached by others" in served("mem0lite[server]")  # the server of the wheel said so
    assert 'uvx "mem0lite[server]" serve' in served("mem0lite")
    [site] = (bare / "venv" / "lib").glob("python*/site-packages")
    [own] = importlib.metadata.distributions(name="mem0lite", path=[str(site)])
    assert [one.name for one in own.entry_points if one.group == "console_scripts"] == ["mem0lite"]


def test_the_bill_of_materials(bare: Path, tmp_path: Path) -> None:
    """The bill of materials lists what is installed with the wheel, in CycloneDX."""
    command = [python_of(needed("packaging")), "-m", "cyclonedx_py", "environment", str(bare / "venv/bin/python")]
    said = run([*command, "--output-reproducible", "--no-validate", "--output-format", "JSON"], tmp_path, 300)
    assert said.returncode == 0, said.stderr
    bill = json.loads(said.stdout)
    assert bill["bomFormat"] == "CycloneDX"
    [site] = (bare / "venv" / "lib").glob("python*/site-packages")
    installed = {one.metadata["Name"].lower() for one in importlib.metadata.distributions(path=[str(site)])}
    assert {one["name"].lower() for one in bill["components"]} == installed > {"mem0lite", "litestar"}
    assert installed & {"fastembed", "pillow", "requests", "loguru", "mmh3"} == set()
