"""Trains a diffusion network: random step, random noise, one forward pass, squared error.

Built by hand in chapter 06.
"""

import warnings

import keras
import numpy as np
from keras import ops
from scipy.special import ndtr

from diffusion_course.prediction import check_prediction, target, to_x0
from diffusion_course.training.batches import shuffled_batches
from diffusion_course.training.checkpoints import fingerprint
from diffusion_course.training.devices import drawn_for_batch, share_of_loss
from diffusion_course.training.fitting import fit_steps, whole_number
from diffusion_course.variance import discretized_gaussian_log_likelihood, gaussian_kl, learned_log_variance

VLB_WEIGHT = 0.001  # lambda of Nichol and Dhariwal 2021, section 3.1, for the bound's sum over all steps


class DiffusionTrainer(keras.Model):
    """Holds a network; ``fit(x)`` with clean pictures draws steps and noise, and learns to undo the noise.

    The steps of a batch are spread evenly over the schedule from one random start: each picture still meets every
    step with the same probability, but no batch has only easy ones. With ``focus`` they are spread over a normal
    distribution of the log-SNR instead: most of the training then goes to the strengths of noise around its mean.

    Noise, target and loss are float32 also where the network computes in float16 or bfloat16.

    Args:
        network: ``{"x": (B, H, W, C), "t": (B,), **conditions}`` -> (B, H, W, C).
        schedule: a NoiseSchedule of T steps.
        prediction: what the network learns to say: "noise", "x0" or "velocity".
        learned_variance: the network returns 2 C channels, the second half being the v of
            `variance.learned_log_variance`. It alone is trained on the variational bound, with a small weight.
        focus: None, or (mean, standard deviation), finite, of the log-SNR at which to train. The ends of the schedule
            are then hardly ever seen, and losses cannot be compared with those of another ``focus``.
        clip: (lowest, highest) value of the pictures, finite, to which the bound clips its guess of them, as samplers
            do; None for latents, which have no range.
        unconditional: None, or name -> what stands for "no condition", of the shape of one row, e.g. ``{"label": 10}``:
            in training it now and then takes the place of these conditions, of all of them together. The network so
            learns to do without, as classifier-free guidance needs it.
        drop_rate: share of the pictures that lose their conditions so, above 0 and below 1.
        seed: of steps, noise and dropped conditions, 0 to 2^32 - 1.

    Call arguments:
        x: clean pictures (B, H, W, C) in ``clip``, or latents; or ``{"x": pictures, name: condition, ...}`` with
            conditions (B, ...), e.g. class labels, which the network gets beside the noisy pictures.

    Returns:
        ``{"prediction", "target"}``, each (B, H, W, C). One pass through the network, for loss and gradient alike.
        With a learned variance also ``"bound"``, (B, H, W, C), each pixel's term of the variational bound in nats.

    Raises:
        ValueError: an unknown prediction, a number out of its range, or a learned variance with a ``focus``: the bound
            is a sum over all steps alike. When called: the network returns another shape than it must.

    Reference: Ho et al. 2020 (arXiv:2006.11239), algorithm 1 and equation 14; Kingma et al., "Variational diffusion
    models", 2021 (arXiv:2107.00630), appendix I.1, for the even spread of steps; Karras et al., "Elucidating
    the design space of diffusion-based generative models", 2022 (arXiv:2206.00364), section 5, for a normal
    distribution of the noise level; Nichol and Dhariwal 2021 (arXiv:2102.09672), section 3.1, for the learned variance.
    """

    def __init__(
        self,
        network,
        schedule,
        *,
        prediction="noise",
        learned_variance=False,
        focus=None,
        clip=(-1.0, 1.0),
        unconditional=None,
        drop_rate=0.1,
        seed=0,
        **kwargs,
    ):
        # The network's own policy, so that Keras scales the loss of a float16 network. But no casting at the door: the
        # pictures would be rounded before the noise is added to them.
        policy = kwargs.pop("dtype", None) or getattr(network, "dtype_policy", None)
        super().__init__(**{"autocast": False, "dtype": policy, **kwargs})
        self.network, self.schedule, self.prediction = network, schedule, check_prediction(prediction)
        self.seed = whole_number("seed", seed, 0, 2**32 - 1)
        self.clip = None if clip is None else _two_numbers("clip", clip)
        if self.clip and not self.clip[0] < self.clip[1]:
            raise ValueError(f"`clip` must be (low, high), low below high. Received: clip={clip}")
        self.learned_variance = bool(learned_variance)
        if focus is not None and self.learned_variance:
            raise ValueError(
                f"`learned_variance` needs all steps alike, `focus` None. Received: focus={focus}"
            )
        self.focus = None if focus is None else _two_numbers("focus", focus)
        # (T,) share of the draws that fall on a step or before it
        self._shares = None if focus is None else focused_shares(schedule, *self.focus)
        self.unconditional = {name: np.asarray(value) for name, value in (unconditional or {}).items()}
        if not 0 < drop_rate < 1:
            raise ValueError(f"`drop_rate` must be above 0 and below 1. Received: drop_rate={drop_rate}")
        self.drop_rate = float(drop_rate)
        self.draws = keras.random.SeedGenerator(self.seed)

    def dropped(self, conditions: dict) -> dict:
        """Conditions (B, ...), of which ``drop_rate`` of the rows have become ``unconditional``, all of a row together.

        Raises:
            ValueError: there is no such condition, or a row of it has another shape.

        Reference: Ho and Salimans 2022 (arXiv:2207.12598), algorithm 1.
        """
        for name, value in self.unconditional.items():
            if name not in conditions or tuple(conditions[name].shape[1:]) != value.shape:
                known = {name: tuple(c.shape[1:]) for name, c in conditions.items()}
                raise ValueError(
                    "`unconditional` must be of the shape of a row of the conditions, here "
                    f"{known}. Received: {name} of shape {value.shape}"
                )
        if not self.unconditional:
            return conditions
        rows = ops.shape(next(iter(conditions.values())))[0]
        uniform = drawn_for_batch(lambda n: keras.random.uniform((n,), seed=self.draws), rows)
        lost = uniform < self.drop_rate  # (B,)
        for name, value in self.unconditional.items():
            given = conditions[name]
            here = ops.reshape(lost, (-1,) + (1,) * value.ndim)  # (B, 1, ...)
            conditions = conditions | {name: ops.where(here, ops.cast(value, given.dtype), given)}
        return conditions

    def draw_steps(self, batch):
        """Steps (B,) int32, each uniform on 0 .. T - 1 or as ``focus`` says, spread evenly over the batch."""
        start = keras.random.uniform((), seed=self.draws)

        def spread(n):
            return ops.arange(n, dtype="float32") / ops.cast(n, "float32")

        share = (start + drawn_for_batch(spread, batch)) % 1.0  # (B,) in [0, 1)
        if self._shares is not None:  # the last step takes what rounding leaves
            return ops.cast(
                ops.searchsorted(ops.convert_to_tensor(self._shares[:-1]), share, side="right"), "int32"
            )
        return ops.minimum(ops.cast(share * len(self.schedule), "int32"), len(self.schedule) - 1)

    def build(self, x_shape):
        self.built = True  # no variables but the network's, and that builds itself when it is called

    def call(self, x):
        conditions = dict(x) if isinstance(x, dict) else {"x": x}
        x = ops.cast(conditions.pop("x"), "float32")
        conditions = self.dropped(conditions)
        batch, *shape = ops.shape(x)
        t = self.draw_steps(batch)  # (B,)

        def normal(n):
            return keras.random.normal((n, *shape), dtype="float32", seed=self.draws)

        noise = drawn_for_batch(normal, batch)  # (B, H, W, C)
        s = self.schedule
        signal, sigma = s.at(s.signal, t), s.at(s.sigma, t)  # (B, 1, 1, 1)
        x_t = signal * x + sigma * noise
        prediction = ops.cast(self.network({"x": x_t, "t": t, **conditions}), "float32")
        self._check_shape(prediction.shape, x.shape)
        wanted = target(self.prediction, x, noise, signal, sigma)
        if not self.learned_variance:
            return {"prediction": prediction, "target": wanted}
        prediction, v = ops.split(prediction, 2, axis=-1)
        # The mean learns from the squared error alone: the bound's gradient would drown it in noise.
        x0_hat = to_x0(self.prediction, ops.stop_gradient(prediction), x_t, signal, sigma)
        if self.clip is not None:
            x0_hat = ops.clip(x0_hat, *self.clip)
        return {"prediction": prediction, "target": wanted, "bound": self.bound(x, x_t, x0_hat, v, t)}

    def _check_shape(self, said, pictures) -> None:
        """Of what the network returns, as far as it is known: another shape would be stretched, and train nonsense."""
        channels = pictures[-1] and pictures[-1] * (2 if self.learned_variance else 1)
        wanted = (*pictures[:-1], channels)
        if len(said) != len(wanted) or any(a != b for a, b in zip(said, wanted, strict=True) if a and b):
            rule = "2 C channels with" if self.learned_variance else "C channels without"
            raise ValueError(
                f"The network must return (B, H, W, C) like its pictures, {rule} `learned_variance`, here {wanted}. "
                f"Received: shape {tuple(said)}, learned_variance={self.learned_variance}"
            )

    def bound(self, x, x_t, x0_hat, v, t):
        """Each pixel's term of the variational bound at the steps of a batch.

        Step 0 counts the 256 grey levels of pictures in [-1, 1], as if other values were such pictures too.

        Args:
            x, x_t, x0_hat, v: (B, H, W, C), clean and noisy pictures, the network's guess and its v.
            t: (B,), integer steps.

        Returns:
            (B, H, W, C), nats: KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)); at t = 0 minus log p(x_0 | x_1).

        Reference: Ho et al. 2020, equation 5.
        """
        mean, _ = self.schedule.posterior(x, x_t, t)
        guess, _ = self.schedule.posterior(x0_hat, x_t, t)
        log_variance = learned_log_variance(v, self.schedule, t)
        true_log_variance = learned_log_variance(
            -ops.ones_like(v), self.schedule, t
        )  # v = -1: the posterior's own
        divergence = gaussian_kl(mean, true_log_variance, guess, log_variance)
        first = -discretized_gaussian_log_likelihood(x, guess, 0.5 * log_variance)
        return ops.where(ops.reshape(t, (-1, 1, 1, 1)) == 0, first, divergence)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = ops.mean(ops.square(y_pred["prediction"] - y_pred["target"]))
        if self.learned_variance:
            loss = loss + VLB_WEIGHT * len(self.schedule) * ops.mean(y_pred["bound"])
        return share_of_loss(loss)

    def plan(self) -> dict:
        """What decides how this trainer trains, by name: for a checkpoint, which no other plan may go on with."""
        s = self.schedule
        return {
            "prediction": self.prediction,
            "schedule": f"{s.name}, {len(s)} steps, {fingerprint(np.stack([s.betas, s.timesteps], axis=1))}",
            "focus": self.focus,
            "learned variance": self.learned_variance,
            "clip": self.clip,
            "seed": self.seed,
            "dtype": self.dtype_policy.name,
            # absent without: checkpoints from before there was dropping still fit
            **{f"no {name}": fingerprint(value[None]) for name, value in self.unconditional.items()},
            **({"drop rate": self.drop_rate} if self.unconditional else {}),
        }


def _two_numbers(name: str, pair) -> tuple[float, float]:
    """A pair of finite numbers, of any kind, as Python's own; ValueError if it is anything else."""
    try:
        first, second = map(float, pair)
    except (TypeError, ValueError):
        first = second = np.nan
    if not np.isfinite([first, second]).all():
        raise ValueError(f"`{name}` must be two finite numbers, or None. Received: {name}={pair!r}")
    return first, second


def focused_shares(schedule, mean: float, deviation: float) -> np.ndarray:
    """How often training meets each step if the log-SNR of its draws is to be normal, added up.

    Args:
        schedule: a NoiseSchedule of T steps.
        mean, deviation: of the log-SNR; the deviation is positive.

    Returns:
        (T,) float32, rising to 1: the probability of a step up to t. A step's own probability is that of its interval
        of log-SNR under the normal distribution; the interval reaches half way to either neighbour.

    Raises:
        ValueError: ``deviation`` is not positive.
    """
    if not deviation > 0:
        raise ValueError(f"The deviation in `focus` must be positive. Received: {deviation}")
    between = (schedule.log_snr[1:] + schedule.log_snr[:-1]) / 2  # (T - 1,), falling
    edges = np.concatenate([[np.inf], between, [-np.inf]])
    below = ndtr((edges - mean) / deviation)  # (T + 1,), from 1 to 0
    return (1 - below[1:]).astype("float32")


def train_diffusion(
    trainer,
    x,
    *,
    steps: int,
    conditions=None,
    batch_size: int = 64,
    ema: float = 0.995,
    **training,
) -> dict:
    """Trains as the course does: a short warm-up, then down a cosine to 0, averaged weights in the end.

    Args:
        trainer: a `DiffusionTrainer`; afterwards its network holds the averaged weights (EMA), ready to sample.
        x: clean pictures (N, H, W, C) in the trainer's ``clip``, or latents.
        steps: of the whole training, with all that its checkpoint has seen.
        conditions: name -> (N, ...), what the network gets beside each picture, e.g. ``{"label": labels}``.
        batch_size: pictures per step.
        ema: share of the old average that each step keeps, 0 to 1 (exclusive); 0.995 forgets in about 200 steps. It is
            less at the beginning, see `training.optimizers.kept_share`.
        **training: ``optimizer`` ("adam" or "muon"), ``learning_rate`` (by default 2e-3 and 8e-3), ``warmup`` (200
            steps), ``steps_per_epoch`` (100), ``checkpoint``, ``callbacks`` and ``verbose``, as in
            `training.fitting.fit_steps`.

    Returns:
        history: ``{"loss": [one value per epoch]}``, of all runs that the checkpoint has seen; with a checkpoint also
        ``"seconds"``, how long each epoch took.

    Raises:
        ValueError: pictures outside of their range, conditions that do not fit them, a number out of its range, an
            unknown optimizer, or (`OtherPlan`) a checkpoint of another training.
        NotFinite: the loss became NaN or infinite; the checkpoint is from before.
    """
    data = _checked_data(x, conditions or {}, trainer.clip)
    batch_size = whole_number("batch_size", batch_size, 1)
    plan = trainer.plan() | {"batch size": batch_size}
    plan |= {f"data {name}": fingerprint(array) for name, array in data.items()}

    def batches(start: int):
        return shuffled_batches(data if conditions else data["x"], batch_size=batch_size, start=start)

    return fit_steps(trainer, batches, plan=plan, steps=steps, ema=ema, **training)


def _checked_data(x, conditions: dict, clip) -> dict:
    """``{"x": pictures, **conditions}`` as arrays; ValueError, or a warning, where they break the rules."""
    x = np.asarray(x, dtype="float32")
    if x.ndim != 4 or not x.size:
        raise ValueError(f"`x` must be (N, H, W, C), with pictures. Received: shape {x.shape}")
    least, most = x.min(), x.max()
    low, high = (-np.inf, np.inf) if clip is None else clip
    if not (low <= least and most <= high and np.isfinite([least, most]).all()):
        rule = "finite" if clip is None else f"in [{low:g}, {high:g}]"
        raise ValueError(f"`x` must be {rule}, the trainer's `clip`. Received: from {least:g} to {most:g}")
    if np.isfinite(low) and low < 0 <= least:
        warnings.warn(
            f"Pictures must span [{low:g}, {high:g}], the trainer's `clip`; pictures in [0, 1] become such by 2 x - 1. "
            f"Received: from {least:g} to {most:g}",
            stacklevel=3,
        )
    conditions = {name: np.asarray(array) for name, array in conditions.items()}
    for name, array in conditions.items():
        if name in ("x", "t"):
            raise ValueError(f"A condition must have a name other than 'x' and 't'. Received: {name!r}")
        if array.ndim == 0 or len(array) != len(x):
            raise ValueError(
                f"A condition must be ({len(x)}, ...), a row per picture. Received: {name} of shape {array.shape}"
            )
    return {"x": x, **conditions}
