"""The retriever and the chat-message history for LangChain, in its own chains.

Run by tests/test_doors.py in an environment that has LangChain.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from embedder import HashEmbedder
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables.history import RunnableWithMessageHistory

from mem0lite import Memory, ValidationError
from mem0lite.integrations.langchain import MemoryChatMessageHistory, MemoryRetriever

# LangChain deprecates its own history and the chain that uses one, for LangGraph's; both are there until 2.0.
pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")

CALL = {"name": "weather", "args": {"city": "Oslo", "n": 1.0}, "id": "c", "type": "tool_call"}
MESSAGES = [
    SystemMessage("Be brief"),
    HumanMessage("I am allergic to peanuts", name="Alice", id="1"),
    AIMessage("", tool_calls=[CALL]),
    ToolMessage("Rain", tool_call_id="c", artifact={"deep": [1, None]}, status="error"),
    AIMessage(
        [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "It rains."}],
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_metadata={"model": "m"},
    ),
    HumanMessage([{"type": "text", "text": "Look: é e\u0301 🎉"}, {"type": "image_url", "image_url": {"url": "u"}}]),
    HumanMessage("ok"),
    HumanMessage("ok"),
    HumanMessage("  "),
    ChatMessage("as a critic", role="critic"),
    AIMessageChunk("chunk"),
    RemoveMessage("1"),
]


@pytest.fixture
def memory(tmp_path):
    with Memory(tmp_path / "agent.db", embedder=HashEmbedder()) as memory:
        yield memory


@pytest.fixture(params=["ours", "theirs"])
def history(request, memory):
    return MemoryChatMessageHistory("chat", memory) if request.param == "ours" else InMemoryChatMessageHistory()


def test_messages_come_back_as_they_were(history):
    """Every class of message comes back equal, in order, repeats and the same again, sync and async; clear removes."""
    assert history.messages == []
    history.add_messages(MESSAGES[:3])
    asyncio.run(history.aadd_messages(MESSAGES[3:]))
    history.add_messages([])
    assert history.messages == MESSAGES
    assert [type(one) for one in asyncio.run(history.aget_messages())] == [type(one) for one in MESSAGES]
    history.clear()
    assert history.messages == []
    history.add_user_message("Hello")
    history.add_ai_message("Hi")
    assert history.messages == [HumanMessage("Hello"), AIMessage("Hi")]


def test_a_chain_remembers(memory):
    """RunnableWithMessageHistory gives the model what was said before, each session apart."""
    prompt = ChatPromptTemplate.from_messages([MessagesPlaceholder("history"), ("human", "{question}")])
    seen = []
    model = FakeListChatModel(responses=["Noted.", "No nuts.", "Hello."])
    chain = RunnableWithMessageHistory(
        prompt | (lambda value: seen.append(value.to_messages()) or value) | model,
        lambda session_id: MemoryChatMessageHistory(session_id, memory),
        input_messages_key="question",
        history_messages_key="history",
    )

    def ask(question, session_id):
        return chain.invoke({"question": question}, {"configurable": {"session_id": session_id}}).content

    assert ask("I am allergic to peanuts", "a b") == "Noted."
    assert ask("What may I eat?", "a b") == "No nuts."
    assert ask("Hi", "a") == "Hello."
    texts = [[one.content for one in messages] for messages in seen]
    assert texts == [
        ["I am allergic to peanuts"],
        ["I am allergic to peanuts", "Noted.", "What may I eat?"],
        ["Hi"],
    ]


def test_what_was_said_can_be_searched(memory):
    """The history and any search of its user find what was said, by people and the model, and no tools' messages."""
    history = MemoryChatMessageHistory("chat", memory, user_id="alice")
    history.add_messages(MESSAGES)
    assert history.search("peanuts allergic", limit=1)[0]["memory"] == "I am allergic to peanuts"
    found = memory.search("rain", user_id="alice", app_id="langchain", threshold=0)["results"]
    assert {item["role"] for item in found} == {"user", "assistant"}
    assert "It rains." in {item["memory"] for item in found}
    memory.erase(user_id="alice")
    assert history.messages == []


def test_several_writers_lose_nothing(tmp_path):
    """Histories of one chat on several Memories add at once: everything is there, each call in one piece."""
    path = tmp_path / "agent.db"
    with Memory(path, embedder=HashEmbedder()):
        pass

    def work(writer):
        with Memory(path, embedder=HashEmbedder()) as memory:
            for turn in range(6):
                said = [HumanMessage(f"{writer} {turn}"), AIMessage(f"{writer} {turn}")]
                MemoryChatMessageHistory("chat", memory).add_messages(said)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(work, range(3)))
    with Memory(path, embedder=HashEmbedder()) as memory:
        texts = [one.content for one in MemoryChatMessageHistory("chat", memory).messages]
    assert texts[::2] == texts[1::2]
    assert sorted(texts[::2]) == sorted(f"{writer} {turn}" for writer in range(3) for turn in range(6))


def test_a_session_id_is_a_text(memory):
    """What is not a text is refused by name."""
    with pytest.raises(ValidationError, match="session_id"):
        MemoryChatMessageHistory(5, memory)


def test_a_retriever_finds(tmp_path):
    """invoke and ainvoke return documents, best first, with id, score and metadata, of the scope only."""
    path = tmp_path / "agent.db"
    with Memory(path) as memory:
        memory.add("I am allergic to peanuts", user_id="alice", metadata={"source": "chat", "score": "own"})
        memory.add("My bicycle is green", user_id="alice")
        memory.add("I eat peanuts", user_id="bob")
        retriever = MemoryRetriever(memory, user_id="alice", top_k=1)
        [found] = retriever.invoke("What can she not eat?")
        assert found.page_content == "I am allergic to peanuts"
        assert memory.get(found.id)["memory"] == found.page_content
        assert found.metadata["source"] == "chat"
        assert found.metadata["user_id"] == "alice"
        assert 0 < found.metadata["score"] <= 1
        assert asyncio.run(retriever.ainvoke("What can she not eat?")) == [found]
    retriever = MemoryRetriever(path, filters={"user_id": "alice", "source": "chat"}, top_k=5, threshold=0)
    chain = retriever | (lambda documents: [document.page_content for document in documents])
    assert chain.invoke("bicycle") == ["I am allergic to peanuts"]
    retriever.close()


def test_a_retriever_may_be_silent(memory):
    """With relevant_only, a question that no memory answers gets no document."""
    memory.add("I am allergic to peanuts", user_id="alice")
    memory.add("My bicycle is green", user_id="alice")
    retriever = MemoryRetriever(memory, user_id="alice", threshold=0, relevant_only=True)
    assert [one.page_content for one in retriever.invoke("What color is my bicycle?")] == ["My bicycle is green"]
    assert retriever.invoke("How do volcanoes erupt?") == []


def test_a_retriever_names_a_scope(memory):
    """A retriever of nobody's memories is an error, not everybody's."""
    with pytest.raises(ValidationError, match="user_id"):
        MemoryRetriever(memory).invoke("food")
    with pytest.raises(ValueError, match="top_k"):
        MemoryRetriever(memory, user_id="alice", top_k="many")
