"""Drive MemoryClient and AsyncMemoryClient as packages make them that name no host; print every outcome as JSON.

``python compat_client.py url|path TARGET [FOLDER]``: ``FOLDER`` is the site-packages in which mem0ai is; without it the
clients are mem0lite's stand-ins.
"""

import asyncio
import inspect
import json
import logging
import sys
import warnings

UNKNOWN = "00000000-0000-4000-8000-000000000000"
ALLERGY = [{"role": "user", "content": "I am allergic to peanuts"}]


async def result_of(value):
    return await value if inspect.isawaitable(value) else value


async def failure_of(call, *args, **options):
    try:
        return await result_of(call(*args, **options))
    except Exception as error:
        from mem0 import exceptions

        names = [name for name, kind in vars(exceptions).items() if isinstance(kind, type) and isinstance(error, kind)]
        return {
            "caught_as": sorted(names),
            "code": getattr(error, "error_code", None),
            "value_error": isinstance(error, ValueError),
        }


async def play(make):
    user, client = make.__name__, make(api_key="m0-a-key-of-the-hosted-service", org_id="o", project_id="p")
    of_user = {"user_id": user}  # as before 2.0, whichever version it is

    async def texts(page):
        found = await result_of(page)
        return [item["memory"] for item in (found if isinstance(found, list) else found["results"])]

    added = await result_of(client.add(ALLERGY, user_id=user, metadata={"topic": "food"}))
    memory_id = (added if isinstance(added, list) else added["results"])[0]["id"]
    await result_of(client.add([{"role": "user", "content": "My bicycle is green"}], user_id=user))
    outcome = {
        "searched": (await texts(client.search("Which food must she avoid?", **of_user)))[0],
        "listed": sorted(await texts(client.get_all(**of_user))),
        "got": (await result_of(client.get(memory_id)))["metadata"],
    }
    await result_of(client.update(memory_id, text="I am allergic to nuts"))
    await result_of(client.update(memory_id, data="I eat no peanuts"))  # as mem0's documentation writes it
    outcome["updated"] = (await result_of(client.get(memory_id)))["memory"]
    outcome["history"] = [one["event"] for one in await result_of(client.history(memory_id))]
    users = await result_of(client.users())
    outcome["users"] = sorted(one["name"] for one in users["results"] if one["name"] == user)
    outcome["unknown"] = await failure_of(client.get, UNKNOWN)
    outcome["refused"] = await failure_of(client.add, ALLERGY)
    outcome["summary"] = await failure_of(client.get_summary, {"user_id": user})
    outcome["feedback"] = "feedback" in str(await result_of(client.feedback(memory_id, "NEGATIVE"))).lower()
    await result_of(client.project.update(custom_instructions="Keep food"))
    outcome["project"] = (await result_of(client.project.get(["custom_instructions"])))["custom_instructions"]
    await result_of(client.batch_update([{"memory_id": memory_id, "text": "I eat no nuts"}]))
    await result_of(client.batch_delete([{"memory_id": memory_id}]))
    outcome["left"] = await texts(client.get_all(**of_user))
    await result_of(client.delete_all(user_id=user))
    outcome["gone"] = await texts(client.get_all(**of_user))
    await result_of(client.add(ALLERGY, user_id=user))
    await result_of(client.delete_users(user_id=user))
    outcome["coroutines"] = all(
        inspect.iscoroutinefunction(one) for one in (client.search, client.get_all, client.update)
    )
    outcome["host"] = client.host
    outcome["base"] = [kind.__module__ for kind in make.__mro__ if kind.__name__ == make.__name__]
    return outcome


async def main(form, target, *folders):
    sys.path.extend(folders)
    from mem0lite import compat

    with compat.install(**{form: target}):
        from mem0 import AsyncMemoryClient, MemoryClient

        sync = await play(MemoryClient)  # in a running loop, as in an async agent
        later = await play(AsyncMemoryClient)
    document = {
        "sync": sync,
        "async": later,
        "left_imported": [name for name in sys.modules if name.startswith("mem0.")],
    }
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    asyncio.run(main(*sys.argv[1:]))
