"""mem0's own Python clients, as published, work against this server: every version, sync and async, every method.

A client is driven once by ``clients/python_client.py`` in an environment of its own; the tests look at what came of
its calls.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import client_environments
import pytest
from client_environments import PYTHON_CLIENTS, SCRIPTS
from embedder import HashEmbedder
from serving import served_by

from mem0lite import Memory
from mem0lite.server import Settings, create_app
from mem0lite.server.settings import ApiKey

KEY = "m0-clients-own-key"

MODEL_NEEDED = "only a language model could answer it"
ONE_PROJECT = "a store is one project, of one owner"
NOT_SERVED = {
    "chat": (None, "the client itself does not implement it"),
    "get_summary": (501, MODEL_NEEDED),
    "get_profile": (501, MODEL_NEEDED),
    "generate_profile": (501, MODEL_NEEDED),
    "get_profile_settings": (501, MODEL_NEEDED),
    "update_profile_settings": (501, MODEL_NEEDED),
    "sample_profiles": (501, MODEL_NEEDED),
    "get_profile_job": (501, MODEL_NEEDED),
    "project.create": (501, ONE_PROJECT),
    "project.delete": (501, ONE_PROJECT),
    "project.add_member": (501, ONE_PROJECT),
    "project.update_member": (501, ONE_PROJECT),
    "project.remove_member": (501, ONE_PROJECT),
}
"""The methods the server does not serve: the status it answers, and why."""

EXCEPTIONS = {
    400: "ValidationError",
    401: "AuthenticationError",
    404: "MemoryNotFoundError",
    405: "MemoryError",
    501: "MemoryError",
}


@dataclass(frozen=True)
class Run:
    """What came of the calls of one client."""

    version: str
    mode: str
    names: dict[str, str]
    ids: dict[str, str]
    public: frozenset[str]
    outcomes: dict[str, Any]

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def value(self, name: str) -> Any:
        """Return what a call returned, which must not have failed."""
        outcome = self.outcomes[name]
        assert "error" not in outcome, outcome
        return outcome["value"]

    def refused(self, name: str, status: int) -> str:
        """Check that a call raised the client's exception for a status; return its message.

        Before 2.0 the async client did not translate errors: it raises those of its HTTP library.
        """
        outcome = self.outcomes[name]
        assert "error" in outcome, outcome
        if self.major < 2 and self.mode == "async":
            assert outcome["error"][0] == "HTTPStatusError"
            assert f"'{status} " in outcome["message"]
        else:
            assert (outcome["error"][0], outcome["code"]) == (EXCEPTIONS[status], f"HTTP_{status}")
        message: str = outcome["message"]
        return message

    def raised(self, name: str) -> str:
        """Return the class of the exception that a call raised."""
        error: str = self.outcomes[name]["error"][0]
        return error


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that asks for a key."""
    with Memory(":memory:", embedder=HashEmbedder()) as memory:
        app = create_app(memory, Settings(vacuum_interval_seconds=0, api_keys=(ApiKey(KEY),)))
        with served_by(app) as client:
            yield str(client.base_url).rstrip("/")


@pytest.fixture(scope="module")
def play(url: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Run]:
    """Return what drives a client, once."""

    @functools.cache
    def played(version: str, mode: str) -> Run:
        environment = client_environments.needed("mem0ai", version)
        script = [client_environments.python_of(environment), str(SCRIPTS / "python_client.py"), url, KEY, mode]
        found = client_environments.outcomes(script, tmp_path_factory.mktemp("home"))
        public = frozenset(name_of(method) for method in found["public"])
        return Run(version, mode, found["names"], found["ids"], public, found["outcomes"])

    return played


CLIENTS = [(version, mode) for version in PYTHON_CLIENTS for mode in ("sync", "async")]


@pytest.fixture(params=CLIENTS, ids="-".join)
def run(request: pytest.FixtureRequest, play: Callable[[str, str], Run]) -> Run:
    return play(*request.param)


def only(*majors: int) -> pytest.MarkDecorator:
    """Test the versions that have the call."""
    clients = [client for client in CLIENTS if int(client[0].split(".")[0]) in majors]
    return pytest.mark.parametrize("run", clients, ids="-".join, indirect=True)


def name_of(method: str) -> str:
    """Return a method's name without its class: ``add``, ``project.get``."""
    cls, name = method.split(".")
    return f"project.{name}" if cls.endswith("Project") else name


def texts(items: list[dict[str, Any]]) -> set[str]:
    return {item["memory"] for item in items}


def listed(run, found):
    """Return the memories of a list; 0.1.x hands on the array it gets, 1.x puts it into an object, 2.x gets one."""
    assert isinstance(found, list if run.major == 0 else dict)
    return found if run.major == 0 else found["results"]


ALL_OF_USER = {
    *("I drink green tea every morning", "My bicycle is red", "Passport ends soon", "I know filters"),
    *("Where do I live?", "You live in Graz", "Everyone said this"),
}


# -- all of it


def test_every_public_method_works_or_is_listed_as_not_served(run):
    """No method of a published client is left out: each succeeds at least once, or is in the table with its reason."""
    succeeded = {name_of(one["method"]) for one in run.outcomes.values() if "value" in one and "." in one["method"]}
    if run.major < 2:  # this client's own mistake after the server has answered; see below
        succeeded.add("feedback")
    assert succeeded == run.public - NOT_SERVED.keys()


def test_what_is_not_served_fails_with_the_status_that_says_so(run):
    """A method that is not served raises the client's exception, and never seems to work."""
    tried = {}
    for name, outcome in run.outcomes.items():
        if (method := name_of(outcome["method"]) if "." in outcome["method"] else "") in NOT_SERVED:
            tried[method] = name
    assert tried.keys() == NOT_SERVED.keys() & run.public
    for method, name in tried.items():
        status, _ = NOT_SERVED[method]
        if status is None:
            assert run.raised(name) == "NotImplementedError"
        else:
            run.refused(name, status)


def test_what_only_a_model_could_answer_says_so(run):
    """The exception of a summary tells its reader why there is none."""
    if run.major == 2 or run.mode == "sync":
        assert "language model" in run.refused("get_summary", 501)
    else:
        run.refused("get_summary", 501)


# -- construction


def test_the_client_finds_its_organization_and_project(run):
    """The client's constructor refuses a server that does not name both; one that invents a user's address would make
    mem0's command line rewrite the caller's configuration."""
    found = run.value("construct")
    assert found["org_id"]
    assert found["project_id"]
    assert found["user_email"] is None


def test_a_wrong_key_fails_at_once(run):
    """A client with a wrong key raises in its constructor, with the server's own words."""
    assert run.raised("construct_wrong_key") == "ValueError"
    assert run.outcomes["construct_wrong_key"]["message"] == "Error: Invalid API key."


def test_a_wrong_address_fails_at_once(run):
    """A client of an address where nothing is raises in its constructor."""
    assert run.raised("construct_elsewhere") == "ValueError"


def test_a_key_that_is_withdrawn_raises_an_authentication_error(run):
    """A call whose key is no longer accepted raises the client's error for keys."""
    run.refused("call_with_wrong_key", 401)


# -- add


def test_add_answers_what_became_of_each_message(run):
    """Adding tells the new memory's id, text and event, and the call's event id."""
    added = run.value("add_list")
    [result] = added["results"]
    assert result == {
        "id": run.ids["tea"],
        "memory": "I drink green tea every morning",
        "event": "ADD",
        "data": {"memory": "I drink green tea every morning"},
    }
    assert added["status"] == "SUCCEEDED"
    assert added["event_id"]


def test_add_takes_a_bare_text(run):
    """A text is one message of the user, whether the client wraps it or sends it as it is."""
    [result] = run.value("add_text")["results"]
    assert (result["memory"], result["role"]) == ("My bicycle is red", "user")


def test_add_recognizes_a_repetition(run):
    """The same text again is no second memory."""
    [result] = run.value("add_repeated")["results"]
    assert (result["event"], result["id"]) == ("NONE", run.ids["tea"])


def test_add_finds_its_user_inside_filters(run):
    """Callers of 2.x may give ids inside ``filters`` when adding, too."""
    assert run.value("add_by_filters")["results"][0]["event"] == "ADD"


def test_add_keeps_every_message_of_a_conversation(run):
    """With ``infer=False`` each message is a memory, with who said it."""
    results = run.value("add_conversation")["results"]
    said = [(one["memory"], one["role"], one["actor_id"]) for one in results]
    assert said == [("Where do I live?", "user", "ann"), ("You live in Graz", "assistant", None)]


def test_add_without_an_id_is_refused(run):
    """A memory that would belong to nobody is not stored."""
    run.refused("add_without_id", 400)


def test_add_refuses_a_date_that_is_none(run):
    """An expiration date that cannot be read is no silent "never"."""
    run.refused("add_bad_date", 400)


# -- get


def test_get_returns_the_item_of_the_hosted_service(run):
    """An item has every field that the hosted service sends, null where there is nothing."""
    item = run.value("get")
    assert {key: item[key] for key in ("id", "memory", "user_id", "metadata")} == {
        "id": run.ids["tea"],
        "memory": "I drink green tea every morning",
        "user_id": run.names["user_id"],
        "metadata": {"topic": "tea", "cups": 2},
    }
    nothing = ("agent_id", "app_id", "run_id", "session_id", "categories", "expiration_date")
    assert [item[key] for key in nothing] == [None] * len(nothing)
    assert item.keys() >= {"hash", "created_at", "updated_at"}


def test_get_of_an_unknown_id_is_not_found(run):
    """An id that no memory has raises the client's error for it."""
    run.refused("get_unknown", 404)


def test_get_of_an_id_that_is_none_is_invalid(run):
    """An id that is no UUID raises a validation error, as the hosted service does."""
    run.refused("get_not_a_uuid", 400)


def test_get_with_a_slash_finds_nothing(run):
    """A slash in an id, which older clients send as it is, never reaches another route."""
    run.refused("get_with_slash", 404 if run.major < 2 else 400)


# -- get_all


def test_get_all_returns_the_users_live_memories(run):
    """Everything of the user comes back, what is expired does not."""
    found = run.value("get_all")
    assert texts(listed(run, found)) == ALL_OF_USER
    if run.major == 2:
        assert (found["count"], found["next"], found["previous"]) == (len(ALL_OF_USER), None, None)


def test_get_all_pages(run):
    """A page has its size, the count of all, and links to its neighbours."""
    page = run.value("get_all_page_filters")
    assert len(page["results"]) == 3
    assert page["count"] == len(ALL_OF_USER)
    assert "page=3" in page["next"]
    assert "page=1" in page["previous"]


def test_get_all_reads_nested_filters(run):
    """An id within AND counts as the user, and the filters beside it hold."""
    assert texts(listed(run, run.value("get_all_nested"))) == {"I drink green tea every morning"}


@only(1, 2)
def test_get_all_of_an_app(run):
    """A memory is found by its app alone, and shows all four of its ids, a run also as a session."""
    [item] = run.value("get_all_of_app")["results"]
    names = {name: run.names[name] for name in ("user_id", "agent_id", "app_id", "run_id")}
    assert {name: item[name] for name in names} == names
    assert item["session_id"] == run.names["run_id"]


@only(1, 2)
def test_get_all_of_nobody_is_empty(run):
    """An unknown user has no memories, which is no error."""
    page = {"count": 0, "next": None, "previous": None, "next_cursor": None} if run.major == 2 else {}
    assert run.value("get_all_nobody") == {**page, "results": []}


@only(1, 2)
def test_get_all_knows_the_hosted_fields(run):
    """text, keywords, timestamp and expiration_date are the memory's own, ne takes a list, and a page over the largest
    is that one."""
    assert texts(run.value("get_all_hosted_fields")["results"]) == {"I drink green tea every morning"}
    assert texts(run.value("get_all_ending")["results"]) == {"Passport ends soon"}


@only(1, 2)
def test_get_all_refuses_an_unknown_operator(run):
    """A filter that cannot be understood is an error, not an empty answer."""
    run.refused("get_all_bad_filter", 400)


@only(2)
def test_get_all_takes_option_objects(run):
    """The option classes of 2.x work as keyword arguments do."""
    assert run.value("get_all_options") == run.value("get_all_nested")


@only(2)
def test_get_all_shows_expired_memories_when_asked(run):
    """``show_expired`` brings back what has passed its date."""
    assert texts(run.value("get_all_show_expired")["results"]) == {*ALL_OF_USER, "Sale ended"}


@only(2)
def test_version_2_refuses_ids_at_the_top_level_itself(run):
    """What 2.x does not send need not be served: its client raises."""
    assert run.raised("get_all_top_level") == run.raised("search_top_level") == "ValueError"


@only(0)
def test_filters_in_a_query_parameter_are_read(run):
    """0.1.x writes filters into the query as Python writes a dictionary; they select, and are never ignored."""
    assert texts(run.value("get_all_filters_in_query")) == ALL_OF_USER
    assert texts(run.value("get_all_nested_in_query")) == {"I drink green tea every morning"}


@only(0)
def test_the_first_api_version_pages(run):
    """0.1.x asks for pages in the query."""
    page = run.value("get_all_page")
    assert (len(page["results"]), page["count"]) == (3, len(ALL_OF_USER))
    assert run.value("get_all_v2") == run.value("get_all")


# -- search


def test_search_returns_the_best_first(run):
    """The nearest memory comes back with its score, as many as ``top_k`` asks for."""
    [item] = listed(run, run.value("search"))
    assert item["memory"] == "I drink green tea every morning"
    assert 0 < item["score"] <= 1


def test_search_takes_either_of_two_ids(run):
    """Ids within OR, as some frameworks send them, and ``limit`` for ``top_k``."""
    assert texts(listed(run, run.value("search_either"))) == {"I drink green tea every morning"}


@only(1)
def test_search_by_ids_at_the_top_level(run):
    """1.x callers name their user beside the query."""
    assert run.value("search_top_level")["results"][0]["memory"] == "I drink green tea every morning"


@only(1, 2)
def test_search_obeys_the_threshold(run):
    """What scores lower than the threshold is left out."""
    assert run.value("search_threshold") == {"results": []}


@only(1, 2)
def test_search_refuses_a_blank_query(run):
    """A query of spaces is an error; 2.x does not even send it."""
    if run.major == 2:
        assert run.raised("search_blank") == "ValueError"
    else:
        run.refused("search_blank", 400)


@only(1, 2)
def test_search_needs_an_id(run):
    """A search that names nobody is refused."""
    run.refused("search_without_id", 400)


@only(2)
def test_search_takes_option_objects(run):
    """The option classes of 2.x work as keyword arguments do."""
    assert texts(run.value("search_options")["results"]) == {"I drink green tea every morning"}


@only(0)
def test_search_of_the_first_api_version_is_a_list(run):
    """0.1.x reads a list of memories, or an object where it asks for the newer format."""
    assert run.value("search_v1")[0]["memory"] == "I drink green tea every morning"
    assert texts(run.value("search_v1_format")["results"]) == {"I drink green tea every morning"}


# -- update, history, feedback


def test_update_returns_the_memory_as_it_is_now(run):
    """The text is replaced, metadata is merged, and the answer is what ``get`` then returns."""
    updated = run.value("update")
    assert updated == run.value("get_updated")
    assert (updated["memory"], updated["metadata"]) == ("I drink black tea", {"topic": "tea", "cups": 3})


def test_update_of_nothing_is_refused_by_the_client(run):
    """An update that changes nothing is a mistake of the caller."""
    assert run.raised("update_nothing") == "ValueError"


def test_update_of_an_unknown_memory_is_not_found(run):
    """Unknown and invalid ids raise different errors."""
    run.refused("update_unknown", 404)
    run.refused("update_not_a_uuid", 400)


@only(1, 2)
def test_update_moves_a_memory_in_time(run):
    """``timestamp`` says when it was said."""
    assert run.value("update_timestamp")["created_at"].startswith("2023-11-14T22:13:20")


@only(2)
def test_update_sets_and_clears_the_expiration_date(run):
    """None is a value here: it clears the date."""
    assert run.value("update_date")["expiration_date"] == "2999-12-31"
    assert run.value("update_date_cleared")["expiration_date"] is None
    assert run.value("update_options")["memory"] == "My bicycle is blue"


def test_history_tells_every_change(run):
    """The history of a memory begins with its addition."""
    history = run.value("history")
    assert [(one["event"], one["new_memory"]) for one in history[:2]] == [
        ("ADD", "I drink green tea every morning"),
        ("UPDATE", "I drink black tea"),
    ]
    assert {one["memory_id"] for one in history} == {run.ids["tea"]}


def test_history_of_an_unknown_memory_is_not_found(run):
    """On this surface an id that never was is an error."""
    run.refused("history_unknown", 404)


def test_feedback_is_stored(run):
    """Feedback reaches the memory's history, also from the versions whose client fails after the server's answer."""
    if run.major < 2:
        assert run.raised("feedback") == "TypeError"  # its telemetry call; the request was made
    else:
        assert run.value("feedback")["feedback"] == "POSITIVE"
    last = run.value("history_after_feedback")[-1]
    assert (last["event"], last["feedback"], last["feedback_reason"]) == ("FEEDBACK", "POSITIVE", "true")


def test_feedback_is_taken_back(run):
    """No feedback clears the earlier one."""
    last = run.value("history_after_taking_back")[-1]
    assert (last["event"], last["feedback"]) == ("FEEDBACK", None)


def test_feedback_on_nothing_is_refused(run):
    """Unknown words and unknown memories are errors."""
    assert run.raised("feedback_unknown_word") == "ValueError"
    run.refused("feedback_unknown_memory", 404)


# -- batches


def test_a_batch_updates_each_memory(run):
    """One request changes texts and metadata of several memories."""
    assert "2" in run.value("batch_update")["message"]
    assert run.value("batch_updated_first")["memory"] == "Changed together"
    assert run.value("batch_updated_second")["metadata"] == {"n": 1}


def test_a_batch_with_an_unknown_memory_changes_nothing(run):
    """A batch is done as a whole or not at all."""
    run.refused("batch_update_unknown", 404)
    assert run.value("batch_not_updated")["memory"] == "Batch item 2"
    run.refused("batch_delete_unknown", 404)
    assert run.value("batch_not_deleted")["memory"] == "Batch item 2"


def test_a_batch_deletes_each_memory(run):
    """The body of a DELETE request is read."""
    assert "3" in run.value("batch_delete")["message"]
    run.refused("batch_deleted", 404)


# -- exports, project, webhooks


def test_an_export_has_the_fields_of_its_schema(run):
    """An export holds the user's memories in the fields that were asked for."""
    assert run.value("export")["message"]
    memories = run.value("export_read")["memories"]
    assert {"memory": "I drink black tea", "user_id": run.names["user_id"]} in memories
    assert {frozenset(one) for one in memories} == {frozenset({"memory", "user_id"})}


def test_an_export_by_ids_at_the_top_level(run):
    """Ids may stand beside the schema, and name the export when it is read."""
    assert run.value("export_top_level")["id"]
    found = run.value("export_read_by_user")["memories"]
    assert {one["user_id"] for one in found} == {run.names["user_id"]}


def test_an_unknown_export_is_not_found(run):
    """An export that was never made is an error."""
    run.refused("export_unknown", 404)


def test_the_projects_settings_are_kept(run):
    """What a caller stores in the project it reads again, all of it or by field."""
    instructions = f"Of {run.names['mine']}"
    assert run.value("project_get").keys() == {"custom_instructions"}
    assert run.value("project_update")["custom_instructions"] == instructions
    assert run.value("project_updated")["custom_instructions"] == instructions
    assert run.value("get_project")["custom_instructions"] == instructions
    assert run.value("project_updated_again")["custom_categories"] == [{"food": "What is eaten"}]


def test_the_ids_that_clients_send_along_are_no_settings(run):
    """Clients put organization and project into every body; neither becomes a setting of the project."""
    project = run.value("project_updated_again")
    assert "org_id" not in project
    assert project["project_id"] == "default"


def test_nobody_is_a_member(run):
    """Who looks for members is answered that there are none."""
    assert run.value("project_get_members") == {"members": []}


def test_a_webhook_is_made_listed_changed_and_deleted(run):
    """A webhook lives as long as its owner wants."""
    made = run.value("webhook_create")
    assert (made["name"], made["url"], made["is_active"]) == (run.names["mine"], "https://example.com/hook", True)
    [listed] = run.value("webhook_list")
    assert (listed["webhook_id"], listed["event_types"]) == (made["webhook_id"], ["memory_add"])
    assert run.value("webhook_update")["message"]
    [changed] = run.value("webhook_list_updated")
    assert (changed["event_types"], changed["name"]) == (["memory_delete"], run.names["mine"])
    assert run.value("webhook_delete")["message"]
    assert run.value("webhook_list_deleted") == []
    run.refused("webhook_delete_unknown", 404)


def test_a_webhooks_secret_is_shown_once(run):
    """The secret comes with the answer that makes the webhook, and no later."""
    assert run.value("webhook_create")["secret"].startswith("whsec_")
    assert "secret" not in run.value("webhook_list")[0]


# -- delete


def test_delete_removes_one_memory(run):
    """A deleted memory is not found any more, its history is."""
    assert run.value("delete")["message"]
    run.refused("get_deleted", 404)
    run.refused("delete_again", 404)
    run.refused("delete_not_a_uuid", 400)
    assert run.value("history_of_deleted")[-1]["event"] == "DELETE"


def test_delete_all_without_an_id_deletes_nothing(run):
    """A bare ``delete_all()``, which the client sends as it is, is refused."""
    run.refused("delete_all_of_nobody_named", 400)
    assert run.value("kept")["id"] == run.ids["tea"]


@only(2)
def test_delete_all_by_filters_deletes_nothing(run):
    """2.x sends filters as a query parameter that could be overlooked: refused, and never everything deleted."""
    run.refused("delete_all_by_filters", 400)
    assert run.value("kept")["id"] == run.ids["tea"]


def test_delete_all_leaves_other_users_alone(run):
    """Deleting one user's memories touches no other's."""
    assert run.value("delete_all")["message"]
    assert run.value("kept_of_others")["id"] == run.ids["tea"]


# -- entities


def test_users_lists_everyone_who_has_memories(run):
    """Users, agents, apps and runs come by name and type, with how many memories each has."""
    found = run.value("users")
    listed = {(one["type"], one["name"]) for one in found["results"]}
    mine = {(kind, run.names[f"{kind}_id"]) for kind in ("user", "agent", "app", "run")}
    assert listed == {*mine, ("user", f"{run.names['mine']}/team")}
    assert found["count"] == len(listed)


def test_a_user_with_a_slash_is_deleted(run):
    """An id may hold a slash, which older clients do not encode."""
    assert run.value("delete_users_with_slash") == {"message": "Entity deleted successfully."}
    names = {one["name"] for one in run.value("users_without_slash")["results"]}
    assert names == {run.names[f"{kind}_id"] for kind in ("user", "agent", "app", "run")}


def test_an_app_and_a_run_are_deleted(run):
    """Deleting an app deletes its memories; what only had the user remains."""
    assert run.value("delete_users_app") == run.value("delete_users_run")
    [left] = run.value("users_without_run")["results"]
    assert (left["type"], left["name"]) == ("user", run.names["user_id"])


def test_an_asterisk_for_every_id_deletes_everything(run):
    """mem0's way to empty a project: also what lacks some of the ids goes."""
    assert run.value("delete_everything")["message"]
    assert run.value("users_after_everything")["results"] == []


def test_reset_deletes_everything(run):
    """Reset, which deletes one entity after another, succeeds although they share memories, and leaves nobody."""
    assert run.value("reset")["message"].startswith("Client reset successful")
    assert run.value("users_after_reset")["results"] == []
    run.refused("get_after_reset", 404)
    assert run.raised("reset_again") == "ValueError"  # nobody to delete
