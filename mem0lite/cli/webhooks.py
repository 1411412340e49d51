"""``mem0lite webhooks``: the URLs to which changes are posted."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import click

from .commands import cli, open_memory, open_store
from .language import Group
from .options import Options, confirm, csv_option, file_options, given, store_options, yes_option
from .output import items, note, print_pairs, print_rows, report

_EVENTS = ("memory_add", "memory_update", "memory_delete")
_event_option = click.option(
    "--event", "event_types", type=click.Choice(_EVENTS), multiple=True, help="Post only these; may be repeated."
)
_name_option = click.option("--name", metavar="NAME", help="What it is called.")
_private_option = click.option(
    "--allow-private", is_flag=True, help="Allow a host that is not on the public Internet, for a file."
)


@cli.group(cls=Group)
def webhooks() -> None:
    """Show and change the URLs to which changes are posted."""


@webhooks.command("list")
@csv_option
@store_options
@click.pass_obj
def list_(options: Options) -> None:
    """Show every webhook, with the state of its deliveries."""
    with closing(open_store(options, reading=True)) as store:
        found = store.get_webhooks()
    if items(options, found, "Webhook", found):
        return
    print_rows(
        ["Id", "URL", "Events", "Active", "Delivered", "Failed", "Last error"],
        [
            (
                one["webhook_id"], one["url"], ", ".join(one["event_types"]), "yes" if one["is_active"] else "no",
                one["delivered"], one["failed"], one["last_error"] or "",
            )
            for one in found
        ],
    )  # fmt: skip
    if not found:
        note("No webhooks.")


@webhooks.command()
@click.argument("address", metavar="URL")
@_name_option
@_event_option
@click.option("--inactive", is_flag=True, help="Post nothing until it is made active.")
@_private_option
@store_options
@click.pass_obj
def create(
    options: Options, address: str, name: str | None, event_types: Sequence[str], inactive: bool, allow_private: bool
) -> None:
    """Post every change from now on to URL.

    Prints the secret that signs what is posted. It is not shown again.
    """
    with closing(open_store(options)) as store:
        made = store.create_webhook(
            address,
            **given(name=name, event_types=list(event_types) or None),
            is_active=not inactive,
            **_private(options, allow_private),
        )
    _print(options, made)


@webhooks.command()
@click.argument("id")
@click.option("--to", "address", metavar="URL", help="Where to post.")
@_name_option
@_event_option
@click.option("--active/--inactive", "is_active", default=None, help="Whether to post.")
@_private_option
@store_options
@click.pass_obj
def update(
    options: Options,
    id: str,
    address: str | None,
    name: str | None,
    event_types: Sequence[str],
    is_active: bool | None,
    allow_private: bool,
) -> None:
    """Change a webhook. What is not given stays as it is."""
    wanted = given(url=address, name=name, event_types=list(event_types) or None, is_active=is_active)
    if not wanted:
        raise click.UsageError("Say what to change: --to, --name, --event, --active or --inactive.")
    with closing(open_store(options)) as store:
        changed = store.update_webhook(id, **wanted, **_private(options, allow_private))
    _print(options, changed)


@webhooks.command()
@click.argument("id")
@yes_option
@store_options
@click.pass_obj
def delete(options: Options, id: str, yes: bool) -> None:
    """Stop posting to a webhook, and forget it."""
    confirm(f"Delete webhook {id}?", yes)
    with closing(open_store(options)) as store:
        report(store.delete_webhook(id), options.json)


@webhooks.command()
@_private_option
@file_options
@click.pass_obj
def deliver(options: Options, allow_private: bool) -> None:
    """Post what is due now. A server does this on its own."""
    with open_memory(options) as memory:
        report(memory.deliver_webhooks(allow_private=allow_private), options.json)


def _private(options: Options, allowed: bool) -> dict[str, Any]:
    """Return the argument for hosts that are not public, which a server decides itself."""
    if allowed and options.server:
        raise click.UsageError("--allow-private is for a file. A server needs MEM0LITE_WEBHOOK_ALLOW_PRIVATE=1.")
    return {"allow_private": True} if allowed else {}


def _print(options: Options, webhook: Any) -> None:
    if options.json:
        report(webhook, as_json=True)
    else:
        print_pairs({**webhook, "event_types": ", ".join(webhook["event_types"])})
