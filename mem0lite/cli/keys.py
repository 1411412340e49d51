"""``mem0lite keys``: the API keys that a store keeps for its servers."""

from contextlib import closing

import click

from .commands import cli, open_memory, open_store
from .options import Number, Options, confirm, given, instant_argument, store_options, yes_option
from .output import echo, note, print_json, print_rows, printable, report


@cli.group()
def keys() -> None:
    """Make, list and revoke API keys, while servers run."""


@keys.command()
@click.option("--label", metavar="TEXT", help="What the key is for.")
@click.option("--user", "user_id", metavar="ID", help="Let it reach only this user's memories.")
@click.option("--ttl", type=Number(), metavar="SECONDS", help="Let it stop working after this long.")
@click.option("--expires-at", metavar="INSTANT", help="Let it stop working then, such as 2027-01-31T12:00Z.")
@store_options
@click.pass_obj
def create(options: Options, label: str | None, user_id: str | None, ttl: float | None, expires_at: str | None) -> None:
    """Make a key, and print it this once.

    From the first key on, servers of the store refuse callers without one.
    """
    arguments = given(label=label, user_id=user_id, ttl=ttl, expires_at=instant_argument(expires_at))
    with closing(open_store(options, create=True)) as store:
        key = store.create_key(**arguments)
    if options.json:
        print_json(key)
        return
    echo(printable(key["key"]))
    reach = "everything" if key["user_id"] is None else f"the memories of {printable(key['user_id'])}"
    note(f"The key {printable(key['id'])} reaches {reach}. It is not shown again: the store has only its digest.")


@keys.command("list")
@store_options
@click.pass_obj
def list_keys(options: Options) -> None:
    """List the keys, without what callers send. Those of MEM0LITE_API_KEYS are not among them."""
    with closing(open_store(options, reading=True)) as store:
        found = store.get_keys()
    if options.json:
        print_json(found)
        return
    print_rows(
        ["Id", "Label", "Reaches", "Created", "Last used", "Expires"],
        [
            (
                *(key["id"], key["label"] or "", key["user_id"] or "everything"),
                *(key["created_at"], key["last_used_at"] or "never", key["expires_at"] or "never"),
            )
            for key in found
        ],
    )


@keys.command()
@click.argument("key_id", metavar="ID", required=False)
@click.option("--all", "everything", is_flag=True, help="Revoke every key; servers started later need none.")
@yes_option
@store_options
@click.pass_obj
def revoke(options: Options, key_id: str | None, everything: bool, yes: bool) -> None:
    """Revoke the key with this id. Running servers refuse it from their next request on."""
    if (key_id is None) != everything:
        raise click.UsageError("Give the id of a key, or --all.")
    if key_id is not None:
        with closing(open_store(options)) as store:
            report(store.revoke_key(key_id), options.json)
        return
    if options.url is not None:
        raise click.UsageError("--all would open the store to callers without a key: it needs --db.")
    confirm("Revoke every key, so that servers started from now on need none?", yes, "Nothing was revoked.")
    with closing(open_memory(options)) as memory:
        report(memory.revoke_all_keys(), options.json)
