"""How much of a training's time may go into looking at it."""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Literal

Kind = Literal["glance", "look"]
GLANCES = 0.2
"""Of the share, what glances may take; looks have the rest."""


class Budget:
    """The share of a training's time that looks and glances take, counted from its first call on.

    A look waits until, with what the last one took, all of them together are within the share. A glance is
    much cheaper and belongs to every call; where calls are so short that it would take more than its part, it
    is for every k-th. What the first glance takes to be compiled counts for the looks alone; the first look
    never waits.
    """

    def __init__(self, share: float | int, clock: Callable[[], float]) -> None:
        self.share = share
        self.spent = 0.0
        """Seconds"""
        self.calls = 0
        self._clock = clock
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
        began = self._clock()
        try:
            yield
        finally:
            took = self._clock() - began
            self.spent += took
            first = kind == "glance" and kind not in self._last
            # The second glance is not to wait for what the first took to be compiled.
            self._last[kind] = 0.0 if first else took
            if kind == "glance":
                self._glanced = self.calls
