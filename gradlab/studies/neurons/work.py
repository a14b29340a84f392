"""What there is to do in a reading: its pieces by name, and what is checked before anything is trained."""

from collections.abc import Iterable
from typing import Any

from gradlab import runtime
from gradlab.errors import GradlabError
from gradlab.studies.neurons import corpus, labels, own_labels, python_labels
from gradlab.studies.neurons.labels import Label
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies.networks import Setting

TIMING, SCORING = "timing an update", "scoring units"
LEAST_SCORED = 500
"""Characters of held-out text."""


def piece(spec: str, stage: str) -> str:
    """The name of a stage of a cell among all that is done."""
    return f"{spec}: {stage}"


def check(asked: Neurons, text: corpus.Text) -> None:
    """Refuse, before anything is trained, labels that are none, and too little text for the batch."""
    names = [one.partition("=")[0].strip() for one in asked.label]
    known = {*labels.PLAIN, *labels.PROSE, *python_labels.MEANINGS}
    for i, name in enumerate(names):
        if name in known or name in names[:i]:
            raise GradlabError("--label", f"{name} is a label already; choose another name")
    for one in asked.label:
        own_labels.check(*one.partition("=")[::2])
    if asked.weights:
        return
    count = sum(piece.end - piece.start for piece in text.parts["train"])
    if count < 2 * (asked.T + 1):
        raise GradlabError(
            "-T", f"{asked.T} is too long for {count} characters to train on; choose a shorter one"
        )


TAKEN = ("top", "place", "probability", "bits", "influence", "bias_out")
"""What a run calls other arrays of a cell; those that begin with one of `BEGINNINGS` are others, too."""
BEGINNINGS = ("start_", "weight_", "gate_")


def check_names(spec: str, leaves: Iterable[str], gates: Iterable[str]) -> None:
    """Refuse a cell whose units could not be told apart by their names.

    >>> check_names("lstm", ("h", "c"), ("i", "f", "o"))
    """
    gates = list(gates)
    for leaf in leaves:
        if leaf in gates:
            what = f"the state and the gates of {spec} both have a {leaf}; give one of them another name"
            raise GradlabError("--cell", what)
        if leaf in TAKEN or leaf.startswith(BEGINNINGS):
            what = f"the state of {spec} has a {leaf}, as a run calls something else; give it another name"
            raise GradlabError("--cell", what)


def labelled(asked: Neurons, text: corpus.Text) -> list[Label]:
    """The labels of the scored text that say anything of it."""
    most = min(asked.scored, len(text.part("test")))
    if most < LEAST_SCORED:
        raise GradlabError(
            "TEXT", f"leaves {most} characters to score on; at least {LEAST_SCORED}: give more"
        )
    found = [one for one in labels.of_part(text, "test", asked.label, most) if one.values.std() > 0]
    if not found:
        raise GradlabError("TEXT", "has no place on which any label says anything; give another")
    return found


def of_program(asked: Neurons, setting: Setting) -> dict[str, Any]:
    """What decides which programs a cell needs."""
    return {
        "study": "neurons",
        "cell": str(setting.cell),
        "units": setting.hidden,
        "symbols": setting.task.symbols,
        "T": asked.T,
        "batch": asked.batch,
        "devices": runtime.cores(),
        # Of weights from a file nothing of a training is compiled.
        **({"given": True} if asked.weights else {}),
    }
