"""Recurrent cells, one file a cell: settings, Params, State, init, step, readout."""
