"""Which of the queued runs may start now: limits of queues, deployments, workspaces and providers; pure."""

import heapq
from collections.abc import Collection, Iterator
from itertools import count

import msgspec

from runtime.interpreter.journal import RunRecord
from runtime.interpreter.turns import Limit, Limits

AT_ONCE = 1_000  # runs that one process drives at the same time, whatever else is said
USUAL = "default"  # what the queue is called that a flow does not name


class Order(msgspec.Struct, frozen=True):
    """What is kept of a queued run until its turn: its place, who comes before it, and the limits that it meets."""

    workspace: str
    run: str
    slug: str
    priority: int
    limits: tuple[str, ...]

    @classmethod
    def of(cls, record: RunRecord) -> "Order":
        """The order of a run."""
        names = [f"queue:{record.queue or USUAL}", *(f"provider:{name}" for name in record.providers)]
        if record.slug:
            names.append(f"deployment:{record.slug}")
        return cls(record.workspace, record.id, record.slug, record.priority, ("workspace", *names))


class _Bucket:
    """Starts that a limit allows: a burst of `starts`, then one every `per / starts` seconds; tokens refill meanwhile.

    So in any window of `per` seconds there are at most twice `starts`, and `starts` on the average.
    """

    def __init__(self, limit: Limit, now: float) -> None:
        assert limit.starts is not None
        self._most, self._rate = float(limit.starts), limit.starts / limit.per
        self._tokens, self._seen = self._most, now

    def wait(self, now: float) -> float:
        """Seconds until the next start is allowed."""
        if now < self._seen:  # the clock was set back
            self._seen = now
        self._tokens = min(self._most, self._tokens + (now - self._seen) * self._rate)
        self._seen = now
        return 0.0 if self._tokens >= 1 - 1e-9 else (1 - self._tokens) / self._rate

    def take(self) -> None:
        """One has started."""
        self._tokens -= 1


class Admission:
    """The queue of one process: offered runs come out in turn, as the limits allow.

    The higher priority comes first; among equals the workspace with fewer runs going on, then who came first.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._limits: Limits = {}
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._paused: Collection[tuple[str, str]] = ()
        self._groups: dict[tuple[str, str, tuple[str, ...]], list[tuple[int, int, Order]]] = {}
        self._queued: dict[str, Order] = {}
        self._going: dict[str, Order] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._number = count()

    def __len__(self) -> int:
        return len(self._queued)

    @property
    def going(self) -> int:
        """How many have started and are not done."""
        return len(self._going)

    def goes(self, run: str) -> bool:
        """Whether a run has started and is not done."""
        return run in self._going

    def set(self, limits: Limits, paused: Collection[tuple[str, str]] = ()) -> None:
        """What holds from now on. paused: workspace and slug of deployments whose runs stay queued."""
        self._buckets = {
            key: bucket for key, bucket in self._buckets.items() if limits.get(key) == self._limits.get(key)
        }
        self._limits, self._paused = limits, paused

    def offer(self, order: Order) -> bool:
        """Let a run wait for its turn; False: it does already, or is going on."""
        if order.run in self._queued or order.run in self._going:
            return False
        self._queued[order.run] = order
        group = self._groups.setdefault((order.workspace, order.slug, order.limits), [])
        heapq.heappush(group, (-order.priority, next(self._number), order))
        return True

    def withdraw(self, run: str) -> None:
        """A run waits no more."""
        self._queued.pop(run, None)

    def free(self, order: Order, now: float) -> bool:
        """Whether a run may start now, past nobody who came before."""
        return not self._queued and self._wait(order.workspace, order.slug, order.limits, now) == 0.0

    def begin(self, order: Order, now: float) -> None:
        """A run starts."""
        self._going[order.run] = order
        for name in order.limits:
            key = order.workspace, name
            self._counts[key] = self._counts.get(key, 0) + 1
            if (bucket := self._bucket(key, now)) is not None:
                bucket.take()

    def done(self, run: str) -> None:
        """A run goes on no more."""
        order = self._going.pop(run, None)
        for name in order.limits if order is not None else ():
            key = order.workspace, name  # type: ignore[union-attr]
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]

    def due(self, now: float) -> Iterator[Order]:
        """Those whose turn it is, each begun as it is given."""
        while (found := self._next(now)) is not None:
            self.begin(found, now)
            yield found

    def wait(self, now: float) -> float | None:
        """Seconds until a rate lets the next one start; None: only the end of a run, or a change, can."""
        if len(self._going) >= self._at_once:
            return None
        waits = (self._wait(*group, now) for group, heap in self._groups.items() if heap)
        return min((wait for wait in waits if wait is not None), default=None)

    def _next(self, now: float) -> Order | None:
        best: tuple[int, int, int] | None = None
        chosen = None
        for group, heap in list(self._groups.items()):
            while heap and self._queued.get(heap[0][2].run) is not heap[0][2]:
                heapq.heappop(heap)  # it was withdrawn
            if not heap:
                del self._groups[group]
            elif self._wait(*group, now) == 0.0:
                priority, number, order = heap[0]
                turn = priority, self._counts.get((order.workspace, "workspace"), 0), number
                if best is None or turn < best:
                    best, chosen = turn, heap
        if chosen is None:
            return None
        order = heapq.heappop(chosen)[2]
        del self._queued[order.run]
        return order

    def _wait(self, workspace: str, slug: str, limits: tuple[str, ...], now: float) -> float | None:
        """Seconds until a rate lets one of a group start; None: something else keeps it."""
        if len(self._going) >= self._at_once or (slug and (workspace, slug) in self._paused):
            return None
        longest = 0.0
        for name in limits:
            key = workspace, name
            limit = self._limits.get(key)
            if limit is None:
                continue
            if limit.at_once is not None and self._counts.get(key, 0) >= limit.at_once:
                return None
            if (bucket := self._bucket(key, now)) is not None:
                longest = max(longest, bucket.wait(now))
        return longest

    def _bucket(self, key: tuple[str, str], now: float) -> _Bucket | None:
        limit = self._limits.get(key)
        if limit is None or limit.starts is None:
            return None
        if key not in self._buckets:
            self._buckets[key] = _Bucket(limit, now)
        return self._buckets[key]
