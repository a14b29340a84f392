"""The question that a run asks: its experiment's own, or what its grid amounts to."""

from gradlab.report.sources import Source
from gradlab.report.words import counted, listed, span
from gradlab.studies.neurons.results import Reading
from gradlab.studies.remedies.results import TrainingRun
from gradlab.studies.sweep.rows import given
from gradlab.studies.sweep.updates import trained


def question(source: Source) -> str:
    """What the run asked: its experiment's own words, or what its grid amounts to."""
    asked = source.about.get("question") or source.settings.get("question")
    if asked:
        return str(asked)
    run = source.run
    if isinstance(run, TrainingRun):
        task = source.settings.get("task", "the task")
        cell = source.settings.get("cell", "a plain cell")
        at = f"T = {span([float(T) for T in run.norms['T'].values])}"
        return f"Which remedy lets {cell} learn {task} at {at}, and what does each do to the gradient?"
    if isinstance(run, Reading):
        cells = listed([one["cell"] for one in run.cells])
        return f"Which units of {cells} keep what in mind while they read {run.about['source']}?"
    lengths = span([float(T) for T in run.norms["T"].values])
    if updates := trained(run.norms):
        networks = listed(list(dict.fromkeys(network for network, _ in updates.values())))
        return f"What becomes of the gradient of {networks} while it trains, at T = {lengths}?"
    cells = listed([str(cell) for cell in run.norms["cell"].values])
    if given(run.norms):
        steps = counted(int(run.norms["T"].max()), "step")
        return f"How far back does the gradient of {cells} reach over {steps}?"
    gains = [float(w) for w in run.norms["w_rec"].values]
    over = f"w_rec = {span(gains)}" if len(gains) < 2 else f"w_rec from {span([min(gains), max(gains)])}"
    over = over.replace(" and ", " to ") if len(gains) > 1 else over
    return (
        f"Where do the gradients of {cells} vanish, and where do they explode, at {over} and T = {lengths}?"
    )
