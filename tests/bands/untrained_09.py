"""Chapter 09 with networks that were never trained, for `test_untrained`."""

from dataclasses import replace

import numpy as np
from keras import ops

from diffusion_course.datasets.images import load_fashion_mnist, load_mnist
from diffusion_course.metrics.generation import Ruler
from diffusion_course.models import presets
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.prediction import to_x0
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.training.diffusion import DiffusionTrainer

COUNT, CALLS, REAL = 512, 5, 2_000


def bits(learned, pictures, steps, rng):
    """Variational bound in bits per pixel with small, large and learned variance, from 1,000 noisy pictures."""
    s = learned.schedule.respace(steps)
    number = np.linspace(0, steps - 1, 1000).round().astype("int32")
    x0 = 2 * pictures[rng.integers(len(pictures), size=len(number))] - 1
    signal, sigma = (column[number][:, None, None, None].astype("float32") for column in (s.signal, s.sigma))
    x_t = signal * x0 + sigma * rng.standard_normal(x0.shape, dtype="float32")
    said = learned.network.predict({"x": x_t, "t": s.timesteps[number].astype("int32")}, verbose=0)
    x0_hat = np.clip(to_x0(learned.prediction, said[..., :1], x_t, signal, sigma), -1, 1)
    v, bound = said[..., 1:], DiffusionTrainer(learned.network, s, learned_variance=True).bound
    terms = [bound(x0, x_t, x0_hat, w, number) for w in (-np.ones_like(v), np.ones_like(v), v)]
    return [steps * float(ops.mean(term)) / np.log(2) for term in terms]


def untrained_09():
    """The chapter's metrics, of networks with their first weights."""
    x_mnist, _ = load_mnist(split="test")
    x_fashion, _ = load_fashion_mnist(split="test")
    values = {}
    for name, real in (("mnist", x_mnist), ("fashion", x_fashion)):
        pipeline = pipeline_for(f"unet-{name}", presets.build(f"unet-{name}"))
        ruler = Ruler(presets.load_pretrained(f"classifier-{name}"), real[:REAL], samples=COUNT, splits=4)
        made = pipeline.generate(COUNT, steps=CALLS)
        values[f"fid_ratio_{name}"] = ruler.fid(made) / ruler.floor
        if name == "fashion":
            continue
        led = replace(pipeline, guide=presets.build("unet-mnist-short"), guidance_scale=2.0)
        led = led.generate(COUNT, steps=CALLS)
        values["fid_ratio_guided"] = ruler.fid(led) / ruler.floor
        values["guide_gain"] = ruler.fid(led) / ruler.fid(made)
        values["sure_guided"] = np.mean(ruler.classifier.probabilities(led).max(axis=1) >= 0.9)
        without = DDIMSampler(pipeline.schedule, prediction=pipeline.prediction)
        few, more = (
            ruler.fid(pipeline.generate(COUNT, steps=n, sampler=without)) for n in (CALLS, 2 * CALLS)
        )
        values["few_calls_cost"] = few / more
    learned, rng = (
        pipeline_for("unet-mnist-learned", presets.build("unet-mnist-learned")),
        np.random.default_rng(0),
    )
    values["bits_learned"] = bits(learned, x_mnist, 1000, rng)[2]
    small, large, own = bits(learned, x_mnist, 50, rng)
    values["bits_saved"] = min(small, large) - own
    return values
