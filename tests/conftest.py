"""One deterministic host: two CPU devices, float64 enabled, no silent promotion, nothing cached on disk."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
# Most of the time goes into compiling programs that run once: so LLVM takes its cheap passes only. Commands
# that a test starts as a process of their own are compiled as users have them.
os.environ["XLA_FLAGS"] = " ".join(
    (
        "--xla_force_host_platform_device_count=2",
        "--xla_cpu_multi_thread_eigen=false",
        "--xla_backend_optimization_level=0",
        "--xla_llvm_disable_expensive_passes=true",
    )
)
os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"

import jax
import pytest

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_compilation_cache", False)
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(20260101)


@pytest.fixture(autouse=True, scope="module")
def room():
    """Compiled programs go with the module that used them: thousands would exhaust the address space."""
    yield
    jax.clear_caches()
