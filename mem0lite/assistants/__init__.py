"""Coding assistants and chat apps: the memory in their configuration, and their conversations in the memory.

``installing`` writes a server for MCP and hooks into the files of an assistant, and ``hooks`` is what those hooks do.
``importing`` reads conversations; each format is a module of ``transcripts``. ``jsonc`` and ``toml`` change a single
value in a file and leave every other character as it is.
"""
