"""What was computed, as digests of programs: equal code has equal ones, wherever it stands."""

import contextlib
import functools
import hashlib
import importlib.util
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab import registry, specs
from gradlab.errors import GradlabError
from gradlab.recurrence.trees import merged, split
from gradlab.runs import documents

Code = dict[str, str]
"""Digests by what they are of."""
SOURCE, UNSEEN, DEVICES = "source", "unseen", "devices"
"""In a code: the digest of gradlab's own files, what no digest sees, and how many devices there were."""
FACTS = SOURCE, UNSEEN, DEVICES
"""What of a code is no digest of something computed."""
_PACKED = "code"
_CALLBACK = re.compile(r"custom_call @\w*callback")


@functools.cache
def source() -> str:
    """The digest of the package's own files: while it is the same, so is all that gradlab computes itself.

    The files of members that other packages bring are among them.
    """
    found = hashlib.sha256()
    for module in sorted(name for kind in registry.KINDS for name in registry.installed(kind).values()):
        with contextlib.suppress(ImportError, OSError):
            home = importlib.util.find_spec(module)
            if home is not None and home.origin is not None:
                found.update(module.encode() + b"\n" + Path(home.origin).read_bytes())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(path.relative_to(Path(__file__).parent).as_posix().encode() + b"\n" + path.read_bytes())
    return found.hexdigest()


def digest(lowered: Any) -> Code:
    """Of a lowered program: its text without locations, the constants in it included.

    A callback into Python is an address, another one in every process: it is left out, and said to be unseen.
    """
    lines = lowered.as_text().splitlines()
    calls = [i for i, line in enumerate(lines) if _CALLBACK.search(line)]
    for i in calls:
        lines[i] = re.sub(r"\d{3,}", "#", lines[i])
    found = {"program": of_text("\n".join(lines))}
    return found | ({UNSEEN: "callbacks into Python"} if calls else {})


def of_cell(cell: Any, sizes: tuple[int, int], precision: str, whole: bool = True) -> Code:
    """Of what a cell computes and states: init, step with its vjp, readout and others, at sizes (D, N).

    The vjp tells `stop_gradient` and derivatives of one's own from the plain step. Without `whole` as runs
    have it that do not name their devices: arguments that are not used leave no trace in a program.
    """
    lower = functools.partial(jax.jit, keep_unused=whole)
    normal = lambda key, n: jax.random.normal(key, (n, n), float)
    init = lambda key, w_rec: cell.init(key, *sizes, w_rec, normal)
    with jax.enable_x64(True):
        given = jax.eval_shape(lambda: (jax.random.key(0), jnp.zeros((), float)))
        params, state = jax.eval_shape(init, *given)
        found = {"init": lower(init).lower(*given)}
    own = lambda leaf: leaf.update(dtype=np.dtype(precision)) if _is_real(leaf) else leaf
    params, state = jax.tree.map(own, (params, state))
    x: Any = jax.ShapeDtypeStruct((sizes[0],), np.dtype(precision))  # type: ignore[no-untyped-call]

    def step(params: Any, state: Any, x: Any, back: Any) -> Any:
        (weights, fixed), (numbers, others) = split(params), split(state)

        def one(weights: Any, numbers: Any) -> Any:
            return split(cell.step(merged(weights, fixed), merged(numbers, others), x))[0]

        _, pull = jax.vjp(one, weights, numbers)
        return cell.step(params, state, x), pull(back)

    with jax.enable_x64(precision == "float64"):
        found["step"] = lower(step).lower(params, state, x, split(state)[0])
        found["readout"] = lower(cell.readout).lower(state)
        found["choice of recurrent weights"] = lower(cell.recurrent).lower(params)
    stated: dict[str, Any] = {
        "choice of fixed parameters": sorted(map(str, cell.fixed)),
        "use of w_rec": bool(cell.has_gain),
    }
    if cell.rescales:
        stated["rescaled state"] = True
    return named({what: digest(lowered) for what, lowered in found.items()}) | {
        what: of_text(repr(said)) for what, said in stated.items()
    }


def named(parts: Mapping[str, Code]) -> Code:
    """The digests of several programs in one code."""
    unseen = sorted(f"{what}: {code[UNSEEN]}" for what, code in parts.items() if UNSEEN in code)
    found = {what: code["program"] for what, code in parts.items()} | {SOURCE: source()}
    return found | ({UNSEEN: ", ".join(unseen)} if unseen else {})


def of_arrays(given: Any) -> str:
    """Of arrays and tensors: a network's weights; or what it is given beside them, its sequence."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(given):
        is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        leaf = jax.random.key_data(leaf) if is_key else leaf
        array = _of_tensor(leaf.detach().cpu()) if hasattr(leaf, "detach") else np.asarray(leaf)
        found.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return found.hexdigest()[:32]


def _of_tensor(tensor: Any) -> Any:
    """A tensor of torch as an array; of what numpy has no form of its own, such as bfloat16, jax has one."""
    kind = str(tensor.dtype).removeprefix("torch.")
    wider = kind.startswith(("bfloat", "float8"))
    return np.asarray(tensor.float().numpy(), jnp.dtype(kind)) if wider else np.asarray(tensor)


def of_text(text: str) -> str:
    """Of what is written down rather than computed."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def joined(*codes: Code) -> Code:
    """Codes of the same thing in one."""
    unseen = ", ".join(dict.fromkeys(code[UNSEEN] for code in codes if UNSEEN in code))
    found = {what: digest for code in codes for what, digest in code.items()}
    return found | ({UNSEEN: unseen} if unseen else {})


def brought(*spelled: str, kinds: Collection[str] = tuple(registry.KINDS)) -> bool:
    """Whether any of these spellings names, at whatever place, what does not come with gradlab.

    The module of such a member may import others, and a file that a setting names may be edited: no digest of
    gradlab's files knows.
    """
    named = {name for text in spelled for name in re.findall(r"\w+(?=\s*\()", text)}
    return any(registry.is_foreign(kind, text) for text in spelled for kind in kinds) or any(
        specs.paths(name)[1] for name in named
    )


def together(codes: Iterable[Code | None]) -> Code | None:
    """Of shards of one thing what they say in all; None if one of them says nothing."""
    some = list(codes)
    known = [code for code in some if code is not None]
    return joined(*known) if len(known) == len(some) else None


def here() -> Code:
    """How many devices there are: programs that share out work among them are others on another number."""
    return {DEVICES: str(len(jax.devices()))}


def _elsewhere(code: Mapping[str, str]) -> int | None:
    """On how many devices a code was written down, if that is another number than there are here."""
    text = code.get(DEVICES, "")
    known = re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII) is not None and text != here()[DEVICES]
    return int(text) if known else None


def _both(before: Mapping[str, str], now: Mapping[str, str]) -> set[str]:
    return {*before.keys() & now.keys()}.difference(FACTS)


def changed(before: Mapping[str, str], now: Mapping[str, str], but: Collection[str] = ()) -> list[str]:
    """What differs, in words, of the digests that both have."""
    return sorted(what for what in _both(before, now).difference(but) if before[what] != now[what])


def altered(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What of a code, all of it and gradlab's own files, is another now or was not there, in words."""
    names = {SOURCE: "state of gradlab's files"}
    wanted = {*now}.difference((UNSEEN, DEVICES))
    return sorted(names.get(what, what) for what in wanted if before.get(what) != now[what])


def require(
    entries: Any,
    own: Callable[[str, Code], Code],
    program: Callable[[str, Code], Code],
    where: str,
    wanted: Mapping[str, Collection[str]],
    spread: Callable[[str, int], Collection[str]],
) -> None:
    """Refuse to take what other code has computed for what this code would.

    `entries` are the codes of a run by what was measured, cells or arms; `wanted` tells for each of these
    which digests show that what the user has brought for it is as it was, none if nothing is. Of one and its
    code before, `own` are the digests of what was brought, `program` those of what gradlab computes with it,
    asked for if gradlab's files are others than they were, or if nothing of `own` has changed by itself;
    `spread(one, devices)` are those that are others on so many devices, whatever the code: they are left out.

    Raises:
      GradlabError: with one line that says what has changed, or that nothing is known.
    """
    for one, shown in wanted.items():
        before = entries.get(one) if isinstance(entries, dict) else None
        if not isinstance(before, dict):
            why = "was measured before digests of the code were kept"
        elif before.get(SOURCE) == source() and not shown:
            continue
        else:
            count = _elsewhere(before)
            others = () if count is None else spread(one, count)
            now = own(one, before)
            if before.get(SOURCE) != source() or not changed(before, now, others):
                now = now | program(one, before)
            different = changed(before, now, others)
            same = _both(before, now).difference(others)
            if different:
                why = f"was measured with other code: another {' and '.join(different)} of {one}"
            elif others and (before.get(SOURCE) != source() or not same.issuperset(shown)):
                why = f"was measured on {_devices(count)}, here {'is' if here()[DEVICES] == '1' else 'are'} "
                why += f"{here()[DEVICES]}: whether {one} is still computed so can only be seen on as many"
            elif same:
                continue
            else:
                why = f"does not say with what code {one} was measured"
        raise GradlabError("--name", f"{where} {why}; --force measures anew")


def _devices(count: int | None) -> str:
    return "1 device" if count == 1 else f"{count} devices"


def packed(code: Code) -> dict[str, Any]:
    """As an array, to be stored beside what it has computed."""
    return {_PACKED: np.frombuffer(json.dumps(code, sort_keys=True).encode(), np.int8)}


def unpacked(arrays: Mapping[str, Any]) -> Code | None:
    """The code that was packed beside arrays; None if there is none that can be read."""
    if _PACKED not in arrays:
        return None
    try:
        found = documents.record(arrays[_PACKED].tobytes())
    except ValueError:
        return None
    return {what: str(digest) for what, digest in found.items()}


def without(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays alone."""
    return {name: array for name, array in arrays.items() if name != _PACKED}


def _is_real(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))
