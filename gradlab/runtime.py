"""Devices, cores, precision and compile cache: everything that is set before the first `import jax`.

On a CPU every core becomes one XLA device with one thread: a sweep's networks are shared out among the
devices, which is faster than letting each small matrix product use all cores.
"""

import functools
import hashlib
import importlib.util
import os
import platform
import sys
from pathlib import Path
from typing import Any

import platformdirs

from gradlab import memory
from gradlab.errors import Exit, GradlabError, shown


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_configured: list[str] = []
"""The devices that this process was set up for: a command is, and so is what it calls."""


LEVEL = "xla_backend_optimization_level"
"""How far XLA optimises: 1 on a CPU, where 3, its own choice, takes longer to compile and runs no faster."""


def configure(device: str = "auto") -> None:
    """Set up JAX for a command of gradlab; a no-op for what the user has set in the environment.

    Does nothing when jax is already imported: a library does not change its host's settings.
    """
    if "jax" in sys.modules:
        if memory.is_own() and not _configured:
            raise RuntimeError("jax was imported before it was set up")
        return
    _configured.append(device)
    if device != "auto":
        # Weights and inputs are drawn on a CPU everywhere, so that all devices measure the same networks.
        os.environ["JAX_PLATFORMS"] = device if device == "cpu" else f"{device},cpu"
    flags = os.environ.get("XLA_FLAGS", "")
    for word in flags.split():
        # XLA itself would end the process without a word of ours.
        if word.startswith("-") and not word.startswith("--xla_"):
            raise GradlabError(
                "XLA_FLAGS", f"{shown(word)} is no flag of XLA; take it out of the environment"
            )
    _tell_xla("xla_force_host_platform_device_count", str(cores()))
    _tell_xla("xla_cpu_multi_thread_eigen", "false")
    if device == "cpu" or not has_gpu():
        _tell_xla(LEVEL, "1")
    os.environ.setdefault("JAX_ENABLE_X64", "true")
    os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = "highest"
    os.environ["JAX_THREEFRY_PARTITIONABLE"] = "true"
    cache = compile_cache()
    if cache is not None:
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def _tell_xla(name: str, value: str) -> None:
    """Set a flag that the user has not set."""
    flags = os.environ.get("XLA_FLAGS", "")
    if name not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --{name}={value}".strip()


LARGE = 1e13
"""Multiplications from which on a GPU is taken for worth its start; a rough bound, 240 default sweeps."""


def has_gpu() -> bool:
    """Whether there is a card that JAX could use; it is not started."""
    plugin = any(importlib.util.find_spec(f"jax_cuda{version}_plugin") for version in (12, 13))
    return plugin and any(Path("/dev", name).exists() for name in ("nvidiactl", "nvidia0", "dxg"))


def pick(device: str, work: float) -> None:
    """Choose where `--device auto` computes: on a GPU if there is one and the work, multiplications, pays.

    To be called before the first device is used. What `JAX_PLATFORMS` says goes first.
    """
    if device != "auto" or "JAX_PLATFORMS" in os.environ or not has_gpu():
        return
    import jax

    jax.config.update("jax_platforms", "cuda,cpu" if work >= LARGE else "cpu")  # type: ignore[no-untyped-call]
    if work < LARGE:
        _tell_xla(LEVEL, "1")


def card_bytes() -> int | None:
    """Memory that is free on a card, if one computes; None where a processor does."""
    if not has_gpu():
        return None
    import jax

    if jax.default_backend() == "cpu":
        return None
    told = jax.local_devices()[0].memory_stats() or {}
    return told["bytes_limit"] - told.get("bytes_in_use", 0) if "bytes_limit" in told else None


def choice() -> str:
    """What `--device auto` picks here, in words."""
    if "JAX_PLATFORMS" in os.environ:
        return f"{os.environ['JAX_PLATFORMS'].partition(',')[0]}, as JAX_PLATFORMS says"
    return f"cpu; cuda from {LARGE:.0e} multiplications on" if has_gpu() else "cpu: no GPU that JAX could use"


def versions() -> dict[str, str]:
    """What a run's bytes depend on: programs, machine, device and random numbers. Imports jax."""
    import jax

    from gradlab import __version__

    config, device = jax.config.values, jax.devices()[0]
    partitionable = config["jax_threefry_partitionable"]
    return programs() | {
        "gradlab": __version__,
        "processor": _rounding(),
        "device": f"{device.platform} {device.device_kind}",
        "matmul_precision": str(config["jax_default_matmul_precision"]),
        "random": f"{config['jax_default_prng_impl']}, {'' if partitionable else 'not '}partitionable",
    }


@functools.cache
def programs() -> dict[str, str]:
    """Versions of what this process has loaded: read once, for every group is marked with them."""
    from importlib import metadata

    return {name: metadata.version(name) for name in ("jax", "jaxlib", "numpy")}


def compile_cache() -> Path | None:
    """The private folder of compiled programs, one per kind of machine; None when it is off or unusable.

    `GRADLAB_COMPILE_CACHE=off` switches it off.
    """
    if os.environ.get("GRADLAB_COMPILE_CACHE", "").lower() in ("off", "0", "false"):
        return None
    machine = hashlib.sha256(f"{platform.machine()} {cpu_model()} {cpu_flags()}".encode()).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("gradlab")) / "jax" / machine
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder if os.access(folder, os.W_OK) and folder.stat().st_uid == os.getuid() else None
    except OSError:
        return None


def _cpuinfo(field: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")


def cpu_model() -> str:
    """The processor's name."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _rounding() -> str:
    """The processor's name, and whose kernels numpy's BLAS and LAPACK were told to take in its place."""
    told = os.environ.get("OPENBLAS_CORETYPE")
    return f"{cpu_model()} with OPENBLAS_CORETYPE={told}" if told else cpu_model()


def cpu_flags() -> str:
    """The processor's instruction sets: compiled programs are not shared between different ones."""
    return _cpuinfo("flags")


def facts() -> dict[str, Any]:
    """What the numbers of a run depend on, for `run.json` and `gradlab doctor`. Imports jax."""
    from importlib import metadata

    import jax
    import numpy

    import gradlab

    config = jax.config.values
    return {
        "gradlab": gradlab.__version__,
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": metadata.version("jaxlib"),
        "numpy": numpy.__version__,
        "platform": jax.default_backend(),
        "devices": len(jax.devices()),
        "device_kind": jax.devices()[0].device_kind,
        "cpu": _rounding(),
        "cores": cores(),
        "matmul_precision": str(config["jax_default_matmul_precision"]),
        "threefry_partitionable": bool(config["jax_threefry_partitionable"]),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def require_device(device: str) -> None:
    """Fail with exit 6 when the device asked for is not there; never a silent change to another."""
    import jax

    try:
        # By its name: the processor, which is there beside it, would be taken in its place.
        jax.devices(None if device == "auto" else device)
    except (RuntimeError, AssertionError) as error:
        first = str(error).partition("\n")[0] or "no such device here"
        raise GradlabError("--device", f"{device}: {first}; try --device cpu", Exit.ENVIRONMENT) from error
