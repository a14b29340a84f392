"""The arms of a comparison that names none: those usually asked for, as far as its cell has them."""

import dataclasses

from gradlab.errors import GradlabError
from gradlab.studies.remedies import arms, work
from gradlab.studies.remedies.settings import NONE, Training


def possible(asked: Training) -> tuple[Training, str]:
    """The settings with the arms that their cell can have, and a line that says which ones are left out.

    Left out is what is not possible for the cell, and what is the plain arm itself under another name.
    """
    if asked.cell == Training.cell:
        return asked, ""
    plain = arms.arm(NONE, asked.cell, asked.init)
    kept: list[str] = []
    out: list[str] = []
    for text in asked.remedies:
        try:
            work.check(dataclasses.replace(asked, remedies=(text,)))
            same = text != NONE and arms.arm(text, asked.cell, asked.init)._replace(label=NONE) == plain
        except GradlabError as error:
            if error.where != arms.OPTION:
                raise
            out.append(f"{text} (not possible)")
        else:
            (out if same else kept).append(f"{text} (the plain arm itself)" if same else text)
    told = f"Left out for {asked.cell}: {', '.join(out)}." if out else ""
    return dataclasses.replace(asked, remedies=tuple(kept)), told
