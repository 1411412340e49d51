"""Texts as PostgreSQL can hold them, which refuses NUL, and turning them back.

NUL and the first three control characters are written as U+0001 and two of U+0002 and U+0003. So forms compare as the
texts do, and since U+0001 only begins a form and the two others never do, one text is in another exactly if their forms
are. All other characters, and so almost all texts, stay as they are. PostgreSQL's own functions on texts, such as
``lower`` and ``normalize``, leave the three characters alone.
"""

from typing import Any

_FORMS = {0: "\x01\x02\x02", 1: "\x01\x02\x03", 2: "\x01\x03\x02", 3: "\x01\x03\x03"}
_ORIGINALS = {form: chr(code) for code, form in _FORMS.items()}


def stored(text: str) -> str:
    """Return the form in which a text is stored."""
    if "\x00" in text or "\x01" in text or "\x02" in text or "\x03" in text:
        return text.translate(_FORMS)
    return text


def original(form: str) -> str:
    """Return the text of a stored form."""
    if "\x01" not in form:
        return form
    first, *rest = form.split("\x01")
    return first + "".join(_ORIGINALS["\x01" + part[:2]] + part[2:] for part in rest)


def exact(number: float) -> float:
    """Return a number so that its JSON has its value to the last digit, as filters compare it: 1e23, the double, is
    99999999999999991611392. Doubles below 2**53 compare as their shortest digits do."""
    return int(number) if abs(number) >= 2**53 else number


def stored_json(value: Any) -> Any:
    """Return a JSON value for filters: keys and texts in the form in which they are stored, and numbers exact."""
    match value:
        case str():
            return stored(value)
        case dict():
            return {stored(key): stored_json(one) for key, one in value.items()}
        case list() | tuple():
            return [stored_json(one) for one in value]
        case float():
            return exact(value)
        case _:
            return value
