"""A pytest plugin: hold a recurrent step to how far its gradient must reach, and to being the gradient.

The fixture `gradient_flow` measures any step function; `assert_horizon`, `assert_regime` and
`assert_gradients` fail with the finding as their message. Nothing heavy is imported before the first
measurement.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    import xarray

    from gradlab.findings.finding import Finding, Status
    from gradlab.gradcheck.verify import Verification
    from gradlab.studies.sweep.rows import PointRow


class Flow(NamedTuple):
    """How the gradient of one step function flows over one sequence."""

    norms: "xarray.Dataset"
    """All profiles, as `gradlab.measure` returns them."""
    T: int
    regime: str
    """`VANISH`, `STABLE`, `EXPLODE`, `NONFINITE` or `UNDEFINED`, by the numbers of this one network."""
    rate: float
    """Slope of log10 transport per step of lag."""
    numbers: dict[str, float]
    """Every other metric by name, and each is an attribute: `half_life`, `soft_horizon`, `hard_horizon` and
    `credit_horizon` in steps, infinite where that is beyond T; NaN where nothing is known, as of the credit
    horizon of unknown recurrent weights: give `w_rec=`."""
    sentence: str
    """All of it in words."""

    def __getattr__(self, name: str) -> float:
        if name not in self.numbers:
            raise AttributeError(f"no metric called {name}; there are {', '.join(self.numbers)}")
        return self.numbers[name]


def measured(step: Callable[..., Any], params: Any, state: Any, xs: Any, **settings: Any) -> Flow:
    """Measure a step function; arguments and errors are those of `gradlab.measure`."""
    from gradlab import measure
    from gradlab.studies.sweep import rows as sweep_rows
    from gradlab.studies.sweep import sentences

    norms = measure(step, params, state, xs, **settings)
    (group,) = sweep_rows.groups(norms)
    return Flow(
        norms,
        group.T,
        group.regime,
        float(group.rate),
        {name: _far(group, name) for name in group.values},
        sentence=sentences.verdict(norms),
    )


def _far(group: "PointRow", name: str) -> float:
    """A metric; infinite if all is measured and it does not happen within T, NaN if nothing is known."""
    from gradlab.metrics import named

    value = float(group.values[name])
    never = math.isnan(value) and group.regime != "NONFINITE" and named(name).undefined != "unknown"
    return math.inf if never else value


@pytest.fixture
def gradient_flow() -> Callable[..., Flow]:
    """The function `(step, params, state, xs, **settings) -> Flow` that measures a recurrent step."""
    return measured


def assert_horizon(
    step: Callable[..., Any], params: Any, state: Any, xs: Any, *, at_least: float = 50, **settings: Any
) -> None:
    """Fail unless the transport falls by less than 10^3 within `at_least` steps.

    Raises:
      AssertionError: if the soft horizon is shorter, the forward pass is not finite, or xs has fewer than
        `at_least` steps, which would show nothing.
      GradlabError: if `at_least` is no positive number, or the network cannot be measured.
    """
    __tracebackhide__ = True
    if not 0 < at_least < math.inf:
        from gradlab.errors import GradlabError

        raise GradlabError("at_least", f"is {at_least:g}; it must be a positive number of steps")
    flow = measured(step, params, state, xs, **settings)
    finding = _horizon(flow, at_least)
    if finding.status != "passed":
        raise AssertionError(finding.sentence)


def assert_regime(
    step: Callable[..., Any], params: Any, state: Any, xs: Any, regime: str = "STABLE", **settings: Any
) -> None:
    """Fail unless the gradient does what `regime` says: `VANISH`, `STABLE` or `EXPLODE`.

    The network is no sample, and is judged by its rate alone: `STABLE` within a factor 2 over the sequence.

    Raises:
      AssertionError: if it does something else.
      GradlabError: for a word that is no regime.
    """
    __tracebackhide__ = True
    from gradlab.studies.sweep.regimes import REGIMES

    if regime not in REGIMES:
        from gradlab.spelled import unknown

        raise unknown("regime", "regime", regime, REGIMES)
    flow = measured(step, params, state, xs, **settings)
    if flow.regime != regime:
        raise AssertionError(f"wanted {regime}: {flow.sentence}")


def assert_gradients(
    step: Callable[..., Any], params: Any, state: Any, xs: Any, **settings: Any
) -> "Verification":
    """Fail unless the gradient of a step is right, in float64, in every way that `gradlab.verify` compares.

    Lengths that are longer than `xs` are left out, unless `lengths` names them. All other settings and the
    result are those of `gradlab.verify`.

    Raises:
      AssertionError: with a line for each comparison that is wrong: where, by how much, and from which step.
      GradlabError: if there is nothing to differentiate, or nothing independent to compare with.
    """
    __tracebackhide__ = True
    import jax

    from gradlab.errors import GradlabError
    from gradlab.gradcheck.verify import LENGTHS, verify

    steps = min((len(leaf) for leaf in jax.tree.leaves(xs)), default=0)
    settings.setdefault("lengths", tuple(filter(lambda T: steps >= T, LENGTHS)) or (1,))
    found = verify(step, params, state, xs, **settings)
    if found.empty:
        raise GradlabError(
            "step", "neither forward mode nor differences could be compared; nothing was judged"
        )
    wrong = [check for check in found.checks if check.result == "WRONG"]
    if wrong:
        rows = [
            f"{one.name}, T = {one.T}: off by {one.error:.1e} (limit {one.limit:.1e}), {one.where}"
            for one in wrong
        ]
        raise AssertionError("\n".join(["the gradient of the step is wrong:", *rows]))
    return found


def _horizon(flow: Flow, at_least: float) -> "Finding":
    from gradlab.findings.finding import Finding
    from gradlab.states import BACKWARD_NONFINITE

    wanted = f"a soft horizon of at least {at_least:g} steps"
    status: Status
    if flow.regime == "NONFINITE":
        back = flow.norms.transport_state.values == BACKWARD_NONFINITE
        which = "derivative of a step" if back.any() else "forward pass"
        status, why = "failed", f"the {which} is not finite"
    elif flow.soft_horizon < at_least:
        status, why = "failed", f"the transport falls by 10^3 within {flow.soft_horizon:.3g} steps"
    elif math.isinf(flow.soft_horizon) and at_least > flow.T:
        status, why = "inconclusive", f"xs has only {flow.T} steps; give at least {at_least:g}"
    else:
        status, why = "passed", "the transport reaches that far"
    known = flow.soft_horizon if math.isfinite(flow.soft_horizon) else None
    sentence = f"wanted {wanted}, but {why}. {flow.sentence}"
    return Finding("soft_horizon", wanted, status, "soft_horizon", {"T": flow.T}, known, wanted, sentence)
