"""Make what chapter 7 of the lesson ships: `python .ci/lesson.py RUN ...`, folders of `gradlab neurons`."""

import json
import sys
from pathlib import Path

from gradlab.lesson import shipped
from gradlab.studies.neurons import results

if __name__ == "__main__":
    found = {Path(name).name: shipped.facts(results.read(Path(name))) for name in sys.argv[1:]}
    text = json.dumps(found, allow_nan=False, separators=(",", ":"))
    shipped.FILE.write_text(f"{text}\n", encoding="utf-8")
