"""Profiles as scalar curves in TensorBoard."""

import io

import numpy as np

from gradlab.escaping import plain
from gradlab.exports._needed import needed
from gradlab.studies.sweep import results
from gradlab.studies.sweep.results import Run

FILE = "events.out.tfevents.0.gradlab"


def tensorboard(run: Run) -> bytes:
    """Log10 transport by lag, one curve per (cell, init, w_rec) at the longest T.

    The mean over seeds; the step is the lag. Point TensorBoard at the folder that it lies in. Needs the
    package tensorboard. All events have time 0, so equal runs give equal bytes.
    """
    event = needed("tensorboard.compat.proto.event_pb2", "tensorboard").Event
    summary = needed("tensorboard.compat.proto.summary_pb2", "tensorboard").Summary
    record = needed("tensorboard.summary.writer.record_writer", "tensorboard").RecordWriter
    content = io.BytesIO()
    writer = record(content)
    writer.write(event(wall_time=0.0, file_version="brain.Event:2").SerializeToString())
    for group in results.groups(run):
        tag = plain(f"transport/{group.label}")
        for lag in np.flatnonzero(~np.isnan(group.profile)).tolist():
            value = summary.Value(tag=tag, simple_value=float(group.profile[lag]))
            one = event(wall_time=0.0, step=lag, summary=summary(value=[value]))
            writer.write(one.SerializeToString())
    return content.getvalue()
