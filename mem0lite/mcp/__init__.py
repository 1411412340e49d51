"""MCP: the memory as tools, resources and prompts for language models, over stdio and HTTP.

``protocol`` reads and writes messages, ``dispatch`` answers them, ``tools``, ``resources`` and ``prompts`` are what is
offered, ``scopes`` says whose memories a call is about, ``schemas`` describes and checks arguments and results.
``stdio`` is one transport; the other is the route ``/mcp`` of the server.

The protocol is spoken here without its SDK, because importing that takes longer than a client should wait for a server
to start: 1.6 s of processor time, where everything else that a first answer needs takes 0.12 s.
"""
