"""The state that every stored number has: a value, or the reason why there is none."""

STATES = ("ok", "exact_zero", "forward_nonfinite", "undefined")
OK, EXACT_ZERO, FORWARD_NONFINITE, UNDEFINED = range(4)
