"""Character models as other people keep them: torch's names, with and without an embedding."""

import numpy as np

GATES = {"lstm": 4, "gru": 3, "rnn": 1}


def weights(arch, symbols, *, units=4, embedding=0, scale=0.6, dtype=np.float64, seed=0):
    """Drawn weights of a recurrent layer `rnn`, a head `fc` and perhaps an embedding `emb`."""
    rng, K = np.random.default_rng(seed), GATES[arch]
    forms = {
        "rnn.weight_ih_l0": (K * units, embedding or symbols),
        "rnn.weight_hh_l0": (K * units, units),
        "rnn.bias_ih_l0": (K * units,),
        "rnn.bias_hh_l0": (K * units,),
        "fc.weight": (symbols, units),
        "fc.bias": (symbols,),
    }
    forms |= {"emb.weight": (symbols, embedding)} if embedding else {}
    return {name: scale * rng.normal(size=form).astype(dtype) for name, form in forms.items()}
