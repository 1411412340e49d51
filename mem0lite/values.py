"""Values that callers give, checked and brought into one form: ids, instants, metadata, texts. Pure.

Their errors are what users see most. A message names the field, says what is wrong and what to do, in words that fit
Python, HTTP and the command line alike.
"""

import math
import os
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, TypeGuard

from .comparison import DAY, nfc, spellings
from .errors import ValidationError

MAX_TEXT_LENGTH = 100_000
"""Characters of one memory, at most."""
MAX_ID_LENGTH = 1_000
"""Characters of the id of a user, an agent, a run or an app, at most."""
FEEDBACK = ("POSITIVE", "NEGATIVE", "VERY_NEGATIVE")
"""What can be said about a memory."""
MAX_METADATA_DEPTH = 100
"""Levels of objects and lists inside each other in ``metadata``, at most."""

_SHOWN = 200  # characters of a value in an error's text
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FIRST_INSTANT = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The beginning of the year 1, in microseconds since 1970 UTC."""
LAST_INSTANT = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The end of the year 9999."""


def is_number(value: object) -> TypeGuard[int | float]:
    """True for an int or a float; a bool is not a number here, because JSON's ``true`` is never 1."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def written(value: object) -> str:
    """Return ``str(value)``, or the type if Python refuses to write the value, such as a number of 5,000 digits."""
    try:
        return str(value)
    except (ValueError, RecursionError):
        return f"<{type(value).__name__}>"


def shown(value: object) -> str:
    """Return a value as an error's message shows it: as Python writes it, truncated if it is long."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return written(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def encodable(value: str, field: str) -> str:
    """Return ``value`` as an exact str. Raise ValidationError if a lone surrogate keeps it from being stored as UTF-8.

    A str of the caller's own class may show itself as another text, and searches remember filters by what they show.
    """
    try:
        str.encode(value)
    except UnicodeEncodeError as error:
        raise ValidationError(
            f"Invalid {field}: character {error.start} is a lone surrogate. Replace it, for example with "
            "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace').",
            field=field,
        ) from None
    return value if type(value) is str else str.__str__(value)


def clean_id(value: object, field: str) -> str:
    """Return the id of a user, an agent, a run or an app as it is stored.

    An int becomes text, whitespace around the id is removed, and the text gets Unicode's composed form (NFC), so that
    "josé" is one user however a keyboard or a file system writes it.

    Raises ValidationError for an empty id, whitespace or a control character inside, more than MAX_ID_LENGTH
    characters, or ``"*"``, which in a filter means any id.
    """
    text = written(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(value, int) and value.bit_length() > 4 * MAX_ID_LENGTH:
        text = "0" * value.bit_length()  # too long for an id, and perhaps too long for Python to write
    if not isinstance(text, str):
        raise ValidationError(f"Invalid {field}: must be a string, got {type(value).__name__}.", field=field)
    text = _named(text, field)
    if any(character.isspace() for character in text):
        raise ValidationError(
            f"Invalid {field}: cannot contain whitespace. Provide a valid identifier without spaces.", field=field
        )
    return _bounded_name(text, field)


def clean_memory_key(value: object, field: str) -> str:
    """Return the key of a memory as it is stored: what ``clean_id`` accepts, and spaces inside, as in "home address".

    Raises ValidationError.
    """
    if not isinstance(value, str):
        return clean_id(value, field)
    return _bounded_name(_named(value, field), field)


def _named(text: str, field: str) -> str:
    """Return a name without whitespace around it, in composed form (NFC). Raise ValidationError if there is none."""
    text = nfc(encodable(text.strip(), field))
    if not text:
        raise ValidationError(f"Invalid {field}: cannot be empty. Provide a valid identifier.", field=field)
    return text


def _bounded_name(text: str, field: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValidationError(f"Invalid {field}: cannot contain control characters. Remove them.", field=field)
    if len(text) > MAX_ID_LENGTH:
        raise ValidationError(
            f"Invalid {field}: {len(text)} characters, but at most {MAX_ID_LENGTH} are allowed. Use a digest of it.",
            field=field,
        )
    if text == "*":
        raise ValidationError(f"Invalid {field}: '*' means any id. Choose another name.", field=field)
    return text


def asked_id(value: object, field: str) -> str:
    """Return an id by which a memory, an event or an export is looked up: any value as text, in composed form (NFC)."""
    return nfc(encodable(written(value), field))


def argument_id(value: object, field: str) -> str:
    """Return an id that was given as an argument, as ``clean_id`` does.

    ``"*"`` means any id only in a filter: an argument is often the choice of somebody else, which a caller passes on.
    """
    if isinstance(value, str) and value.strip() == "*":
        raise ValidationError(
            f"Invalid {field}: '*' cannot be an id. To mean any id, use a filter: {{'{field}': '*'}}.",
            field=field,
        )
    return clean_id(value, field)


def argument_flag(value: object, field: str, *, default: bool = False) -> bool:
    """Return a yes or no that was given as an argument; 0 and 1 count as such, and None means the default.

    Raises ValidationError for anything else, because Python takes even the text ``"no"`` as true.
    """
    if value is None:
        return default
    if isinstance(value, str | bytes) or value not in (False, True):
        raise ValidationError(f"Invalid {field}: {shown(value)}. Must be True or False.", field=field)
    return bool(value)


def clean_scope(values: Mapping[str, object]) -> dict[str, str | None]:
    """Return the ids of a scope as they are stored; raise ValidationError if there is none."""
    scope = {
        name: None if values.get(name) is None else clean_id(values[name], name)
        for name in ("user_id", "agent_id", "run_id", "app_id")
    }
    if not any(scope.values()):
        raise ValidationError(
            "At least one of 'user_id', 'agent_id', 'run_id' or 'app_id' must be provided.", field="user_id"
        )
    return scope


def clean_text(value: object, field: str) -> str:
    """Return a memory's text unchanged; raise ValidationError if it is blank, too long or can't be stored."""
    if not isinstance(value, str):
        raise ValidationError(f"Invalid {field}: must be a string, got {type(value).__name__}.", field=field)
    if not value.strip():
        raise ValidationError(f"Invalid {field}: cannot be empty or whitespace-only.", field=field)
    if len(value) > MAX_TEXT_LENGTH:
        raise ValidationError(
            f"Invalid {field}: {len(value)} characters, but at most {MAX_TEXT_LENGTH} are allowed. "
            "Split it into several memories.",
            field=field,
        )
    return encodable(value, field)


def clean_feedback(feedback: Any, reason: object, place: str = "") -> tuple[str | None, str | None]:
    """Return a feedback and its reason, or raise ValidationError; ``place`` is put before the fields' names."""
    if feedback not in (None, *FEEDBACK):
        raise ValidationError(
            f"Invalid {place}feedback: {written(feedback)[:60]!r}. Must be {', '.join(FEEDBACK)} or nothing.",
            field=f"{place}feedback",
        )
    if reason is None:
        return feedback, None
    if feedback is None:
        field = f"{place}feedback_reason"
        raise ValidationError(
            f"Invalid {field}: there is no feedback that it could be the reason for. Give a feedback, too.", field=field
        )
    return feedback, clean_text(reason, f"{place}feedback_reason")


def new_id() -> str:
    """Return a random id, a UUID of version 4 (RFC 9562)."""
    digits = drawn().hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def drawn() -> bytes:
    """Return 16 random bytes from the operating system, which is asked for many at once: while it is asked, another
    thread takes Python's lock."""
    try:
        return _drawn.popleft()
    except IndexError:
        many = os.urandom(16 * _DRAWN)
        _drawn.extend(many[start : start + 16] for start in range(16, len(many), 16))
        return many[:16]


_DRAWN = 64  # at once
_drawn: deque[bytes] = deque()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawn.clear)  # or the child would give the same ids as its parent


def text_hash(text: str) -> str:
    """Return the MD5 of a text in hexadecimal. It finds repeated texts; it does not protect against attackers."""
    import hashlib  # for what writes: with it comes OpenSSL

    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def text_hashes(text: str) -> list[str]:
    """Return the hashes of a text in its composed and decomposed form; a text that is equal has one of them."""
    return [text_hash(one) for one in dict.fromkeys([text, *spellings(text)])]


def clean_metadata(value: object, field: str = "metadata") -> dict[str, Any]:
    """Return metadata as it will be read back: JSON values only, tuples as lists, keys in composed form (NFC).

    Raises ValidationError, naming the path, for anything that JSON can't hold exactly: other types; keys that are not
    strings, contain a NUL or occur in two Unicode forms; NaN, infinity and numbers beyond the range of a double; lone
    surrogates; more than MAX_METADATA_DEPTH levels.
    """
    if not isinstance(value, Mapping):
        raise ValidationError(f"Invalid {field}: must be a JSON object, got {type(value).__name__}.", field=field)
    return {key: _clean_json(item, f"{field}.{key}", 1) for key, item in _string_keys(value, field)}


def _string_keys(value: Mapping[Any, Any], field: str) -> list[tuple[str, Any]]:
    items: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise ValidationError(f"Invalid {field}: key {shown(key)} must be a string.", field=field)
        name = clean_key(key, field)
        if name in items:
            raise ValidationError(f"Invalid {field}: key {shown(name)} occurs twice. Keep one of them.", field=field)
        items[name] = item
    return list(items.items())


def clean_key(key: str, field: str) -> str:
    """Return a metadata key in composed form (NFC); raise ValidationError if it contains a NUL."""
    if "\0" in key:
        raise ValidationError(f"Invalid {field}: key {shown(key)} contains a NUL character. Remove it.", field=field)
    return nfc(encodable(key, field))


def _clean_json(value: Any, field: str, depth: int) -> Any:
    if depth > MAX_METADATA_DEPTH:
        raise ValidationError(
            f"Invalid {field[:80]}…: more than {MAX_METADATA_DEPTH} levels deep. Flatten it.", field=field
        )
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return encodable(value, field)
    if is_number(value):
        return finite(value, field)
    if isinstance(value, Mapping):
        return {key: _clean_json(item, f"{field}.{key}", depth + 1) for key, item in _string_keys(value, field)}
    if isinstance(value, list | tuple):
        return [_clean_json(item, f"{field}[{index}]", depth + 1) for index, item in enumerate(value)]
    raise ValidationError(
        f"Invalid {field}: {type(value).__name__} is not a JSON value. Convert it to a string, number, list or object.",
        field=field,
    )


def same_json(one: Any, other: Any) -> bool:
    """True when two JSON values are equal as filters compare: 1 is 1.0 but not true, and keys may be in any order."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        ours, theirs = ({nfc(key): value for key, value in each.items()} for each in (one, other))
        return ours.keys() == theirs.keys() and all(same_json(value, theirs[key]) for key, value in ours.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return nfc(one) == nfc(other)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def finite(value: int | float, field: str) -> int | float:
    """Return the number as an exact int or float, or raise ValidationError if it is NaN, infinite or beyond the range
    of a double."""
    try:
        if math.isfinite(float(value)):
            return int.__int__(value) if isinstance(value, int) else float.__float__(value)
    except OverflowError:
        pass
    raise ValidationError(
        f"Invalid {field}: the number is NaN, infinite or too large. Give a finite number.", field=field
    )


def to_micros(value: object, field: str) -> int:
    """Return an instant as microseconds since 1970 UTC.

    Accepts a datetime or a date, ISO 8601 text, or epoch seconds. Without a time zone, UTC is meant. Raises
    ValidationError for anything else, and for instants outside the years 1 to 9999.
    """
    return to_micros_in_zone(value, field)[0]


def is_instant(value: object) -> bool:
    """True for what ``to_micros`` accepts."""
    try:
        to_micros(value, "value")
    except ValidationError:
        return False
    return True


def to_micros_in_zone(value: object, field: str) -> tuple[int, tzinfo]:
    """Return an instant as ``to_micros`` does, and the time zone in which it was given; UTC if it has none."""
    try:
        if is_number(value):
            return _shown(round(finite(value, field) * 1_000_000)), UTC
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip().upper())
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        if isinstance(value, datetime):
            zone = UTC if value.tzinfo is None or value.utcoffset() is None else value.tzinfo
            return _shown((value.replace(tzinfo=zone) - _EPOCH) // _MICROSECOND), zone
    except (ValueError, OverflowError):
        pass
    raise ValidationError(
        f"Invalid {field}: {written(value)[:60]!r} is not an instant. Give ISO 8601 text such as "
        "'2030-01-31T12:00:00+00:00', or epoch seconds, between the years 1 and 9999.",
        field=field,
    )


def to_span(value: object, field: str) -> tuple[int, int]:
    """Return the first microsecond that a value means, and the first one after it.

    A date means its whole day, UTC, a week (``2030-W05``) its seven days, anything else that ``to_micros`` accepts one
    microsecond.
    """
    start = to_micros(value, field)
    if isinstance(value, datetime) or not isinstance(value, str | date):
        return start, start + 1
    if isinstance(value, date) or _is_date(value):
        return start, start + (7 * DAY if isinstance(value, str) and re.fullmatch(_WEEK, value.strip()) else DAY)
    return start, start + 1


def days_of(value: object, field: str) -> tuple[str, ...]:
    """Return the days that a value means, as ``YYYY-MM-DD``.

    A time means its date in its own time zone, as it does for an expiration date; a week means its seven days.
    """
    start, end = to_span(value, field)
    if end - start == 1:
        micros, zone = to_micros_in_zone(value, field)
        return (local_day(micros, zone).isoformat(),)
    return tuple(to_iso(at)[:10] for at in range(start, end, DAY))


_WEEK = r"[0-9]{4}-?[Ww][0-9]{2}"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text.strip().upper())
    except ValueError:
        return False
    return True


def _shown(micros: int) -> int:
    """Return the instant, or raise OverflowError if ``to_iso`` can't show it.

    Its memory would break every answer that contains it. ISO 8601 text means such an instant if its time zone moves it
    out of the years 1 to 9999.
    """
    _EPOCH + timedelta(microseconds=micros)
    return micros


def to_iso(micros: int) -> str:
    """Return microseconds since 1970 UTC as ISO 8601 text with ``+00:00``."""
    return (_EPOCH + timedelta(microseconds=micros)).isoformat()


def local_day(micros: int, zone: tzinfo) -> date:
    """Return the day of an instant in a time zone; in UTC, where the zone leaves the calendar."""
    at = _EPOCH + timedelta(microseconds=micros)
    try:
        return at.astimezone(zone).date()
    except OverflowError:
        return at.date()


def end_of_day(expiration_date: object) -> tuple[str, int]:
    """Return a date as ``YYYY-MM-DD`` and the first instant after that day, UTC, in microseconds since 1970.

    A datetime, or the text of one, means its date in its own time zone. After the last day there is, 9999-12-31, comes
    no other: the answer is its own last microsecond. Raises ValidationError for anything else.
    """
    day = day_of(expiration_date)
    if day is None and isinstance(expiration_date, str):
        with suppress(ValueError):  # not in day_of: in metadata, such a text is not an expiration date for mem0 either
            day = datetime.fromisoformat(expiration_date).date()
    if day is None:
        raise ValidationError("expiration_date must be a valid date in YYYY-MM-DD format.", field="expiration_date")
    after = datetime(day.year, day.month, day.day, tzinfo=UTC) - _EPOCH + timedelta(days=1)
    return day.isoformat(), min(after // _MICROSECOND, LAST_INSTANT)


def day_of(value: object) -> date | None:
    """Return the date that an expiration date means, or None if it is not a date."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        for read in _DAYS:
            with suppress(ValueError):
                return read(value)
    return None


_DAYS: tuple[Callable[[str], date], ...] = (
    date.fromisoformat,
    lambda text: datetime.strptime(text, "%Y-%m-%d").date(),  # also without leading zeros
)


def seconds_to_micros(value: object, field: str) -> int:
    """Return a duration in seconds, or a timedelta, as microseconds.

    0 is a value like any other. Raises ValidationError for a negative duration, and for what is neither.
    """
    if isinstance(value, timedelta):
        micros = value // _MICROSECOND
    elif is_number(value):
        micros = round(finite(finite(value, field) * 1_000_000, field))
    else:
        raise ValidationError(f"Invalid {field}: must be a number of seconds, got {shown(value)}.", field=field)
    if micros < 0 or (is_number(value) and value < 0):  # it may be too small to count
        raise ValidationError(f"Invalid {field}: {shown(value)} is negative. Give 0 or more.", field=field)
    return micros


def add_micros(instant: int, duration: int, field: str) -> int:
    """Return the instant ``duration`` later, all in microseconds; ValidationError after the year 9999."""
    try:
        _EPOCH + timedelta(microseconds=instant + duration)
    except OverflowError:
        raise ValidationError(
            f"Invalid {field}: the memory would expire after the year 9999. Leave it out to keep the memory forever.",
            field=field,
        ) from None
    return instant + duration
