"""`gradlab doctor`: what the numbers and the speed depend on."""

from typing import Any

from gradlab import schemas
from gradlab.cli import _options, _output


def command(as_json: _options.AsJson = False) -> int:
    """Show versions, devices, cores, precision and compile cache, and test them."""
    from gradlab import runtime

    runtime.configure()
    runtime.require_device("auto")
    facts = runtime.facts() | _tested()
    if as_json:
        head = {"schema": schemas.newest("doctor"), "status": "ok", "exit_code": 0}
        _output.say_json(head | {"data": facts}, 1)
        return 0
    for key, value in facts.items():
        _output.say(f"{key.replace('_', ' '):<22} {value}")
    return 0


def _tested() -> dict[str, Any]:
    """Facts that are measured rather than read."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from gradlab import memory, runtime
    from gradlab.errors import size

    config = jax.config.values
    exact = 1 + 2**-12 + 2**-20  # kept by float32, lost by TF32 and bfloat16
    product = jax.jit(jnp.matmul)(jnp.full((8, 8), exact, jnp.float32), jnp.eye(8, dtype=jnp.float32))
    kept = bool(np.all(np.asarray(product) == np.float32(exact)))
    cache = runtime.compile_cache()
    programs = (
        len([path for path in cache.iterdir() if path.is_file() and path.suffix != ".lock"]) if cache else 0
    )
    return {
        "float32_products": "exact" if kept else "REDUCED: a faster, coarser format is in use",
        "float64": "on" if config["jax_enable_x64"] else "off",
        "compile_cache": f"{cache} ({programs} files)" if cache else "off",
        "memory_available": size(memory.available_bytes()),
    }
