"""Settings of a comparison of remedies."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from gradlab import specs
from gradlab.errors import GradlabError
from gradlab.specs import Setting
from gradlab.studies.remedies import search

Optimizer = Literal["sgd", "momentum", "adam", "rmsprop"]
NONE = "none"
"""The plain arm, without a remedy: always there."""
QUICK = ("clip_norm", "truncate", "orthogonal", "clip_norm+omega", "esn", "lstm", "gru")
FULL = (
    *QUICK,
    *("clip_value", "clip_adjoint", "adaptive_clip", "gradient_penalty", "scale_gradient", "gradient_noise"),
    *("identity", "sparse_spectral", "critical", "flossing", "lstm+forget_bias(2)", "lstm+chrono"),
    *("peephole_lstm", "coupled_lstm", "skip", "layer_norm"),
)
PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"remedies": QUICK, "lr": (0.01, 0.003, 0.001), "updates": 1000, "seeds": 6, "widen": True},
    "full": {"remedies": FULL, "lr": (0.01, 0.003, 0.001), "updates": 20000, "seeds": 10, "widen": True},
    # Latch is the least task that needs memory. Over T = 200 steps starts a factor of 4 apart have died and
    # exploded. Plain descent takes a gradient at its size, as the papers on clipping do: adam
    # does not, and hides what explodes.
    "scenarios": {
        "task": "latch",
        "remedies": ("clip_norm", "truncate", "orthogonal", "omega", "esn", "lstm", "gru"),
        "T": (200,),
        "hidden": 32,
        "updates": 1000,
        "eval_size": 200,
        "optimizer": "sgd",
        "lr": (1.0, 0.1, 0.01),
        "tuning": 2,
        "seeds": 6,
        "widen": True,
    },
}
"""What is asked for where a command or a call says nothing else."""


WIDER = 3
"""Further rates that are tried one after the other, at the most."""


def beyond(best: float, tried: Collection[float]) -> list[float]:
    """The next rate to try if the best is the least or the largest of at least two, else none.

    It is as far from the best as that is from its neighbour, in one digit if that is a factor of 2 or more.
    """
    others = sorted(tried, key=lambda rate: abs(math.log(rate / best)))
    if best not in (min(tried), max(tried)) or len(others) < 2:
        return []
    ratio = best / others[1]
    further = best * ratio
    return [float(f"{further:.0e}") if max(ratio, 1 / ratio) >= 2 else further]


def edges(rates: Sequence[float], *, widen: bool) -> tuple[float, float]:
    """The least and the largest rate that may be tried: a best one that is either may not be the best."""
    least, most = min(rates), max(rates)
    if not widen or len(rates) < 2:
        return least, most
    ends = []
    for end in (least, most):
        tried = list(rates)
        for _ in range(WIDER):
            tried += (further := beyond(end, tried))
            end = further[0]
        ends.append(end)
    return ends[0], ends[1]


def place(label: str, T: int) -> str:
    """The name of an arm at one T, in plans, digests and `run.json`."""
    return f"{label} at T = {T}"


@dataclass(frozen=True)
class Training:
    """What is trained and how; what `run.json` stores as settings."""

    study: ClassVar[str] = "remedies"

    task: Annotated[
        str, Setting("What to learn; `gradlab list tasks` shows them.", flag="TASK", members="tasks")
    ]
    remedies: Annotated[
        tuple[str, ...],
        Setting(
            "An arm, such as clip_norm(1.0)+orthogonal; may be given again.",
            flag="--remedy -r",
            members="remedies",
            empty=True,
            member=str,
        ),
    ] = (NONE,)
    cell: Annotated[str, Setting("The cell that the remedies act on.", members="cells")] = "elman"
    init: Annotated[str, Setting("Its initialiser.", members="initializers")] = "gaussian"
    T: Annotated[tuple[int, ...], Setting("Sequence lengths.", flag="-T --T", least=1, unlike=True)] = (50,)
    w_rec: Annotated[tuple[float, ...], Setting("Recurrent gains at initialisation.", unlike=True)] = (1.0,)
    hidden: Annotated[int, Setting("Units of the plain cell.", flag="--hidden -N", least=1)] = 50
    batch: Annotated[int, Setting("Sequences per update.", least=1)] = 20
    updates: Annotated[int, Setting("Updates at the most.", least=1)] = 2000
    eval_every: Annotated[int, Setting("Updates from one evaluation to the next.", least=1)] = 100
    eval_size: Annotated[int, Setting("Fresh sequences per evaluation.", least=1)] = 500
    lr: Annotated[tuple[float, ...], Setting("Learning rates to choose from.", positive=True)] = (
        0.03,
        0.01,
        0.003,
    )
    tuning: Annotated[int, Setting("Seeds for that choice alone.", least=1)] = 2
    """Seeds on which the learning rate is chosen; none of them is a test seed."""
    seeds: Annotated[int, Setting("Test seeds.", least=1)] = 5
    seed: Annotated[int, Setting("Base seed.", least=0, most=2**63 - 1)] = 0
    optimizer: Annotated[
        Optimizer,
        Setting("sgd, momentum (0.9), adam or rmsprop (decay 0.9); 1e-8 outside the root, as in PyTorch."),
    ] = "adam"
    precision: Annotated[Literal["float32", "float64"], Setting("float32 or float64.")] = "float32"
    match: Annotated[bool, Setting("Choose N for equal parameters.", flag="--match --no-match")] = True
    """Choose N of each arm so that all have about as many parameters."""
    widen: Annotated[
        bool,
        Setting("Try rates beyond those given while the best is at the edge.", flag="--widen --no-widen"),
    ] = False
    evaluate_at: Annotated[
        tuple[int, ...],
        Setting(
            "Lengths at which what is trained is evaluated, too, such as 2T,4T.",
            least=2,
            most=1000,
            unlike=True,
            unit="T",
        ),
    ] = ()
    """Multiples of T."""
    longest: Annotated[
        int,
        Setting(
            "Search for the longest T learned, from -T up to this one; 0: no search.", least=0, most=2**31 - 1
        ),
    ] = 0
    target: Annotated[
        int,
        Setting(
            "Say which arm learns this T with the least work, and stop those that cannot win; 0: train all.",
            least=0,
            most=2**31 - 1,
        ),
    ] = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "remedies", tuple(dict.fromkeys([NONE, *self.remedies])))
        specs.check(self)
        if self.updates % self.stride:
            every = f"--eval-every {self.eval_every}"
            what = f"{self.updates} is no multiple of {every}; networks are evaluated that often"
            raise GradlabError("--updates", what)
        self._require_race()
        self._require_search()

    def _require_race(self) -> None:
        if not self.target:
            return
        if self.longest:
            raise GradlabError("--target", "and --longest exclude each other; give one")
        if self.T not in (type(self).T, (self.target,)):
            raise GradlabError("-T", "and --target exclude each other; give one")
        if len(self.w_rec) > 1:
            raise GradlabError("--w-rec", "several are given beside --target; give one")
        object.__setattr__(self, "T", (self.target,))

    def _require_search(self) -> None:
        if not self.longest:
            return
        for option, given, one in (("-T", self.T, "the shortest alone"), ("--w-rec", self.w_rec, "one")):
            if len(given) > 1:
                raise GradlabError(option, f"several are given beside --longest; give {one}")
        if self.longest <= self.T[0]:
            what = f"{self.longest} is not above -T {self.T[0]}, the shortest that the search tries"
            raise GradlabError("--longest", f"{what}; give a lesser -T")

    @property
    def lengths(self) -> tuple[int, ...]:
        """Every T at which an arm may be trained."""
        return search.candidates(self.T[0], self.longest) if self.longest else self.T

    @property
    def without(self) -> tuple[str, ...]:
        """What is not stored where it says nothing: runs that are older do not know of it."""
        wider = () if self.widen and len(self.lr) > 1 else ("widen",)
        return (*wider, *(name for name in ("evaluate_at", "longest", "target") if not getattr(self, name)))

    @property
    def work(self) -> float:
        """Multiplications, about: forward and back through cells with one product a step."""
        networks = len(self.remedies) * len(self.w_rec) * (self.tuning * len(self.lr) + self.seeds)
        steps = sum(search.dearest(self.T[0], self.longest) if self.longest else self.T)
        return float(3 * networks * self.updates * self.batch * steps) * self.hidden**2

    @property
    def stride(self) -> int:
        """Updates from one evaluation to the next: `eval_every`, or all of them."""
        return min(self.eval_every, self.updates)
