"""Facts on the command line, with a model that answers over HTTP."""

import json

import pytest
from embedder import HashEmbedder
from llm_server import Reply, model_server
from scripted_model import ScriptedModel
from serving import served_by

from mem0lite import Memory
from mem0lite.cli import main
from mem0lite.server import Settings, create_app

SCRIPTED = ScriptedModel()


def answers(asked):
    """Answer as a model that draws one fact from each turn."""
    return SCRIPTED.complete(asked.body["messages"], asked.body["response_format"]["json_schema"]["schema"])


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("URL", "MODEL", "API_KEY"):
        monkeypatch.delenv(f"MEM0LITE_LLM_{name}", raising=False)

    def call(*arguments):
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_add_prints_facts(run):
    """Each on a line of its own, with its text; --json has all of it."""
    with model_server(answers) as server:
        model = ("--llm-url", server.url, "--llm-model", "m")
        code, out, err = run("add", "I like tea", "--user", "alice", *model)
        assert (code, err) == (0, "")
        assert [line.split(": ")[0].split()[0] for line in out.splitlines()] == ["Added", "Fact"]
        assert "I like tea" in out.splitlines()[1]
        shown = json.loads(run("add", "I like milk", "--user", "alice", "--json", *model)[1])
    assert shown["extraction"] == {"status": "SUCCEEDED"}
    assert [one["event"] for one in shown["results"]] == ["ADD", "ADD"]


def test_extract_does_what_failed(run):
    """add says that facts are still to be drawn and why; extract fails as long as the model does, and then draws
    them."""
    down = Reply(b"{}", 503)
    with model_server(lambda asked: down if not SCRIPTED.asked else answers(asked)) as server:
        SCRIPTED.asked.clear()
        model = ("--llm-url", server.url, "--llm-model", "m")
        code, out, err = run("add", "I like tea", "--user", "alice", *model)
        assert (code, out.count("\n")) == (0, 1)
        assert "Facts are still to be drawn: " in err and "503" in err
        assert json.loads(run("extract", "--json", *model)[1])["pending"] == 1
        with Memory("mem0lite.db") as memory:  # until now the wait is not over; given up, it can be tried at once
            [event] = memory.events()["results"]
            claimed = memory._store.claim(2**62, 2**62, event_id=event["id"])
            memory._store.give_back(claimed, "no answer", None, {}, 0)
        code, out, err = run("extract", "--retry-failed", *model)
        assert (code, "503" in err) == (1, True)
        SCRIPTED.asked.append("from now on the model answers")
        with Memory("mem0lite.db") as memory:
            claimed = memory._store.claim(2**62, 2**62, event_id=event["id"])
            memory._store.give_back(claimed, "no answer", None, {}, 0)
        code, out, err = run("extract", "--retry-failed", *model)
        assert (code, err) == (0, "")
    code, out, _ = run("list", "--user", "alice", "--kind", "facts", "--json")
    assert [one["memory"] for one in json.loads(out)["results"]] == ["I like tea"]
    for command in (["search", "tea"], ["context", "tea"]):
        code, out, _ = run(*command, "--user", "alice", "--kind", "turns", "--json")
        assert code == 0 and "sources" not in out


def test_extract_without_a_model(run):
    """It says what to set."""
    run("add", "I like tea", "--user", "alice")
    code, _, err = run("extract")
    assert code == 2 and "MEM0LITE_LLM_URL" in err


def test_stats_show_what_a_model_used(run):
    """In one line."""
    with model_server(answers) as server:
        run("add", "I like tea", "--user", "alice", "--llm-url", server.url, "--llm-model", "m")
    code, out, _ = run("stats")
    assert code == 0 and "100 prompt tokens" in out


def test_a_summary_is_printed(run):
    """The text alone, or with --json what the library returns; of nobody there is none."""
    with model_server(answers) as server:
        model = ("--llm-url", server.url, "--llm-model", "m")
        run("add", "I like tea", "--user", "alice", *model)
        assert run("summary", "--user", "alice", *model) == (0, "I like tea\n", "")
        asked = len(server.asked)
        shown = json.loads(run("summary", "--user", "alice", "--json", *model)[1])
        assert (shown["summary"], shown["memories"], shown["times"], len(server.asked)) == ("I like tea", 1, 1, asked)
        assert run("summary", "--user", "alice", "--profile", *model) == (0, "I like tea\n", "")
        assert len(server.asked) == asked + 1
        assert run("summary", "--user", "nobody", *model)[:2] == (0, "")
        narrowed = run("summary", "--filter", '{"user_id": "alice", "k": 1}', "--json", *model)[1]
        assert json.loads(narrowed)["memories"] == 0


@pytest.mark.parametrize("more", [[], ["--profile"]], ids=["summary", "profile"])
def test_a_summary_needs_a_model_and_an_id(run, more):
    """What is missing is named, with the cure."""
    run("add", "I like tea", "--user", "alice")
    code, out, err = run("summary", "--user", "alice", *more)
    assert (code, out) == (2, "") and "MEM0LITE_LLM_URL" in err
    code, out, err = run("summary", *more)
    assert (code, out) == (2, "") and "--user" in err


def test_a_server_summarizes_for_the_command_line(run, tmp_path):
    """With --url its model does; a server without one is an error that says so."""
    path = tmp_path / "served.db"
    settings = Settings(vacuum_interval_seconds=0)
    with Memory(path, embedder=HashEmbedder(), llm=SCRIPTED) as memory:
        memory.add("I like tea", user_id="alice", metadata={"k": 1})
        with served_by(create_app(memory, settings)) as client:
            url = str(client.base_url)
            for more in ([], ["--profile"], ["--filter", '{"created_at": {"gte": "2020-01-01"}}']):
                code, out, err = run("summary", "--user", "alice", "--url", url, *more)
                assert (code, out, err) == (0, "I like tea\n", ""), more
            shown = json.loads(run("summary", "--user", "alice", "--url", url, "--json")[1])
            assert shown == memory.summary(filters={"user_id": "alice"})
            code, _, err = run("summary", "--url", url)
            assert code == 2 and "--user" in err
    with Memory(path, embedder=HashEmbedder()) as memory, served_by(create_app(memory, settings)) as client:
        code, out, err = run("summary", "--user", "alice", "--url", str(client.base_url))
        assert (code, out) == (2, "") and "language model" in err


def test_an_update_tells_of_the_facts_that_are_to_follow(run):
    """An edit on the command line leaves the facts to extract, and says so; events shows it by its type."""
    with model_server(answers) as server:
        model = ("--llm-url", server.url, "--llm-model", "m")
        added = json.loads(run("add", "I like tea", "--user", "alice", "--json", *model)[1])
        turn = added["results"][0]["id"]
        code, _, err = run("update", turn, "I like milk")
        assert (code, "mem0lite extract" in err) == (0, True)
        assert len(json.loads(run("events", "--event-type", "update", "--json")[1])["results"]) == 1
        assert run("extract", *model)[0] == 0
        assert "mem0lite extract" not in run("update", turn, "--metadata", '{"a": 1}')[2]
    events = json.loads(run("events", "--event-type", "UPDATE", "--json")[1])["results"]
    assert [(one["status"], len(one["results"])) for one in events] == [("SUCCEEDED", 3)]
    assert run("events", events[0]["id"], "--event-type", "ADD")[0] == 2
