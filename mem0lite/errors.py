"""Every error mem0lite raises.

    Mem0LiteError
    ├── ValidationError (ValueError)            a value given to a verb cannot be accepted
    │   └── FilterError                         … and the value is a filter
    ├── NotFoundError (ValueError)              nothing has this id
    │   └── MemoryNotFoundError                 … that is, no live memory
    ├── PermissionDeniedError (PermissionError) a view of one user was asked for more than that user's memories
    ├── ConfigurationError (ValueError)         a setting or constructor argument cannot be accepted
    ├── DependencyError (ImportError)           an optional extra is not installed
    ├── EmbeddingError (RuntimeError)           the embedder failed or answered nonsense
    │   ├── ModelNotFoundError                  the model's files are not on this machine
    │   └── EmbedderMismatchError (ValueError)  the file was embedded with another model
    ├── ExtractionError (RuntimeError)          the graph extractor failed or answered nonsense
    └── DatabaseError (RuntimeError)            the file could not be read or written
        ├── NotAMemoryFileError                 the file is not a mem0lite store
        ├── NewerFileError                      a newer mem0lite wrote the file
        ├── CorruptFileError                    the file is damaged
        ├── FileReplacedError                   the file was removed or replaced while it was open
        ├── DatabaseBusyError (TimeoutError)    another process kept the file locked too long
        ├── TimeLimitError (TimeoutError)       the call read for longer than it may
        ├── DiskFullError                       there is no room left to write
        ├── ReadOnlyError                       the file or its disk cannot be written
        └── ClosedError                         the Memory was closed before the call

The second base is what callers of mem0 already catch. Class names shared with ``mem0.exceptions`` are spelled alike.
"""


class Mem0LiteError(Exception):
    """Base of every error mem0lite raises on purpose; with the attributes that mem0's errors have."""

    @property
    def message(self) -> str:
        """The text of the error."""
        return str(self)

    @property
    def suggestion(self) -> str:
        """The text of the error, which ends with the cure where there is one."""
        return str(self)

    @property
    def error_code(self) -> str:
        """The name of the error's class."""
        return type(self).__name__

    @property
    def details(self) -> dict[str, str]:
        """The field that the error is about, if there is one."""
        return {name: value for name, value in vars(self).items() if name == "field"}

    @property
    def debug_info(self) -> dict[str, str]:
        """Nothing: the traceback has what there is."""
        return {}


class ValidationError(Mem0LiteError, ValueError):
    """A value given to a verb cannot be accepted; ``field`` names it and the message tells the cure."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class FilterError(ValidationError):
    """A filter cannot be understood; nothing was searched, listed or deleted."""


class NotFoundError(Mem0LiteError, ValueError):
    """Nothing of the kind asked for has this id."""


class MemoryNotFoundError(NotFoundError):
    """No live memory has this id."""


class PermissionDeniedError(Mem0LiteError, PermissionError):
    """A view of one user's memories was asked about another user, or for what concerns the whole file."""


class ConfigurationError(Mem0LiteError, ValueError):
    """A setting or a constructor argument cannot be accepted."""


class DependencyError(Mem0LiteError, ImportError):
    """An optional extra is not installed; the message gives the command that installs it."""


class EmbeddingError(Mem0LiteError, RuntimeError):
    """The embedder failed, or returned something that is not one finite, non-zero vector per text."""


class ModelNotFoundError(EmbeddingError):
    """The model's files are not on this machine, and mem0lite never fetches them by itself."""


class EmbedderMismatchError(EmbeddingError, ValueError):
    """The file's vectors come from another model; ``Memory.reembed()`` makes new ones."""


class ExtractionError(Mem0LiteError, RuntimeError):
    """The graph extractor failed, or answered something else than entities and relations; nothing was stored."""


class DatabaseError(Mem0LiteError, RuntimeError):
    """The file could not be read or written."""


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
    """The call read the file for longer than ``statement_timeout`` lets it, and was stopped; nothing was changed."""


class DiskFullError(DatabaseError):
    """There is no room left to write; nothing of the call was stored."""


class ReadOnlyError(DatabaseError):
    """The file, or the disk it is on, cannot be written; nothing of the call was stored."""


class ClosedError(DatabaseError):
    """The Memory was closed before the call."""
