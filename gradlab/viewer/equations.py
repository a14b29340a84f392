"""Which cells the page can compute by itself: those whose equations `equations.js` holds."""

from gradlab.spelled import outside_brackets

MEANT: dict[str, dict[str, str]] = {
    "lstm": {
        "input_gate": "true",
        "forget_gate": "true",
        "output_gate": "true",
        "input_activation": "true",
        "output_activation": "true",
    },
    "gru": {"reset": "before"},
    "elman": {"activation": "tanh"},
}
"""By cell, the settings that its step reads, and what they are where nothing is said."""
_DRAWN = {"lstm": {"forget_bias", "chrono"}, "gru": {"chrono"}}
"""Settings that only the first weights depend on."""


def step(spec: str) -> dict[str, str] | None:
    """The step of a cell for the page: its name and its settings; None if the page does not know it.

    >>> step("gru(reset=after, chrono=20.0)"), step("lstm(full_gate_recurrence=true)")
    ({'step': 'gru', 'reset': 'after'}, None)
    """
    name, _, rest = spec.strip().partition("(")
    if name not in MEANT:
        return None
    pairs = [item.partition("=") for item in outside_brackets(rest.removesuffix(")")) if item]
    given = {key.strip(): value.strip() for key, _, value in pairs if key.strip() not in _DRAWN.get(name, ())}
    if not given.keys() <= MEANT[name].keys():
        return None
    return {"step": name} | MEANT[name] | given
