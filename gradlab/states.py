"""The state that every stored number has: a value, or the reason why there is none."""

STATES = (
    "ok",
    "exact_zero",
    "forward_nonfinite",
    "undefined",
    "below_precision",
    "backward_nonfinite",
    "not_computed",
)
"""In the order of their stored codes.

ok                    there is a value
exact_zero            zero by definition of the derivative: relu below 0, a mask, stop_gradient, truncation
forward_nonfinite     the forward pass is NaN or infinite, so there is no derivative
undefined             there is nothing to measure, such as a lag beyond the sequence
below_precision       zero by rounding or underflow: the true value is not zero
backward_nonfinite    the forward pass is finite, and its derivative NaN or infinite
not_computed          there is a value: rounding hides it, or it was not computed to the promised error
"""
(
    OK,
    EXACT_ZERO,
    FORWARD_NONFINITE,
    UNDEFINED,
    BELOW_PRECISION,
    BACKWARD_NONFINITE,
    NOT_COMPUTED,
) = range(len(STATES))

REASONS = {
    "ok": OK,
    "rescaled": OK,
    "cut": EXACT_ZERO,
    "unused": EXACT_ZERO,
    "flat": NOT_COMPUTED,
    "rounded": BELOW_PRECISION,
    "unknown": NOT_COMPUTED,
    "nonfinite": BACKWARD_NONFINITE,
    "undefined": UNDEFINED,
}
"""Why `gradlab.reach` gives a norm or none, in the order of their stored codes, each with its state.

Where it cannot be told why a gradient is zero, it may be a zero of rounding.
"""
