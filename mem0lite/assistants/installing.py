"""Which files of an assistant get the memory, and what is written into them.

Nothing is written before every file is known to be readable. A file appears whole or not at all, and only if it is
still the one that was read.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import ConfigurationError, DatabaseBusyError, DatabaseError
from ..files import appearing
from . import jsonc, toml

ASSISTANTS = ("claude-code", "codex", "cursor", "opencode")
"""The assistants that can be given the memory."""
HOOKED = ("claude-code", "codex", "cursor")
"""Those of them that have hooks in their configuration. Those of OpenCode are plugins, which are programs."""

_BOM = "\ufeff"
_HOOK = re.compile(r" hook (?:recall|keep) (?:claude-code|codex|cursor)\b")
_SECONDS = 10
"""How long an assistant waits for a hook. They take a fraction of one."""
_STARTS = "startup|clear|compact"
"""The starts of a session in which nothing has been recalled. One that is resumed still has it in its transcript."""
_ATTEMPTS = 20


class _ChangedError(Exception):
    """A file is no longer what was read."""


class Place(NamedTuple):
    """Where an assistant is configured."""

    home: Path
    project: Path | None
    """The folder of one project. None: all projects of the user."""
    environment: Mapping[str, str]

    def folder(self, name: str, variable: str | None = None) -> Path:
        """Return the folder of the assistant: in the project, where the variable says, or in the home folder."""
        if self.project is not None:
            return self.project / name
        given = self.environment.get(variable) if variable else None
        return Path(given) if given else self.home / name


class Commands(NamedTuple):
    """What an assistant starts."""

    name: str
    """The name of the server in the configuration."""
    server: Sequence[str]
    """The command that starts it."""
    hook: Callable[[str], str] | None
    """Returns the command line of a hook, ``recall`` or ``keep``. None: no hooks are wanted."""


class Edit(NamedTuple):
    """A file, and what is to become of its text. Each function raises ConfigurationError if that cannot be done."""

    path: Path
    install: Callable[[str], str]
    remove: Callable[[str], str]


class Change(NamedTuple):
    """A file as it is and as it is wanted. None: there is no file."""

    path: Path
    before: str | None
    after: str | None


def changes(assistant: str, place: Place, commands: Commands, *, remove: bool = False) -> list[Change]:
    """Return the files that would change if an assistant were given the memory, or if it were taken out again.

    Raises ConfigurationError for a file that cannot be read or changed.
    """
    wanted = [_change(edit, edit.remove if remove else edit.install) for edit in _edits(assistant, place, commands)]
    return [one for one in wanted if one.before != one.after]


def write(change: Change) -> None:
    """Make a change. Its file keeps its permissions and its owner; a link stays, and what it points to is changed.

    Raises DatabaseBusyError if somebody else changed the file since it was read, DatabaseError if it can't be written.
    """
    try:
        change.path.parent.mkdir(parents=True, exist_ok=True)
        if change.after is None:
            change.path.unlink()
            return
    except OSError as error:
        raise DatabaseError(f"{change.path} cannot be written: {error.strerror or error}.") from error
    try:
        with appearing(change.path) as partial:
            partial.write_bytes(change.after.encode())
            _give_permissions(partial, change.path)
            if _read(change.path) != change.before:
                raise _ChangedError
    except _ChangedError:
        raise DatabaseBusyError(f"{change.path} was changed meanwhile. Try again.") from None


def install(assistant: str, place: Place, commands: Commands, *, remove: bool = False) -> list[Change]:
    """Give an assistant the memory, or take it out, and return what was changed.

    Raises ConfigurationError for a file that cannot be read or changed; then nothing is written.
    """
    for attempt in range(_ATTEMPTS):  # some assistants write their own configuration all the time
        made = changes(assistant, place, commands, remove=remove)
        try:
            for one in made:
                write(one)
        except DatabaseBusyError:
            if attempt + 1 == _ATTEMPTS:
                raise
            continue
        return made
    raise AssertionError


def _give_permissions(new: Path, old: Path) -> None:
    """Give a file the permissions and the owner of another; those of every new file if there is none."""
    try:
        status = old.stat()
    except FileNotFoundError:
        new.chmod(0o666 & ~_umask())
        return
    with suppress(OSError, AttributeError):  # of another user, or on Windows
        os.chown(new, status.st_uid, status.st_gid)
    new.chmod(status.st_mode & 0o7777)


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current


def _change(edit: Edit, become: Callable[[str], str]) -> Change:
    before = _read(edit.path)
    try:
        bom = _BOM if (before or "").startswith(_BOM) else ""
        after = become((before or "").removeprefix(_BOM))
    except ConfigurationError as error:
        raise ConfigurationError(f"{edit.path} cannot be changed: {error} Nothing was written.") from None
    gone = not edit.path.is_symlink() and (after.strip() == "" or after == _only_braces(edit.path))
    if before is None:
        return Change(edit.path, None, None if gone else after)
    return Change(edit.path, before, None if gone and become is edit.remove and after != before else bom + after)


def _only_braces(path: Path) -> str:
    """Return what is left of a file that was made here when everything is taken out of it."""
    return '{\n  "version": 1\n}\n' if path.name == "hooks.json" and path.parent.name == ".cursor" else "{}\n"


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        if path.is_symlink():
            raise ConfigurationError(f"{path} is a link to a file that is not there. Remove it.") from None
        return None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text. Save it as UTF-8. Nothing was written.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}. Nothing was written.") from None


# -- the assistants


def _edits(assistant: str, place: Place, commands: Commands) -> list[Edit]:
    edits = {"claude-code": _claude_code, "codex": _codex, "cursor": _cursor, "opencode": _opencode}
    if assistant not in edits:
        raise ConfigurationError(f"Unknown assistant {assistant!r}. Known ones are {', '.join(ASSISTANTS)}.")
    return edits[assistant](place, commands)


def _claude_code(place: Place, commands: Commands) -> list[Edit]:
    folder = place.folder(".claude", "CLAUDE_CONFIG_DIR")
    if place.project is not None:
        servers = place.project / ".mcp.json"
    else:
        servers = (folder if place.environment.get("CLAUDE_CONFIG_DIR") else place.home) / ".claude.json"
    events = {"SessionStart": "recall", "Stop": "keep"}
    return [
        _json_server(servers, ["mcpServers", commands.name], commands, {"type": "stdio"}),
        *_grouped_hooks(folder / "settings.json", "claude-code", commands, events),
    ]


def _codex(place: Place, commands: Commands) -> list[Edit]:
    folder = place.folder(".codex", "CODEX_HOME")
    table = ("mcp_servers", commands.name)
    command, *arguments = commands.server

    def put(text: str) -> str:
        there = toml.parse(text).get("mcp_servers")
        _refuse_remote(there.get(commands.name) if isinstance(there, dict) else None, commands.name)
        return toml.put(text, table, {"command": command, "args": arguments})

    return [
        Edit(folder / "config.toml", put, lambda text: toml.drop(text, table)),
        *_grouped_hooks(folder / "hooks.json", "codex", commands, {"SessionStart": "recall", "Stop": "keep"}),
    ]


def _cursor(place: Place, commands: Commands) -> list[Edit]:
    folder = place.folder(".cursor")
    edits = [_json_server(folder / "mcp.json", ["mcpServers", commands.name], commands, {})]
    if (hook := commands.hook) is not None:

        def put(text: str) -> str:
            text = _document(text)
            if "version" not in jsonc.parse(text).value:
                text = jsonc.put(text, ["version"], 1)
            for event, what in {"sessionStart": "recall", "stop": "keep"}.items():
                text = _with_hook(text, ["hooks", event], {"command": hook(what)}, [])
            return text

        edits.append(Edit(folder / "hooks.json", put, _without_hooks))
    return edits


def _opencode(place: Place, commands: Commands) -> list[Edit]:
    if place.project is not None:
        folders = [place.project, place.project / ".opencode"]
    else:
        configuration = place.environment.get("XDG_CONFIG_HOME")
        folders = [(Path(configuration) if configuration else place.home / ".config") / "opencode"]
    files = [folder / name for folder in folders for name in ("opencode.json", "opencode.jsonc")]
    there = [file for file in files if file.exists()] or files[:1]

    def put(text: str) -> str:
        path = _opencode_path(text, commands.name)
        return _with_server(text, path, {"type": "local", "command": [*commands.server]})

    def cut(text: str) -> str:
        return jsonc.drop(text, _opencode_path(text, commands.name)) if text.strip() else text

    named = [file for file in there if _has(file, commands.name)]
    chosen = (named or there)[0]
    return [Edit(file, put if file == chosen else str, cut) for file in there]


def _opencode_path(text: str, name: str) -> list[str]:
    """Return where a server is: ``mcp.NAME``, which OpenCode 2 reads too, or its own ``mcp.servers.NAME``."""
    there = jsonc.parse(_document(text)).value
    servers = (
        there.get("mcp", {}).get("servers") if isinstance(there, dict) and isinstance(there.get("mcp"), dict) else 0
    )
    native = isinstance(servers, dict) and not isinstance(servers.get("type"), str)
    return ["mcp", "servers", name] if native else ["mcp", name]


def _has(file: Path, name: str) -> bool:
    text = (_read(file) or "").removeprefix(_BOM)
    try:
        return bool(text.strip()) and jsonc.get(jsonc.parse(text), _opencode_path(text, name)) is not None
    except ConfigurationError:
        return False


# -- servers


def _json_server(path: Path, keys: Sequence[str], commands: Commands, more: Mapping[str, Any]) -> Edit:
    command, *arguments = commands.server
    entry = {**more, "command": command, "args": arguments}
    return Edit(
        path,
        lambda text: _with_server(text, keys, entry),
        lambda text: jsonc.drop(text, keys) if text.strip() else text,
    )


def _with_server(text: str, keys: Sequence[str], entry: Mapping[str, Any]) -> str:
    """Return the text with a server. One of this name keeps what else is set for it, such as its environment."""
    text = _document(text)
    there = jsonc.get(jsonc.parse(text), keys)
    if there is None:
        return jsonc.put(text, keys, dict(entry))
    _refuse_remote(there.value, keys[-1])
    for key, value in entry.items():
        text = jsonc.put(text, [*keys, key], value)
    return text


def _refuse_remote(entry: object, name: str) -> None:
    if isinstance(entry, dict) and "url" in entry:
        raise ConfigurationError(
            f"a server named {name!r} with a URL is there. Remove it, or give this one another name with --name."
        )


def _document(text: str) -> str:
    return text if text.strip() else "{}\n"


# -- hooks


def _grouped_hooks(path: Path, assistant: str, commands: Commands, events: Mapping[str, str]) -> list[Edit]:
    """Return the change of a file with hooks as Claude Code and Codex have them: in groups with a matcher."""
    hook = commands.hook
    if hook is None:
        return []

    def put(text: str) -> str:
        text = _document(text)
        for event, what in events.items():
            handler = {"type": "command", "command": hook(what), "timeout": _SECONDS}
            group = {**({"matcher": _STARTS} if what == "recall" else {}), "hooks": [handler]}
            text = _with_hook(text, ["hooks", event], group, ["hooks", 0])
        return text

    return [Edit(path, put, _without_hooks)]


def _with_hook(text: str, event: list[str], new: Mapping[str, Any], inside: Sequence[str | int]) -> str:
    """Return the text with a hook. Ours gets its command; where it is missing, it comes last."""
    handler: Any = new
    for key in inside:
        handler = handler[key]
    path = next(iter(_ours(text, event)), None)
    if path is not None:
        return jsonc.put(text, [*path, "command"], handler["command"])
    there = jsonc.get(jsonc.parse(text), event)
    if there is None:
        return jsonc.put(text, event, [dict(new)])
    if not isinstance(there.value, list):
        raise ConfigurationError(f"{'.'.join(event)} must be a list.")
    return jsonc.put(text, [*event, len(there.value)], dict(new))


def _without_hooks(text: str) -> str:
    if not text.strip():
        return text
    events = jsonc.get(jsonc.parse(text), ["hooks"])
    for event in list(events.value) if events is not None and isinstance(events.value, dict) else ():
        while found := next(iter(_ours(text, ["hooks", event])), None):
            text = _without_hook(text, found)
    return text


def _without_hook(text: str, path: list[str | int]) -> str:
    """Return the text without a hook, nor its group if nothing else is in it."""
    if len(path) > 3:  # hooks, event, group, hooks, handler
        group = jsonc.get(jsonc.parse(text), path[:3])
        if group is not None and len(group.value["hooks"]) == 1:
            return jsonc.drop(text, path[:3])
    return jsonc.drop(text, path)


def _ours(text: str, event: Sequence[str]) -> list[list[str | int]]:
    """Return the paths of our hooks of an event, in groups or without."""
    there = jsonc.get(jsonc.parse(text), event)
    found: list[list[str | int]] = []
    for number, one in enumerate(there.value if there is not None and isinstance(there.value, list) else ()):
        inner = one.get("hooks") if isinstance(one, dict) else None
        if isinstance(inner, list):
            found += [[*event, number, "hooks", place] for place, hook in enumerate(inner) if _is_ours(hook)]
        elif _is_ours(one):
            found.append([*event, number])
    return found


def _is_ours(hook: object) -> bool:
    command = hook.get("command") if isinstance(hook, dict) else None
    return isinstance(command, str) and "mem0lite" in command and _HOOK.search(command) is not None
