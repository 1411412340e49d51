"""Formats in which assistants and chat apps keep conversations, one module each.

A format yields what was said as a ``Message``, what is no speech and is left out (tool calls, their results, thoughts)
as ``LeftOut``, and everything that it does not know as ``Unknown``, so that nothing is lost in silence.
"""
