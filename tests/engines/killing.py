"""A cell that ends the worker in which it is drawn, and nothing elsewhere."""

import os
import sys

from gradlab.cells.elman import Elman


class Killing(Elman):
    """Like `elman`, but for that."""

    def init(self, *given):
        if os.environ.get("GRADLAB_TESTS_KILL") == "1" and _is_worker():
            os._exit(9)
        return super().init(*given)


def _is_worker():
    worker = sys.modules.get("distributed.worker")
    return worker is not None and bool(worker.Worker._instances)
