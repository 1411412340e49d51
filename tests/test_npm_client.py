"""mem0's npm client, as published, works against this server: every method.

It is driven once by ``clients/npm_client.mjs`` in an environment of its own; the tests look at what came of its calls.
The client turns keys into camelCase, except those within ``metadata``.
"""

from typing import Any

import client_environments
import pytest
from client_environments import NPM_CLIENT, SCRIPTS
from embedder import HashEmbedder
from serving import served_by

from mem0lite import Memory
from mem0lite.server import Settings, create_app
from mem0lite.server.settings import ApiKey

KEY = "m0-npm-clients-own-key"

NOT_SERVED = {
    "getProfile",
    "generateProfile",
    "getProfileSettings",
    "updateProfileSettings",
    "sampleProfiles",
    "getProfileJob",
}
"""Only a language model could answer these: 501."""

ALL_OF_USER = {"I drink green tea", "A bare text", "Passport ends soon", "Everyone said this", "I know filters"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What came of the client's calls."""
    environment = client_environments.needed("npm", NPM_CLIENT)
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey(KEY),)))
        with served_by(app) as client:
            url = str(client.base_url).rstrip("/")
            script = ["node", str(SCRIPTS / "npm_client.mjs"), str(environment), url, KEY]
            return client_environments.outcomes(script, tmp_path_factory.mktemp("home"))


@pytest.fixture
def value(run):
    """Return a function that returns what a call returned; the call must not have failed."""

    def of(name):
        outcome = run["outcomes"][name]
        assert "error" not in outcome, outcome
        return outcome["value"]

    return of


@pytest.fixture
def refused(run):
    """Return a function that checks that a call raised one of the client's typed errors, for a status."""

    def check(name, error, status):
        outcome = run["outcomes"][name]
        assert "error" in outcome, outcome
        assert (outcome["error"][0], outcome["code"], outcome["typed"]) == (error, f"HTTP_{status}", True)

    return check


@pytest.fixture
def refused_by_client(run):
    """Return a function that checks that the client itself refused a call, without asking the server."""

    def check(name):
        outcome = run["outcomes"][name]
        assert (outcome["error"][0], outcome["typed"]) == ("Error", False)

    return check


def texts(page):
    return {item["memory"] for item in page["results"]}


def test_every_public_method_works_or_is_listed_as_not_served(run):
    """No method of the published client is left out: each succeeds at least once, or is in the table."""
    succeeded = {outcome["method"] for outcome in run["outcomes"].values() if "value" in outcome}
    assert succeeded == set(run["public"]) - NOT_SERVED


@pytest.mark.parametrize("method", sorted(NOT_SERVED))
def test_what_only_a_model_could_answer_says_so(run, refused, method):
    """A method that is not served raises the client's error, with the reason."""
    refused(method, "MemoryError", 501)
    assert "language model" in run["outcomes"][method]["message"]


def test_the_client_finds_its_organization_and_project(run):
    """Project and webhooks need both names, which the client asks for once."""
    assert all(run["identity"].values())


def test_add_answers_what_became_of_the_message(run, value):
    """Adding tells the new memory's id, text and event, and the call's event id."""
    added = value("add")
    [result] = added["results"]
    assert (result["id"], result["memory"], result["event"]) == (run["tea"], "I drink green tea", "ADD")
    assert (added["status"], bool(added["eventId"])) == ("SUCCEEDED", True)


def test_add_takes_a_bare_text(value):
    """This client sends a text as it is given."""
    assert value("addText")["results"][0]["memory"] == "A bare text"


def test_add_without_an_id_is_refused(refused, refused_by_client):
    """A memory that would belong to nobody is not stored; nothing to store is not sent."""
    refused("addWithoutId", "ValidationError", 400)
    refused_by_client("addNothing")


def test_get_returns_the_item_of_the_hosted_service(run, value):
    """An item has every field of the hosted service; metadata keeps the caller's own keys."""
    item = value("get")
    assert (item["id"], item["userId"], item["categories"]) == (run["tea"], "npm-user", None)
    assert item["metadata"] == {"projectId": "p", "snake_key": 1, "cups": 2}


def test_get_tells_unknown_from_invalid(refused):
    """An unknown id is not found, one that is no UUID is invalid."""
    refused("getUnknown", "MemoryNotFoundError", 404)
    refused("getNotAUuid", "ValidationError", 400)


def test_get_all_returns_the_users_live_memories(value):
    """Everything of the user comes back, what is expired only when asked for."""
    found = value("getAll")
    assert texts(found) == ALL_OF_USER
    assert (found["count"], found["next"], found["previous"]) == (len(ALL_OF_USER), None, None)
    assert texts(value("getAllShowExpired")) == {*ALL_OF_USER, "Sale ended"}


def test_filters_may_be_spelled_in_camel_case(value):
    """The client leaves filters as they are, so ``userId`` reaches the server and means ``user_id``."""
    assert value("getAllCamel") == value("getAll")
    assert texts(value("getAllNested")) == {"I drink green tea"}
    assert texts(value("getAllOfApp")) == {"Everyone said this"}


def test_get_all_pages(value):
    """A page has its size, the count of all, and links to its neighbours."""
    page = value("getAllPage")
    assert (len(page["results"]), page["count"]) == (2, len(ALL_OF_USER))
    assert "page=3" in page["next"]
    assert "page=1" in page["previous"]


def test_ids_at_the_top_level_are_refused_by_the_client(refused_by_client):
    """What this client does not send need not be served."""
    refused_by_client("getAllTopLevel")
    refused_by_client("searchTopLevel")


def test_search_returns_the_best_first(value):
    """The nearest memory comes back with its score, as many as ``topK`` asks for."""
    [item] = value("search")["results"]
    assert item["memory"] == "I drink green tea"
    assert 0 < item["score"] <= 1
    assert texts(value("searchCamel")) == {"I drink green tea"}


def test_search_obeys_threshold_and_refuses_blanks(value, refused):
    """What scores lower than the threshold is left out; a query of spaces is an error."""
    assert value("searchThreshold") == {"results": []}
    refused("searchBlank", "ValidationError", 400)


def test_update_returns_the_memory_as_it_is_now(value):
    """The text is replaced and metadata merged."""
    updated = value("update")
    assert updated["memory"] == "I drink black tea"
    assert updated["metadata"] == {"projectId": "p", "snake_key": 2, "cups": 2}


def test_update_sets_and_clears_the_expiration_date(value):
    """null is a value here: it clears the date. ``timestamp`` says when it was said."""
    dated = value("updateDate")
    assert dated["expirationDate"] == "2999-12-31"
    assert dated["createdAt"].startswith("2023-11-14T22:13:20")
    assert value("updateDateCleared")["expirationDate"] is None


def test_update_of_nothing_is_refused(refused, refused_by_client):
    """An update of no field is not sent, one of no memory is not found."""
    refused_by_client("updateNothing")
    refused("updateUnknown", "MemoryNotFoundError", 404)


def test_feedback_is_stored(value, refused):
    """Feedback is answered as stored, and is a row of the history."""
    assert value("feedback")["feedback"] == "POSITIVE"
    assert value("history")[-1]["event"] == "FEEDBACK"
    refused("feedbackUnknown", "MemoryNotFoundError", 404)


def test_history_tells_every_change(run, value):
    """The history of a memory begins with its addition."""
    history = value("history")
    assert [(one["event"], one["oldMemory"], one["newMemory"]) for one in history[:2]] == [
        ("ADD", None, "I drink green tea"),
        ("UPDATE", "I drink green tea", "I drink black tea"),
    ]
    assert {one["memoryId"] for one in history} == {run["tea"]}


def test_batches_change_and_delete(value, refused):
    """One request changes or deletes several memories; an unknown one is an error."""
    assert value("batchUpdate")["message"]
    assert value("batchUpdated")["memory"] == "Changed together"
    refused("batchUpdateUnknown", "MemoryNotFoundError", 404)
    assert value("batchDelete")["message"]
    refused("batchDeleted", "MemoryNotFoundError", 404)


def test_the_projects_settings_are_kept(value):
    """What a caller stores in the project it reads again, the names of its categories untouched."""
    assert value("getProject") == {"customInstructions": None}
    assert value("updateProject")["customInstructions"] == "Be brief"
    kept = {"customInstructions": "Be brief", "customCategories": [{"my_food": "What is eaten"}]}
    assert value("getProjectUpdated") == kept


def test_an_export_has_the_fields_of_its_schema(value, refused):
    """An export holds the user's memories in the fields that were asked for."""
    assert value("createMemoryExport")["id"]
    assert {"memory": "I drink black tea", "userId": "npm-user"} in value("getMemoryExport")["memories"]
    assert len(value("getMemoryExportByFilters")["memories"]) == len(ALL_OF_USER)
    refused("getMemoryExportUnknown", "MemoryNotFoundError", 404)


def test_a_webhook_is_made_listed_changed_and_deleted(value, refused):
    """A webhook lives as long as its owner wants."""
    made = value("createWebhook")
    assert (made["name"], made["url"], made["isActive"]) == ("From npm", "https://example.com/hook", True)
    [listed] = value("getWebhooks")
    assert (listed["webhookId"], listed["eventTypes"]) == (made["webhookId"], ["memory_add", "memory_update"])
    assert value("updateWebhook")["message"]
    [changed] = value("getWebhooksUpdated")
    assert (changed["name"], changed["eventTypes"]) == ("Renamed", ["memory_delete"])
    assert value("deleteWebhook")["message"]
    assert value("getWebhooksDeleted") == []
    refused("deleteWebhookUnknown", "MemoryNotFoundError", 404)


def test_a_wrong_key_raises_an_authentication_error(refused):
    """A key that the server does not know raises the client's error for keys, at every call."""
    refused("pingWrongKey", "AuthenticationError", 401)
    refused("getWrongKey", "AuthenticationError", 401)


def test_delete_all_without_an_id_deletes_nothing(run, value, refused):
    """A bare ``deleteAll()``, and one whose filters became ``[object Object]``, are refused."""
    refused("deleteAllOfNobodyNamed", "ValidationError", 400)
    refused("deleteAllByFilters", "ValidationError", 400)
    assert value("kept")["id"] == run["tea"]


def test_delete_removes_one_memory(value, refused):
    """A deleted memory is not found any more."""
    assert value("delete")["message"]
    refused("deleteAgain", "MemoryNotFoundError", 404)
    refused("getDeleted", "MemoryNotFoundError", 404)


def test_delete_all_of_an_agent(value):
    """Deleting an agent's memories leaves the rest of the user's."""
    assert value("deleteAll")["message"]
    assert texts(value("getAllLeft")) == ALL_OF_USER - {"I drink green tea", "Everyone said this"}


def test_users_lists_everyone_who_has_memories(run, value):
    """Users, agents, apps and runs come by name and type; all of them, or pages."""
    found = value("users")
    mine = {(kind, run["names"][f"{kind}Id"]) for kind in ("user", "agent", "app", "run")}
    listed = {(one["type"], one["name"]) for one in found["results"]}
    assert listed == {*mine, ("user", "npm/team"), ("user", "npm-other")}
    page = value("usersPage")
    assert (len(page["results"]), page["count"]) == (2, found["count"])


def test_users_are_deleted_by_the_new_method_and_the_old(run, value):
    """``deleteUsers`` deletes by id, also one with a slash, or everyone; ``deleteUser`` uses an older path."""
    assert value("deleteUsers") == value("deleteUser") == {"message": "Entity deleted successfully."}
    assert {one["name"] for one in value("usersLeft")["results"]} == set(run["names"].values())
    assert value("deleteUsersAll")["message"]
    assert value("usersNone")["results"] == []
