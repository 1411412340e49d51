"""The HTTP server: mem0's REST APIs, self-hosted and hosted, over one Memory. Needs ``mem0lite[server]``."""

from ..errors import DependencyError

try:
    import litestar  # noqa: F401
    import msgspec  # noqa: F401
    import prometheus_client  # noqa: F401
except ModuleNotFoundError as error:
    raise DependencyError(
        f'The server needs the package {error.name!r}. Install it with: pip install "mem0lite[server]"', name=error.name
    ) from error

from .app import create_app
from .mount import mounted
from .plugin import MemoryPlugin
from .settings import ApiKey, Settings

__all__ = ["ApiKey", "MemoryPlugin", "Settings", "create_app", "mounted"]
