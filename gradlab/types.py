"""The vocabulary: axis letters, array aliases and the interfaces that members fill.

Axes: `T` time, `D` input, `N` hidden, `K` gates, `S` flattened state, `R` directions, `B` sequences.
Every function is unbatched; a batch is a `jax.vmap` at the call site.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from jax import Array
from jaxtyping import Float, Int, PRNGKeyArray

if TYPE_CHECKING:
    from gradlab.theory.mean_field import Drive, MeanField
else:
    Drive = MeanField = Any

Key = PRNGKeyArray
Scalar = Float[Array, ""] | float
Input = Float[Array, " D"]
Hidden = Float[Array, " N"]
Matrix = Float[Array, "N N"]

Params = TypeVar("Params")
State = TypeVar("State")

Step = Callable[[Any, Any, Any], Any]
"""`step(params, state, x) -> state`: the narrowest interface; every probe takes this."""

Initializer = Callable[[Key, int], Matrix]
"""`initializer(key, n) -> W`: one recurrent matrix of unit gain."""


class Cell(Protocol[Params, State]):
    """A recurrent cell: a frozen dataclass of settings; its numbers live in pytrees; unbatched.

    `init` and `step` make a cell. Everything else is a fact about it, true of most cells as it stands here
    and stated anew by those that differ (as a plain class attribute, or a property of the settings).
    """

    @property
    def gates(self) -> tuple[str, ...]:
        """Names of the gates, in the order of the gate axis; empty for a cell without."""
        return ()

    @property
    def memory(self) -> str:
        """The part of the state that is the memory path."""
        return "h"

    @property
    def fixed(self) -> tuple[str, ...]:
        """Parameters that are not trained."""
        return ()

    @property
    def drawn(self) -> tuple[str, ...]:
        """Settings that `init` alone reads: cells that differ in them alone train in one program."""
        return ()

    @property
    def has_gain(self) -> bool:
        """Whether `w_rec` scales the recurrence; a cell that says no is swept by its own settings."""
        return True

    @property
    def surrogate(self) -> bool:
        """Whether the backward pass of `step` differs from its derivative on purpose."""
        return False

    @property
    def rescales(self) -> bool:
        """Whether the state holds numbers relative to a scale that it carries along: a stabiliser, a counter.

        Another scale gives the same readouts and another transport, so verdicts then speak of reach.
        """
        return False

    def init(
        self, key: Key, d_in: int, d_hidden: int, w_rec: Scalar, initializer: Initializer
    ) -> tuple[Params, State]:
        """Draw parameters and the initial state; the recurrent matrix is `w_rec` times a unit-gain one."""
        ...

    def step(self, params: Params, state: State, x: Input) -> State:
        """One step of the recurrence."""
        ...

    def readout(self, state: State) -> Hidden:
        """The part of the state that a layer above would see."""
        hidden: Hidden = state.h  # type: ignore[attr-defined]
        return hidden

    def recurrent(self, params: Params) -> Any:
        """The recurrent weights: an array, or a tree of them."""
        return params.w_rec  # type: ignore[attr-defined]

    def gate_values(self, params: Params, state: State, x: Input) -> dict[str, Float[Array, " N"]]:
        """How far each gate is open in the step from `state`, 0 to 1, by name; empty for a cell without."""
        del params, state, x
        return {}

    @property
    def carry_gate(self) -> str | None:
        """The opening that multiplies the memory from step to step, by its name in `gate_values`."""
        return None

    def mean_field(self, w_rec: float, drive: Drive) -> MeanField | None:
        """What mean-field theory says of the cell with Gaussian weights; None where there is none."""
        del w_rec, drive
        return None

    def rate_theory(self, w_rec: float) -> float | None:
        """log10 of the transport per step with an orthogonal matrix; None where no closed form is known."""
        del w_rec
        return None


if TYPE_CHECKING:
    AnyCell = Cell[Any, Any]
else:
    # A protocol cannot be checked while running; every cell will do.
    AnyCell = Any


class Objective(NamedTuple):
    """What L is: the cotangents that it sends into the states."""

    cotangent: Callable[[Any], Any]
    """`state_t -> dL_t/dstate_t`, the term of L that reads step t alone."""
    every: bool
    """L sums such a term at every step; otherwise only the last step has one."""
    stepwise: Callable[[Any, Any], Any] | None = None
    """`(state_t, t) -> dL_t/dstate_t`, where the terms differ from step to step."""

    def at(self, state: Any, t: Any) -> Any:
        """The cotangent of step t."""
        return self.cotangent(state) if self.stepwise is None else self.stepwise(state, t)


class Example(NamedTuple):
    """One sequence of a task: what goes in, what should come out, and where it counts."""

    xs: Float[Array, "T D"]
    """Inputs; zeros beyond `length`."""
    target: Array
    """What the loss compares with: class indices (T,) or numbers (T, outputs); only counted steps matter."""
    counted: Float[Array, " T"]
    """Weight of each step in the loss and in success: 0 or 1."""
    length: Int[Array, ""]
    """Steps that belong to the sequence; at most T."""


class Task(Protocol):
    """Something to learn: a frozen dataclass of settings, examples made on the fly; unbatched."""

    @property
    def form(self) -> str:
        """`many to one`, `many to many` or `one to many`."""
        ...

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers that go in and come out of the network at each step."""
        ...

    @property
    def least(self) -> int:
        """The shortest T for which the task makes sense."""
        ...

    def sample(self, key: Key, T: int) -> Example:
        """Draw one sequence whose buffers have T steps."""
        ...

    def loss(self, outputs: Float[Array, "T outputs"], example: Example) -> Scalar:
        """What is trained on, the mean over counted steps."""
        ...

    def error(self, outputs: Float[Array, "T outputs"], example: Example) -> Any:
        """What success is judged by, of one sequence: a share of wrong answers, or what `overall` needs."""
        ...

    def overall(self, errors: Any) -> Scalar:
        """The error of many sequences, from what `error` says of each, on a leading axis: their mean."""
        return errors.mean()  # type: ignore[no-any-return]

    @property
    def solved(self) -> float:
        """The task is solved when the error over fresh sequences together is at most this."""
        ...

    def chance(self, T: int) -> float:
        """The loss of the best prediction that knows the step and the length, but not the inputs."""
        ...


class Scaled(NamedTuple):
    """`value * 2**exponent`: the largest entry of `value` lies in [1/2, 1), or all are 0."""

    value: Any
    exponent: Int[Array, ""]


class Trajectory(NamedTuple):
    """One sequence as a penalty sees it, forward and back; every leaf has a leading axis of T steps."""

    cell: Any
    params: Any
    """Of the cell, without that axis."""
    before: Any
    """The state that step t starts from."""
    xs: Any
    adjoints: Any
    """dL/dstate_t of the state that step t ends in; differentiable once more."""
    length: Int[Array, ""]


class Remedy(NamedTuple):
    """What a remedy does, in one or several of seven places of the training; None is neutral."""

    cell: Callable[[Any], Any] | None = None
    """A different cell."""
    init: Callable[[Initializer], Initializer] | None = None
    """A different initialisation of the recurrent weights."""
    adjoint: Callable[[Int[Array, ""], Scaled], Scaled] | None = None
    """A different backward pass: what the step behind lag sends on to it, changed."""
    gradients: Any = None
    """A different update: an `optax.GradientTransformation`."""
    penalty: Callable[[Trajectory], Scalar] | None = None
    """A different loss: this is added to it, the mean over sequences."""
    project: Callable[[Any], Any] | None = None
    """A different place after each update: the cell's parameters, brought back to where they may be."""
    step: Callable[[Step, Key, Int[Array, ""]], Step] | None = None
    """A different step, in training only: of the step, a key of the sequence and the number of the step."""
    replaces: str = ""
    """`cell` or `init` if it puts its own in the place of what was there: two such cannot be combined."""


class Examples(NamedTuple):
    """Sequences with their targets, for a probe that asks what many of them say together."""

    xs: Any
    """Inputs (B, T, ...)."""
    targets: Any
    """What the loss compares with, a tree of arrays (B, ...)."""
    outputs: Any = None
    """A matrix (outputs, numbers in the readout) between readout and loss; None for the readout itself."""


class ProbeContext(NamedTuple):
    """What a probe is told beside `(step, params, state, xs)`."""

    objective: Objective
    recurrent: Callable[[Any], Any] | None
    """`params -> w_rec`: picks the recurrent weights (an array or a tree); None if there are none."""
    length: Int[Array, ""] | int
    """T: the steps to run; at most `len(xs)`, and possibly traced."""
    adjoint: Callable[[Int[Array, ""], Scaled], Scaled] | None = None
    """A remedy's backward pass, which the adjoint then goes through."""
    cell: Any = None
    """The cell whose step it is, for a probe that asks for its gates; None for a plain function."""
    beside: int = 1
    """Sequences that run side by side and share a device's memory."""
    readout: Callable[[Any], Any] | None = None
    """What a loss reads of a state, if that is not what the cell says."""
    examples: Examples | None = None
    """What the probe's file has drawn (`examples`), or somebody has given; None if there are none."""
    loss: Callable[[Any, Any], Any] | None = None
    """`(outputs (T, O), target) -> number`, of examples that somebody has given."""

    def read(self, state: Any) -> Any:
        """What a loss reads of a state: all of it, if nobody says otherwise."""
        if self.readout is not None:
            return self.readout(state)
        return state if self.cell is None else self.cell.readout(state)
