"""Watch a network that Lightning trains: a callback of ten lines, and a training for it."""

import lightning
import torch

import gradlab


class Watch(lightning.Callback):
    """Between `backward()` and clipping, where the module holds its gradients."""

    def __init__(self, folder, **settings):
        self.monitor = gradlab.Monitor(folder, **settings)

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        self.xs = batch[0]

    def on_before_optimizer_step(self, trainer, module, optimizer):
        self.monitor(module.rnn, self.xs)

    def on_train_end(self, trainer, module):
        self.monitor.close()


class Model(lightning.LightningModule):
    """Sums its inputs."""

    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.LSTM(1, 8, batch_first=True)

    def training_step(self, batch, batch_idx):
        return (self.rnn(batch[0])[0][:, -1].sum(dim=1) - batch[1]).square().mean()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=0.01)


xs = torch.randn(32, 20, 1)
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(xs, xs.sum(dim=(1, 2))), batch_size=16)
quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
watch = Watch("results/lightning", every=1, share=1.0, sequences=1, clip=1.0)
trainer = lightning.Trainer(max_epochs=1, callbacks=[watch], accelerator="cpu", **quiet)
trainer.fit(Model(), data)
print(gradlab.load("results/lightning").verdict)
