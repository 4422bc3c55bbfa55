"""Training the autoencoder of latent diffusion: its loss in closed form, learning, exact resumption, precision."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.models.autoencoder_kl import AutoencoderKL
from diffusion_course.training.autoencoder_kl import AutoencoderKLTrainer, train_autoencoder_kl

RNG = np.random.default_rng(0)
# four colours, a quarter of the picture each
X = RNG.uniform(-0.9, 0.9, (48, 2, 2, 3)).repeat(4, axis=1).repeat(4, axis=2).astype("float32")
HOW = {"steps": 60, "batch_size": 16, "warmup": 5, "learning_rate": 2e-2, "steps_per_epoch": 20, "ema": 0.9}


def trainer(dtype=None, **kwargs):
    keras.utils.set_random_seed(0)
    size = {"image_shape": (8, 8, 3), "widths": (8,), "num_res_blocks": 0, "groups": 2, "latent_channels": 3}
    network = AutoencoderKL(**size, dtype=dtype)
    return AutoencoderKLTrainer(network, **kwargs)


class Small(keras.Model):
    """A matrix to the code and one back; quick to trace."""

    def __init__(self):
        super().__init__()
        keras.utils.set_random_seed(0)
        self.to_code, self.back = keras.layers.Dense(4), keras.layers.Dense(3)
        self.to_code.build((None, 8, 8, 3))
        self.back.build((None, 8, 8, 2))
        self.built = True

    def encode(self, x, training=False):
        return keras.ops.split(self.to_code(x), 2, axis=-1)

    def sample(self, mean, log_variance, noise):
        return mean + keras.ops.exp(0.5 * log_variance) * noise

    def decode(self, z, training=False):
        return self.back(z)


@pytest.mark.parametrize("error", ["l1", "l2"])
def test_loss_is_the_mean_error_of_pixels_plus_the_weighted_mean_divergence_of_latents(error):
    model = trainer(kl_weight=0.3, error=error)
    shaken(model.network)
    out = {name: numpy(value) for name, value in model(X[:5]).items()}
    np.testing.assert_array_equal(out["x"], X[:5])
    size = out["reconstruction"] - X[:5]
    size = np.mean(np.abs(size) if error == "l1" else size**2)
    mean, log_variance = (numpy(value) for value in model.network.encode(X[:5]))
    kl = np.mean(0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance))
    np.testing.assert_allclose(numpy(model.compute_loss(X[:5], None, out)), size + 0.3 * kl, rtol=1e-5)
    logged = {metric.name: float(metric.result()) for metric in model.metrics if metric.name != "loss"}
    assert logged == pytest.approx({"reconstruction": size, "kl": kl}, rel=1e-5)


def test_decoder_learns_from_samples_of_the_code():
    model = trainer()
    shaken(model.network)
    out = {name: numpy(value) for name, value in model(np.repeat(X[:1], 400, axis=0)).items()}
    assert np.ptp(out["mean"], axis=0).max() < 1e-5 and out["reconstruction"].std(axis=0).max() > 1e-3
    model.network.encoder.get_layer("encoder_last").bias.assign(
        [0, 0, 0, -1e3, -1e3, -1e3]
    )  # no noise: always the same
    assert numpy(model(np.repeat(X[:1], 9, axis=0))["reconstruction"]).std(axis=0).max() < 1e-4


def test_learns():
    model = trainer(kl_weight=1e-4)
    history = train_autoencoder_kl(model, X, **HOW)
    assert set(history) == {"loss", "reconstruction", "kl"}
    assert history["reconstruction"][-1] < history["reconstruction"][0] / 3
    assert (
        np.mean((numpy(model.network(X)) - X) ** 2) < np.var(X) / 3
    )  # np.var(X): what the mean colour leaves


def test_a_heavy_kl_weight_makes_codes_normal():
    model = trainer(kl_weight=10.0)
    history = train_autoencoder_kl(model, X, **HOW)
    assert history["kl"][-1] < 0.02
    mean, log_variance = (numpy(value) for value in model.network.encode(X))
    assert np.abs(mean).max() < 0.5 and np.abs(log_variance).max() < 0.5


def test_resumes_as_if_never_stopped(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                raise KeyboardInterrupt

    how = {**HOW, "steps": 30, "steps_per_epoch": 10}
    whole = AutoencoderKLTrainer(Small())
    history = train_autoencoder_kl(whole, X, **how)
    how["checkpoint"] = tmp_path / "c.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_autoencoder_kl(AutoencoderKLTrainer(Small()), X, **how, callbacks=[Stop()])
    with pytest.raises(ValueError, match="KL weight 0.001 in the checkpoint, 0.1 asked for"):
        train_autoencoder_kl(AutoencoderKLTrainer(Small(), kl_weight=0.1), X, **how)
    resumed = AutoencoderKLTrainer(Small())
    again = train_autoencoder_kl(resumed, X, **how)
    assert {name: again[name] for name in history} == history and len(again["seconds"]) == 3
    for a, b in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))


def test_trains_in_half_precision_and_with_xla():
    model = trainer(dtype="mixed_bfloat16")
    assert model.dtype_policy.name == "mixed_bfloat16"
    model.compile(keras.optimizers.SGD(0.1), jit_compile=True)
    losses = model.fit(X[:16], batch_size=16, epochs=5, verbose=0, shuffle=False).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    np.testing.assert_array_equal(numpy(model(X[:2])["x"]), X[:2])  # not rounded at the door


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: trainer(kl_weight=-1), "`kl_weight` must not be negative"),
        (lambda: trainer(error="l3"), "`error` must be one of l1, l2"),
        (lambda: train_autoencoder_kl(trainer(), X + 1, **HOW), r"must be in \[-1, 1\]"),
        (lambda: train_autoencoder_kl(trainer(), X, **{**HOW, "batch_size": 49}), "`batch_size`"),
        (lambda: train_autoencoder_kl(trainer(), X, **{**HOW, "ema": 2}), "`ema`"),
    ],
)
def test_refuses(make, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        make()
