"""Print how many tokens tiktoken's encodings make of each text of a JSON list on standard input.

The encodings are those that llama_index brings along, so that nothing is downloaded.
"""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

spec = find_spec("llama_index.core")
os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(spec.origin).parent / "_static" / "tiktoken_cache")

import tiktoken  # noqa: E402

texts = json.load(sys.stdin)
encodings = [tiktoken.get_encoding(name) for name in ("cl100k_base", "o200k_base")]
sys.stdout.write(json.dumps([max(len(one.encode(text, disallowed_special=())) for one in encodings) for text in texts]))
