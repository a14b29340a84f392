"""What `gradlab.reach` has found: a table by lag, log10 norms with their states, a sentence."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.states import FORWARD_NONFINITE, OK, STATES

if TYPE_CHECKING:
    import pandas
    import xarray

WORDS = {
    "rescaled": "a cotangent of 1 under- or overflows at {lags}, others show the gradient",
    "cut": "cut at {lags}: the gradient is exactly zero while the output follows the input, {as_behind}",
    "unused": "exactly zero at {lags}: the output does not move with the input, so there is a mask, a reset, "
    "a unit that no step wakes up, a weight that rounds to zero or no way at all, which cannot be told apart "
    "from here",
    "flat": "zero at {lags}, where large steps of the input alone move the output: a dead or saturated unit, "
    "a rounding, a comparison or a derivative that is zero there, which cannot be told apart from here",
    "rounded": "zero by rounding at {lags}: there is a gradient that {format} does not hold",
    "unknown": "zero at {lags}, and why cannot be told: {blind}",
    "nonfinite": "the derivative is NaN or infinite at {lags}",
}
AS_BEHIND = "as behind a detach, a no_grad or truncated back-propagation"
BLIND = "moving the input shows nothing there, and hardly anything one lag nearer"
CHANGING = "two runs on the same inputs differ (dropout in training?)"
RANGES = 4
"""Ranges of lags that are spelled out."""


class Reach:
    """The gradient of a model's last output by every input, by lag, and why it is zero where it is."""

    def __init__(
        self,
        name: str,
        precision: str,
        sigma: NDArray[np.float64],
        frobenius: NDArray[np.float64],
        codes: NDArray[np.int8],
        reasons: Sequence[str],
        tried: set[int],
        changing: bool,
        model: str = "",
        sequence: str = "",
    ) -> None:
        self.name, self.precision = name, precision
        self.reasons = tuple(reasons)
        """Of each lag: `ok`, `rescaled`, `cut`, `unused`, `flat`, `rounded`, `unknown` or `nonfinite`."""
        self._sigma, self._frobenius, self._codes = sigma, frobenius, codes
        self._tried, self._changing = tried, changing
        self.model, self.sequence = model, sequence
        """Digests of its weights, where any are known, and of its inputs."""

    @property
    def norms(self) -> "xarray.Dataset":
        """log10 of the largest singular value and the Frobenius norm by lag, and their states."""
        import xarray

        lag = np.arange(len(self._codes))
        columns: dict[str, Any] = {}
        for name, values in (("reach", self._sigma), ("reach_frobenius", self._frobenius)):
            columns[name] = ("lag", values, {"units": "log10 of a norm"})
            flags = {"flag_values": np.arange(len(STATES), dtype=np.int8), "flag_meanings": " ".join(STATES)}
            columns[f"{name}_state"] = ("lag", self._codes, flags)
        columns["reason"] = ("lag", np.array(self.reasons, dtype=object))
        return xarray.Dataset(columns, {"lag": lag}, {"model": self.name, "precision": self.precision})

    def table(self) -> "pandas.DataFrame":
        """One row per lag: the step, log10 of both norms, the state, the reason, and whether it was tried."""
        import pandas

        T = len(self._codes)
        return pandas.DataFrame(
            {
                "lag": np.arange(T),
                "step": T - np.arange(T),
                "log10_reach": self._sigma,
                "log10_frobenius": self._frobenius,
                "state": [STATES[code] for code in self._codes.tolist()],
                "reason": list(self.reasons),
                "tried": [lag in self._tried for lag in range(T)],
            }
        )

    @property
    def verdict(self) -> str:
        """What the table says, in a sentence."""
        T = len(self._codes)
        head = f"{self.name}, T = {T}, {self.precision}: "
        if (self._codes == FORWARD_NONFINITE).any():
            return f"{head}the last output is not finite, and has no gradient."
        felt = np.flatnonzero(self._codes == OK)
        said = [self._felt(felt.tolist()) if len(felt) else "the last output has no gradient in any input"]
        said += [self._said(word) for word in WORDS if word in self.reasons]
        zeros = sum(reason in ("cut", "unused", "flat", "unknown") for reason in self.reasons)
        if 0 < len(self._tried) < zeros:
            said.append(
                f"{len(self._tried)} of {zeros} lags of a zero were tried, the others lie between equal ones"
            )
        return f"{head}{'; '.join(said)}."

    def _felt(self, lags: list[int]) -> str:
        ends = [f"10^{self._sigma[lag]:.1f} at lag {lag}" for lag in dict.fromkeys((lags[0], lags[-1]))]
        return f"the last output feels {spoken(lags, len(self._codes), last='')} ({', '.join(ends)})"

    def _said(self, word: str) -> str:
        lags = [lag for lag, reason in enumerate(self.reasons) if reason == word]
        T = len(self.reasons)
        at = [lag for lag in lags if lag > 0 and self.reasons[lag - 1] in ("ok", "rescaled")]
        if word == "cut" and len(at) == 1 and at[0] == lags[0]:
            end = next((lag for lag in range(at[0], T) if self.reasons[lag] != word), T) - 1
            some = "on" if end == T - 1 else f"to lag {end}"
            what = f"from there {some} the gradient is exactly zero while the output follows the input"
            more = [lag for lag in lags if lag > end]
            also = f" (also at {spoken(more, T)})" if more else ""
            return f"cut exactly at lag {at[0]}: {what}{also}, {AS_BEHIND}"
        blind = CHANGING if self._changing else BLIND
        where = spoken(lags, T)
        return WORDS[word].format(lags=where, as_behind=AS_BEHIND, format=self.precision, blind=blind)

    def __repr__(self) -> str:
        return f"<gradlab reach: {self.verdict}>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(self.verdict)}</p>{self.table().to_html(index=False)}"


def spoken(lags: Sequence[int], T: int, last: str = " and all further ones") -> str:
    """Lags in words.

    >>> spoken([3], 10), spoken([2, 3, 4, 7], 10), spoken([8, 9], 10)
    ('lag 3', 'lags 2 to 4, 7', 'lag 8 and all further ones')
    """
    runs = []
    for _, some in groupby(enumerate(lags), lambda pair: pair[1] - pair[0]):
        run = [lag for _, lag in some]
        runs.append((run[0], run[-1]))
    words = []
    for first, end in runs[:RANGES]:
        if last and end == T - 1 and end > first:
            words.append(f"{first}{last}")
        else:
            words.append(f"{first}" if first == end else f"{first} to {end}")
    more = len(lags) - sum(end - first + 1 for first, end in runs[:RANGES])
    text = ", ".join(words) + (f" and {more} more" if more else "")
    one = len(words) == 1 and not more and (runs[0][0] == runs[0][1] or words[0].endswith(last or "\0"))
    return f"{'lag' if one else 'lags'} {text}"
