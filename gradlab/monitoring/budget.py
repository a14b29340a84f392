"""How much of a training's time may go into looking at it."""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Literal

from gradlab.monitoring import compiling

Kind = Literal["glance", "look", "search"]
GLANCES = 0.2
"""Of the share, what glances may take; looks have the rest."""


class Budget:
    """The share of a training's time that looks and glances take, counted from its first call on.

    A look waits until, with what the last one took, all of them together are within the share. A glance is
    much cheaper and belongs to every call; where calls are so short that it would take more than its part, it
    is for every k-th. A search comes once and is no measure of either. What the first look or glance takes to
    be compiled is spent like all else, but the second is not expected to take it again; the first look never
    waits.

    Args:
      share: what all may take together, of 1.
      clock: seconds.
      compiled: seconds that compiling has taken so far, of the clock's.
    """

    def __init__(
        self,
        share: float | int,
        clock: Callable[[], float],
        compiled: Callable[[], float] = compiling.seconds,
    ) -> None:
        self.share = share
        self.spent = 0.0
        """Seconds"""
        self.calls = 0
        self._clock = clock
        self._compiled = compiled
        self._began = math.nan
        self._last: dict[Kind, float] = {}
        self._glanced = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the first call."""
        return self._clock() - self._began

    def called(self) -> None:
        """Another call of the training."""
        if math.isnan(self._began):
            self._began = self._clock()
        self.calls += 1

    def allows(self, kind: Kind) -> bool:
        """Whether it is within the share now."""
        if self.share >= 1 or kind not in self._last:
            return True
        last = self._last[kind]
        if kind == "look":
            return self.spent + last <= self.share * (self.elapsed + last)
        each = max(self.elapsed - self.spent, 0.0) / max(self.calls - 1, 1)
        return last <= GLANCES * self.share * each * (self.calls - self._glanced)

    @contextlib.contextmanager
    def timed(self, kind: Kind) -> Iterator[None]:
        """Count what is done within."""
        began, before = self._clock(), self._compiled()
        try:
            yield
        finally:
            took = self._clock() - began
            self.spent += took
            if kind not in self._last:
                # Of what a later one compiles nobody knows that it was the last.
                took = 0.0 if kind == "glance" else max(took - (self._compiled() - before), 0.0)
            self._last[kind] = took
            if kind == "glance":
                self._glanced = self.calls
