"""What language models used, for ``stats`` and the metrics."""

from typing import Any, cast

from ..data.filters import EVERYTHING
from ..llm.protocol import LanguageModel, name_of
from ..store import Cost, Queue, Store
from ..types import ExtractionStats, ModelCost, ScopeCost

_MOST_SCOPES = 100


def extraction(store: Store, model: LanguageModel | None) -> ExtractionStats | None:
    """Return what models did and are still to do. None: there is no model, and nothing was ever asked of one."""
    if not isinstance(store, Queue):
        return None
    jobs, costs = store.jobs(EVERYTHING), store.costs(EVERYTHING)
    if model is None and not costs and not (jobs.pending or jobs.failed):
        return None
    dearest = sorted(costs, key=_dearness, reverse=True)[:_MOST_SCOPES]
    return {
        "model": None if model is None else name_of(model),
        "pending": jobs.pending,
        "failed": jobs.failed,
        "cost": _total(costs),
        "scopes": [cast("ScopeCost", {**one.scope.ids(), **one.spent}) for one in dearest],
    }


def _dearness(cost: Cost) -> tuple[float, float]:
    spent = cost.spent
    return spent.get("prompt_tokens", 0) + spent.get("completion_tokens", 0), spent.get("calls", 0)


def _total(costs: list[Cost]) -> ModelCost:
    total: dict[str, Any] = {}
    for cost in costs:
        for name, number in cost.spent.items():
            total[name] = total.get(name, 0) + number
    return cast("ModelCost", total)
