"""The learning rate of an arm, chosen on seeds of its own: none of them is judged."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from gradlab import digests
from gradlab.runs.shards import Shards
from gradlab.studies.remedies import arms, train, work
from gradlab.studies.remedies.checkpoint import Checkpoint
from gradlab.studies.remedies.networks import Setting
from gradlab.studies.remedies.settings import Training, beyond

Place = tuple[int, float]
"""(which w_rec, rate)."""
Score = tuple[float, float]
"""Less is better: the updates that its seeds took in the mean, then their loss."""


def chosen(
    comparison: Training,
    arm: arms.Arm,
    setting: Setting,
    tell: Callable[[str], Callable[[int, int, bool], None]],
    shards: Shards | None,
    code: digests.Code,
    rung: Sequence[int] = (),
) -> list[float]:
    """The rate of each w_rec: most tuning seeds solved, then the earliest, then the least loss.

    With `widen` further rates are tried while the best is the least or the largest of those tried, three
    times at the most. A rate that cannot be the best any more is trained no further, which changes no choice.
    Of a race, `rung` are the updates of each rung so far, the last of which are made.
    `tell(stage)` gives what a stage tells its progress to.
    """
    gains = range(len(comparison.w_rec))
    if len(comparison.lr) == 1 or arm.closed_form:
        return [comparison.lr[0]] * len(gains)
    scores: dict[Place, Score] = {}
    asked = [(w, rate) for w in gains for rate in comparison.lr]
    for stage in work.tuning(comparison):
        names = [work.kept_as(stage, [rate for _, rate in asked], until) for until in rung or (None,)]
        checkpoint = Checkpoint(shards, arm.label, setting.T, names[-1], code, names[:-1])
        scores |= _tried(comparison, setting, arm, asked, scores, tell(stage), checkpoint, _last(rung))
        best = [_best(scores, w) for w in gains]
        asked = [(w, rate) for w in gains for rate in beyond(best[w], [r for v, r in scores if v == w])]
        if not asked:
            break
    return best


def _last(rung: Sequence[int]) -> int | None:
    return rung[-1] if rung else None


def _best(scores: dict[Place, Score], w: int) -> float:
    mine = {rate: score for (v, rate), score in scores.items() if v == w}
    # Of equal ones the first that was asked for.
    return min(mine, key=lambda rate: mine[rate])


def _tried(
    comparison: Training,
    setting: Setting,
    arm: arms.Arm,
    asked: list[Place],
    known: dict[Place, Score],
    tell: Callable[[int, int, bool], None],
    checkpoint: Checkpoint,
    until: int | None,
) -> dict[Place, Score]:
    """The scores of further rates; some may be out of the running against each other and those `known`."""
    each, stride = comparison.tuning, comparison.stride
    what = [(comparison.w_rec[w], rate, f"tuning {s}") for w, rate in asked for s in range(each)]
    # One seed not solved outweighs all that the others can be late.
    never = (each + 1) * comparison.updates
    bars = [min((late for (v, _), (late, _) in known.items() if v == w), default=np.inf) for w, _ in asked]

    def late(solved: NDArray[np.int64], unsolved: NDArray[np.int64] | int) -> NDArray[np.float64]:
        return np.asarray(np.where(solved > 0, solved, unsolved).reshape(-1, each).mean(-1))

    def beaten(solved: NDArray[np.int64], lost: NDArray[np.bool_], update: int) -> NDArray[np.bool_]:
        """Networks whose rate cannot win any more: at its best it is later than another one at its worst."""
        worst, least = late(solved, never), late(solved, np.where(lost, never, update + stride))
        # Of the same w_rec, and of what was tried before.
        bar = np.array([min([bars[i], *worst[[v == w for v, _ in asked]]]) for i, (w, _) in enumerate(asked)])
        return np.repeat(least > bar, each)

    networks = train.draw(comparison, arm, setting, what)
    networks, evaluations, solved = train.run(
        comparison, setting, networks, False, tell, checkpoint, beaten=beaten, until=until
    )
    losses = np.where(np.isnan(evaluations["loss"]), np.inf, evaluations["loss"])
    ended = np.where(np.asarray(networks.broken) > 0, np.inf, losses.min(0)).reshape(-1, each).mean(-1)
    return dict(zip(asked, zip(late(solved, never).tolist(), ended.tolist(), strict=True), strict=True))
