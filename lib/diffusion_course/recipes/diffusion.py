"""Recipes of the U-Nets of chapters 07 to 10."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from diffusion_course.course.paths import build_dir
from diffusion_course.metrics.generation import Ruler
from diffusion_course.models import presets
from diffusion_course.pipelines.diffusion import RECOMMENDED_ETA, RECOMMENDED_SAMPLER, pipeline_for
from diffusion_course.prediction import target
from diffusion_course.recipes.base import TITLES, Recipe, test_data, training_data
from diffusion_course.training.callbacks import ProgressBar
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion

TEST_PICTURES = 1_000
# The protocol of every FID ratio that a card or the README states.
SAMPLES, SPLITS, SETS, CALLS = 2_048, 64, 2, 50


@dataclass(frozen=True)
class Stage:
    """One training, from a warm-up to a learning rate of 0; all but ``steps`` as in `train_diffusion` and its trainer.

    Attributes:
        steps: in the standard profile.
        optimizer, ema, learning_rate: of `train_diffusion`.
        focus: of `DiffusionTrainer`.
    """

    steps: int
    optimizer: str = "adam"
    ema: float = 0.999
    learning_rate: float | None = None
    focus: tuple[float, float] | None = None


@dataclass(frozen=True)
class Plan:
    """How one network was trained.

    The learning rate rises and falls again in each of ``stages``, which goes on from the averaged weights of the one
    before. So a network that proved too weak learns on without loss of what it cost so far (Loshchilov and Hutter 2017,
    arXiv:1608.03983, warm restarts).
    """

    dataset: str
    stages: tuple[Stage, ...]
    learned_variance: bool = False
    start: str | None = None  # the preset whose shipped weights it goes on from

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(stage.steps for stage in self.stages)


# Log-SNR at which Muon trains, mean and deviation: among the best of benchmarks/optimizers.py. The ends of the
# schedule teach little: almost clean pictures need no advice, and almost pure noise allows none.
FOCUS = (-0.5, 1.5)
_LONG = (Stage(16_000), Stage(30_000))
PLANS = {
    "unet-mnist": Plan("mnist", _LONG),
    "unet-fashion": Plan("fashion", _LONG),
    "unet-mnist-muon": Plan("mnist", (Stage(4_000, "muon", ema=0.995, focus=FOCUS),)),
    "unet-mnist-short": Plan("mnist", (Stage(2_500, ema=0.995),)),
    "unet-fashion-short": Plan("fashion", (Stage(5_000),)),
    "unet-mnist-no-skips": Plan("mnist", (Stage(2_500, ema=0.995),)),
    "unet-mnist-learned": Plan(
        "mnist", (Stage(1_000, ema=0.99, learning_rate=5e-4),), learned_variance=True, start="unet-mnist"
    ),
}
PROFILE_STEPS = {"quick": lambda steps: 20, "standard": lambda steps: steps, "full": lambda steps: 5 * steps}


def start_from(network: keras.Model, trained: keras.Model) -> None:
    """Gives a network that also returns a variance the weights of one that does not; v starts at 0, half way.

    Args:
        network: with twice the output channels.
        trained: otherwise the same network.
    """
    for new, old in zip(network.weights, trained.weights, strict=True):
        value = keras.ops.convert_to_numpy(old)
        if (
            new.shape != old.shape
        ):  # the last layer: `unfold_pixels` wants prediction and v of a pixel side by side
            value = np.stack([value, np.zeros_like(value)], axis=-1).reshape(new.shape)
        new.assign(value)


def test_loss(network: keras.Model, name: str, count: int = TEST_PICTURES) -> float:
    """Mean squared error of a diffusion preset's prediction on test pictures, always with the same steps and noise.

    Args:
        network: the preset's network.
        name: one of `PLANS`.
        count: test pictures, spread evenly over all steps.

    Returns:
        A number of about 1 before training (for "noise" and "velocity"), comparable between networks of one preset.
    """
    pipeline, rng = pipeline_for(name, network), np.random.default_rng(0)
    x = 2 * test_data(PLANS[name].dataset)[0][:count] - 1
    s = pipeline.schedule
    t = rng.permutation(np.arange(count) * len(s) // count).astype("int32")
    noise = rng.standard_normal(x.shape, dtype="float32")
    signal, sigma = (column[t][:, None, None, None].astype("float32") for column in (s.signal, s.sigma))
    said = network.predict({"x": signal * x + sigma * noise, "t": t}, batch_size=250, verbose=0)
    said = said[..., : x.shape[-1]]  # without a learned variance
    return float(np.mean((said - target(pipeline.prediction, x, noise, signal, sigma)) ** 2))


def judge_samples(network: keras.Model, name: str) -> dict[str, float]:
    """FID ratio, KID, Inception Score and class shares of a preset's samples, mean over two sets of 2,048.

    One set alone strays by some per cent, so the spread over the sets is stated too.
    """
    pipeline, plan = pipeline_for(name, network), PLANS[name]
    ruler = Ruler(
        presets.load_pretrained(f"classifier-{plan.dataset}"),
        test_data(plan.dataset)[0],
        samples=SAMPLES,
        splits=SPLITS,
    )
    found = [ruler.measure(pipeline.generate(SAMPLES, steps=CALLS, seed=seed)) for seed in range(SETS)]
    ratios = [quality.fid_ratio for quality in found]
    shares = np.mean([quality.class_shares for quality in found], axis=0)
    return {
        "fid": float(np.mean([quality.fid for quality in found])),
        "floor_of_real_pictures": ruler.floor,
        "fid_ratio": float(np.mean(ratios)),
        "fid_ratio_spread_over_sets": float(np.std(ratios, ddof=1)),
        "kid": float(np.mean([quality.kid for quality in found])),
        "inception_score": float(np.mean([quality.inception_score for quality in found])),
        "rarest_class": float(shares.min()),
        "commonest_class": float(shares.max()),
    }


def checkpoints_of(name: str, stages: tuple[Stage, ...], profile: str, seed: int) -> list[Path]:
    """Where a training keeps what it needs to go on: a file a stage, and others for another seed."""
    steps = [PROFILE_STEPS[profile](stage.steps) for stage in stages]
    return [
        build_dir() / "checkpoints" / f"{name}.{profile}.seed-{seed}.stage-{number}.{count}-steps.safetensors"
        for number, count in enumerate(steps)
    ]


def tidy_up(name: str, stages: tuple[Stage, ...], profile: str, seed: int) -> None:
    """Removes them."""
    for checkpoint in checkpoints_of(name, stages, profile, seed):
        checkpoint.unlink(missing_ok=True)


def train_stages(
    network: keras.Model,
    name: str,
    stages: tuple[Stage, ...],
    profile: str,
    seed: int,
    data: dict,
    callbacks=(),
    **told,
) -> float:
    """Trains a diffusion preset's network stage after stage.

    An interrupted training is not lost: the same call goes on from where it was, past finished stages too.

    Args:
        network: trained in place.
        name: of the preset.
        stages: one after the other.
        profile, seed: of the training.
        data: ``{"x": pictures}`` and ``"conditions"`` if there are any, as `train_diffusion` takes them.
        callbacks: further ones, of all stages.
        **told: of the `DiffusionTrainer`.

    Returns:
        The seconds of all runs.
    """
    seconds = 0.0
    for number, (stage, checkpoint) in enumerate(
        zip(stages, checkpoints_of(name, stages, profile, seed), strict=True)
    ):
        steps = PROFILE_STEPS[profile](stage.steps)
        pipeline = pipeline_for(name, network)
        trainer = DiffusionTrainer(
            network,
            pipeline.schedule,
            prediction=pipeline.prediction,
            focus=stage.focus,
            clip=pipeline.clip,
            seed=number,
            **told,
        )
        history = train_diffusion(
            trainer,
            **data,
            steps=steps,
            optimizer=stage.optimizer,
            ema=stage.ema,
            learning_rate=stage.learning_rate,
            warmup=min(200, steps // 2),
            steps_per_epoch=min(250, steps),
            checkpoint=checkpoint,
            callbacks=[ProgressBar(), *callbacks],
        )
        seconds += sum(history["seconds"])
    return seconds


def _recipe(name: str) -> Recipe:
    plan = PLANS[name]

    def train(network: keras.Model, profile: str, seed: int = 0) -> float:
        x = 2 * training_data(plan.dataset, profile)[0] - 1
        if plan.start:
            start_from(network, presets.load_pretrained(plan.start))
        learned = {"learned_variance": plan.learned_variance}
        return train_stages(network, name, plan.stages, profile, seed, {"x": x}, **learned)

    def evaluate(network: keras.Model) -> dict[str, float]:
        return {"test_loss": test_loss(network, name)}

    words = f"{TITLES[plan.dataset]}, the 60,000 training pictures; measured on test pictures"
    judge = None if plan.learned_variance else (lambda network: judge_samples(network, name))
    judged = (
        f"Its samples, {SETS} sets of {SAMPLES:,}, {CALLS} calls of {RECOMMENDED_SAMPLER.__name__} with "
        f"eta = {RECOMMENDED_ETA:g}, no guide"
    )
    needs = ((plan.start,) if plan.start else ()) + ((f"classifier-{plan.dataset}",) if judge else ())
    return Recipe(words, train, evaluate, judge, judged, partial(tidy_up, name, plan.stages), needs=needs)


RECIPES = {name: _recipe(name) for name in PLANS}
