"""A LangGraph agent whose nodes recall and remember through mem0, as mem0's guide for it does; the model is a rule."""

import json
import sys
from typing import Annotated, TypedDict

from mem0lite import compat

compat.install()

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage  # noqa: E402
from langgraph.graph import END, START, StateGraph  # noqa: E402
from langgraph.graph.message import add_messages  # noqa: E402
from mem0 import Memory  # noqa: E402


class State(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]
    mem0_user_id: str


def main(path: str) -> dict[str, object]:
    mem0 = Memory.from_config({"path": path})

    def chatbot(state: State) -> dict[str, list[BaseMessage]]:
        said, user_id = state["messages"][-1].content, state["mem0_user_id"]
        memories = mem0.search(said, user_id=user_id, limit=1)["results"]
        answer = f"I remember: {memories[0]['memory']}" if memories else "Tell me more."
        mem0.add(
            [{"role": "user", "content": said}, {"role": "assistant", "content": answer}],
            user_id=user_id,
            metadata={"thread": "kitchen"},
        )
        return {"messages": [AIMessage(answer)]}

    graph = StateGraph(State)
    graph.add_node("chatbot", chatbot)
    graph.add_edge(START, "chatbot")
    graph.add_edge("chatbot", END)
    agent = graph.compile()

    def answer(text: str, user_id: str) -> str:
        return agent.invoke({"messages": [HumanMessage(text)], "mem0_user_id": user_id})["messages"][-1].content

    return {
        "answers": [
            answer("I am allergic to peanuts", "alice"),
            answer("Which food must I avoid with my allergy?", "alice"),
            answer("Which food must I avoid with my allergy?", "bob"),
        ],
        "tagged": len(mem0.get_all(filters={"user_id": "alice", "thread": "kitchen"})["results"]),
    }


json.dump(main(sys.argv[1]), sys.stdout)
