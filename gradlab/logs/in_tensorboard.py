"""A run in a file of TensorBoard's events: `logs/tensorboard/NAME/`."""

import io
import struct
import time
from pathlib import Path
from typing import Any

from gradlab.logs.entries import Entries
from gradlab.logs.keep import Logged
from gradlab.runs.files import replace

_ENDING = ".gradlab"


def write(entries: Entries, logs: Path) -> Logged:
    """Numbers as scalars, settings as hyperparameters, verdict and table as texts, figures as images.

    The file is written whole, in the place of those of former runs of that name.
    """
    folder = logs / "tensorboard" / entries.name
    how = f"tensorboard --logdir {logs / 'tensorboard'}"
    place = folder / f"events.out.tfevents.{entries.digest}{_ENDING}"
    if place.exists():
        return Logged(how, new=False)
    content = _events(entries)
    folder.mkdir(parents=True, exist_ok=True)
    for former in folder.glob(f"events.out.tfevents.*{_ENDING}"):
        former.unlink()
    replace(place, content)
    return Logged(how, new=True)


def _events(entries: Entries) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.record_writer import RecordWriter

    now = time.time()
    content = io.BytesIO()
    writer = RecordWriter(content)

    def put(**what: Any) -> None:
        writer.write(Event(wall_time=now, **what).SerializeToString())

    put(file_version="brain.Event:2")
    put(summary=hparams_pb(entries.settings, trial_id=entries.name, start_time_secs=now))
    for tag, text in _texts(entries).items():
        put(summary=Summary(value=[_text(tag, text)]))
    for figure in entries.figures:
        put(summary=Summary(value=[_image(figure)]))
    for name, step, number in entries.points:
        put(step=step, summary=Summary(value=[Summary.Value(tag=name, simple_value=number)]))
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
