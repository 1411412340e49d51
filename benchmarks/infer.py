"""How long an add over HTTP takes with a language model and without one, and what the model's work costs meanwhile.

Two servers on two files, asked in turn, so that both meet the same machine. The model answers after
``--model-seconds``, in the server's background. Run: ``python benchmarks/infer.py --adds 300``.
"""

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from scripted_model import ScriptedModel, every_turn
from serving import served_by

from mem0lite import Memory
from mem0lite.server import Settings, create_app


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adds", type=int, default=300)
    parser.add_argument("--model-seconds", type=float, default=0.5)
    asked = parser.parse_args()

    def slowly(turns):
        time.sleep(asked.model_seconds)
        return every_turn(turns)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        clients = {}
        for name, options in (("without", {}), ("with", {"llm": ScriptedModel(slowly), "extract_later": True})):
            memory = stack.enter_context(Memory(folder / f"{name}.db", **options))
            clients[name] = stack.enter_context(served_by(create_app(memory, Settings(vacuum_interval_seconds=0))))
        seconds: dict[str, list[float]] = {name: [] for name in clients}
        for number in range(asked.adds):
            for name, client in clients.items():
                body = {"messages": f"On day {number} I walked {number * 7} steps", "user_id": f"u{number % 20}"}
                begin = time.perf_counter()
                client.post("/v3/memories/add/", json=body).raise_for_status()
                seconds[name].append(time.perf_counter() - begin)
        medians = {name: 1000 * statistics.median(taken[10:]) for name, taken in seconds.items()}
        for name, taken in seconds.items():
            last = 1000 * sorted(taken[10:])[len(taken[10:]) * 95 // 100]
            print(f"{name:8} median {medians[name]:.2f} ms, p95 {last:.2f} ms")
        print(f"ratio of medians {medians['with'] / medians['without']:.3f}")


if __name__ == "__main__":
    main()
