"""Every error mem0lite raises.

    Mem0LiteError
    ├── ValidationError (ValueError)            a value given to a verb cannot be accepted
    │   └── FilterError                         … and the value is a filter
    ├── NotFoundError (ValueError)              nothing has this id
    │   └── MemoryNotFoundError                 … that is, no live memory
    ├── QuotaExceededError (RuntimeError)       a user would keep more than a quota allows
    ├── PermissionDeniedError (PermissionError) a view of one user was asked for more than that user's memories
    ├── ConfigurationError (ValueError)         a setting or constructor argument cannot be accepted
    ├── DependencyError (ImportError)           an optional extra is not installed
    ├── EmbeddingError (RuntimeError)           the embedder failed or returned nonsense
    │   ├── ModelNotFoundError                  the model's files are not on this machine
    │   └── EmbedderMismatchError (ValueError)  the file was embedded with another model
    ├── ExtractionError (RuntimeError)          the graph extractor failed or returned nonsense
    ├── LanguageModelError (RuntimeError)       the language model gave no usable answer
    ├── NotPicklableError (TypeError)           an open store can't be sent to another process
    └── DatabaseError (RuntimeError)            the file could not be read or written
        ├── NotAMemoryFileError                 the file is not a mem0lite store
        ├── NewerFileError                      a newer mem0lite wrote the file
        ├── CorruptFileError                    the file is damaged
        ├── FileReplacedError                   the file was removed or replaced while it was open
        ├── DatabaseBusyError (TimeoutError)    another process kept the file locked too long
        ├── TimeLimitError (TimeoutError)       the call read for longer than its limit
        ├── DiskFullError                       the disk is full
        ├── ReadOnlyError                       the file or its disk cannot be written
        └── ClosedError                         the Memory was closed before the call

The class in parentheses is a second base, which callers of mem0 already catch. Classes that ``mem0.exceptions`` has,
too, have the same names, and every class takes the same arguments as those.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Mem0LiteError(Exception):
    """Base of every error that mem0lite raises on purpose; it has the attributes of mem0's errors."""

    _more = "`mem0lite guide library` says what each verb takes and raises."

    def __init__(
        self,
        message: object = "",
        error_code: str | None = None,
        details: "Mapping[str, Any] | None" = None,
        suggestion: str | None = None,
        debug_info: "Mapping[str, Any] | None" = None,
        **more: "Any",
    ) -> None:
        super().__init__(message, **more)
        told: dict[str, Any] = {
            "error_code": error_code,
            "details": details,
            "suggestion": suggestion,
            "debug_info": debug_info,
        }
        self._told = {name: value for name, value in told.items() if value is not None}

    @property
    def message(self) -> str:
        """The text of the error."""
        return str(self)

    @property
    def suggestion(self) -> str:
        """The text of the error, which ends with what to do if that is known, and where to read more."""
        text = str(self).rstrip()
        stop = "" if text.endswith((".", "?", "!")) else "."
        return self._told.get("suggestion") or f"{text}{stop} {self._more}"

    @property
    def error_code(self) -> str:
        """The name of the error's class, or the status of a server: ``HTTP_404``."""
        return self._told.get("error_code") or type(self).__name__

    @property
    def details(self) -> "dict[str, Any]":
        """The field that the error is about, if there is one, or a server's answer."""
        own = {name: value for name, value in vars(self).items() if name == "field" and value}
        return own | dict(self._told.get("details", {}))

    @property
    def debug_info(self) -> "dict[str, Any]":
        """What a client knows about a request; otherwise nothing: the traceback has it all."""
        return dict(self._told.get("debug_info", {}))


class ValidationError(Mem0LiteError, ValueError):
    """A value given to a call cannot be accepted; ``field`` is its name, and the message says what to do."""

    _more = "Correct the value and call again."

    def __init__(self, message: object = "", *told: "Any", field: str = "", **more: "Any") -> None:
        super().__init__(message, *told, **more)
        self.field = field


class FilterError(ValidationError):
    """A filter cannot be understood; nothing was searched, listed or deleted."""

    _more = "Nothing was searched, listed or deleted. `mem0lite guide filters` has the grammar."


class NotFoundError(Mem0LiteError, ValueError):
    """Nothing of the requested kind has this id."""

    _more = "List what there is: it may belong to another user, or be deleted."


class MemoryNotFoundError(NotFoundError):
    """No live memory has this id."""

    _more = "get_all() lists the ids that exist; deleted and expired memories are no longer found."


class PermissionDeniedError(Mem0LiteError, PermissionError):
    """A view of one user's memories was asked about another user, or about the whole file."""

    _more = "To reach it, use the Memory itself, or a key that is not limited to one user."


class QuotaExceededError(Mem0LiteError, RuntimeError):
    """A user would keep more memories, or more bytes, than a quota allows; nothing of the call was stored.

    ``quota`` is ``"memories"`` or ``"bytes"``, ``limit`` is the most that it allows, and ``used`` is what ``user_id``
    keeps now.
    """

    _more = "`mem0lite usage` shows what a user keeps."

    def __init__(
        self,
        message: object = "",
        *told: "Any",
        user_id: str | None = None,
        quota: str | None = None,
        limit: int | None = None,
        used: int | None = None,
        **more: "Any",
    ) -> None:
        super().__init__(message, *told, **more)
        self.user_id = user_id
        self.quota = quota
        self.limit = limit
        self.used = used


class ConfigurationError(Mem0LiteError, ValueError):
    """A setting or a constructor argument cannot be accepted."""

    _more = "Correct the setting and start again."


class DependencyError(Mem0LiteError, ImportError):
    """An optional extra is not installed; the message gives the command that installs it."""

    _more = "The rest of mem0lite works without it."


class EmbeddingError(Mem0LiteError, RuntimeError):
    """The embedder failed, or returned something that is not one finite, non-zero vector per text."""

    _more = "`mem0lite guide models` says what an embedder has to do."


class ModelNotFoundError(EmbeddingError):
    """The model's files are not on this machine; mem0lite never downloads them unasked."""


class EmbedderMismatchError(EmbeddingError, ValueError):
    """The file's vectors come from another model; ``Memory.reembed()`` replaces them.

    ``remembered`` is that model's name, dimensions and fingerprint, if it was the file that told it.
    """

    def __init__(
        self, message: object = "", *told: "Any", remembered: "Mapping[str, Any] | None" = None, **more: "Any"
    ) -> None:
        super().__init__(message, *told, **more)
        self.remembered = remembered


class ExtractionError(Mem0LiteError, RuntimeError):
    """The graph extractor failed, or returned something else than entities and relations; nothing was stored."""

    _more = "`mem0lite guide graph` says what an extractor has to answer."


class LanguageModelError(Mem0LiteError, RuntimeError):
    """The language model gave no usable answer; the message names it and says what to do.

    ``retryable`` tells whether the same call may succeed later, and ``retry_after`` in how many seconds, if the model's
    server says so. ``too_long`` is true if the question or its answer did not fit, so that less may be asked at a time.
    ``answer`` is what the model wrote, if that could not be read; it may repeat what users said. ``usage`` is what
    asking cost, a ``Usage``, if that is known.
    """

    _more = "`mem0lite guide llm` says what a language model has to do."

    def __init__(
        self,
        message: object = "",
        *told: "Any",
        retryable: bool = False,
        retry_after: float | None = None,
        too_long: bool = False,
        answer: str | None = None,
        **more: "Any",
    ) -> None:
        super().__init__(message, *told, **more)
        self.retryable = retryable
        self.retry_after = retry_after
        self.too_long = too_long
        self.answer = answer
        self.usage: Any = None


class DatabaseError(Mem0LiteError, RuntimeError):
    """The file could not be read or written."""

    _more = "`mem0lite check` tells whether the file is intact."


class NotAMemoryFileError(DatabaseError):
    """The file is not a mem0lite store; it was left untouched."""


class NewerFileError(DatabaseError):
    """The file was written by a newer mem0lite; it was left untouched."""


class CorruptFileError(DatabaseError):
    """The file is damaged."""


class FileReplacedError(DatabaseError):
    """The file or its log was removed or replaced while it was open; nothing of the call was stored."""


class DatabaseBusyError(DatabaseError, TimeoutError):
    """Another process kept the file locked for longer than the busy timeout."""


class TimeLimitError(DatabaseError, TimeoutError):
    """The call read the file for longer than ``statement_timeout`` allows and was stopped; nothing was changed."""


class DiskFullError(DatabaseError):
    """The disk is full; nothing of the call was stored."""


class ReadOnlyError(DatabaseError):
    """The file or its disk cannot be written; nothing of the call was stored."""


class ClosedError(DatabaseError):
    """The Memory was closed before the call."""

    _more = "Keep a Memory open for as long as you use it."


class NotPicklableError(Mem0LiteError, TypeError):
    """An open store cannot be sent to another process; open the file there instead."""

    _more = "Send the path to the other process. Within one process, copies of an object share its store."
