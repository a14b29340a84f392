"""Watch an LSTM that Keras trains: a callback of ten lines, and a training for it."""

import keras
import numpy as np

import gradlab


class Watch(keras.callbacks.Callback):
    """After each epoch, when Keras has written the weights back."""

    def __init__(self, layer, batch, folder, **settings):
        super().__init__()
        self.layer, self.batch = layer, batch
        self.monitor = gradlab.Monitor(folder, arch="lstm", **settings)

    def on_epoch_end(self, epoch, logs=None):
        kernel, recurrent, bias = self.layer.get_weights()  # gates in torch's order
        named = {"weight_ih_l0": kernel.T, "weight_hh_l0": recurrent.T}
        named |= {"bias_ih_l0": bias, "bias_hh_l0": 0 * bias}
        self.monitor(named, self.batch, update=int(self.model.optimizer.iterations))


rng = np.random.default_rng(0)
xs = rng.normal(size=(32, 20, 1)).astype(np.float32)
layer = keras.layers.LSTM(8)
model = keras.Sequential([layer, keras.layers.Dense(1)])
model.compile("adam", "mse")
watch = Watch(layer, xs, "results/keras", every=1, share=1.0, sequences=1)
model.fit(xs, xs.sum(axis=1), batch_size=16, epochs=2, verbose=0, callbacks=[watch])
watch.monitor.close()
print(gradlab.load("results/keras").verdict)
