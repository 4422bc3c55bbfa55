"""Contrastive training: the loss of the paper, a temperature that is learned and held, batches without doubles."""

import keras
import numpy as np
import pytest
from helpers import numpy, shaken

from diffusion_course.metrics.retrieval import retrieval
from diffusion_course.models.clip import CLIP, unit_length
from diffusion_course.training.contrastive import ContrastiveTrainer, contrastive_loss, train_contrastive

RNG = np.random.default_rng(0)
COLOURS = RNG.uniform(-1, 1, (6, 1, 1, 3))
KEYS = np.arange(48) % 6
IMAGES = np.clip(COLOURS[KEYS] + RNG.normal(0, 0.02, (48, 8, 8, 3)), -1, 1).astype("float32")
IDS = np.array([[10, key, 11, 11] for key in KEYS], "int32")
HOW = {"keys": KEYS, "steps": 60, "batch_size": 6, "warmup": 5, "learning_rate": 1e-2, "steps_per_epoch": 20}


def trainer(seed=0, **kwargs):
    keras.utils.set_random_seed(seed)
    image = {"image_shape": (8, 8, 3), "width": 6, "widths": (8,), "groups": 2}
    text = {"vocabulary_size": 12, "width": 8, "depth": 1, "heads": 2, "length": 4}
    return ContrastiveTrainer(CLIP(image=image, text=text, **kwargs))


class Small(keras.Model):
    """The mean colour and the token, each through a matrix; quick to trace."""

    def __init__(self):
        super().__init__()
        keras.utils.set_random_seed(0)
        self.dense, self.table = keras.layers.Dense(3), keras.layers.Embedding(12, 3)
        self.dense.build((None, 3))
        self.table.build((None,))
        self.log_scale = self.add_weight(initializer="ones", name="log_scale")
        self.built = True

    def call(self, x):
        image = self.dense(keras.ops.mean(x["image"], axis=(1, 2)))  # (B, 3)
        return {"image": unit_length(image), "text": unit_length(self.table(x["ids"][:, 1]))}


def test_loss_is_the_mean_of_two_cross_entropies():
    image, text = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in RNG.standard_normal((2, 5, 4)))
    logits = 7.0 * image @ text.T
    probabilities = [np.exp(m) / np.exp(m).sum(axis=1, keepdims=True) for m in (logits, logits.T)]
    wanted = np.mean([-np.log(np.diag(p)).mean() for p in probabilities])
    loss = contrastive_loss(image.astype("float32"), text.astype("float32"), 7.0)
    np.testing.assert_allclose(numpy(loss), wanted, rtol=1e-5)


def test_loss_of_equal_and_of_perfect_embeddings():
    same = np.tile([[0.6, 0.8]], (8, 1)).astype("float32")
    np.testing.assert_allclose(numpy(contrastive_loss(same, same, 50.0)), np.log(8), rtol=1e-5)
    perfect = np.eye(8, dtype="float32")
    assert 0 <= numpy(contrastive_loss(perfect, perfect, 100.0)) < 1e-5


def test_one_forward_pass_gives_loss_and_accuracy():
    model = trainer()
    shaken(model.network)
    out = model({"image": IMAGES[:6], "ids": IDS[:6]})
    image, text = numpy(out["image"]), numpy(out["text"])
    scale = float(np.exp(numpy(model.network.log_scale)))
    loss = model.compute_loss(None, None, out)
    np.testing.assert_allclose(numpy(loss), numpy(contrastive_loss(image, text, scale)), rtol=1e-5)
    right = np.mean((image @ text.T).argmax(axis=1) == np.arange(6))
    np.testing.assert_allclose(numpy(model.accuracy.result()), right, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_learns_what_belongs_together_and_its_temperature(optimizer):
    model = trainer()
    before = float(numpy(model.network.log_scale))
    history = train_contrastive(model, IMAGES, IDS, **HOW, optimizer=optimizer)
    assert history["loss"][-1] < 0.2 < history["loss"][0] and history["accuracy"][-1] == 1
    assert abs(float(numpy(model.network.log_scale)) - before) > 0.01
    found = retrieval(model.network.embed_images(IMAGES[:6]), model.network.embed_texts(IDS[:6]))
    assert found == {"image to text": 1.0, "text to image": 1.0}


def test_resumes_as_if_never_stopped(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                raise KeyboardInterrupt

    how = {**HOW, "steps": 30, "steps_per_epoch": 10, "together": KEYS // 2, "ema": 0.9}
    whole = ContrastiveTrainer(Small())
    history = train_contrastive(whole, IMAGES, IDS, **how)
    how["checkpoint"] = tmp_path / "c.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_contrastive(ContrastiveTrainer(Small()), IMAGES, IDS, **how, callbacks=[Stop()])
    with pytest.raises(ValueError, match="data together .* in the checkpoint"):
        train_contrastive(ContrastiveTrainer(Small()), IMAGES, IDS, **{**how, "together": None})
    resumed = ContrastiveTrainer(Small())
    again = train_contrastive(resumed, IMAGES, IDS, **how)
    assert (again["loss"], again["accuracy"]) == (history["loss"], history["accuracy"])
    for a, b in zip(whole.weights, resumed.weights, strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))


def test_trains_in_half_precision_and_with_xla():
    model = trainer(dtype="mixed_bfloat16")
    assert model.dtype_policy.name == "mixed_bfloat16"
    model.compile(keras.optimizers.SGD(0.1), jit_compile=True)
    x = {"image": IMAGES[:6], "ids": IDS[:6]}
    losses = model.fit(x, batch_size=6, epochs=5, verbose=0, shuffle=False).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


@pytest.mark.parametrize(
    "change, words",
    [
        ({"image": 2 * IMAGES}, r"must be in \[-1, 1\]"),
        ({"ids": IDS.astype("float32")}, "must be integers"),
        ({"ids": IDS[:5]}, "one length"),
        ({"batch_size": 7}, "from 1 to 6, the number of keys"),
        ({"warmup": 60}, "`warmup`"),
    ],
)
def test_refuses(change, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        train_contrastive(trainer(), **{"image": IMAGES, "ids": IDS, **HOW, **change})
