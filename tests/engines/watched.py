"""Loaded by a worker of Dask (`--preload`): it says what groups it computes, and what it compiles."""

import functools
import sys

COUNTED = "/jax/core/compile/backend_compile_duration"


def dask_setup(worker):
    """What Dask calls when the worker starts."""
    from gradlab.engines import work

    compiled, compute = [], work.compute

    def listen(event, seconds, **_):
        if event == COUNTED:
            compiled.append(event)

    @functools.cache
    def listening():
        # The command's first call sets up JAX, and after that it is there.
        import jax

        jax.monitoring.register_event_duration_secs_listener(listen)

    def watched(asked, group, stored):
        listening()
        before = len(compiled)
        result = compute(asked, group, stored)
        sys.stdout.write(f"watched: {group.label} {group.T} {len(compiled) - before}\n")
        sys.stdout.flush()
        return result

    work.compute = watched


def groups(lines):
    """What a worker has said: the label and the T of each group, and the programs compiled for it."""
    words = [line.split()[1:] for line in lines if line.startswith("watched: ")]
    return [(label, int(T), int(programs)) for label, T, programs in words]
