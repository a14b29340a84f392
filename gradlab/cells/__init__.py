"""Recurrent cells, one file per cell: settings, Params, State, init, step, readout."""
