"""What of a look is the compiling of its programs, which later looks of the same training find."""

import functools

import jax

_EVENT = "/jax/core/compile/backend_compile_duration"
_seconds = 0.0


def seconds() -> float:
    """What JAX has compiled for in this process, counted from the first call on."""
    _listen()
    return _seconds


@functools.cache
def _listen() -> None:
    jax.monitoring.register_event_duration_secs_listener(_add)


def _add(event: str, duration_secs: float, **kwargs: str | int) -> None:
    global _seconds
    if event == _EVENT:
        _seconds += duration_secs
