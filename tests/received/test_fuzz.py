"""Mutated run folders through every reader: none a bug, none hanging, none that writes elsewhere."""

import faulthandler
import json
import random
import shutil

import h5py
import numpy as np
import pytest

from gradlab.errors import Exit
from tests.cli.calling import contents, gradlab
from tests.received import made
from tests.tiers import few

SECONDS = 60
"""That a command may take before the process is ended, with its stack."""
ALLOWED = {Exit.OK, Exit.FAILED, Exit.USAGE, Exit.PARTIAL, Exit.INCONCLUSIVE, Exit.RESOURCES}
SWEPT = [
    ("show", "RUN"),
    ("show", "RUN", "--json"),
    ("check", "RUN", "--junit", "OUT/x.xml"),
    ("diff", "RUN", "GOOD"),
    ("diff", "GOOD", "RUN", "--json"),
    ("baseline", "create", "RUN", "-o", "OUT/x.json", "--force"),
    ("export", "RUN", "--to", "csv", "-o", "OUT/x.csv"),
    ("export", "RUN", "--to", "netcdf", "-o", "OUT/x.nc"),
    ("export", "RUN", "--to", "openmetrics", "-o", "OUT/x.txt"),
    ("run", "RUN/run.json", "--dry-run"),
]
TRAINED = [("show", "RUN"), ("show", "RUN", "--json"), ("check", "RUN"), ("run", "RUN/run.json", "--dry-run")]
READ = [
    *TRAINED,
    ("neurons", "RUN", "--terminal", "--unit", "1"),
    ("baseline", "create", "RUN", "-o", "OUT/x.json", "--force"),
]
WALKED = {"sweep": SWEPT, "measure": SWEPT, "reached": SWEPT, "remedies": TRAINED, "neurons": READ}
DRAWN = {
    "sweep": [("plot", "RUN", "profile", "-o", "OUT/x.svg"), ("report", "RUN", "-o", "OUT/x.html")],
    "measure": [("plot", "RUN", "profile", "-o", "OUT/x.svg"), ("report", "RUN", "-o", "OUT/x.html")],
    "reached": [("plot", "RUN", "profile", "-o", "OUT/x.svg"), ("report", "RUN", "-o", "OUT/x.html")],
    "remedies": [("plot", "RUN", "solved", "-o", "OUT/x.svg"), ("report", "RUN", "-o", "OUT/x.html")],
    "neurons": [
        ("plot", "RUN", "detectors", "-o", "OUT/x.svg"),
        ("report", "RUN", "-o", "OUT/x.html"),
        ("neurons", "RUN", "--terminal", "--gradient", "--at", "60"),
        ("lesson", "7", "--reading", "RUN", "-o", "OUT/l.html"),
    ],
}
VALUES = [
    *(None, True, [], {}, "", "x", "a\0b", "\x1b[31m", "\u202e", "=1+1", "../../x", "x" * 5000),
    *(-1, 0, 0.5, -0.0, 2**62, 10**19, 10**400, 1e308, float("nan"), float("inf")),
    *([[]], {"": {}}, [None], ["x", "x"], [1, "1"]),
]  # fmt: skip
CELLS = [
    *("", "nan", "inf", "-inf", "1e999", "0x1", "1_0", "-1", "0", "1.0", "9" * 20),
    *("ok", "fine", "'=1", "\0", "\x1b[31m", "\u0661", "x" * 5000, '"', "a\tb", "state", "elman", " "),
]  # fmt: skip


def bytes_(rng, place):
    """Flipped, cut or repeated bytes of one file."""
    file = place / rng.choice(sorted(path.name for path in place.iterdir()))
    content = bytearray(file.read_bytes())
    kind = rng.choice(["flip", "flip", "cut", "repeat", "zero"])
    at = rng.randrange(len(content))
    if kind == "flip":
        for _ in range(rng.choice([1, 2, 8, 64])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del content[at:]
    elif kind == "repeat":
        content[at:at] = content[at : at + rng.randrange(2000)]
    else:
        content[at : at + 16] = bytes(16)
    file.write_bytes(content)


def value(rng, place):
    """Another value, or none, somewhere in a JSON document."""
    file = place / rng.choice(sorted(path.name for path in place.glob("*.json")))
    whole = json.loads(file.read_text())
    places = []
    waiting = [whole]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one))
        places += [(one, key) for key in keys]
        waiting += [one[key] for key in keys if isinstance(one[key], dict | list)]
    one, key = rng.choice(places)
    kind = rng.randrange(8)
    if kind == 0:
        del one[key]
    elif kind == 1 and isinstance(one, dict):
        one[str(rng.choice(VALUES))] = one.pop(key)
    else:
        one[key] = rng.choice(VALUES)
    file.write_text(json.dumps(whole))


def cell(rng, place):
    """Another cell of a table, or another order of its lines."""
    name = rng.choice([path.name for path in sorted(place.glob("*.csv"))])
    lines = (place / name).read_text().splitlines()
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(8)
    if kind == 0:
        del lines[i]
    elif kind == 1:
        lines.insert(i, lines[j])
    elif kind == 2:
        lines[i], lines[j] = lines[j], lines[i]
    else:
        cells = lines[i].split(",")
        cells[rng.randrange(len(cells))] = rng.choice(CELLS)
        lines[i] = ",".join(cells)
    (place / name).write_text("\n".join(lines) + "\n", newline="")


def array(rng, place):
    """Another array, attribute or value in the profiles."""
    with h5py.File(next(place.glob("*.nc")), "r+") as file:
        name = rng.choice(sorted(file))
        data = file[name]
        kind = rng.randrange(6)
        if kind == 0:
            del file[name]
        elif kind == 1:
            other = rng.choice(sorted(file))
            del file[name]
            if other in file:
                file[name] = file[other]
        elif kind == 2:
            kept, shape = dict(data.attrs), [max(0, n + rng.choice([-1, 0, 1])) for n in data.shape]
            del file[name]
            new = file.create_dataset(name, shape, rng.choice(["f8", "i1", "i4", "f4", h5py.string_dtype()]))
            for key in ("_Netcdf4Coordinates", "_Netcdf4Dimid"):
                new.attrs[key] = kept[key]
        elif kind == 3:
            key = rng.choice([*sorted(data.attrs), "units", "_FillValue", "scale_factor"])
            data.attrs[key] = rng.choice(["x", "days since 1970-01-01", 5, np.zeros(7), np.nan, "\x1b", b"x"])
        elif kind == 4 and data.dtype.kind in "fi":
            at = tuple(rng.randrange(n) for n in data.shape)
            numbers = {"f": [np.nan, np.inf, -np.inf, 1e308, 0.0], "i": [-1, 1, 6, 7, 99]}
            with np.errstate(over="ignore"):
                data[at] = rng.choice(numbers[data.dtype.kind])
        elif data.dtype.kind == "O":
            data[rng.randrange(len(data))] = rng.choice(["", "x", "\x1b", "state", "lstm", "x" * 20_000])


def mutated(rng, place):
    mutate = rng.choice([bytes_, value, cell, array, value])
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        try:
            mutate(rng, place)
        except (ValueError, OSError, KeyError, TypeError, RuntimeError, IndexError, UnicodeError):
            break  # what it was given is broken already
    try:
        return made.sealed(place)
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return place  # there are no digests left to seal, or names that are none


def through_every_reader(kept, base, seed, drawn):
    """One mutated folder; it is left as it was, and only what a reader was told to write appears."""
    rng = random.Random(seed)
    kind = rng.choice(["sweep", "sweep", "remedies", "measure", "reached", "neurons"])
    place, out = base / str(seed) / "run", base / str(seed) / "out"
    out.mkdir(parents=True)
    mutated(rng, shutil.copytree(kept[kind], place))
    before = contents(place)
    good = str(kept["sweep"])
    for words in [*WALKED[kind], *(DRAWN[kind] if drawn else ())]:
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        told = [
            word.replace("RUN", str(place)).replace("OUT", str(out)).replace("GOOD", good) for word in words
        ]
        said = gradlab(*told)
        faulthandler.cancel_dump_traceback_later()
        assert said.code in ALLOWED, (seed, words, said)
        assert "Traceback" not in said.err, (seed, words, said)
        # Of a settings file all faults are told, a line each.
        if said.code == Exit.USAGE and "--json" not in words and words[0] != "run":
            assert (said.out, said.err[:7], said.err.count("\n")) == ("", "error: ", 1), (seed, words, said)
    assert contents(place) == before, seed
    assert {path.name for path in (base / str(seed)).iterdir()} == {"run", "out"}, seed
    shutil.rmtree(base / str(seed))


@pytest.mark.slow
def test_forty_mutated_folders_end_in_no_bug_and_write_nothing(kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in range(40):
        through_every_reader(kept, tmp_path, seed, drawn=seed % 20 == 0)
    assert list(tmp_path.iterdir()) == []


MANY = [range(50), range(50, 250), range(250, 550)]


@pytest.mark.parametrize("seeds", few(MANY, MANY[:1], MANY[1:2]), ids=len)
@pytest.mark.slow
def test_a_mutated_baseline_is_no_bug_either(kept, tmp_path, seeds):
    run, file = str(kept["sweep"]), tmp_path / "base" / "b.json"
    assert gradlab("baseline", "create", run, "-o", file).code == 0
    content, ends = file.read_bytes(), set()
    for seed in seeds:
        file.write_bytes(content)
        rng = random.Random(seed)
        rng.choice([bytes_, value, value])(rng, file.parent)
        mutated = file.read_bytes()
        for words in (("check", run, "--baseline", file), ("baseline", "show", file)):
            said = gradlab(*words)
            assert said.code in ALLOWED, (seed, words, said)
            ends.add(said.code)
        assert file.read_bytes() == mutated
    assert {Exit.OK, Exit.USAGE} <= ends


@pytest.mark.parametrize("tenth", few(range(10), (), ()))
def test_five_hundred(kept, tmp_path, monkeypatch, tenth):
    monkeypatch.chdir(tmp_path)
    for seed in range(1000 + 50 * tenth, 1050 + 50 * tenth):
        through_every_reader(kept, tmp_path, seed, drawn=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("part", range(50))
def test_five_thousand(kept, tmp_path, monkeypatch, part):
    monkeypatch.chdir(tmp_path)
    for seed in range(10_000 + 100 * part, 10_100 + 100 * part):
        through_every_reader(kept, tmp_path, seed, drawn=True)
    assert list(tmp_path.iterdir()) == []
