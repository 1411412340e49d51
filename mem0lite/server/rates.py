"""How many requests each caller may send, if the settings limit that."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from litestar.exceptions import TooManyRequestsException

_MOST_CALLERS = 10_000


class Rates:
    """Admits so many requests of each caller a minute.

    A caller who was quiet may send a whole minute's requests at once; then there is room for one more every 60/limit
    seconds. That is all that is known of a caller: one number, the instant at which it will have been quiet again
    (https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm). Of more than 10,000 callers, who was seen longest ago
    is forgotten, and so may begin again.

    It holds for one process: each worker counts by itself. Rejected: a count that the workers share in the store, which
    would make every read a write. Litestar's middleware is not used: it needs a store of its own, keeps a list of every
    request's time, and knows callers by address only.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._interval = 60 / per_minute
        self._clock = clock
        self._quiet: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()  # an app may be called from several event loops

    def admit(self, caller: str) -> None:
        """Count a request. Raises TooManyRequestsException, which says when to ask again, if there is no room."""
        now = self._clock()
        with self._lock:
            quiet = max(now, self._quiet.get(caller, now)) + self._interval
            early = quiet - now - 60 - self._interval / 1_000  # a part of it, as sums of intervals are not exact
            if early <= 0:
                self._quiet[caller] = quiet
            if caller in self._quiet:
                self._quiet.move_to_end(caller)
            if len(self._quiet) > _MOST_CALLERS:
                self._quiet.popitem(last=False)
        if early > 0:
            raise self._refusal(math.ceil(early))

    def _refusal(self, seconds: int) -> TooManyRequestsException:
        wait = str(max(1, seconds))
        headers = {  # mem0's client reads all of them
            "Retry-After": wait,
            "X-RateLimit-Limit": str(self._limit),
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": wait,
        }
        detail = f"Too many requests: {self._limit} a minute are allowed. Try again in {wait} s."
        return TooManyRequestsException(detail, headers=headers)
