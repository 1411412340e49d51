"""Commands that change one memory: its text, metadata and dates, and what it is worth."""

from contextlib import closing
from typing import Any

import click

from .commands import cli, open_store
from .options import Options, given, instant_argument, json_object, label_options, store_options, text_argument
from .output import note, partly, printable, report

_RATINGS = ("POSITIVE", "NEGATIVE", "VERY_NEGATIVE")


@cli.command()
@click.argument("id")
@click.argument("text", required=False)
@click.option("--metadata", callback=json_object, metavar="JSON", help="Metadata to merge into the memory's.")
@label_options
@click.option("--expires", metavar="YYYY-MM-DD", help="Let the memory expire at the end of this day, UTC.")
@click.option("--no-expiry", is_flag=True, help="Remove the date on which the memory expires.")
@click.option("--timestamp", metavar="INSTANT", help="When it was said, in ISO 8601 or epoch seconds.")
@store_options
@click.pass_obj
def update(
    options: Options,
    id: str,
    text: str | None,
    metadata: dict[str, Any] | None,
    expires: str | None,
    no_expiry: bool,
    timestamp: str | None,
) -> None:
    """Change a memory; - as TEXT reads it from stdin.

    What is not given stays as it is.
    """
    if expires is not None and no_expiry:
        raise click.UsageError("Give either --expires or --no-expiry.")
    arguments = given(
        text=None if text is None else text_argument(text),
        metadata={**(metadata or {}), **options.labels} or None,
        expiration_date=expires,
        timestamp=instant_argument(timestamp),
    )
    if no_expiry:
        arguments["expiration_date"] = None
    if not arguments:
        raise click.UsageError("Say what to change: TEXT, --metadata, --expires, --no-expiry or --timestamp.")
    with closing(open_store(options)) as store:
        result = store.update(id, **arguments)
    report(result, options.json)
    if not options.json:
        if result.get("expired"):
            note("It has expired now. Nobody sees it any more.")
        if part := result.get("embedded"):
            note(partly(part))
        if result.get("facts", {}).get("status") == "PENDING":
            note("Facts that were drawn from it are still to be drawn again. A server does that, or mem0lite extract.")


@cli.command()
@click.argument("id")
@click.argument("rating", metavar="RATING", type=click.Choice(_RATINGS, case_sensitive=False), required=False)
@click.option("--reason", metavar="TEXT", help="Why.")
@click.option("--remove", is_flag=True, help="Remove the rating.")
@store_options
@click.pass_obj
def feedback(options: Options, id: str, rating: str | None, reason: str | None, remove: bool) -> None:
    """Rate a memory, or remove its rating.

    RATING is POSITIVE, NEGATIVE or VERY_NEGATIVE.
    """
    if (rating is None) != remove:
        raise click.UsageError(f"Give either a RATING ({', '.join(_RATINGS)}) or --remove.")
    if remove and reason is not None:
        raise click.UsageError("--reason is for a RATING.")
    with closing(open_store(options)) as store:
        result = store.feedback(id, rating, reason)
    said = "Removed the rating" if remove else f"Rated {rating}"
    report(result if options.json else {"message": f"{said}: {printable(result['id'])}"}, options.json)
