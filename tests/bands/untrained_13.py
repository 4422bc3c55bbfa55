"""Chapter 13 with networks that were never trained, for `test_untrained`; the judge of digits stays what it is."""

import numpy as np
from keras import ops
from scipy.spatial.distance import pdist

from diffusion_course.datasets import scene_captions, scenes
from diffusion_course.datasets.images import load_mnist
from diffusion_course.metrics.alignment import alignment
from diffusion_course.metrics.generation import Ruler
from diffusion_course.metrics.scene_reader import SceneReader
from diffusion_course.models import presets
from diffusion_course.models.guidance import classifier_free, classifier_gradient, classifier_guided
from diffusion_course.pipelines.diffusion import pipeline_for
from diffusion_course.tokenizer import load_tokenizer

# All networks say the same whatever they are told, so few pictures and steps show it as well as many.
COUNT, CALLS, PROMPTS = 40, 2, 8
NO_LABEL = {"label": 10}


def digits():
    """Metrics of the parts with digits: all guided sets are those of the unguided network."""
    (x_test, _), judge = load_mnist(split="test"), presets.load_pretrained("classifier-mnist")
    ruler = Ruler(judge, x_test[:1_000], samples=COUNT, splits=2)
    pipeline = pipeline_for("unet-mnist-classes", presets.build("unet-mnist-classes"))
    label = np.arange(COUNT) % 10

    def draw(denoise, label=label):
        return pipeline.generate(COUNT, steps=CALLS, denoise=denoise, label=label)

    def share(pictures):
        return float((judge.probabilities(pictures).argmax(axis=1) == label).mean())

    def spread(pictures):
        features = judge.features(pictures)
        return float(np.mean([pdist(features[label == k]).mean() for k in range(10)]))

    made = {w: draw(classifier_free(pipeline.denoise, NO_LABEL, w)) for w in (1.0, 3.0, 15.0)}
    fids = {w: ruler.fid(pictures) for w, pictures in made.items()}
    noisy, plain = presets.build("classifier-mnist-noisy"), presets.build("classifier-mnist")
    levels = {"signal": pipeline.schedule.signal, "sigma": pipeline.schedule.sigma, "prediction": "velocity"}
    led = {}
    for name, logits in {
        "noisy": lambda x, t: noisy({"x": x, "t": t}, training=False),
        "plain": lambda x, t: plain((x + 1) / 2, training=False),
    }.items():
        gradient = classifier_gradient(logits)
        led[name] = share(
            draw(classifier_guided(pipeline.denoise, gradient, 3.0, unconditional=NO_LABEL, **levels))
        )
    return {
        "share_at_3": share(made[3.0]),
        "fid_at_15_over_lowest": fids[15.0] / min(fids.values()),
        "diversity_lost": 1 - spread(made[3.0]) / spread(made[1.0]),
        "classifier_share": led["noisy"],
        "classifier_needs_noise": led["noisy"] - led["plain"],
    }


def captions():
    """Metrics of the part with Scenes."""
    painter = pipeline_for("unet-scenes-pixels", presets.build("unet-scenes-pixels"))
    encoder, tokenizer = presets.build("clip-scenes").text_encoder, load_tokenizer("scenes")
    wanted = scenes.sample_scenes(PROMPTS, seed=0, kind="one", split="held_out")

    def told(texts):
        said = encoder(tokenizer.encode(texts))
        return {
            "context": ops.convert_to_numpy(said["hidden"]),
            "pooled": ops.convert_to_numpy(said["pooled"]),
        }

    null = {name: value[0] for name, value in told([""]).items()}
    text, reader = told(scene_captions.sample_captions(wanted, seed=0)), SceneReader(scenes, strict=False)

    def paint(w, rescale=0.0):
        towards = classifier_free(painter.denoise, null, w, rescale=rescale)
        return np.uint8(np.round(255 * painter.generate(PROMPTS, steps=CALLS, denoise=towards, **text)))

    def at_the_ends(pictures):
        return float(np.mean((pictures <= 2) | (pictures >= 253)))

    saturated = at_the_ends(paint(15.0))
    return {
        "scenes_together": alignment(paint(3.0), wanted, reader).together,
        "saturation_left": at_the_ends(paint(15.0, 0.7)) / saturated if saturated else np.nan,
    }


def untrained_13():
    """The chapter's metrics, of networks with their first weights."""
    return {**digits(), **captions()}
