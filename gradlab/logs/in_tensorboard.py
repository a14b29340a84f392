"""A run in a file of TensorBoard's events: `logs/tensorboard/NAME/`."""

import io
import struct
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gradlab.logs.entries import Entries, Point
from gradlab.logs.keep import Logged
from gradlab.runs.files import replace

_ENDING = ".gradlab"


def write(entries: Entries, logs: Path) -> Logged:
    """Numbers as scalars, settings as hyperparameters, verdict and table as texts, figures as images.

    The file is written whole, in the place of those of former runs of that name.
    """
    how, folder = _how(logs), _folder(entries, logs)
    if list(folder.glob(f"events.out.tfevents.*{entries.digest}{_ENDING}")):
        return Logged(how, new=False)
    content = b"".join([_beginning(entries), _numbers(entries.points), _end(entries)])
    replace(_free(entries, logs), content)
    return Logged(how, new=True)


class Writer:
    """A file that grows by whole looks, and is readable after each."""

    def __init__(self, entries: Entries, logs: Path) -> None:
        begun = _beginning(entries)
        self.how = _how(logs)
        # Nothing waits in a buffer: whoever is killed later has told of what was told.
        self._file = _free(entries, logs).open("xb", buffering=0)
        self._put(begun)

    def add(self, points: Iterable[Point]) -> None:
        """Numbers as scalars."""
        self._put(_numbers(points))

    def finish(self, entries: Entries) -> None:
        """Verdict, tags and table as texts, figures as images."""
        self._put(_end(entries))
        self._file.close()

    def fail(self) -> None:
        """End with what is there."""
        self._file.close()

    def _put(self, content: bytes) -> None:
        whole, left = self._file.tell(), memoryview(content)
        try:
            while left:
                left = left[self._file.write(left) :]
        except BaseException:
            # Readers stop at half a record, and would not find what comes after it.
            self._file.truncate(whole)
            self._file.seek(whole)
            raise


def _how(logs: Path) -> str:
    return f"tensorboard --logdir {logs / 'tensorboard'}"


def _folder(entries: Entries, logs: Path) -> Path:
    return logs / "tensorboard" / entries.name


def _free(entries: Entries, logs: Path) -> Path:
    """The place of a new file, once those of former runs of that name are gone.

    A server that is running goes on to files whose names sort behind those that it has read.
    """
    folder = _folder(entries, logs)
    folder.mkdir(parents=True, exist_ok=True)
    for former in folder.glob(f"events.out.tfevents.*{_ENDING}"):
        former.unlink()
    return folder / f"events.out.tfevents.{int(time.time()):010d}.{entries.digest}{_ENDING}"


def _beginning(entries: Entries) -> bytes:
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    settings = hparams_pb(entries.settings, trial_id=entries.name, start_time_secs=time.time())
    return _events([{"file_version": "brain.Event:2"}, {"summary": settings}])


def _numbers(points: Iterable[Point]) -> bytes:
    from tensorboard.compat.proto.summary_pb2 import Summary

    values = ((one.step, Summary.Value(tag=one.name, simple_value=one.value)) for one in points)
    return _events({"step": step, "summary": Summary(value=[value])} for step, value in values)


def _end(entries: Entries) -> bytes:
    from tensorboard.compat.proto.summary_pb2 import Summary

    values = [_text(tag, text) for tag, text in _texts(entries).items()]
    values += [_image(figure) for figure in entries.figures]
    return _events({"summary": Summary(value=[value])} for value in values)


def _events(told: Iterable[dict[str, Any]]) -> bytes:
    """Events of this moment, as a file has them."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    now, content = time.time(), io.BytesIO()
    writer = RecordWriter(content)
    for what in told:
        writer.write(Event(wall_time=now, **what).SerializeToString())
    return content.getvalue()


def _texts(entries: Entries) -> dict[str, str]:
    """By tag, as Markdown: lines that begin with four spaces are shown as they are."""
    told = "\n".join(f"    {name}: {value}" for name, value in entries.tags.items())
    table = "\n".join(f"    {line}" for line in entries.table.splitlines())
    return {"verdict": entries.verdict, "tags": told, "table": table}


def _text(tag: str, text: str) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()])
    return Summary.Value(tag=tag, tensor=tensor, metadata=create_summary_metadata(tag, ""))


def _image(figure: Path) -> Any:
    """A PNG as it is; its size stands in its header."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    content = figure.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    image = Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=content)
    return Summary.Value(tag=f"figures/{figure.stem}", image=image)
