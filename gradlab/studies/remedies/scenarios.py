"""Two starts to compare remedies at: one whose transport has died, and one whose transport has exploded.

They are chosen by the transport of the plain arm's networks before their first update, those that are then
trained and judged, and by nothing that a training does.
The limit comes from the format of the numbers. A weight gradient is a sum over steps, and the share of a step
in it goes with the transport from there to the last step. Below eps of the format the share of the first step
is rounded away beside that of the last: the transport has *died*, and the first update knows nothing of it.
Above 1 / eps it is the last step's that is rounded away: the transport has *exploded*. Later updates
move the transport, so whether the plain arm fails is for the training to say, and its table says it.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from gradlab.errors import Exit, GradlabError
from gradlab.studies.remedies import arms, measure, train, work
from gradlab.studies.remedies.separation import keeps, longer
from gradlab.studies.remedies.settings import NONE, Training

GAINS: tuple[float, ...] = (0.25, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0)
"""The w_rec among which is chosen: about half octaves."""


class Chosen(NamedTuple):
    """Two gains, and the profile that they were chosen by."""

    T: int
    kept: tuple[float, ...]
    """log10 of the transport over T steps at each of `GAINS`, median over networks."""
    seeds: int
    limit: float
    """Decades from which a transport has died or exploded."""

    @property
    def vanishing(self) -> float | None:
        """The largest gain whose transport has died."""
        known = zip(GAINS, self.kept, strict=True)
        return max((gain for gain, log in known if log <= -self.limit), default=None)

    @property
    def exploding(self) -> float | None:
        """The smallest gain whose transport has exploded."""
        known = zip(GAINS, self.kept, strict=True)
        return min((gain for gain, log in known if log >= self.limit), default=None)

    def said(self) -> str:
        """The profile and the choice, in a sentence each."""
        each = ", ".join(f"{gain:g}: {_power(log)}" for gain, log in zip(GAINS, self.kept, strict=True))
        return (
            f"the transport of {self.seeds} untrained networks over T = {self.T} steps (median), by w_rec: "
            f"{each}. Vanishing: w_rec = {self.vanishing:g}, the largest that keeps at most "
            f"{_power(-self.limit)}, which rounding loses in a sum. Exploding: w_rec = "
            f"{self.exploding:g}, the smallest that grows to at least {_power(self.limit)}."
        )


def limit(precision: str) -> float:
    """Decades that numbers of a format hold beside each other: -log10 of its eps."""
    return -math.log10(float(np.finfo(precision).eps))


def choose(comparison: Training) -> tuple[Training, Chosen]:
    """The comparison at two gains, and the profile that they were chosen by.

    Raises:
      GradlabError: where nothing vanishes or nothing explodes at this T, with the T to try (exit 4).
    """
    if len(comparison.T) > 1:
        raise GradlabError("-T", "several are given; two scenarios are chosen at one T: give one, or a TASK")
    work.check(comparison)
    found = Chosen(comparison.T[0], _kept(comparison), comparison.seeds, limit(comparison.precision))
    if found.vanishing is None or found.exploding is None:
        missing = found.vanishing is None
        what, log, far = (
            ("vanishes", min(found.kept), -found.limit)
            if missing
            else ("explodes", max(found.kept), found.limit)
        )
        where = f"at w_rec = {GAINS[found.kept.index(log)]:g} the transport {keeps(log)}"
        raise GradlabError(
            "-T",
            f"nothing {what} at T = {found.T}: {where}, and {_power(far)} is asked for; try "
            f"{_longer(log, found.T, far)}",
            Exit.INCONCLUSIVE,
        )
    return dataclasses.replace(comparison, w_rec=(found.vanishing, found.exploding)), found


def _kept(comparison: Training) -> tuple[float, ...]:
    """log10 of the median transport at every gain, on a sequence of the task."""
    arm = arms.arm(NONE, comparison.cell, comparison.init)
    setting = work.setting_of(comparison, arm, comparison.T[0], work.units(comparison, arm))
    arm = work.ready(comparison, arm, setting)
    what = [(gain, 0.0, f"test {s}") for gain in GAINS for s in range(comparison.seeds)]
    networks = train.draw(comparison, arm, setting, what)
    last = measure.profiles(comparison, arm, setting, networks)["transport"][:, -1]
    # A forward pass that overflows has no transport: it counts as grown.
    last = np.where(np.isnan(last), np.inf, last).reshape(len(GAINS), comparison.seeds)
    with np.errstate(invalid="ignore"):
        middle = np.median(last, axis=1)
    # Half have none and half are infinite: neither died nor exploded.
    return tuple(float(median) for median in np.where(np.isnan(middle), 0.0, middle))


def _power(log: float) -> str:
    if math.isinf(log):
        return "0" if log < 0 else "no finite number"
    return f"10^{log:+.1f}"


def _longer(log: float, T: int, far: float) -> str:
    """The T at which so steady a transport would have gone as far; another cell if it goes elsewhere."""
    if not math.isfinite(log) or log * far <= 0:
        return "another --cell or --init"
    return f"-T {longer(log, T, abs(far))}"
