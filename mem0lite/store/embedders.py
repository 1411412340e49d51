"""How messages speak of an embedder."""

from ..embedding.prompts import PROMPTED
from ..types import EmbedderIdentity


def described(embedder: EmbedderIdentity) -> str:
    """Return the name of an embedder, and what tells it from others of that name."""
    digest, _, prompt = embedder["fingerprint"].partition(PROMPTED)
    after = f", texts after {prompt}" if prompt else ""
    return f"{embedder['name']!r} ({embedder['dimensions']} dimensions, hash {digest[:12] or 'none'}{after})"
