"""Where does the gradient stop? An LSTM whose state is detached between chunks: truncated training."""

import torch
from torch import nn

import gradlab

torch.manual_seed(0)


class Forecaster(nn.Module):
    """Reads a sequence in chunks of 25 steps; back-propagation ends where a chunk begins."""

    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 16), nn.Linear(16, 1)
        nn.init.constant_(self.lstm.bias_hh_l0[16:32], 3.0)  # the forget gate begins open

    def forward(self, xs):
        """Inputs (T, 3), forecasts (T, 1)."""
        outs, state = [], None
        for chunk in xs.split(25):
            state = state and tuple(part.detach() for part in state)
            out, state = self.lstm(chunk, state)
            outs.append(self.head(out))
        return torch.cat(outs)


found = gradlab.reach(Forecaster(), torch.randn(60, 3))
print(found.verdict)
print(found.table().groupby("reason", sort=False).step.agg(["min", "max"]))
