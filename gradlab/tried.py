"""What a check of a gradient has tried, and what it has not: in numbers, and in words made from them."""

from collections.abc import Sequence
from typing import NamedTuple


class Tried(NamedTuple):
    """What `verify` did; the rest it has not done."""

    lengths: tuple[int, ...]
    scales: tuple[float, ...]
    points: int
    largest_input: float
    """The largest |x| of all inputs."""
    numbers: int
    """Entries of parameters, states and inputs at one point."""
    entries: int
    """Of those, how many were tried one by one."""
    directions: int
    """Random directions; together they see every entry."""
    rules: tuple[str, ...]
    """What sets a derivative aside in the step: `stop_gradient`, `custom_vjp NAME`."""
    surrogate: bool
    """The step declares that its backward pass differs on purpose."""
    left_out: tuple[str, ...]
    """Cases, ways and arrays that could not be tried, and why."""
    two_layers: bool

    @property
    def done(self) -> str:
        """What was tried."""
        one_by_one = "every entry" if self.entries == self.numbers else f"{self.entries} entries"
        seen = f"{one_by_one} of {self.numbers} alone, and {self.directions} random directions that see all"
        parts = [
            f"T = {_list(self.lengths)}",
            f"input scales {_list(self.scales)} (|x| up to {self.largest_input:.2g})",
            f"{self.points} point{'s' * (self.points > 1)}",
            seen,
            "float64 on the CPU",
        ]
        return "; ".join(parts)

    @property
    def not_done(self) -> tuple[str, ...]:
        """What was not."""
        longest = max(self.lengths)
        gaps = [f"sequences longer than {longest}", f"|x| above {self.largest_input:.2g}"]
        if not self.two_layers:
            gaps.append("a second layer")
        gaps += self.left_out
        return (*gaps, "other sizes and settings", "float32 and its rounding", "other devices")

    @property
    def remark(self) -> str:
        """What the step's own derivative rules mean for the result; empty if it has none."""
        if not self.rules:
            return ""
        return f"the step sets derivatives aside: {', '.join(self.rules)}"


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
