"""The table of a report on cells on text."""

from gradlab.report.table import Column, Table, entry, text
from gradlab.studies.neurons.results import Reading
from gradlab.studies.neurons.rows import detectors


def of_detectors(run: Reading) -> Table:
    """The best unit of each label of each cell."""
    columns = (
        Column("cell", numeric=False),
        Column("label", numeric=False),
        Column("unit", numeric=False),
        Column("score", "2 AUC - 1, or rank correlation for a count"),
        Column(
            "shifted", "what the best of all units exceeds at 5 % of the shifts of the label round the text"
        ),
        Column("not trained", "the best of all units of three networks that were not trained"),
        Column("random", "the best of as many random directions as there are units"),
        Column("above", "above all three, in the text and in either half of it", numeric=False),
        Column("half-life", "steps in which the carry gate halves the unit"),
        Column("inside", "change of bits per character inside the label with the unit held at its mean"),
        Column("outside", "the same outside of the label"),
        Column("use", "whether the network is shown to use it inside the label", numeric=False),
    )
    made = []
    for row in detectors(run):
        words = [text(row.cell), text(row.label), text(row.unit)]
        numbers = [entry(one) for one in (row.score, row.shifted, row.untrained, row.random)]
        more = [entry(one) for one in (row.half_life, row.inside, row.outside)]
        made.append([*words, *numbers, text("yes" if row.above else "no"), *more, text(row.used)])
    return Table("detectors", "The best unit of each label", columns, made)
