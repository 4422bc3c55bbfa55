"""The diffusion trainer: steps and noise as promised, one forward pass, the right loss, averages, resuming, NaN."""

import keras
import numpy as np
import pytest

from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.callbacks import NotFinite
from diffusion_course.training.checkpoints import load_checkpoint, save_checkpoint
from diffusion_course.training.diffusion import DiffusionTrainer, focused_shares, train_diffusion

SCHEDULE = NoiseSchedule.cosine(40)
RNG = np.random.default_rng(0)
X = np.where(RNG.random((96, 1, 1, 1)) < 0.5, -0.8, 0.8).astype("float32") * np.ones((1, 8, 8, 1), "float32")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def network():
    return ResNetDenoiser(image_shape=(8, 8, 1), width=8, blocks=1, groups=2)


def trainer(seed=0, **kwargs):
    keras.utils.set_random_seed(seed)
    return DiffusionTrainer(network(), SCHEDULE, **{"prediction": "noise", **kwargs})


class Spy(keras.Model):
    """Keeps what it was given and predicts zero."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def call(self, inputs):
        self.seen.append({name: numpy(value) for name, value in inputs.items()})
        return keras.ops.zeros_like(inputs["x"])


def test_steps_are_uniform_and_spread_over_each_batch():
    model = trainer()
    draws = np.stack([numpy(model.draw_steps(20)) for _ in range(400)])  # (400, 20)
    counts = np.bincount(draws.ravel(), minlength=40)
    assert len(counts) == 40 and np.abs(counts - 200).max() < 80
    # 20 pictures on 40 steps: neighbours are exactly 2 steps apart, around the circle, so all quarters are visited
    for row in draws:
        assert sorted(np.bincount(row // 10, minlength=4)) == [5, 5, 5, 5]


def test_focus_makes_the_log_snr_of_the_draws_normal():
    schedule = NoiseSchedule.cosine(1000)
    model = DiffusionTrainer(Spy(), schedule, focus=(-0.5, 1.5))
    t = np.concatenate([numpy(model.draw_steps(50)) for _ in range(200)])
    assert t.min() >= 0 and t.max() < 1000
    log_snr = schedule.log_snr[t]
    assert abs(log_snr.mean() + 0.5) < 0.05 and abs(log_snr.std() - 1.5) < 0.05
    assert abs(np.mean(log_snr < -0.5) - 0.5) < 0.02 and abs(np.mean(log_snr < -2) - 0.159) < 0.02
    # a wide focus leaves no step out, and the ends of the schedule take what lies beyond them
    shares = focused_shares(NoiseSchedule.cosine(40), 0.0, 5.0)
    assert shares[-1] == 1 and (np.diff(shares, prepend=0) > 0).all()


def test_focus_is_checked():
    with pytest.raises(ValueError, match="must be positive. Received: 0"):
        trainer(focus=(1.0, 0))
    with pytest.raises(ValueError, match=r"needs all steps alike.*Received: focus=\(0, 2\)"):
        trainer(focus=(0, 2), learned_variance=True)


@pytest.mark.parametrize("kind", ["noise", "x0", "velocity"])
def test_network_sees_the_noisy_picture_and_is_asked_for_the_target(kind):
    spy = Spy()
    model = DiffusionTrainer(spy, SCHEDULE, prediction=kind)
    out = {name: numpy(value) for name, value in model(X[:32]).items()}
    assert len(spy.seen) == 1  # one forward pass
    seen = spy.seen[0]
    signal, sigma = (c[seen["t"]][:, None, None, None] for c in (SCHEDULE.signal, SCHEDULE.sigma))
    noise = (seen["x"] - signal * X[:32]) / sigma
    assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.05
    expected = {"noise": noise, "x0": X[:32], "velocity": signal * noise - sigma * X[:32]}[kind]
    np.testing.assert_allclose(out["target"], expected, atol=1e-4)
    loss = model.compute_loss(X[:32], None, out)
    np.testing.assert_allclose(numpy(loss), np.mean(np.square(expected)), rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_learns_and_averages(optimizer):
    model = trainer(prediction="x0")
    history = train_diffusion(
        model,
        X,
        steps=150,
        batch_size=32,
        warmup=10,
        optimizer=optimizer,
        learning_rate=1e-2,
        ema=0.9,
        steps_per_epoch=50,
    )
    assert len(history["loss"]) == 3 and history["loss"][-1] < history["loss"][0] / 2
    # after training the network holds the averages: they denoise
    t = np.full(8, 10, "int32")
    noisy = numpy(SCHEDULE.add_noise(X[:8], RNG.standard_normal(X[:8].shape).astype("float32"), t))
    error = np.abs(numpy(model.network({"x": noisy, "t": t})) - X[:8]).mean()
    assert error < 0.25
    for weight, average in zip(
        model.trainable_variables, model.optimizer._model_variables_moving_average, strict=True
    ):
        np.testing.assert_array_equal(numpy(weight), numpy(average))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="JAX looks at shapes first")
def test_a_training_step_is_traced_once():
    model, calls = trainer(), []
    call = model.network.call
    model.network.call = lambda *args, **kwargs: (calls.append(1), call(*args, **kwargs))[1]
    train_diffusion(model, X, steps=2, batch_size=32, warmup=0, steps_per_epoch=1)
    assert len(calls) == 1


class Stop(keras.callbacks.Callback):
    """Breaks off in the middle of an epoch, as a lost power cable would."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.at, self.epoch = (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_interrupted_training_goes_on_bit_by_bit(tmp_path, optimizer):
    how = {"optimizer": optimizer, "steps": 40, "batch_size": 32, "warmup": 5, "steps_per_epoch": 10}
    whole = trainer()
    expected = train_diffusion(whole, X, **how)
    broken = trainer()
    with pytest.raises(KeyboardInterrupt):
        train_diffusion(broken, X, **how, checkpoint=tmp_path / "c.safetensors", callbacks=[Stop(2, 4)])
    resumed = trainer(seed=7)  # other weights, other noise: all of it must come from the file
    history = train_diffusion(resumed, X, **how, checkpoint=tmp_path / "c.safetensors")
    assert history["loss"] == expected["loss"] and len(history["seconds"]) == 4
    for a, b in zip(whole.variables, resumed.variables, strict=True):
        np.testing.assert_array_equal(numpy(a), numpy(b))
    # and once finished, it stays finished
    assert train_diffusion(trainer(seed=8), X, **how, checkpoint=tmp_path / "c.safetensors") == history


def test_training_can_be_prolonged_from_its_checkpoint(tmp_path):
    path = tmp_path / "c.safetensors"
    how = {"batch_size": 32, "warmup": 5, "steps_per_epoch": 10, "checkpoint": path}
    first = train_diffusion(trainer(), X, steps=20, **how)
    second = train_diffusion(trainer(), X, steps=40, **how)
    assert second["loss"][:2] == first["loss"] and len(second["loss"]) == 4


def test_nan_stops_and_leaves_the_checkpoint(tmp_path):
    path = tmp_path / "c.safetensors"
    how = {"batch_size": 32, "warmup": 0, "steps_per_epoch": 10}
    train_diffusion(trainer(), X, steps=20, **how, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(NotFinite, match="must stay finite"):
        train_diffusion(trainer(), X, steps=60, learning_rate=float("inf"), **how, checkpoint=path)
    assert path.read_bytes() == before
    model = trainer()
    model.compile("adam")
    model.variables[1].assign(np.full(model.variables[1].shape, np.nan))
    with pytest.raises(ValueError, match="finite numbers only. Received: model/0001"):
        save_checkpoint(model, path, epoch=1)
    assert path.read_bytes() == before


def test_foreign_and_damaged_checkpoints_change_nothing(tmp_path):
    path = tmp_path / "c.safetensors"
    train_diffusion(trainer(), X, steps=10, batch_size=32, warmup=0, steps_per_epoch=10, checkpoint=path)
    other = DiffusionTrainer(ResNetDenoiser(image_shape=(8, 8, 1), width=4, blocks=1, groups=2), SCHEDULE)
    other.compile(keras.optimizers.Adam(use_ema=True))
    before = [numpy(v) for v in other.variables]
    with pytest.raises(ValueError, match="of this model and optimizer. Received"):
        load_checkpoint(other, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="a whole checkpoint. Received"):
        load_checkpoint(other, path)
    for a, b in zip(before, other.variables, strict=True):
        np.testing.assert_array_equal(a, numpy(b))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"x": X + 0.5}, r"in \[-1, 1\]"),
        ({"x": X[0]}, r"must be \(N, H, W, C\)"),
        ({"warmup": 30}, "`warmup`"),
        ({"ema": 1.0}, "`ema`"),
        ({"batch_size": 97}, "`batch_size`"),
        ({"steps_per_epoch": 0}, "`steps_per_epoch`"),
    ],
)
def test_refuses(change, words):
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        train_diffusion(trainer(), **{"x": X, "steps": 20, "batch_size": 32, "warmup": 5, **change})


def test_refuses_prediction():
    with pytest.raises(ValueError, match="`prediction` must be one of noise, x0, velocity. Received: 'eps'"):
        DiffusionTrainer(network(), SCHEDULE, prediction="eps")


class TwoChannels(keras.Model):
    """Predicts zero noise and a constant v."""

    def __init__(self, v):
        super().__init__()
        self.v = v

    def call(self, inputs):
        zero = keras.ops.zeros_like(inputs["x"])
        return keras.ops.concatenate([zero, zero + self.v], axis=-1)


def test_bound_is_zero_for_the_true_posterior_and_positive_otherwise():
    model = DiffusionTrainer(TwoChannels(-1.0), SCHEDULE, learned_variance=True)
    t = np.arange(1, 33, dtype="int32")
    x_t = numpy(SCHEDULE.add_noise(X[:32], RNG.standard_normal(X[:32].shape).astype("float32"), t))
    small = np.full_like(x_t, -1.0)
    np.testing.assert_allclose(numpy(model.bound(X[:32], x_t, X[:32], small, t)), 0, atol=1e-5)
    assert numpy(model.bound(X[:32], x_t, X[:32], -small, t)).min() > 1e-4  # too wide
    assert numpy(model.bound(X[:32], x_t, -X[:32], small, t)).min() > 1e-3  # the wrong picture
    # at t = 0 it is the pixel's log likelihood: nearly certain when the guess is right and the variance tiny
    first = numpy(model.bound(X[:2], x_t[:2], X[:2], small[:2], np.zeros(2, "int32")))
    assert (first >= 0).all()


def test_bound_trains_the_variance_alone():
    def gradients(v_weight):
        keras.utils.set_random_seed(0)
        net = ResNetDenoiser(image_shape=(8, 8, 1), out_channels=2, width=4, blocks=1, groups=2, fold=1)
        model = DiffusionTrainer(net, SCHEDULE, learned_variance=True)
        model.compile(keras.optimizers.SGD(1.0))
        net.get_layer("last").bias.assign([0.0, v_weight])
        before = numpy(net.get_layer("last").bias).copy()
        model.fit(X[:32], batch_size=32, epochs=1, verbose=0)
        return numpy(net.get_layer("last").bias) - before

    far, near = gradients(3.0), gradients(0.0)
    np.testing.assert_allclose(far[0], near[0], atol=1e-6)  # the prediction does not feel the bound ...
    assert far[1] < -1e-5 < near[1]  # ... and a variance that is too large shrinks
