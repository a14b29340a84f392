"""What is drawn for a sweep, and what is said of it."""

from gradlab import registry
from gradlab.studies.sweep import drawing
from gradlab.studies.sweep.settings import Sweep


def test_what_a_start_has_found_for_a_cell_is_said():
    """At the sweep's own size, whatever else is in the grid; other initialisers have nothing to say."""
    asked = Sweep(
        cell=("elman", "elman(activation=identity)"),
        init=("gaussian", "critical(steps=20)"),
        hidden=16,
        T=(5,),
    )
    found = drawing.starts(asked)
    assert list(found) == list(asked.cell)
    assert list(found["elman"]) == ["critical(steps=20)"]
    made = registry.make("initializers", "critical(steps=20)")
    fitted = made.for_cell(registry.make("cells", "elman"), asked.input_std, asked.inputs, 16)
    assert found["elman"]["critical(steps=20)"] == str(fitted)
    assert drawing.starts(Sweep(init=("gaussian",))) == {}
