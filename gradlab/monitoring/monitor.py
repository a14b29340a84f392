"""`gradlab.Monitor`: called from somebody's own training loop, which it never ends."""

import inspect
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import jax

from gradlab import runtime
from gradlab.errors import GradlabError, MonitorWarning
from gradlab.escaping import plain
from gradlab.logs import keep
from gradlab.logs.live import Live
from gradlab.monitoring import batch, keeping, looks, numbers, origin, settings, words
from gradlab.monitoring.budget import Budget
from gradlab.monitoring.looks import Call, How, Look

if TYPE_CHECKING:
    from gradlab.studies.sweep.results import Run

Tree = Any
Kind = Literal["horizon", "clip", "finite", "batch", "clip alone", "steps", "stopped", "log"]
"""What is said once each."""


class Monitor:
    """Watch the gradients of a network while it trains, from the loop that trains it.

    Each look measures the network of that moment, as `gradlab.measure` does, on sequences of the batch that
    it is given, and writes all looks to the folder as one run, which `gradlab show`, `report`, `check` and
    `diff` read at any time. A `gradlab.MonitorWarning` says once, in words, that the horizon is below what is
    needed, that clipping hides an explosion, and where the first number was born that is not finite. Whatever
    fails within ends the watching, with one such warning, and never the training.

    Args:
      folder: where the run is kept; new, unless `force` says that a run there may be replaced.
      every: updates between two looks, at least. The interval grows so that all together costs less than
        `share`.
      clip: the norm at which the training clips its gradient. That is compared with `grads`, with what a
        module of torch holds in `.grad`, or with the mean gradient of `loss` over the batch.
      needs: steps that the gradient has to reach back: the lag at which the transport has fallen by 10^3, or
        beyond which it is exactly zero, must not be less.
      sequences: how many sequences of a batch a look measures, drawn by seed and update.
      share: of the time since the first call, what looking may take; with 1 nothing ever waits.
      force: replace the run in the folder.
      log: tensorboard, mlflow or wandb-offline: it is told of each look as it is kept, in a folder `logs`
        beside `folder`, each number at the step of its update, and of verdict, table and figures by
        `close()`, which a `with` block calls; nothing is sent.
      objective, loss, readout, w_rec, seed, probe, arch, activation: as `gradlab.measure` takes them.
      clock: seconds, for tests of the interval.

    Raises:
      GradlabError: before the training, for settings that make no sense and a folder that cannot be used.

    Example:
      >>> import gradlab, jax, jax.numpy as jnp, tempfile
      >>> step, xs = lambda w, h, x: jnp.tanh(w * h + x), jnp.ones((4, 9, 1))
      >>> monitor = Monitor(tempfile.mkdtemp() + "/mine", every=1, sequences=1, share=1)
      >>> for update in range(2):
      ...     monitor(step, jnp.float32(0.5 + update), jnp.zeros(1), xs)
      >>> monitor.run.norms["update"].values.tolist()
      [0, 1]
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        every: int = 100,
        clip: float | int | None = None,
        needs: float | int | None = None,
        sequences: int = 3,
        share: float | int = 0.05,
        force: bool = False,
        log: keep.Log | None = None,
        objective: Literal["unit", "last", "every"] = "unit",
        loss: Callable[[Any, Any], Any] | None = None,
        readout: Callable[[Any], Any] | None = None,
        w_rec: Callable[[Any], Any] | None = None,
        seed: int = 0,
        probe: str | Sequence[str] = (),
        arch: str | None = None,
        activation: str | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        counts = {"every": (every, 1), "sequences": (sequences, 1), "seed": (seed, 0)}
        settings.require(counts, {"clip": clip, "needs": needs}, share)
        keep.require(log, Path(folder), "log")
        runtime.configure()
        self.folder = Path(folder).absolute()
        self.run: Run | None = None
        """All looks so far, as `gradlab.load` reads them from the folder; None before the first."""
        self.every, self.clip, self.needs, self.sequences = every, clip, needs, sequences
        self._live = Live(log, self.folder)
        self._how = How(objective, loss, readout, w_rec, seed, probe, arch, activation)
        self._budget = Budget(share, clock)
        self._looks: list[Look] = []
        self._said: dict[Kind, str] = {}
        self._shape = (0, 0)
        """Sequences and steps of every look."""
        self._before: Call | None = None
        """The last call of a step of JAX, whose arrays nobody changes."""
        self._fine = -1
        """The last update at which all was finite."""
        self._next = 0
        keeping.require_free(self.folder, force)

    def __call__(
        self,
        step: Any,
        params: Tree = None,
        state: Tree = None,
        batch: Tree = None,
        *,
        targets: Tree = (),
        grads: Tree = None,
        update: int | None = None,
    ) -> None:
        """One update of the training: its step, parameters, initial state, and a batch of arrays (B, T, ...).

        Of torch it is `monitor(module, batch)`, best between `backward()` and the optimiser's step: the
        gradients are then found in the module.

        Args:
          step: `(params, state, x) -> state`, a module of torch, or weights of a layer by name (`arch`).
          params: the parameters of a step; of the others the batch comes in their place.
          state: the initial state of one sequence.
          batch: sequences, batch first.
          targets: what the loss compares with, an entry (or a row of T) for each sequence.
          grads: the gradient that the training has worked out, before it is clipped.
          update: its number; counted from 0 where it is left out.
        """
        if "stopped" in self._said:
            return
        given, start = (params, state) if batch is None else (batch, state)
        number = self._budget.calls if update is None else update
        try:
            self._called(Call(number, step, params, start, given, targets, grads))
        except MonitorWarning:
            # A filter of the user's makes an error of it: then it is to end the training.
            raise
        except Exception as error:
            self._warn("stopped", f"update {number}: {_told(error)}; nothing is looked at any more")

    def close(self) -> None:
        """Draw the figures of the run, and tell its tracker of the end.

        The run itself is always written already, and its tracker told of all looks. After it nothing more is
        told.
        """
        if self.run is not None:
            from gradlab.plots import _default

            try:
                _default.draw(self.run, self.folder)
            except Exception as error:
                self._warn("stopped", f"the figures are not drawn: {_told(error)}")
            for look in self._looks:
                # Where the training was interrupted while its last look was told.
                self._tell(look, self.run)
            self._warn("log", self._live.finish(self.run))

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _called(self, call: Call) -> None:
        self._budget.called()
        before, self._before = self._before, call if call.is_jax else None
        if self._budget.allows("glance"):
            with self._budget.timed("glance"):
                broken = self._glance(call)
            if broken and "finite" not in self._said:
                with self._budget.timed("search"):
                    self._find(call, before, broken)
            if broken:
                return
        if call.update < self._next or not self._budget.allows("look"):
            return
        # What the training has begun is not counted as time of the look.
        jax.block_until_ready(call.params if call.is_jax else ())  # type: ignore[no-untyped-call]
        if not self._measurable(call):
            return
        with self._budget.timed("look"):
            if not numbers.not_finite("params", numbers.params_of(call.step, call.params)):
                self._look(call)
        self._next = call.update + self.every

    def _glance(self, call: Call) -> str:
        """The first leaf of parameters or gradients that is not finite; empty if all are."""
        params, grads = numbers.params_of(call.step, call.params), numbers.grads_of(call.step, call.grads)
        broken = numbers.not_finite("params", params) or numbers.not_finite("grads", grads)
        if not broken:
            self._fine = call.update
        return broken

    def _measurable(self, call: Call) -> bool:
        """Whether a batch has the form of the first; others are left out, which is said once."""
        many, steps = call.shape
        if not self._looks:
            self._shape = min(many, self.sequences), steps
            if self.needs is not None and steps < self.needs:
                self._warn("steps", f"needs = {self.needs:g} cannot be seen: sequences have {steps} steps")
        if steps != self._shape[1] or many < self._shape[0]:
            of = f"{self._shape[0]} sequences of {self._shape[1]} steps"
            what = f"has {many} of {steps}; batches that hold {of} are looked at, as the first one did"
            self._warn("batch", f"update {call.update}: the batch {what}")
            return False
        return True

    def _look(self, call: Call) -> None:
        found = looks.look(call, looks.drawn(call, self._shape[0], self._how.seed), self._how)
        if self.needs is not None and "horizon" not in self._said:
            before = self._looks[0] if self._looks else None
            self._warn("horizon", words.short(found, self.needs, before))
        if self.clip is not None and "clip" not in self._said:
            self._clipped(call, found, self.clip)
        self._keep(found)

    def _clipped(self, call: Call, found: Look, clip: float | int) -> None:
        grads = numbers.grads_of(call.step, call.grads)
        if grads is not None:
            norm = numbers.norm(grads)
        elif call.is_jax and self._how.loss is not None:
            norm = batch.gradients(call, self._how).norm
        else:
            what = f"clip = {clip:g} is compared with nothing: no gradient is known; pass grads, or a loss"
            self._warn("clip alone", what)
            return
        self._warn("clip", words.hidden(found, norm, clip))

    def _find(self, call: Call, before: Call | None, broken: str) -> None:
        """Say where the first number was born that is not finite, and keep a look at it."""
        fine = f" (all was finite at update {self._fine})" if self._fine >= 0 else ""
        said = f"update {call.update}: {broken} is not finite{fine}"
        if not call.is_jax and broken.startswith("params"):
            said = f"{said}; called between backward() and the optimiser's step, the monitor finds where"
        for one in origin.suspects(call, before, broken):
            try:
                sequence = origin.sequence(one, self._how)
                if sequence is None:
                    continue
                many = self._shape[0] or min(one.shape[0], self.sequences)
                found = looks.look(one, looks.drawn(one, many, self._how.seed, [sequence]), self._how)
                self._warn("finite", words.lost(one, found, sequence, broken))
                if self._measurable(one):
                    self._keep(found)
                return
            except MonitorWarning:
                raise
            except Exception as error:
                said = f"{said}; where it was born could not be measured: {_told(error)}"
        self._warn("finite", said)

    def _keep(self, found: Look) -> None:
        others = [look for look in self._looks if look.update != found.update]
        self._looks = keeping.thinned(sorted([*others, found], key=lambda look: look.update))
        self.run = keeping.run(self._looks, list(self._said.values()), self._how.seed)
        keeping.write(self.folder, self.run)
        self._tell(found, self.run)

    def _tell(self, found: Look, run: "Run") -> None:
        """Tell the tracker of a look, once; the time that this takes is the look's."""
        alone = lambda: keeping.run([found], [], self._how.seed)
        self._warn("log", self._live.look(found.update, alone, run))

    def _warn(self, kind: Kind, said: str) -> None:
        """Say something once."""
        if not said or kind in self._said:
            return
        self._said[kind] = said
        warnings.warn(said, MonitorWarning, stacklevel=_level())


def _level() -> int:
    """How many calls above its caller the user's own line is: behind the last that is in this file."""
    found, level, frame = 1, 1, inspect.currentframe()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
        found = level if frame.f_code.co_filename == __file__ else found
        level += 1
    return found + 1


def _told(error: Exception) -> str:
    """The first line of an error, as one line for a terminal."""
    kind = "" if isinstance(error, GradlabError) else f"{type(error).__name__}: "
    return plain(f"{kind}{(str(error).splitlines() or [''])[0]}")[:300]
