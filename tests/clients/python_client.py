"""Drive mem0's Python client, in any version, against a server; print every call's outcome as one JSON document.

Runs in the client's own environment: ``python python_client.py URL KEY sync|async``. An outcome is ``{"value": …}`` or
``{"error": [class names, most derived first], "message": …, "code": …}``, and names the ``method`` that was called.
"""

import asyncio
import importlib.metadata
import inspect
import json
import logging
import sys
import uuid
import warnings

UNKNOWN = "00000000-0000-4000-8000-000000000000"


class Journal:
    """Makes the calls of a scenario and remembers what came of each."""

    def __init__(self):
        self.outcomes = {}

    async def __call__(self, name, method, *arguments, **keywords):
        assert name not in self.outcomes, name
        outcome = self.outcomes[name] = {"method": method_name(method)}
        try:
            value = outcome["value"] = await result_of(method(*arguments, **keywords))
        except Exception as error:
            outcome["error"] = [one.__name__ for one in type(error).__mro__]
            outcome["message"], outcome["code"] = str(error), getattr(error, "error_code", None)
            return None
        return value


class Scenario:
    """All calls of one client; every version's own ways of saying the same are kept apart by its major number."""

    def __init__(self, make, url, key, mode):
        self.make, self.url, self.key = make, url, key
        self.major = importlib.metadata.version("mem0ai").split(".")[0]
        self.mine = f"{mode}-{self.major}-{uuid.uuid4().hex[:8]}"
        self.user, self.agent, self.app, self.run = (f"{self.mine}-{kind}" for kind in ("user", "agent", "app", "run"))
        self.do = Journal()

    async def play(self):
        await self.construct()
        await self.add()
        await self.read()
        await self.list_all()
        await self.search()
        await self.change()
        await self.give_feedback()
        await self.in_batches()
        await self.export()
        await self.project()
        await self.webhooks()
        await self.not_served()
        await self.delete()
        await self.entities()
        await self.lose_the_key()
        await self.reset()

    async def construct(self):
        await self.do("construct_wrong_key", self.make, api_key="wrong", host=self.url)
        await self.do("construct_elsewhere", self.make, api_key=self.key, host=self.url + "/elsewhere")
        self.client = self.make(api_key=self.key, host=self.url)
        found = {name: getattr(self.client, name) for name in ("org_id", "project_id", "user_email")}
        self.do.outcomes["construct"] = {"method": "constructor", "value": found}

    async def add(self):
        do, client = self.do, self.client
        said = [{"role": "user", "content": "I drink green tea every morning"}]
        added = await do("add_list", client.add, said, user_id=self.user, metadata={"topic": "tea", "cups": 2})
        self.tea = added["results"][0]["id"]
        added = await do("add_text", client.add, "My bicycle is red", user_id=self.user, infer=False)
        self.bicycle = added["results"][0]["id"]
        await do("add_repeated", client.add, said, user_id=self.user, metadata={"topic": "tea", "cups": 2})
        await do("add_dated", client.add, "Passport ends soon", user_id=self.user, expiration_date="2999-01-01")
        await do("add_expired", client.add, "Sale ended", user_id=self.user, expiration_date="2000-01-01")
        await do("add_by_filters", client.add, "I know filters", filters={"user_id": self.user})
        conversation = [
            {"role": "user", "content": "Where do I live?", "name": "ann"},
            {"role": "assistant", "content": "You live in Graz"},
        ]
        await do("add_conversation", client.add, conversation, user_id=self.user, run_id=self.run, infer=False)
        await do("add_everyone", client.add, "Everyone said this", **self.everyone())
        await do("add_without_id", client.add, "Whose is this?")
        await do("add_bad_date", client.add, "No such day", user_id=self.user, expiration_date="tomorrow")

    def everyone(self):
        return {"user_id": self.user, "agent_id": self.agent, "app_id": self.app, "run_id": self.run}

    async def read(self):
        do, client = self.do, self.client
        await do("get", client.get, self.tea)
        await do("get_unknown", client.get, UNKNOWN)
        await do("get_not_a_uuid", client.get, "nope")
        await do("get_with_slash", client.get, "id/1 x")

    async def list_all(self):
        do, get_all, user = self.do, self.client.get_all, self.user
        nested = {"AND": [{"user_id": user}, {"metadata": {"topic": "tea"}}]}
        if self.major == "0":
            await do("get_all", get_all, user_id=user)
            await do("get_all_page", get_all, user_id=user, page=2, page_size=3)
            await do("get_all_filters_in_query", get_all, filters={"user_id": user})
            await do("get_all_nested_in_query", get_all, filters=nested)
            await do("get_all_v2", get_all, version="v2", filters={"user_id": user})
            await do("get_all_page_filters", get_all, version="v2", filters={"user_id": user}, page=2, page_size=3)
            await do("get_all_nested", get_all, version="v2", filters=nested)
            return
        if self.major == "1":
            await do("get_all", get_all, user_id=user)
        else:
            await do("get_all_top_level", get_all, user_id=user)
            await do("get_all", get_all, filters={"user_id": user})
            await do("get_all_options", get_all, self.options("GetAllMemoryOptions", filters=nested))
            await do("get_all_show_expired", get_all, filters={"user_id": user}, show_expired=True)
        await do("get_all_page_filters", get_all, filters={"user_id": user}, page=2, page_size=3)
        await do("get_all_nested", get_all, filters=nested)
        await do("get_all_of_app", get_all, filters={"app_id": self.app})
        await do("get_all_nobody", get_all, filters={"user_id": self.mine + "-nobody"})
        await do("get_all_bad_filter", get_all, filters={"user_id": user, "cups": {"regex": "2"}})
        fields = [
            *({"text": {"icontains": "GREEN"}}, {"keywords": "TEA"}, {"timestamp": {"gte": "2020-01-01"}}),
            *({"run_id": {"ne": ["x", "y"]}}, {"expiration_date": None}, {"metadata": {"cups": {"$gt": 1}}}),
        ]
        await do("get_all_hosted_fields", get_all, filters={"AND": [{"user_id": user}, *fields]})
        ending = [{"user_id": user}, {"expiration_date": {"gte": "2998-12-31T10:00:00"}}]
        await do("get_all_ending", get_all, filters={"$and": ending}, page=1, page_size=5_000)

    async def search(self):
        do, search, user = self.do, self.client.search, self.user
        either = {"OR": [{"user_id": user}, {"agent_id": self.agent}]}
        if self.major == "0":
            await do("search_v1", search, "green tea", user_id=user)
            await do("search_v1_format", search, "green tea", user_id=user, output_format="v1.1", top_k=1)
            await do("search", search, "green tea", version="v2", filters={"user_id": user}, top_k=1)
            await do("search_either", search, "green tea", version="v2", filters=either, limit=1)
            return
        if self.major == "1":
            await do("search_top_level", search, "green tea", user_id=user)
        else:
            await do("search_top_level", search, "green tea", user_id=user)
            options = self.options("SearchMemoryOptions", filters={"user_id": user}, top_k=1, rerank=True)
            await do("search_options", search, "green tea", options)
        await do("search", search, "green tea", filters={"user_id": user}, top_k=1)
        await do("search_either", search, "green tea", filters=either, limit=1, version="v2")
        await do("search_threshold", search, "green tea", filters={"user_id": user}, threshold=0.99)
        await do("search_blank", search, "  ", filters={"user_id": user})
        await do("search_without_id", search, "green tea")

    def options(self, name, **fields):
        from mem0.client import types

        return getattr(types, name)(**fields)

    async def change(self):
        do, client = self.do, self.client
        await do("update", client.update, self.tea, text="I drink black tea", metadata={"cups": 3})
        await do("get_updated", client.get, self.tea)
        await do("update_nothing", client.update, self.tea)
        await do("update_unknown", client.update, UNKNOWN, text="x")
        await do("update_not_a_uuid", client.update, "nope", text="x")
        if self.major != "0":
            await do("update_timestamp", client.update, self.tea, timestamp=1_700_000_000)
        if self.major == "2":
            await do("update_date", client.update, self.bicycle, expiration_date="2999-12-31")
            await do("update_date_cleared", client.update, self.bicycle, expiration_date=None)
            options = self.options("UpdateMemoryOptions", text="My bicycle is blue")
            await do("update_options", client.update, self.bicycle, options)
        await do("history", client.history, self.tea)
        await do("history_unknown", client.history, UNKNOWN)

    async def give_feedback(self):
        do, client = self.do, self.client
        await do("feedback", client.feedback, self.tea, feedback="positive", feedback_reason="true")
        await do("history_after_feedback", client.history, self.tea)
        await do("feedback_taken_back", client.feedback, self.tea)
        await do("history_after_taking_back", client.history, self.tea)
        await do("feedback_unknown_word", client.feedback, self.tea, feedback="MAYBE")
        await do("feedback_unknown_memory", client.feedback, UNKNOWN, feedback="POSITIVE")

    async def in_batches(self):
        do, client = self.do, self.client
        ids = []
        for number in range(3):
            added = await result_of(client.add(f"Batch item {number}", user_id=self.user, infer=False))
            ids.append(added["results"][0]["id"])
        changes = [{"memory_id": ids[0], "text": "Changed together"}, {"memory_id": ids[1], "metadata": {"n": 1}}]
        await do("batch_update", client.batch_update, changes)
        await do("batch_updated_first", client.get, ids[0])
        await do("batch_updated_second", client.get, ids[1])
        broken = [{"memory_id": ids[2], "text": "Changed alone"}, {"memory_id": UNKNOWN, "text": "x"}]
        await do("batch_update_unknown", client.batch_update, broken)
        await do("batch_not_updated", client.get, ids[2])
        await do("batch_delete_unknown", client.batch_delete, [{"memory_id": ids[2]}, {"memory_id": UNKNOWN}])
        await do("batch_not_deleted", client.get, ids[2])
        await do("batch_delete", client.batch_delete, [{"memory_id": one} for one in ids])
        await do("batch_deleted", client.get, ids[0])

    async def export(self):
        do, client = self.do, self.client
        schema = {"type": "object", "properties": {"memory": {"type": "string"}, "user_id": {"type": "string"}}}
        made = await do("export", client.create_memory_export, json.dumps(schema), filters={"user_id": self.user})
        await do("export_read", client.get_memory_export, memory_export_id=(made or {}).get("id"))
        await do("export_top_level", client.create_memory_export, json.dumps(schema), user_id=self.user)
        await do("export_read_by_user", client.get_memory_export, user_id=self.user)
        await do("export_unknown", client.get_memory_export, memory_export_id=UNKNOWN)

    async def project(self):
        do, client = self.do, self.client
        await do("project_get", client.project.get, fields=["custom_instructions"])
        await do("project_update", client.project.update, custom_instructions=f"Of {self.mine}")
        await do("project_updated", client.project.get)
        await do("get_project", client.get_project, fields=["custom_instructions", "custom_categories"])
        await do("update_project", client.update_project, custom_categories=[{"food": "What is eaten"}])
        await do("project_updated_again", client.get_project)

    async def webhooks(self):
        do, client = self.do, self.client
        project, address = client.project_id or "default", "https://example.com/hook"
        made = await do("webhook_create", client.create_webhook, address, self.mine, project, ["memory_add"])
        await do("webhook_list", client.get_webhooks, project)
        webhook_id = (made or {}).get("webhook_id")
        await do("webhook_update", client.update_webhook, webhook_id, event_types=["memory_delete"])
        await do("webhook_list_updated", client.get_webhooks, project)
        await do("webhook_delete", client.delete_webhook, webhook_id)
        await do("webhook_list_deleted", client.get_webhooks, project)
        await do("webhook_delete_unknown", client.delete_webhook, webhook_id)

    async def not_served(self):
        do, client, project = self.do, self.client, self.client.project
        await do("get_summary", client.get_summary, {"user_id": self.user})
        await do("chat", client.chat)
        await do("project_create", project.create, "another")
        await do("project_delete", project.delete)
        await do("project_get_members", project.get_members)
        await do("project_add_member", project.add_member, "ann@example.com")
        await do("project_update_member", project.update_member, "ann@example.com", "OWNER")
        await do("project_remove_member", project.remove_member, "ann@example.com")
        if self.major == "2":
            await do("get_profile", client.get_profile, self.user)
            await do("generate_profile", client.generate_profile, self.user)
            await do("get_profile_settings", client.get_profile_settings)
            await do("update_profile_settings", client.update_profile_settings, enabled=True)
            await do("sample_profiles", client.sample_profiles, 2)
            await do("get_profile_job", client.get_profile_job, UNKNOWN)

    async def delete(self):
        do, client = self.do, self.client
        await do("delete", client.delete, self.bicycle)
        await do("get_deleted", client.get, self.bicycle)
        await do("delete_again", client.delete, self.bicycle)
        await do("delete_not_a_uuid", client.delete, "nope")
        await do("history_of_deleted", client.history, self.bicycle)
        await do("delete_all_of_nobody_named", client.delete_all)
        if self.major == "2":
            await do("delete_all_by_filters", client.delete_all, filters={"user_id": self.user})
        await do("kept", client.get, self.tea)
        other = self.mine + "-other"
        await result_of(client.add("Goes at once", user_id=other))
        await do("delete_all", client.delete_all, user_id=other)
        await do("kept_of_others", client.get, self.tea)

    async def entities(self):
        do, client = self.do, self.client
        slash = self.mine + "/team"
        await result_of(client.add("Of a team", user_id=slash))
        await do("users", client.users)
        await do("delete_users_with_slash", client.delete_users, user_id=slash)
        await do("users_without_slash", client.users)
        await do("delete_users_app", client.delete_users, app_id=self.app)
        await do("delete_users_run", client.delete_users, run_id=self.run)
        await do("users_without_run", client.users)
        await do("delete_users_unknown", client.delete_users, agent_id=self.agent)

    async def lose_the_key(self):
        inside = getattr(self.client, "async_client", None) or self.client.client
        inside.headers["Authorization"] = "Token withdrawn"
        await self.do("call_with_wrong_key", self.client.get, self.tea)
        inside.headers["Authorization"] = f"Token {self.key}"

    async def reset(self):
        do, client = self.do, self.client
        await result_of(client.add("Of four at once", **self.everyone()))
        await do("delete_everything", client.delete_all, **dict.fromkeys(self.everyone(), "*"))
        await do("users_after_everything", client.users)
        await result_of(client.add("Of four at once", **self.everyone()))
        await result_of(client.add("Of a run", run_id=self.run))
        await do("reset", client.reset)
        await do("users_after_reset", client.users)
        await do("get_after_reset", client.get, self.tea)
        await do("reset_again", client.reset)


async def result_of(value):
    return await value if inspect.isawaitable(value) else value


def method_name(method):
    return f"{type(getattr(method, '__self__', None)).__name__}.{method.__name__}"


def public(cls):
    """Return the names of a class's public methods."""
    return [f"{cls.__name__}.{name}" for name, _ in inspect.getmembers(cls, callable) if not name.startswith("_")]


async def main(url, key, mode):
    from mem0 import AsyncMemoryClient, MemoryClient

    make = MemoryClient if mode == "sync" else AsyncMemoryClient
    scenario = Scenario(make, url, key, mode)
    await scenario.play()
    document = {
        "names": {"user": scenario.user, "mine": scenario.mine, **scenario.everyone()},
        "ids": {"tea": scenario.tea, "bicycle": scenario.bicycle},
        "outcomes": scenario.do.outcomes,
        "public": sorted({*public(make), *public(type(scenario.client.project))}),
    }
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    asyncio.run(main(*sys.argv[1:]))
