"""The guide as pages for people, as Markdown for programs, and its list in the form of llmstxt.org."""

import functools
import html
import itertools
import re
from typing import Annotated

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import Parameter
from markdown_it import MarkdownIt
from markdown_it.token import Token

from .. import guide
from .auth import PUBLIC
from .docs import CONTENT_SECURITY_POLICY
from .guards import exact_path, rules

_HEADERS = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "X-Content-Type-Options": "nosniff"}
_SHELL = """<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{title}</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="{base}docs/guide.css">
  </head>
  <body>
    <header><a href="{base}guide">mem0lite guide</a> <a href="{base}docs">API</a></header>
    <main>
{body}
    </main>
  </body>
</html>
"""
_PAGE_LINK = re.compile(r"([\w-]+)\.md(#.*)?")
_NO_SLUG = re.compile(r"[^\w\s-]")
_CODE = re.compile(r"(?<!<pre>)<code>[^<]*</code>")


def create_router() -> Router:
    """Return the routes of the guide; like the documentation of the API, they need no key."""
    return Router(
        "/", route_handlers=[index, page, llms_txt], opt={**PUBLIC, **rules(exact_path)}, include_in_schema=False
    )


@get("/guide", sync_to_thread=True)
def index() -> Response[str]:
    """List the pages."""
    entries = "\n".join(f"1. [{one.title}](guide/{one.name}): {one.summary}" for one in guide.pages())
    return _html("mem0lite guide", _parser().render(f"# Guide\n\n{guide.SUMMARY}\n\n{entries}\n"), base="")


@get("/guide/{name:str}", sync_to_thread=True)
def page(name: Annotated[str, Parameter()]) -> Response[str]:
    """Show a page or, for a name that ends in ``.md``, its Markdown."""
    plain = name.removesuffix(".md")
    if plain not in guide.NAMES:
        raise NotFoundException(f"The guide has no page {plain!r}. Its list is at /guide.")
    if plain != name:
        return _text(guide.read(plain), "text/markdown")
    title, body = _kept(plain)
    return _html(f"{title} – mem0lite guide", body, base="../")


@get("/llms.txt", sync_to_thread=True)
def llms_txt() -> Response[str]:
    """List the pages for programs. The addresses are relative to this one, so that they are right under any prefix."""
    lines = [f"- [{one.title}](guide/{one.name}.md): {one.summary}" for one in guide.pages()]
    api = "- [OpenAPI document](openapi.json): every route of the REST API"
    return _text(
        "\n".join(["# mem0lite", "", f"> {guide.SUMMARY}", "", "## Guide", "", *lines, "", "## API", "", api, ""])
    )


@functools.cache
def _kept(name: str) -> tuple[str, str]:
    return rendered(guide.read(name))


def rendered(markdown: str) -> tuple[str, str]:
    """Return a page's title and its HTML: an address for every heading, and a table of contents below the summary."""
    parser = _parser()
    tokens = parser.parse(markdown)
    headings = _headings(tokens)
    _relink(tokens)
    summary_ends = next(at for at, token in enumerate(tokens) if token.type == "paragraph_close") + 1
    before, after = tokens[:summary_ends], tokens[summary_ends:]
    body = [_html_of(parser, before), _contents(headings), _html_of(parser, after)]
    return headings[0][1], "\n".join(body)


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _html_of(parser: MarkdownIt, tokens: list[Token]) -> str:
    text: str = parser.renderer.render(tokens, parser.options, {})
    # On a narrow screen a long name breaks after an underscore, if it can.
    text = _CODE.sub(lambda code: code[0].replace("_", "_<wbr>"), text)
    # A table that is wider than the screen scrolls in its own box; the keyboard reaches it, too.
    text = text.replace("<table>", '<div class="table" tabindex="0"><table>').replace("</table>", "</table></div>")
    return text.replace("<pre>", '<pre tabindex="0">')


def _headings(tokens: list[Token]) -> list[tuple[str, str, str]]:
    """Give every heading an id, as GitHub does, and return of each its tag, text and id."""
    found: list[tuple[str, str, str]] = []
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or ())
            slug = _NO_SLUG.sub("", text.lower()).replace(" ", "-")
            opening.attrSet("id", slug)
            found.append((opening.tag, text, slug))
    return found


def _relink(tokens: list[Token]) -> None:
    """Have links to other pages lead to what is shown rather than to its Markdown."""
    for token in tokens:
        for child in token.children or ():
            link = _PAGE_LINK.fullmatch(str(child.attrGet("href") or "")) if child.type == "link_open" else None
            if link:
                child.attrSet("href", link[1] + (link[2] or ""))


def _contents(headings: list[tuple[str, str, str]]) -> str:
    entries = [f'<li><a href="#{slug}">{html.escape(text)}</a></li>' for tag, text, slug in headings if tag == "h2"]
    return f'<nav aria-label="Contents"><ul>{"".join(entries)}</ul></nav>' if len(entries) > 1 else ""


def _html(title: str, body: str, base: str) -> Response[str]:
    shown = _SHELL.format(title=html.escape(title), body=body, base=base)
    return Response(shown, media_type="text/html", headers=_HEADERS)


def _text(text: str, kind: str = "text/plain") -> Response[str]:
    return Response(text, media_type=kind, headers=_HEADERS)
