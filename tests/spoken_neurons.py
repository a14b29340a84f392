"""The sentences about cells on text: the forms that they have, and what each asserts."""

import math

from tests.spoken import Forms, is_printed


def hold_sentence(text, row):
    """A sentence about one label, its clauses parted by semicolons."""
    forms, said = Forms(), []
    controls = {
        "shifted label": row.shifted,
        "untrained units": row.untrained,
        "random directions": row.random,
    }
    bound = max(controls.values())

    @forms.form(
        r"best unit (?P<unit>\w+/\d+), \|score\| (?P<score><<num>>), "
        r"(?P<side>above all three controls|not above all three controls(?: in either half of the text)?) "
        r"\(highest: (?P<name>[a-z ]+) (?P<control><<num>>)\)"
    )
    def _(unit, score, side, name, control):
        assert unit == row.unit
        assert is_printed(score, abs(row.score))
        assert controls[name] == bound
        assert is_printed(control, bound)
        assert (side == "above all three controls") == row.above
        if side == "not above all three controls":
            assert abs(row.score) <= bound
        if row.above:
            assert abs(row.score) > bound
        said.append("score")

    @forms.form(r"(?P<many>\d+) units are above them")
    def _(many):
        assert int(many) == row.many > 1
        said.append("many")

    @forms.form(
        r"its carry gate halves it (?:in (?P<steps><<num>>) (?P<word>steps?)|not to the end of the text)"
    )
    def _(steps, word):
        assert is_printed(steps, row.half_life) if steps else math.isinf(row.half_life)
        assert (word == "step") == (steps == "1")
        said.append("half")

    @forms.form(
        r"the gradient through it has halved "
        r"(?:after (?P<steps><<num>>) (?P<word>steps?)|not within 100 steps)"
    )
    def _(steps, word):
        assert is_printed(steps, row.transport) if steps else math.isinf(row.transport)
        assert (word == "step") == (steps == "1")
        said.append("transport")

    @forms.form(r"too little of the label to say whether the network uses it")
    def _():
        assert math.isnan(row.inside_low)
        said.append("use")

    @forms.form(
        r"(?P<lost>that the network uses it is not shown: )?held at its mean it costs (?P<inside><<num>>) "
        r"bits per character inside \(95 % interval (?P<low><<num>>) to (?P<high><<num>>)\), "
        r"(?P<outside><<num>>|\+nan) outside"
    )
    def _(lost, inside, low, high, outside):
        assert is_printed(inside, row.inside)
        assert is_printed(low, row.inside_low)
        assert is_printed(high, row.inside_high)
        assert outside == "+nan" or is_printed(outside, row.outside)
        # That a network uses a unit is said only where the whole interval says so.
        assert (lost is None) == (row.inside_low > 0)
        said.append("use")

    for clause in text.split("; "):
        forms.hold(clause)
    known = {"score": True, "many": row.many > 1, "half": not math.isnan(row.half_life)}
    known |= {"transport": not math.isnan(row.transport), "use": row.above}
    assert sorted(said) == sorted(name for name, there in known.items() if there)


def hold_caption(text, cells, rows):
    """What stands under the figure of detectors."""
    head, _, listed = text.removesuffix(".").partition(", ")
    assert head == "Labels that some unit follows above all three controls"
    said = [item.rpartition(": ")[::2] for item in listed.split("; ")]
    mine = [[row.above for row in rows if row.cell == one.cell] for one in cells]
    counts = [f"{sum(above)} of {len(above)} labels" for above in mine]
    assert said == [(one.cell, count) for one, count in zip(cells, counts, strict=True)]


def hold_verdict(text, cells, rows):
    """The verdict: a sentence per cell, and one that orders them."""
    forms, said = Forms(), []
    mine = {one.cell: [row for row in rows if row.cell == one.cell] for one in cells}
    named = {one.cell: one for one in cells}
    head = r"(?P<cell>[\w(),=. ]+): (?P<bits><<num>>) bits per character(?P<held> held out)? "
    head += r"\((?P<before><<num>>) (?P<like>before training|of a network like it, not trained)\); "

    def of_cell(cell, bits, before, held, like):
        # Of weights from elsewhere nobody knows what they were trained on.
        assert (held is None) == (like != "before training") == named[cell].is_given
        assert is_printed(bits, named[cell].bits)
        assert is_printed(before, named[cell].untrained_bits)
        said.append(cell)

    @forms.form(head + r"no unit is above its controls for any of (?P<n>\d+) labels")
    def _(cell, bits, before, held, like, n):
        of_cell(cell, bits, before, held, like)
        assert int(n) == len(mine[cell])
        assert not any(row.above for row in mine[cell])

    @forms.form(
        head + r"units above all controls for (?P<count>\d+) of (?P<n>\d+) labels: "
        r"(?P<list>.*?)(?: and (?P<more>\d+) more)?"
    )
    def _(cell, bits, before, held, like, count, n, more, **found):
        of_cell(cell, bits, before, held, like)
        above = {row.label: row for row in mine[cell] if row.above}
        assert (int(count), int(n)) == (len(above), len(mine[cell]))
        items = found["list"].split("), ")
        assert len(items) + int(more or 0) == len(above)
        shown = []
        for item in items:
            label, _, rest = item.rstrip(")").rpartition(" (")
            unit, _, score = rest.partition(", ")
            assert unit == above[label].unit
            assert is_printed(score, abs(above[label].score))
            shown.append(abs(above[label].score))
        assert shown == sorted(shown, reverse=True)
        left = [abs(row.score) for row in above.values()]
        assert min(shown) >= sorted(left, reverse=True)[len(shown) - 1] - 1e-12

    @forms.form(r"Bits per character, fewest first: (?P<list>.*); one network of each, so no more is said")
    def _(**found):
        pairs = [item.rpartition(" ")[::2] for item in found["list"].split(", ")]
        assert sorted(name for name, _ in pairs) == sorted(named)
        assert [named[name].bits for name, _ in pairs] == sorted(one.bits for one in cells)
        assert all(is_printed(bits, named[name].bits) for name, bits in pairs)
        said.append("order")

    for part in text.removesuffix(".").split(". "):
        forms.hold(part)
    assert said == [*named, *(["order"] if len(cells) > 1 else [])]
