"""Where the first number was born that is not finite: in which call of the training, in which sequence."""

from gradlab.monitoring import batch, looks, words
from gradlab.monitoring.looks import Call, How
from gradlab.studies.sweep import single


def suspects(call: Call, before: Call | None, broken: str) -> list[Call]:
    """The calls that may have done it, at which a leaf `broken` was seen: this one or the one before."""
    if broken.startswith("grads"):
        return [call]
    if before is None:
        return []
    # Called before its update a training passes the batch that did it one call earlier.
    return [before, before._replace(batch=call.batch, targets=call.targets)]


def sequence(call: Call, how: How) -> int | None:
    """The first sequence of the batch with a gradient that is not finite."""
    if call.is_jax:
        return next(iter(batch.gradients(call, how).lost), None)
    with single.of_one_network():
        lost = (i for i in range(call.shape[0]) if words.is_lost(looks.measured(call, i, how)))
        return next(lost, None)
