"""Parameters of flax and equinox from a file or a folder of orbax, either of which may come from anybody."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gradlab.errors import Exit, GradlabError, shown, size
from gradlab.foreign.pytorch import files
from gradlab.foreign.pytorch.known import finite
from gradlab.recurrence.trees import has_gradient, supported

Tree = Any
METADATA = "_METADATA"
"""The file that an orbax checkpoint of a tree has."""
LISTED = 6


def names(tree: Tree) -> dict[str, Any]:
    """The leaves of a tree of parameters that have a gradient, by path.

    >>> list(names({"hr": {"kernel": np.ones(2), "use": True}}))
    ['hr/kernel']
    """
    named = jax.tree_util.tree_leaves_with_path(tree)
    return {_name(path): leaf for path, leaf in named if has_gradient(leaf)}


def _name(path: Any) -> str:
    # flax's nnx has a leaf `value` below each of its parameters.
    return str(jax.tree_util.keystr(path, simple=True, separator="/").removesuffix("/value"))


def read(path: Path) -> dict[str, NDArray[Any]]:
    """The floating-point arrays that a `.npz` or `.safetensors` file, or a folder of orbax, holds, by path.

    Raises:
      GradlabError: for what is missing, too large, no such file, or holds pickled objects, which are never
        read; for a number that is not finite; and where orbax is not installed.
    """
    found = _orbax(path) if path.is_dir() else _file(path)
    return {re.sub(r"[./]+", "/", name).removesuffix("/value"): values for name, values in found.items()}


def _file(path: Path) -> dict[str, NDArray[Any]]:
    if not path.suffix and not path.exists():
        raise GradlabError(str(path), "no such file or folder")
    if path.suffix.lower() not in (".npz", ".safetensors"):
        what = "is no file of parameters; .npz, .safetensors and a folder of orbax are read"
        raise GradlabError(str(path), what)
    return files.read(path)


def _orbax(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a checkpoint; its size is known from what it says of itself before any is read."""
    try:
        import orbax.checkpoint as ocp
    except ImportError as error:
        what = "is a folder, and reading one needs orbax-checkpoint, which is not here; flax brings it"
        raise GradlabError(str(path), what, Exit.ENVIRONMENT) from error
    home = next((place for place in (path, path / "default") if (place / METADATA).is_file()), None)
    if home is None:
        what = "is no checkpoint of orbax; name the folder that holds _METADATA, or a step's"
        raise GradlabError(str(path), what)
    _require_plain(home)
    try:
        reader = ocp.PyTreeCheckpointer()
        said = reader.metadata(home.absolute()).item_metadata.tree
        _require_room(path, said)
        how = jax.tree.map(lambda leaf: ocp.RestoreArgs(restore_type=np.ndarray), said)
        found = reader.restore(home.absolute(), restore_args=how)
    except GradlabError:
        raise
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        raise GradlabError(
            str(path), f"cannot be read by orbax: {shown(first, 100)}; save it again"
        ) from error
    return files.checked(
        str(path), {_name(key): leaf for key, leaf in jax.tree_util.tree_leaves_with_path(found)}
    )


def _require_plain(folder: Path) -> None:
    """Refuse links and what is no regular file, and more bytes than are read."""
    total = 0
    for root, inner, outer in os.walk(folder):
        for name in (*inner, *outer):
            place = Path(root, name)
            if place.is_symlink() or not (place.is_dir() or place.is_file()):
                raise GradlabError(
                    str(place), "is a link or no regular file; a checkpoint holds its own files"
                )
        total += sum(Path(root, name).stat().st_size for name in outer)
    if total > files.MOST:
        raise GradlabError(str(folder), f"holds {size(total)}; at most {size(files.MOST)} are read")


def _require_room(path: Path, said: Tree) -> None:
    unpacked = 0
    for key, leaf in jax.tree_util.tree_leaves_with_path(said):
        name = jax.tree_util.keystr(key, simple=True, separator="/")
        if not re.fullmatch(r"[^/\\.]+(/[^/\\.]+)*", name):
            raise GradlabError(
                str(path), f"has an array called {shown(name)}, which is no path of a parameter"
            )
        shape = getattr(leaf, "shape", None) or ()
        unpacked += int(np.prod(shape, dtype=object)) * 16
    if unpacked > 2 * files.MOST:
        raise GradlabError(
            str(path), f"says that it holds {size(unpacked)}; at most {size(files.MOST)} are read"
        )


def fitted(where: str, tree: Tree, weights: Mapping[str, NDArray[Any]]) -> Tree:
    """A tree of parameters with the numbers of a file, which may hold them below a folder of its own.

    Raises:
      GradlabError: for names that are missing or too many there, for other shapes, and for
        precisions that are not measured.
    """
    wanted = names(tree)
    begin = _beginning(where, list(wanted), weights)
    extra = [name for name in weights if name.startswith(begin) and name[len(begin) :] not in wanted]
    if extra:
        raise GradlabError(where, f"holds {_listed(extra)} as well, which the module has not")
    leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
    made = []
    for path, leaf in leaves:
        if not has_gradient(leaf):
            made.append(leaf)
            continue
        name = _name(path)
        value = weights[begin + name]
        if value.shape != leaf.shape:
            what = f"has shape {value.shape}; the module's is {tuple(leaf.shape)}"
            raise GradlabError(f"{where}: {shown(name)}", what)
        supported(f"{where}: {shown(name)}", value.dtype)
        finite(f"{where}: {shown(name)}", value)
        made.append(jnp.asarray(value))
    return jax.tree.unflatten(structure, made)


def _beginning(where: str, wanted: list[str], weights: Mapping[str, Any]) -> str:
    """What the names of a file begin with before those of the parameters."""
    ends = {name[: -len(wanted[0])] for name in weights if f"/{name}".endswith(f"/{wanted[0]}")}
    whole = [begin for begin in sorted(ends) if all(begin + name in weights for name in wanted)]
    if "" in whole or len(whole) == 1:
        return "" if "" in whole else whole[0]
    if whole:
        raise GradlabError(where, f"has such parameters at {_listed(whole)}; save those of one module")
    begin = min(ends, default="", key=lambda one: sum(one + name not in weights for name in wanted))
    missing = [name for name in wanted if begin + name not in weights]
    raise GradlabError(where, f"lacks {_listed(missing)} of the module; it holds {_listed(list(weights))}")


def _listed(some: list[str]) -> str:
    more = f" and {len(some) - LISTED} more" if len(some) > LISTED else ""
    return ", ".join(shown(name) for name in some[:LISTED]) + more
