"""What the server gives out at ``/ui``: static files of the package, under a strict policy, and nothing else."""

import hashlib
import re
from pathlib import Path

import httpx
import pytest
import serving

from mem0lite import ConfigurationError, Memory
from mem0lite.server import ApiKey, Settings, create_app, ui

served, store, client = serving.served, serving.store, serving.client

FILES = sorted(path for path in ui.FOLDER.rglob("*") if path.suffix in (".html", ".css", ".js"))
OURS = [path for path in FILES if path.parent == ui.FOLDER]


def test_every_file_is_served_under_the_policy(client: httpx.Client) -> None:
    """The page and what it loads are answered with their types, no script or style may be inline or from elsewhere,
    and texts cannot become markup."""
    page = client.get("/ui")
    assert page.headers["Content-Type"].startswith("text/html")
    for path in FILES:
        answer = page if path.suffix == ".html" else client.get(f"/ui/{path.name}")
        assert answer.content == path.read_bytes()
        assert answer.headers["Content-Type"].startswith(ui._TYPES[path.suffix])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
        assert "unsafe" not in policy


def test_a_file_is_sent_once(client: httpx.Client) -> None:
    """A browser asks each time, so that files of two versions never meet, and is sent only what changed."""
    first = client.get("/ui/main.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/ui/main.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert client.get("/ui/main.js", headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get("/ui/page.css").headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize(
    "path", ["/ui/index.html", "/ui/nothing.js", "/ui/../app.py", "/ui/%2e%2e%2fapp.py", "/ui//main.js", "/ui/LICENSE"]
)
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    """Only the files of the page can be read."""
    assert client.get(path).status_code == 404


def test_the_page_needs_no_key_and_no_file_is_secret() -> None:
    """The page itself is public, because it asks for the key; what it then asks for needs the key."""
    with Memory(":memory:", embedder=serving.HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey("secret"),)))
        with serving.served_by(app) as client:
            assert client.get("/ui").status_code == client.get("/ui/main.js").status_code == 200
            assert client.get("/entities").status_code == 401


def test_it_can_be_turned_off() -> None:
    """With the setting off there is no such route; the variable and the command's option set it."""
    with Memory(":memory:", embedder=serving.HashEmbedder()) as memory:
        app = create_app(memory, Settings(insecure=True, ui=False))
        with serving.served_by(app) as client:
            assert client.get("/ui").status_code == client.get("/ui/main.js").status_code == 404
    assert Settings.from_environment({"MEM0LITE_UI": "0"}).ui is False
    assert Settings.from_environment({}).ui is True
    with pytest.raises(ConfigurationError, match="MEM0LITE_UI"):
        Settings.from_environment({"MEM0LITE_UI": "maybe"})
    with pytest.raises(ConfigurationError, match="ui: must be True or False"):
        Settings(ui="no")  # type: ignore[arg-type]


@pytest.mark.parametrize("path", OURS, ids=[path.name for path in OURS])
def test_the_files_keep_their_rules(path: Path) -> None:
    """No file makes markup of a text or names another server; what a file imports is there."""
    text = path.read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|\bstyle=", text)
    assert re.findall(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[\w-]+\.[\w.-]+", text) == []
    for name in re.findall(r'(?:from|import) "\./([^"]+)"', text):
        assert name in {file.name for file in FILES}


def test_d3_is_vendored_with_its_licence() -> None:
    """The copied files are those of the named versions, as npm has them, complete with their licence."""
    folder = ui.FOLDER / "d3"
    assert {path.name for path in folder.iterdir()} == {"LICENSE", *(f"{name}.min.js" for name in ui.D3)}
    for name, version in ui.D3.items():
        first = (folder / f"{name}.min.js").read_text().partition("\n")[0]
        assert first.startswith(f"// https://d3js.org/{name}/ v{version} Copyright")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.iterdir()))).hexdigest()
    assert digest == "f71f5b88cf804b1ed732245208fdc1676e4394787e4d014ed8f43bd0897ef8ad"
    assert "Permission to use, copy, modify, and/or distribute" in (folder / "LICENSE").read_text()


def test_ping_says_whose_key_it_is() -> None:
    """The page shows whose memories it is about: the user of a pinned key, or null for everybody's."""
    keys = (ApiKey("whole"), ApiKey("pinned", "alice"))
    with Memory(":memory:", embedder=serving.HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=keys))
        with serving.served_by(app) as client:
            answers = [client.get("/v1/ping/", headers={"X-API-Key": key}).json() for key in ("whole", "pinned")]
    assert [answer["user_id"] for answer in answers] == [None, "alice"]
