"""What a check of a gradient has tried, and what it has not: in numbers, and in words made from them."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Tried(NamedTuple):
    """What `verify` did; the rest it has not done."""

    lengths: tuple[int, ...]
    scales: tuple[float, ...]
    points: int
    largest_input: float
    """The largest |x| of all inputs."""
    numbers: int
    """Entries of parameters and states at one point."""
    entries: int
    """Of those, how many were tried one by one, at the first point; random directions see all."""
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
        one_by_one = "each" if self.entries == self.numbers else f"{self.entries}"
        parts = [
            f"T = {_list(self.lengths)}",
            f"inputs times {_list(self.scales)} (|x| up to {self.largest_input:.2g})",
            f"{self.points} point{'s' * (self.points > 1)}",
            f"random directions over all {self.numbers} entries, and {one_by_one} of them alone",
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
        """What is known of the step's own derivative rules; empty if it has none."""
        rules = f"derivative rules of its own: {', '.join(self.rules)}" if self.rules else ""
        if self.surrogate:
            return "; ".join(filter(None, ["a declared surrogate", rules]))
        return f"the step has {rules}" if rules else ""

    def document(self) -> dict[str, Any]:
        """All of it as plain values."""
        words = {"done": self.done, "not_done": list(self.not_done), "remark": self.remark}
        plain = {key: list(v) if isinstance(v, tuple) else v for key, v in self._asdict().items()}
        return plain | words


def _list(values: Sequence[int] | Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
