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
        "auto_device": runtime.choice(),
        **_rates(),
    }


def _rates() -> dict[str, str]:
    """How fast one device multiplies and copies: what bounds every other speed."""
    products, copies, n = rates()
    return {
        "products": f"{products / 1e9:.0f} GFLOP/s of one device, float32, {n} x {n}",
        "copies": f"{copies / 1e9:.1f} GB/s of one device, read and written",
    }


def rates() -> tuple[float, float, int]:
    """Operations/s in products and bytes/s in copies, of one device, and the size of the matrices."""
    import time

    import jax
    import jax.numpy as jnp

    n, numbers = (1024, 2**24) if jax.default_backend() == "cpu" else (8192, 2**28)
    passes = 16  # a single one would mostly wait for new memory

    def fastest(function: Any, of: Any) -> float:
        function(of).block_until_ready()
        tries = []
        for _ in range(3):
            start = time.perf_counter()
            function(of).block_until_ready()
            tries.append(time.perf_counter() - start)
        return min(tries)

    multiplied = fastest(jax.jit(lambda x: x @ x), jnp.ones((n, n), jnp.float32))
    copies = jax.jit(lambda x: jax.lax.fori_loop(0, passes, lambda _, x: x + 1, x))
    copied = fastest(copies, jnp.ones(numbers, jnp.float32))
    return 2 * n**3 / multiplied, passes * 2 * 4 * numbers / copied, n
