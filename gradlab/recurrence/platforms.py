"""Facts of the platform that decide in which form a program loops; none of them is a matter of the grid.

A CPU runs a loop of any length well, so that one program serves every T. A GPU that does not know how often
a loop runs asks its host at every step, and a step costs it the start of each kernel, whatever that does:
there T is a fact of the program, several steps are written out one after the other, and what does not wait
for its neighbour is done for many steps at once.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax

from gradlab.runtime import LEVEL, cores

STEPS = 8
"""Steps of a loop that are written out one after the other on a GPU."""

LAUNCH = 2**24
"""Multiplications of a step up to which a GPU is sooner done with them than with starting a kernel: counted
from an H200's rate and 5 us, not measured."""


def on_cpu() -> bool:
    """Whether programs run on a CPU; everything else is taken for a GPU."""
    return jax.default_backend() == "cpu"


def devices() -> int:
    """How many compute side by side: the cores of a CPU, or the cards."""
    return cores() if on_cpu() else jax.local_device_count()


def fixed(length: Any) -> bool:
    """Whether this length is a fact of the program, by which its loops may be shaped."""
    return isinstance(length, int) and not on_cpu()


def fact(length: int) -> int | None:
    """The length itself where it is a fact of programs, None where it is an argument of them."""
    return None if on_cpu() else length


def options(*, training: bool = False) -> dict[str, Any]:
    """What XLA is told with a program; nothing of what `XLA_FLAGS` says already.

    On a CPU training is a fifth faster with wide vectors, which LLVM avoids by itself. On a GPU XLA would try
    out kernels while it compiles, and may take others, which round otherwise, the next time; of those that it
    takes untried, its own products are slower than the library's.
    """
    if on_cpu():
        told = {"xla_cpu_prefer_vector_width": 512} if training else {}
        return told if LEVEL in os.environ.get("XLA_FLAGS", "") else told | {LEVEL: 1}
    return {"xla_gpu_autotune_level": 0, "xla_gpu_enable_triton_gemm": False}


def host() -> AbstractContextManager[Any]:
    """Where small loops of any length and LAPACK belong: on the processor, whatever else there is."""
    return nullcontext() if on_cpu() else jax.default_device(jax.local_devices(backend="cpu")[0])
