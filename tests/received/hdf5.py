"""Ways in which a `norms.nc` is no plain file of plain arrays, each with the array it names and its words."""

import os

import h5py
import numpy as np

SECRET = b"the bytes of another file " * 4000


def attributes(data):
    """What netCDF writes beside an array, so that a new one can stand in its place."""
    return {
        key: data.attrs[key] for key in ("_Netcdf4Coordinates", "_Netcdf4Dimid", "units") if key in data.attrs
    }


def replaced(name="transport", **how):
    """The array `name` made anew, of its own shape and type unless told otherwise."""

    def change(file, place):
        old, kept = file[name], attributes(file[name])
        shape, dtype = old.shape, old.dtype
        del file[name]
        options = {key: value(place) if callable(value) else value for key, value in how.items()}
        options = {"shape": shape, "dtype": dtype} | options
        new = file.create_dataset(name, **options)
        for key, value in kept.items():
            new.attrs[key] = value

    return change


def outside(place):
    (place.parent / "secret").write_bytes(SECRET)
    return [(str(place.parent / "secret"), 0, h5py.h5f.UNLIMITED)]


def pipe(place):
    os.mkfifo(place.parent / "pipe")
    return [(str(place.parent / "pipe"), 0, h5py.h5f.UNLIMITED)]


def virtual(file, place):
    shape, kept = file["transport"].shape, attributes(file["transport"])
    with h5py.File(place.parent / "other.h5", "w") as other:
        other["x"] = np.zeros(shape)
    layout = h5py.VirtualLayout(shape, np.float64)
    layout[...] = h5py.VirtualSource(str(place.parent / "other.h5"), "x", shape)
    del file["transport"]
    new = file.create_virtual_dataset("transport", layout)
    for key, value in kept.items():
        new.attrs[key] = value


def linked(kind):
    def change(file, place):
        del file["transport"]
        file["transport"] = kind(place)

    return change


def looped(file, place):
    del file["transport"]
    file["transport"] = file["/"]


def grouped(file, place):
    del file["transport"]
    file.create_group("transport/transport")


def attribute(name, value, of="transport"):
    def change(file, place):
        (file[of] if of else file).attrs[name] = value(file) if callable(value) else value

    return change


def values(name, change):
    def changed(file, place):
        whole = file[name][...]
        change(whole)
        file[name][...] = whole

    return changed


def put(at, value):
    return lambda whole: whole.__setitem__(at, value)


def removed(name):
    return lambda file, place: file.__delitem__(name)


def added(file, place):
    new = file.create_dataset("more", data=np.zeros(file["transport"].shape))
    for key, value in attributes(file["transport"]).items():
        new.attrs[key] = value


def many(file, place):
    for i in range(2000):
        file[f"a{i}"] = 0.0


FIRST = (0,) * 7
HUGE = {"shape": (2, 1, 2, 2, 2, 3, 10**8), "chunks": (1, 1, 1, 1, 1, 1, 10**6), "compression": 1}
EXTERNAL = linked(lambda place: h5py.ExternalLink("/etc/passwd", "/"))
TWISTED = np.array([0, 1, 2, 3, 4, 6, 5], "i4")
REFERENCE = attribute("more", lambda file: file["lag"].ref)
KINDS = {
    "external": (replaced(external=outside), "transport", "lies outside of the file"),
    "a pipe": (replaced(external=pipe), "transport", "lies outside of the file"),
    "virtual": (virtual, "transport", "is made of other arrays"),
    "a soft link": (linked(lambda place: h5py.SoftLink("/adjoint")), "transport", "is a link"),
    "a link to itself": (linked(lambda place: h5py.SoftLink("/transport")), "transport", "is a link"),
    "an external link": (EXTERNAL, "transport", "is a link"),
    "a loop": (looped, "transport", "is no array"),
    "a group": (grouped, "transport", "is no array"),
    "compound": (replaced(dtype=[("a", "f8"), ("b", "i4")]), "transport", "is of a type"),
    "references": (replaced(dtype=h5py.ref_dtype), "transport", "is of a type"),
    "variable lengths": (replaced(dtype=h5py.vlen_dtype(np.float64)), "transport", "is of a type"),
    "an enumeration": (replaced(dtype=h5py.enum_dtype({"a": 1})), "transport", "is of a type"),
    "opaque": (replaced(dtype="V8"), "transport", "is of a type"),
    "big-endian": (replaced(dtype=">f8"), "transport", "is of a type"),
    "text for numbers": (replaced(dtype=h5py.string_dtype()), "transport", "is text by"),
    "float32": (replaced(dtype="f4"), "transport", "is float32 by"),
    "whole numbers": (replaced(dtype="i8"), "transport", "is int64 by"),
    "huge": (replaced(**HUGE), "transport", "has the shape"),
    "nothing stored": (replaced(chunks=(1, 1, 1, 1, 1, 1, 7), compression=1), "transport", "not in the file"),
    "compact": (None, "transport", "lies outside of the file"),
    "lzf": (replaced(chunks=True, compression="lzf"), "transport", "is packed otherwise"),
    "scaled": (replaced(dtype="i8", chunks=True, scaleoffset=4), "transport", "is packed otherwise"),
    "other axes": (attribute("_Netcdf4Coordinates", TWISTED), "transport", "axes"),
    "a missing axis": (removed("lag"), "adjoint", "not that of its axes"),
    "a missing array": (removed("transport"), "transport", "is missing"),
    "an array more": (added, "more", "is nothing that a sweep holds"),
    "thousands": (many, "", "more than 1000 arrays"),
    "a long attribute": (attribute("units", "x" * 60_000), "transport", "no plain text"),
    "escapes": (attribute("units", "\x1b[31m"), "transport", "no plain text"),
    "an attribute of references": (REFERENCE, "transport", "of a type that no run"),
    "an array in an attribute": (attribute("more", np.zeros(1000)), "transport", "that no run has"),
    "another cell": (values("cell", put(0, b"other")), "cell", "'other'"),
    "another gain": (values("w_rec", put(0, 7.0)), "w_rec", "has 7.0"),
    "a gain that is NaN": (values("w_rec", put(0, np.nan)), "w_rec", "has nan"),
    "another lag": (values("lag", put(3, 9)), "lag", "has 9"),
    "no state": (values("transport_state", put(FIRST, 9)), "transport_state", "no state"),
    "a negative state": (values("transport_state", put(FIRST, -1)), "transport_state", "no state"),
    "infinite": (values("transport", put(FIRST, np.inf)), "transport", "without a state"),
    "beyond reach": (values("transport", put(FIRST, 1e308)), "transport", "that no sequence"),
    "NaN and ok": (values("transport", put(FIRST, np.nan)), "transport", "without a state"),
    "a part twice": (values("part", put(1, b"state")), "part", "twice"),
    "a step beyond T": (values("nonfinite_step", put((0,) * 5, 99)), "nonfinite_step", "no sequence has"),
}  # fmt: skip


def compact(file, place):
    data, kept = file["transport"][...], attributes(file["transport"])
    del file["transport"]
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(data.shape)
    new = h5py.Dataset(h5py.h5d.create(file.id, b"transport", h5py.h5t.IEEE_F64LE, space, dcpl=plan))
    new[...] = data
    for key, value in kept.items():
        new.attrs[key] = value


KINDS["compact"] = (compact, *KINDS["compact"][1:])
