"""The functions of ``comparison`` in PostgreSQL, for filters: texts in any Unicode form and case, instants in any zone.

They have to say of every text what Python's say. ``folded`` is ``casefold``, which PostgreSQL has from 18 on, and only
with some collations; its tables are made from Python's. They leave the form alone that texts have in the store
(``texts``).
"""

import itertools
import unicodedata
from collections.abc import Iterable

from ...comparison import DAY

_CODES = range(0x80, 0x2_0000)
"""Characters beyond ASCII of which some have a case, or combine with others. Further planes have none of these."""

_PARTS = tuple(itertools.pairwise((0x80, 0x370, 0x400, 0x590, 0x1_0000, 0x2_0000)))
"""Latin, Greek, Cyrillic with Armenian, and the rest. Their tables are used only for texts that need them, because
``translate`` searches a table from its beginning, for each character."""


def functions() -> str:
    """Return the SQL that creates the functions. Making it takes a tenth of a second."""
    return _NFC.format(run=_quoted(_long_run())) + _FOLDED.format(folding=_folding()) + _MOMENT


# -- texts


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _class(codes: Iterable[int]) -> str:
    """Return the regular expression for one of these characters, which are in order."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and code == ranges[-1][1] + 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "[" + "".join(f"\\U{first:08X}-\\U{last:08X}" for first, last in ranges) + "]"


def _long_run() -> str:
    return _class(code for code in _CODES if unicodedata.combining(chr(code))) + "{31}"


_NFC = """
CREATE FUNCTION nfc(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
    CASE WHEN octet_length(value) = length(value) THEN value
         WHEN length(value) > 1000 AND value ~ {run} THEN value
         ELSE normalize(value, NFC) END;
CREATE FUNCTION nfd(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN
    CASE WHEN length(value) > 1000 AND value ~ {run} THEN value ELSE normalize(value, NFD) END;
"""

_FOLDED = """
CREATE FUNCTION folded(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
BEGIN
    IF octet_length(value) = length(value) THEN
        RETURN lower(value COLLATE "C");
    END IF;
    value := lower(nfd(value) COLLATE "C");
{folding}
    RETURN nfc(value);
END $body$;
"""


def _folding() -> str:
    """Return the statements that fold the characters of a decomposed text, or of one that is left as it is."""
    folds = {one: folded for one in map(chr, _CODES) if (folded := one.casefold()) != one}
    lines = []
    for first, after in _PARTS:
        here = {one: folded for one, folded in folds.items() if first <= ord(one) < after}
        single = {one: folded for one, folded in here.items() if len(folded) == 1}
        lines += [
            f"    IF value ~ {_quoted(_class(map(ord, single)))} THEN",
            f"        value := translate(value, {_quoted(''.join(single))}, {_quoted(''.join(single.values()))});",
            "    END IF;",
        ]
        if several := {one: folded for one, folded in here.items() if len(folded) > 1}:
            lines.append(f"    IF value ~ {_quoted(_class(map(ord, several)))} THEN")
            lines += [f"        value := replace(value, '{one}', '{folded}');" for one, folded in several.items()]
            lines.append("    END IF;")
    return "\n".join(lines)


# -- moments

_MOMENT = f"""
CREATE FUNCTION moment(value text, part text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
DECLARE
    found text[];
    zone text[];
    first bigint;
    ahead bigint;  -- of UTC, in seconds
    lasts bigint := 1;
BEGIN
    IF length(value) > 64 OR value !~ '^[0-9]{{4}}' THEN
        RETURN NULL;
    END IF;
    value := upper(value COLLATE "C");
    found := regexp_match(value, '^([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})(?:[T ]([0-9]{{2}}):([0-9]{{2}})'
        || '(?::([0-9]{{2}})(?:[.,]([0-9]+))?)?(Z|[-+][0-9:]+)?)?$');
    IF found IS NULL THEN
        found := regexp_match(value, '^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})T([0-9]{{2}})([0-9]{{2}})'
            || '(?:([0-9]{{2}})(?:[.,]([0-9]+))?)?(Z|[-+][0-9:]+)?$');
    END IF;
    IF found IS NULL OR found[1] = '0000' OR found[2] NOT BETWEEN '01' AND '12' OR found[3] NOT BETWEEN '01' AND '31'
            OR found[4] > '23' OR found[5] > '59' OR found[6] > '59' THEN
        RETURN NULL;
    END IF;
    IF found[3]::int > extract(day FROM make_date(found[1]::int, found[2]::int, 1) + interval '1 month - 1 day') THEN
        RETURN NULL;
    END IF;
    first := (make_date(found[1]::int, found[2]::int, found[3]::int) - date '1970-01-01') * {DAY}::bigint;
    IF found[4] IS NULL THEN
        lasts := {DAY};
    ELSE
        first := first + ((found[4]::int * 60 + found[5]::int) * 60 + coalesce(found[6], '0')::int) * 1000000::bigint
            + rpad(left(coalesce(found[7], ''), 6), 6, '0')::int;
    END IF;
    IF found[8] <> 'Z' THEN
        zone := regexp_match(found[8], '^([-+])([0-9]{{2}})(?::([0-9]{{2}})(?::([0-9]{{2}}))?)?$');
        IF zone IS NULL THEN
            zone := regexp_match(found[8], '^([-+])([0-9]{{2}})(?:([0-9]{{2}})([0-9]{{2}})?)?$');
        END IF;
        ahead := (zone[2]::int * 60 + coalesce(zone[3], '0')::int) * 60 + coalesce(zone[4], '0')::int;
        IF zone IS NULL OR ahead >= 86400 THEN
            RETURN NULL;
        END IF;
        first := first - (zone[1] || '1')::int * ahead * 1000000::bigint;
    END IF;
    RETURN CASE part
        WHEN 'start' THEN first
        WHEN 'end' THEN first + lasts
        WHEN 'date' THEN CASE WHEN lasts > 1 THEN first END
        ELSE first - mod(mod(first, {DAY}) + {DAY}, {DAY}) END;
END $body$;
"""
