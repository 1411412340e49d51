"""The guide: in Python, in the terminal, on the server, and in what is installed."""

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
import starlette.applications
import starlette.routing
from embedder import HashEmbedder
from serving import served_by
from test_cli import command, environment, on_terminal

from mem0lite import Memory, NotFoundError, guide
from mem0lite.server import ApiKey, Settings, create_app
from mem0lite.server.guide import rendered

ROOT = Path(__file__).parent.parent
FOLDER = Path(guide.__file__).parent
KEYED = Settings(vacuum_interval_seconds=0, api_keys=(ApiKey("secret"),))


@pytest.fixture(scope="module", params=["", "/mem"], ids=["standalone", "mounted"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[httpx.Client, str]]:
    """A client without a key of a server that has one, and the prefix under which it is mounted."""
    prefix: str = request.param
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, KEYED)
        mounts = [starlette.routing.Mount(prefix, app)]
        with served_by(starlette.applications.Starlette(routes=mounts) if prefix else app) as client:
            yield client, prefix


# -- the pages


def test_every_page_is_listed() -> None:
    """The list names each file of the folder once, and nothing else."""
    assert sorted(guide.NAMES) == sorted(file.stem for file in FOLDER.glob("*.md"))


@pytest.mark.parametrize("page", guide.pages(), ids=lambda page: page.name)
def test_a_page_begins_with_its_title_and_a_summary(page: guide.Page) -> None:
    """A page has one title, a summary of one sentence, and no other heading of the first rank."""
    text = guide.read(page.name)
    assert text.startswith(f"# {page.title}\n\n")
    assert re.fullmatch(r"[A-Z`][^#|\n]*[^.]\.", page.summary)
    assert ". " not in page.summary
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    assert len(re.findall(r"^# ", outside, re.MULTILINE)) == 1


def test_an_unknown_page_names_those_that_are_near() -> None:
    """A misspelt name is answered with the names that it may mean, any other with all of them."""
    with pytest.raises(NotFoundError, match=r"no page 'filter'. Did you mean filters or files\?"):
        guide.read("filter")
    with pytest.raises(NotFoundError, match=r"Its pages are getting-started, .*benchmarks\."):
        guide.read("zzz")
    with pytest.raises(NotFoundError):
        guide.read("../__init__")


# -- the terminal


def run(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60, env=environment(**changes))


def test_the_command_lists_the_pages() -> None:
    """In a pipe the list has one line a page: its name, a tab, its summary."""
    done = run("guide")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(f"{page.name}\t{page.summary}\n" for page in guide.pages())


@pytest.mark.parametrize("name", guide.NAMES)
def test_a_page_in_a_pipe_is_its_markdown(name: str) -> None:
    """In a pipe a page is its file, under the name of a command as well."""
    done = run("guide", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, guide.read(name), "")


def test_a_page_in_an_encoding_that_lacks_characters_is_shown() -> None:
    """Where stdout cannot show an arrow, the page is shown with an escape in its place."""
    done = run("guide", "graph", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "\\u2192" in done.stdout


def test_a_page_on_a_terminal_is_formatted(tmp_path: Path) -> None:
    """On a terminal a page has no marks of Markdown, and its lines fit."""
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(tmp_path, "guide", "lifetimes", COLUMNS="80"))
    assert "Lifetimes" in shown
    assert "## Give a lifetime" not in shown
    assert "**" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_an_unknown_page_is_an_error_with_a_cure() -> None:
    """The command says which name may be meant, prints nothing, and exits with 1, as for whatever is not found."""
    done = run("guide", "serch")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: The guide has no page 'serch'. Did you mean search?\n"


# -- the server


class Links(HTMLParser):
    """The addresses that a page links to, and what it has that its policy forbids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.forbidden: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]
        self.forbidden += [tag] if tag in ("script", "style", "img", "form") else []
        self.forbidden += [name for name, _ in attrs if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", ["/guide", *(f"/guide/{name}" for name in guide.NAMES)])
def test_a_page_is_shown_without_script_and_key(served: tuple[httpx.Client, str], path: str) -> None:
    """A page is HTML under the policy of the API's documentation, and links only to what is there."""
    client, prefix = served
    page = client.get(prefix + path)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = client.get(f"{prefix}/docs").headers["Content-Security-Policy"]
    assert page.headers["Content-Security-Policy"] == policy
    links = Links(page.text)
    assert links.forbidden == []
    for link in links.found:
        if not link.startswith(("https://", "http://", "data:", "#")):
            target = client.get(urljoin(prefix + path, link))
            assert target.status_code == 200, link
            assert target.url.path.startswith(f"{prefix}/"), link


def test_the_index_lists_every_page(served: tuple[httpx.Client, str]) -> None:
    """The list shows every title and summary."""
    client, prefix = served
    shown = client.get(f"{prefix}/guide").text
    for page in guide.pages():
        assert f'<a href="guide/{page.name}">{page.title}</a>' in shown
        assert page.summary.partition("`")[0] in shown
    assert "`" not in shown


def test_programs_get_the_list_and_markdown(served: tuple[httpx.Client, str]) -> None:
    """llms.txt has a title, a summary and a list of links, and each link leads to the Markdown of a page."""
    client, prefix = served
    answer = client.get(f"{prefix}/llms.txt")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    title, _, summary, _, section, _, *lines = answer.text.splitlines()
    assert (title, summary[:2], section) == ("# mem0lite", "> ", "## Guide")
    links = [link for line in lines for link in re.findall(r"^- \[.+?\]\((.+?\.md)\): .+\.$", line)]
    assert [link.removeprefix("guide/").removesuffix(".md") for link in links] == list(guide.NAMES)
    for name, link in zip(guide.NAMES, links, strict=True):
        page = client.get(urljoin(f"{prefix}/llms.txt", link))
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/markdown; charset=utf-8")
        assert page.text == guide.read(name)


@pytest.mark.parametrize("path", ["/guide/nothing", "/guide/nothing.md", "/guide/__init__.py", "/guide/search.md.md",
                                  "/guide/search/more", "/guide/..%2F..%2Ferrors", "/guide//"])  # fmt: skip
def test_nothing_else_is_served(served: tuple[httpx.Client, str], path: str) -> None:
    """What is no page is 404, as JSON, and no path leads out of the folder."""
    client, prefix = served
    answer = client.get(prefix + path)
    assert answer.status_code == 404
    assert answer.json().keys() == {"detail"}


def test_the_guide_is_no_part_of_the_api(served: tuple[httpx.Client, str]) -> None:
    """The OpenAPI document leaves the guide out, and metrics count its pages as one route."""
    client, prefix = served
    paths = client.get(f"{prefix}/openapi.json").json()["paths"]
    assert [path for path in paths if "guide" in path or "llms" in path] == []
    client.get(f"{prefix}/guide/search")
    counted = client.get(f"{prefix}/metrics", headers={"X-API-Key": "secret"}).text
    assert re.search(r'path="[^"]*/guide/\{name\}"', counted)
    assert "/guide/search" not in counted


def test_html_in_a_page_stays_text() -> None:
    """Markup and script addresses in a page's Markdown are shown as text, not obeyed."""
    _, html = rendered("# A <b>title</b>\n\nA <script>alert(1)</script> [link](javascript:alert(1)).\n\n<img src=x>\n")
    links = Links(html)
    assert (links.forbidden, links.found) == ([], [])
    assert "&lt;script&gt;" in html


def test_long_names_may_break_in_a_text_but_not_in_a_block() -> None:
    """Code in a sentence or a table may break after an underscore; a block of code stays as it is written."""
    _, html = rendered("# T\n\n`MEM0LITE_DB`\n\n| a |\n|---|\n| `user_id` |\n\n```\nrun_id\n```\n\n    app_id\n")
    assert "<code>MEM0LITE_<wbr>DB</code>" in html
    assert "<code>user_<wbr>id</code>" in html
    assert "run_id" in html
    assert "app_id" in html


def test_headings_have_addresses_and_a_table_of_contents() -> None:
    """Each heading has the id that links name, and those of the second rank are listed below the summary."""
    title, html = rendered(
        "# The title\n\nThe summary.\n\n## What's `on` disk\n\n### Deeper\n\n## Then\n\n[b](files.md#x)\n"
    )
    assert title == "The title"
    assert re.findall(r'<h\d id="([^"]*)"', html) == ["the-title", "whats-on-disk", "deeper", "then"]
    assert re.findall(r'<li><a href="#(.*?)">', html) == ["whats-on-disk", "then"]
    assert html.index("The summary.") < html.index("<nav") < html.index("<h2")
    assert '<a href="files#x">b</a>' in html


# -- what is installed


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    build = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--sdist", "--out-dir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True)
    if done.returncode and not list(folder.iterdir()) and re.search("fetch|resolve|network|connect", done.stderr):
        pytest.skip(f"no registry is reached: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr
    return folder


def test_the_wheel_brings_the_guide(built: Path, tmp_path: Path) -> None:
    """Every page is in the wheel, and is found where the package is unpacked."""
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import mem0lite.guide as g; print(g.__file__); [g.read(page.name) for page in g.pages()]"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(str(tmp_path))
    assert (tmp_path / "mem0lite" / "server" / "static" / "guide.css").is_file()


def test_the_wheel_brings_the_page(built: Path) -> None:
    """Every file of the page at /ui is in the wheel."""
    here = [path for path in (ROOT / "mem0lite" / "server" / "static" / "ui").rglob("*") if path.is_file()]
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        assert {str(path.relative_to(ROOT)) for path in here} <= set(archive.namelist())
    assert len(here) > 10


def test_the_wheel_brings_the_bundled_model(built: Path) -> None:
    """Graph, weights and tokenizer are in the wheel as they are here, with their licence."""
    models = "mem0lite/embedding/models/all-MiniLM-L6-v2"
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        for file in (ROOT / models).iterdir():
            assert archive.read(f"{models}/{file.name}") == file.read_bytes()
        names = archive.namelist()
    for name in ("LICENSE", "NOTICE"):
        assert any(found.endswith(f".dist-info/licenses/{models}/{name}") for found in names)


def test_the_source_distribution_brings_the_documents(built: Path) -> None:
    """The source distribution has the guide, and the documents that README links."""
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        names = {name.partition("/")[2] for name in files.getnames()}
    assert {f"mem0lite/guide/{name}.md" for name in guide.NAMES} <= names
    assert {"README.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/RESULTS.md", "benchmarks/peers.svg"} <= names
    assert "docs/ui.webp" in names
    assert {"tools/build_model.py", "tools/calibration.json"} <= names
