"""Reads protobuf, the format of sentencepiece's vocabularies and of ONNX: fields by number. Pure."""

from collections.abc import Iterator


def fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the numbers and the contents of a message's fields. Numbers of variable length are left out."""
    at = 0
    while at < len(message):
        tag, at = number(message, at)
        size = {1: 8, 5: 4}.get(tag & 7, 0)
        if tag & 7 in (0, 2):
            size, at = number(message, at)
        if tag & 7:
            yield tag >> 3, message[at : at + size]
            at += size


def number(message: memoryview, at: int) -> tuple[int, int]:
    """Return the number of variable length that begins at a place, and the place after it."""
    found = shift = 0
    while True:
        byte = message[at]
        found |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return found, at
