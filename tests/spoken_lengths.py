"""What is said of the largest T that each arm learns, and of the work until half of its seeds did."""

import math
import re

import numpy as np

from tests.spoken import NUM, is_printed, one_of


def curves(rows):
    """By w_rec and arm, its rows from the shortest T to the longest."""
    found = {}
    for row in rows.values():
        found.setdefault(row.w, {}).setdefault(row.arm, []).append(row)
    return {
        w: {arm: sorted(some, key=lambda row: row.T) for arm, some in by.items()} for w, by in found.items()
    }


def reach(some):
    """The T learned in a row from the shortest on, and the first that is not."""
    learns = [row.solved >= row.n / 2 for row in some]
    k = next((k for k, fine in enumerate(learns) if not fine), len(some))
    return (some[k - 1].T if k else None), (some[k].T if k < len(some) else None)


def hold_learned(text, lines, rows):
    """A sentence for each w_rec, most learned first; and the same as a table with its intervals."""
    by = curves(rows)
    if len({row.T for row in rows.values()}) < 2:
        assert (text, lines) == ("", [])
        return
    assert lines[0] == "Largest T that half of the seeds learn"
    assert max(map(len, lines)) <= 80
    sentences = text.split(". ") if len(by) > 1 else [text.removesuffix(".")]
    left = lines[1:]
    for (w, arms), sentence in zip(by.items(), sentences, strict=True):
        where = f" at w_rec = {w:g}" if len(by) > 1 else ""
        head, _, told = sentence.removesuffix(".").partition(": ")
        assert head == f"Largest T that half of the seeds learn{where}"
        known = {}
        for arm, some in arms.items():
            up_to, fails = reach(some)
            known[arm] = f"not even {fails}" if up_to is None else f"{up_to} (not {fails})"
            known[arm] = known[arm] if fails else f"{up_to}, the longest tried"
        assert sorted(f"{arm} {said}" for arm, said in known.items()) == sorted(_clauses(told, arms))
        order = [reach(arms[re.match(one_of(arms), clause)[0]])[0] or 0 for clause in _clauses(told, arms)]
        assert order == sorted(order, reverse=True)
        assert left.pop(0).startswith(f"w_rec = {w:g} " if len(by) > 1 else " ")
        for some in arms.values():
            _hold_line(left.pop(0), some)
    again = [
        (row.arm, row.w, row.T)
        for arms in by.values()
        for some in arms.values()
        for row in some
        if (fails := reach(some)[1]) and fails < row.T and row.solved >= row.n / 2
    ]
    rest = " ".join(left)
    assert rest.count("all the same") == len({one[:2] for one in again})
    assert all(f"{arm}" in rest and f"{T}" in rest for arm, _, T in again)


def _clauses(told, arms):
    starts = sorted(m.start() for arm in arms for m in re.finditer(rf"(?:^|(?<=, )){re.escape(arm)} ", told))
    return [told[a:b].removesuffix(", ") for a, b in zip(starts, [*starts[1:], None], strict=True)]


def _hold_line(line, some):
    up_to, fails = reach(some)
    name, learned, not_at, interval, before = re.fullmatch(
        r"(.{23}) +(<?\d+) +(\d+|-) +(\d+ to \d+|from \d+|below \d+|not known) +(>?\d+)", line
    ).groups()
    assert name.strip() == some[0].arm or name.endswith("...")
    assert learned == (str(up_to) if up_to else f"<{some[0].T}")
    assert not_at == str(fails or "-")
    least = most = None
    for row in some:
        if not row.share.low > 0.5:
            break
        least = row.T
    for row in reversed(some):
        if not row.share.high < 0.5:
            break
        most = row.T
    wanted = {
        (False, False): "not known",
        (True, False): f"from {least}",
        (False, True): f"below {most}",
        (True, True): f"{least} to {most}",
    }
    assert interval == wanted[least is not None, most is not None]
    horizon = some[-1].horizons[0]
    assert before == f">{some[-1].T}" if math.isinf(horizon) else is_printed(before, horizon)


def hold_spent(text, run, rows):
    """The work of each arm at each place, least first, from the table and the counts of `run.json`."""
    costs = run.about.get("costs", {})
    places = list(dict.fromkeys((row.T, row.w) for row in rows.values()))
    wanted = {}
    for row in rows.values():
        table = run.table
        at = table[(table["arm"] == row.arm) & (table["T"] == row.T) & (table["w_rec"] == row.w)]["solved_at"]
        when = np.sort(np.where(at > 0, at, np.inf))[math.ceil(row.n / 2) - 1]
        cost = costs.get(f"{row.arm} at T = {row.T}", {}).get("multiply_adds")
        if np.isfinite(when) and cost is not None:
            wanted.setdefault((row.T, row.w), []).append((when * cost, row.arm, when))
    if not wanted or len({row.arm for row in rows.values()}) == 1 or len(places) > 4:
        assert text == ""
        return
    arms = {row.arm for row in rows.values()}
    head = "Multiply-adds until half of the seeds had solved it: "
    assert text.startswith(head)
    for said, (place, some) in zip(text[len(head) : -1].split("; "), _ordered(wanted, places), strict=True):
        where, found = re.match(r"((?:T = \d+(?:, w_rec = [\d.]+)?|w_rec = [\d.]+): )?(.*)", said).groups()
        assert (where is None) == (len(places) == 1)
        for number in re.findall(rf"= ({NUM})", where or ""):
            assert float(number) in place
        told = re.findall(rf"({one_of(arms)}) ({NUM}) \((\d+) updates\)", found)
        works = [float(number) for _, number, _ in told]
        assert works == sorted(works)
        assert len(told) == len(some)
        for arm, number, updates in told:
            (one,) = [one for one in some if one[1] == arm]
            assert is_printed(number, one[0])
            assert int(updates) == one[2]


def _ordered(wanted, places):
    return [(place, wanted[place]) for place in places if place in wanted]
