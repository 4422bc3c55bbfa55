"""The diffusion trainer: steps and noise as promised, one forward pass, the right loss, conditions, averages."""

import warnings

import keras
import numpy as np
import pytest
from helpers import numpy

from diffusion_course.models.resnet_denoiser import ResNetDenoiser
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training.diffusion import DiffusionTrainer, focused_shares, train_diffusion

SCHEDULE = NoiseSchedule.cosine(40)
RNG = np.random.default_rng(0)
X = np.where(RNG.random((96, 1, 1, 1)) < 0.5, -0.8, 0.8).astype("float32") * np.ones((1, 8, 8, 1), "float32")


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


@pytest.mark.parametrize(
    "change, words",
    [
        ({"x": X + 0.5}, r"`x` must be in \[-1, 1\]"),
        ({"x": X * np.nan}, r"`x` must be in \[-1, 1\]"),
        ({"x": X, "clip": (-0.5, 0.5)}, r"`x` must be in \[-0.5, 0.5\]"),
        ({"x": X * np.inf, "clip": None}, "`x` must be finite"),
        ({"x": X[0]}, r"must be \(N, H, W, C\)"),
        ({"x": X[:0]}, "with pictures"),
        ({"conditions": {"t": X}}, "a name other than 'x' and 't'"),
        ({"conditions": {"label": np.zeros(95)}}, r"must be \(96, ...\), a row per picture"),
        ({"warmup": 30}, "`warmup`"),
        ({"ema": 1.0}, "`ema`"),
        ({"batch_size": 97}, "`batch_size`"),
        ({"batch_size": 32.0}, "`batch_size`"),
        ({"steps_per_epoch": 0}, "`steps_per_epoch`"),
    ],
)
def test_refuses(change, words):
    change = dict(change)
    clip = change.pop("clip", (-1, 1))
    with pytest.raises(ValueError, match=f"{words}.*Received"):
        train_diffusion(trainer(clip=clip), **{"x": X, "steps": 20, "batch_size": 32, "warmup": 5, **change})


def test_refuses_prediction():
    with pytest.raises(ValueError, match="`prediction` must be one of noise, x0, velocity. Received: 'eps'"):
        DiffusionTrainer(network(), SCHEDULE, prediction="eps")


class TwoChannels(keras.Model):
    """Predicts zero noise and a constant v."""

    def __init__(self, v):
        super().__init__()
        self.v, self.seen = v, []

    def call(self, inputs):
        self.seen.append(inputs)
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


# --- conditions, ranges, averages

LABELS = (X[:, 0, 0, 0] > 0).astype("int32")


def told():
    """A network that sees nothing but a label, and so learns what pictures with this label have in common."""
    inputs = {"x": keras.Input((8, 8, 1), name="x")}
    inputs |= {name: keras.Input((), dtype="int32", name=name) for name in ("t", "label")}
    value = keras.layers.Embedding(2, 1)(inputs["label"])[:, None, None]  # (B, 1, 1, 1)
    return keras.Model(inputs, keras.ops.zeros_like(inputs["x"]) + value)


def test_conditions_reach_the_network_beside_their_pictures():
    spy = Spy()
    DiffusionTrainer(spy, SCHEDULE)({"x": X[:4], "label": LABELS[:4], "context": np.ones((4, 3, 2))})
    assert spy.seen[0].keys() == {"x", "t", "label", "context"}
    np.testing.assert_array_equal(spy.seen[0]["label"], LABELS[:4])
    keras.utils.set_random_seed(0)
    model = DiffusionTrainer(told(), SCHEDULE, prediction="x0")
    train_diffusion(
        model, X, conditions={"label": LABELS}, steps=60, batch_size=32, warmup=0, learning_rate=0.1, ema=0.5
    )
    said = numpy(model.network({"x": X[:2], "t": np.zeros(2, "int32"), "label": np.array([0, 1])}))
    np.testing.assert_allclose(said[:, 0, 0, 0], [-0.8, 0.8], atol=0.05)


def test_conditions_are_dropped_together_at_their_rate_and_only_in_their_rows():
    model = DiffusionTrainer(
        told(), SCHEDULE, unconditional={"label": 7, "context": np.full((3, 2), -5.0)}, drop_rate=0.25
    )
    label, context = np.arange(4000) % 7, np.ones((4000, 3, 2), "float32")
    dropped = model.dropped({"label": label.astype("int32"), "context": context, "other": label})
    lost = numpy(dropped["label"]) == 7
    assert abs(lost.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 4000)
    np.testing.assert_array_equal(numpy(dropped["label"])[~lost], label[~lost])
    np.testing.assert_array_equal(numpy(dropped["context"]), np.where(lost[:, None, None], -5.0, context))
    assert dropped["other"] is label and numpy(dropped["label"]).dtype == "int32"
    again = numpy(model.dropped({"label": label.astype("int32"), "context": context})["label"]) == 7
    assert (again != lost).any()  # drawn anew each time


def test_a_network_learns_what_all_pictures_have_in_common_where_labels_are_dropped():
    inputs = {"x": keras.Input((8, 8, 1), name="x")}
    inputs |= {name: keras.Input((), dtype="int32", name=name) for name in ("t", "label")}
    value = keras.layers.Embedding(3, 1)(inputs["label"])[:, None, None]
    keras.utils.set_random_seed(0)
    model = DiffusionTrainer(
        keras.Model(inputs, keras.ops.zeros_like(inputs["x"]) + value), SCHEDULE, prediction="x0",
        unconditional={"label": 2}, drop_rate=0.5,
    )  # fmt: skip
    how = {"steps": 120, "batch_size": 96, "warmup": 0, "learning_rate": 0.05, "ema": 0.8}
    train_diffusion(model, X, conditions={"label": LABELS}, **how)
    said = numpy(model.network({"x": X[:3], "t": np.zeros(3, "int32"), "label": np.array([0, 1, 2])}))
    np.testing.assert_allclose(said[:, 0, 0, 0], [-0.8, 0.8, X.mean()], atol=0.06)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"unconditional": {"label": 1}, "drop_rate": 0}, "above 0 and below 1"),
        ({"unconditional": {"label": 1}, "drop_rate": 1.0}, "above 0 and below 1"),
        ({"unconditional": {"labels": 1}}, "shape of a row.*labels of shape"),
        ({"unconditional": {"label": [1]}}, "shape of a row.*label of shape"),
    ],
)
def test_dropping_is_checked(how, words):
    with pytest.raises(ValueError, match=words):
        DiffusionTrainer(told(), SCHEDULE, **how)({"x": X[:4], "label": LABELS[:4]})


def test_a_checkpoint_of_another_dropping_is_refused():
    plans = [
        DiffusionTrainer(told(), SCHEDULE, **how).plan()
        for how in ({}, {"unconditional": {"label": 1}}, {"unconditional": {"label": 2}},
                    {"unconditional": {"label": 1}, "drop_rate": 0.2})
    ]  # fmt: skip
    assert all(a != b for i, a in enumerate(plans) for b in plans[:i])
    assert "drop rate" not in plans[0]  # older checkpoints still fit


def test_pictures_that_look_like_0_to_1_give_a_warning_and_others_none():
    how = {"steps": 1, "batch_size": 96, "warmup": 0, "conditions": {"label": LABELS}, "steps_per_epoch": 1}
    with pytest.warns(UserWarning, match=r"must span \[-1, 1\].*by 2 x - 1. Received: from 0.1 to 0.9"):
        train_diffusion(DiffusionTrainer(told(), SCHEDULE), (X + 1) / 2, **how)
    for x, clip in ((X, (-1, 1)), ((X + 1) / 2, (0, 1)), (9 * X, None), (X + 1, None)):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            train_diffusion(DiffusionTrainer(told(), SCHEDULE, clip=clip), x, **how)


@pytest.mark.parametrize("clip", [(-1.0, 1.0), (-0.5, 0.5), None])
def test_bound_clips_the_guess_to_the_range_of_the_pictures(clip):
    network = TwoChannels(0.0)
    model, x = DiffusionTrainer(network, SCHEDULE, learned_variance=True, clip=clip, seed=3), X[:40] / 2
    bound = numpy(model(x)["bound"])
    x_t, t = (numpy(network.seen[-1][name]) for name in ("x", "t"))
    x0_hat = x_t / SCHEDULE.signal[t][:, None, None, None]  # of a network that says: no noise
    assert np.abs(x0_hat).max() > 2
    if clip:
        x0_hat = np.clip(x0_hat, *clip)
    wanted = numpy(model.bound(x, x_t, x0_hat.astype("float32"), np.zeros_like(x_t), t))
    np.testing.assert_allclose(bound, wanted, rtol=1e-3, atol=1e-3)


def test_a_short_training_is_averaged_over_its_end():
    """100 steps with an average over 1,000: it must not remember the untrained network."""
    raw = []

    class Keep(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raw[:] = [numpy(w).copy() for w in self.model.network.weights]

    model = trainer(prediction="x0")
    train_diffusion(
        model, X, steps=100, batch_size=32, warmup=10, learning_rate=1e-2, ema=0.999, callbacks=[Keep()]
    )
    t = np.arange(96, dtype="int32") % 40
    noisy = numpy(SCHEDULE.add_noise(X, RNG.standard_normal(X.shape).astype("float32"), t))

    def loss():
        return np.mean((numpy(model.network({"x": noisy, "t": t})) - X) ** 2)

    averaged = loss()
    model.network.set_weights(raw)
    assert averaged < 1.2 * loss() < 0.2


# --- what cannot train


def gives(channels):
    """A network that returns zeros with so many channels, whatever it sees."""
    inputs = {"x": keras.Input((None, None, 1), name="x"), "t": keras.Input((), dtype="int32", name="t")}
    return keras.Model(inputs, keras.layers.Conv2D(channels, 1)(inputs["x"]))


@pytest.mark.parametrize(("channels", "learned"), [(2, False), (3, False), (1, True), (4, True)])
def test_a_network_with_other_channels_is_refused_when_called_and_when_traced(channels, learned):
    model = DiffusionTrainer(gives(channels), SCHEDULE, learned_variance=learned)
    words = f"must return .*Received: shape .*{channels}\\), learned_variance={learned}"
    with pytest.raises(ValueError, match=words):
        model(X[:2])
    with pytest.raises(ValueError, match=words):
        train_diffusion(model, X, steps=1, batch_size=32, warmup=0, steps_per_epoch=1)
    right = DiffusionTrainer(gives(2 if learned else 1), SCHEDULE, learned_variance=learned)
    assert right(X[:2])["prediction"].shape == X[:2].shape


def test_a_network_with_other_pictures_is_refused():
    inputs = {"x": keras.Input((8, 8, 1), name="x"), "t": keras.Input((), dtype="int32", name="t")}
    one_value = keras.Model(inputs, keras.ops.mean(inputs["x"], axis=(1, 2), keepdims=True))
    with pytest.raises(ValueError, match=r"must return .*Received: shape \(2, 1, 1, 1\)"):
        DiffusionTrainer(one_value, SCHEDULE)(X[:2])


@pytest.mark.parametrize(
    "change",
    [
        {"focus": (np.nan, 1.0)},
        {"focus": (0.0, np.inf)},
        {"focus": (1.0,)},
        {"focus": 1.0},
        {"focus": ("a", 1)},
        {"clip": (1.0, -1.0)},
        {"clip": (0.0, 0.0)},
        {"clip": (-np.inf, 1.0)},
        {"clip": (0.0, 1.0, 2.0)},
        {"seed": -1},
        {"seed": 2**32},
        {"seed": 1.0},
        {"seed": True},
    ],
)
def test_the_trainer_refuses(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        DiffusionTrainer(Spy(), SCHEDULE, **change)


def test_numbers_of_numpy_are_numbers():
    model = DiffusionTrainer(
        Spy(), SCHEDULE, seed=np.int64(3), focus=np.array([-0.5, 1.5]), clip=np.array([0, 1])
    )
    assert model.plan() == DiffusionTrainer(Spy(), SCHEDULE, seed=3, focus=(-0.5, 1.5), clip=(0, 1)).plan()
    np.testing.assert_array_equal(
        model.draw_steps(8), DiffusionTrainer(Spy(), SCHEDULE, seed=3, focus=(-0.5, 1.5)).draw_steps(8)
    )
