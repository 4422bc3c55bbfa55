"""Text to image: an oracle is followed, guidance is the course's one formula, pictures do not depend on the batch."""

import warnings
from dataclasses import replace

import keras
import numpy as np
import painters
import pytest
from helpers import numpy
from painters import PROMPTS

from diffusion_course.datasets.scene_captions import unknown_words
from diffusion_course.models import presets
from diffusion_course.models.guidance import classifier_free
from diffusion_course.models.text_encoder import TextEncoder
from diffusion_course.pipelines.diffusion import DiffusionPipeline
from diffusion_course.pipelines.inpaint import InpaintPipeline
from diffusion_course.pipelines.text_to_image import (
    SAMPLERS,
    Start,
    TextToImagePipeline,
    UnknownWordWarning,
    load_text_to_image,
)
from diffusion_course.samplers.ddim import DDIMSampler
from diffusion_course.tokenizer import Tokenizer, TruncationWarning, learn_merges

RNG = np.random.default_rng(3)
ANSWERS = {text: RNG.uniform(-0.2, 0.2, (8, 8, 3)) for text in [*PROMPTS, "", "a red ring"]}


@pytest.fixture(scope="module")
def small():
    return painters.pixels()


@pytest.fixture(scope="module")
def knowing():
    return painters.oracle(ANSWERS)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_an_oracle_is_followed_to_the_picture_of_each_prompt(knowing, sampler):
    made = knowing.generate(PROMPTS, guidance_scale=1, steps=4, sampler=sampler)
    wanted = np.stack([(ANSWERS[text] + 1) / 2 for text in PROMPTS])
    assert made.shape == (3, 8, 8, 3) and made.dtype == np.float32
    np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_guidance_leads_from_the_negative_prompt_through_the_prompt(knowing):
    for negative in (None, "a red ring", ["a red ring", "", "a blue ring"]):
        made = knowing.generate(PROMPTS, negative=negative, guidance_scale=2.5, steps=3)
        negatives = negative if isinstance(negative, list) else [negative or ""] * 3
        for picture, text, other in zip(made, PROMPTS, negatives, strict=True):
            led = ANSWERS[other] + 2.5 * (ANSWERS[text] - ANSWERS[other])
            np.testing.assert_allclose(picture, (np.clip(led, -1, 1) + 1) / 2, atol=1e-5)


def test_a_negative_prompt_is_the_other_end_of_classifier_free_guidance(small):
    negatives = ["a blue ring", "", "red"]
    made = small.generate(PROMPTS, negative=negatives, guidance_scale=2.0, steps=4, seed=5)
    led = classifier_free(small.diffusion.denoise, small.conditions(negatives), 2.0)
    other = small.diffusion.generate(3, steps=4, seed=5, denoise=led, **small.conditions(PROMPTS))
    np.testing.assert_allclose(made, other, atol=1e-5)
    assert np.abs(made - small.generate(PROMPTS, guidance_scale=2.0, steps=4, seed=5)).max() > 1e-3


def test_guidance_1_looks_at_half_as_many_pictures():
    seen = []
    pipeline = painters.counting(painters.pixels(), seen)
    pipeline.generate(PROMPTS, steps=4, guidance_scale=2.0)
    pipeline.generate(PROMPTS, steps=4, guidance_scale=1.0, negative="a blue ring")
    assert [rows for rows, *_ in seen] == [6] * 4 + [3] * 4


def test_a_picture_follows_from_seed_and_number_whatever_the_batch(small):
    whole = small.generate([*PROMPTS, "", "star"], steps=4, seed=2)
    for batch_size in (1, 2, 5):
        again = small.generate([*PROMPTS, "", "star"], steps=4, seed=2, batch_size=batch_size)
        np.testing.assert_allclose(again, whole, atol=1e-5)
    np.testing.assert_allclose(small.generate(PROMPTS, steps=4, seed=2), whole[:3], atol=1e-5)
    np.testing.assert_array_equal(small.generate(PROMPTS[0], steps=4), small.generate(PROMPTS[:1], steps=4))
    other = small.generate([*PROMPTS, "", "star"], steps=4, seed=3)
    assert np.abs(other - whole).max(axis=(1, 2, 3)).min() > 0.01
    twice = small.generate(["star", "star"], steps=4)
    assert np.abs(twice[0] - twice[1]).max() > 0.01


def test_the_noise_to_start_from_is_not_the_noise_of_the_first_step(small):
    drawn = []

    def adjust_of(part):
        return lambda point: drawn.append(numpy(point.x)) or point.x

    start = replace(small.start(2, 7), adjust=adjust_of)
    noise_only = TextToImagePipeline(
        painters.oracle({text: 0 * ANSWERS[text] for text in PROMPTS}).diffusion,
        painters.text_encoder(),
        painters.tokenizer(),
    )
    (walk,) = noise_only.walks(PROMPTS[:2], steps=2, seed=7, sampler="ddpm", guidance_scale=1, start=start)
    next(walk)
    table = noise_only.sampler("ddpm").table(2)
    z = (drawn[0] - table["b"][1] * start.x) / table["s"][1]
    assert abs(np.corrcoef(z.ravel(), start.x.ravel())[0, 1]) < 0.2


@pytest.mark.parametrize("make", [painters.pixels, painters.latents])
def test_a_film_ends_with_the_finished_pictures(make):
    pipeline = make()
    how = {"steps": 3, "seed": 1, "batch_size": 2}
    made = pipeline.generate(PROMPTS, **how)
    for show in ("x", "x0_hat"):
        frames = list(pipeline.film(PROMPTS, show=show, **how))
        assert len(frames) == 3 and all(frame.shape == (3, 8, 8, 3) for frame in frames)
        assert all(0 <= frame.min() <= frame.max() <= 1 for frame in frames)
        np.testing.assert_array_equal(frames[-1], made)
        assert np.abs(frames[0] - made).max() > 0.01


def test_latents_are_decoded_at_their_scale():
    decoder = painters.autoencoder(scale=0.4)
    z = {text: RNG.normal(0, 1, (4, 4, 2)) for text in PROMPTS}
    pipeline = painters.oracle(z, decoder=decoder)
    made = pipeline.generate(PROMPTS, steps=3, guidance_scale=1)
    pictures = numpy(decoder.decode(np.stack(list(z.values())).astype("float32") / 0.4))
    np.testing.assert_allclose(made, (np.clip(pictures, -1, 1) + 1) / 2, atol=1e-4)
    assert pipeline.picture_shape == (8, 8, 3) and made.std() > 0.01
    given = RNG.uniform(0, 1, (3, 8, 8, 3))
    codes = numpy(decoder.encode(2 * given.astype("float32") - 1)[0])
    np.testing.assert_allclose(pipeline.encode(given, 3), 0.4 * codes, atol=1e-5)


def test_a_network_gets_the_paths_that_it_has(small, knowing):
    assert set(small.conditions(PROMPTS)) == {"context", "pooled"}
    assert set(knowing.conditions(PROMPTS)) == {"pooled"}
    told = small.text_encoder(small.tokenizer.encode(PROMPTS))
    np.testing.assert_array_equal(numpy(small.conditions(PROMPTS)["context"]), numpy(told["hidden"]))


def test_a_new_prompt_compiles_nothing():
    pipeline, traced = painters.pixels(), []
    network = pipeline.diffusion.network
    call = network.call

    def noted(*arguments, **keywords):
        traced.append(1)
        return call(*arguments, **keywords)

    network.call = noted
    pipeline.generate(PROMPTS[0], steps=3)
    before = len(traced)
    assert before > 0
    pipeline.generate(PROMPTS[1], steps=3, negative="star", guidance_scale=4.0, seed=9, sampler="ddim")
    pipeline.generate("red ring red", steps=5)
    assert len(traced) == before or keras.backend.backend() == "torch"  # which compiles nothing


def test_progress_is_told_after_each_step(small):
    told = []
    small.generate(PROMPTS, steps=3, batch_size=2, callback=lambda done, all_: told.append((done, all_)))
    assert told == [(i, 6) for i in range(1, 7)]


def test_empty_long_and_foreign_prompts_are_painted():
    small = replace(painters.pixels(), hint=unknown_words)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert small.generate("", steps=2).shape == (1, 8, 8, 3)
        small.generate(" a red Star.", steps=2)
    with pytest.warns(TruncationWarning, match="The text has 500 tokens, of which 8 fit"):
        assert np.isfinite(small.generate("star " * 500, steps=2)).all()
    with pytest.warns(UnknownWordWarning, match="no word 'mauve'.*It is painted all the same") as caught:
        assert small.generate("a mauve star", steps=2).shape == (1, 8, 8, 3)
    assert len([w for w in caught if w.category is UnknownWordWarning]) == 1
    with pytest.warns(UnknownWordWarning, match="'ein', 'roter'"):
        small.generate("ein roter star", steps=2)
    with pytest.warns(UnknownWordWarning, match="'blurry'"):
        small.generate("a red star", negative="blurry", steps=2)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"steps": 51}, "`steps` must be an integer from 1 to 50. Received: steps=51"),
        ({"steps": 0}, "Received: steps=0"),
        ({"guidance_scale": float("nan")}, "must be a finite number. Received: guidance_scale=nan"),
        ({"seed": -1}, "`seed` must be an integer of 0 or more. Received: seed=-1"),
        ({"batch_size": 0}, "`batch_size` must be an integer of 1 or more. Received: batch_size=0"),
        ({"sampler": "euler"}, "A sampler must be one of dpm, dpm-ode, ddim, ddpm. Received: 'euler'"),
        ({"negative": ["star"]}, "`negative` must be one text, or 3, one per prompt"),
        ({"prompts": []}, r"`prompts` must be a text, or at least one. Received: \[\]"),
        ({"prompts": ["star", 3]}, "`prompts` must be a text"),
        (
            {"start": Start(np.zeros((3, 8, 8, 3)), skip=7), "steps": 5},
            "`skip` must be an integer from 0 to 4",
        ),
    ],
)
def test_refuses_before_anything_is_computed(small, wrong, message):
    arguments = {"prompts": PROMPTS, **wrong}
    with pytest.raises(ValueError, match=message):
        small.film(**arguments)
    with pytest.raises(ValueError, match=message):
        small.generate(**arguments)


def test_refuses_a_sampler_for_another_schedule_and_another_thing_to_show(small):
    with pytest.raises(ValueError, match="`sampler` must be for NoiseSchedule"):
        small.generate(PROMPTS, sampler=DDIMSampler(small.diffusion.schedule))
    with pytest.raises(ValueError, match="`show` must be 'x' or 'x0_hat'. Received: 'z'"):
        small.film(PROMPTS, show="z")
    for pictures in (np.zeros((2, 8, 8, 3)), np.zeros((8, 8, 1)), np.zeros((8, 8, 3), "uint8")):
        with pytest.raises(ValueError, match="`pictures` must"):
            small.encode(pictures, 3)
    for value in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"in \[0, 1\]"):
            small.encode(np.full((8, 8, 3), value), 3)


def test_parts_must_fit(small):
    parts = (small.text_encoder, small.tokenizer)
    network = small.diffusion.network
    with pytest.raises(ValueError, match="the autoencoder's latents, .4, 4, 2.. Received: .8, 8, 3."):
        TextToImagePipeline(small.diffusion, *parts, painters.autoencoder())
    guided = DiffusionPipeline(network, small.diffusion.schedule, "velocity", unconditional={"pooled": 0})
    with pytest.raises(ValueError, match="without guidance of its own"):
        TextToImagePipeline(guided, *parts)
    with pytest.raises(ValueError, match="The network must take x, t, and of a text.*'extra'"):
        painters.pixels(extra_channels=4)
    with pytest.raises(ValueError, match="the width of the network's `.*`, 8. Received: 4"):
        wide = {"vocabulary_size": small.tokenizer.vocabulary_size, "length": 10, "depth": 1, "heads": 2}
        replace(small, text_encoder=TextEncoder(**wide, width=4))
    for merges, length in ((3, 10), (40, 11)):
        with pytest.raises(
            ValueError, match="The tokenizer must be the text encoder's, of .* up to 10 tokens"
        ):
            replace(small, tokenizer=Tokenizer(learn_merges(PROMPTS, merges), length=length))


def test_presets_say_what_a_text_to_image_network_needs():
    assert "unet-scenes-pixels" in presets.TEXT_TO_IMAGE and "unet-mnist" not in presets.TEXT_TO_IMAGE
    for name in presets.TEXT_TO_IMAGE:
        preset = presets.PRESETS[name]
        assert preset.schedule and preset.text in presets.PRESETS
        assert preset.autoencoder is None or preset.autoencoder in presets.PRESETS
        assert (preset.clip is None) == (preset.autoencoder is not None)
    with pytest.raises(ValueError, match="A text-to-image preset must be one of .*Received: 'unet-mnist'"):
        load_text_to_image("unet-mnist")


@pytest.mark.parametrize("name", presets.TEXT_TO_IMAGE)
def test_a_preset_is_loaded_with_all_that_it_needs(monkeypatch, name):
    monkeypatch.setattr(presets, "load_pretrained", presets.build)  # the parts, whatever their weights
    kind = InpaintPipeline if "extra" in presets.build(name).input else TextToImagePipeline
    pipeline = load_text_to_image(name, kind)
    assert pipeline.picture_shape == (32, 32, 3) and pipeline.hint("a mauve star")
    told, wanted = pipeline.conditions(["a red star"]), pipeline.diffusion.network.input
    assert set(told) == set(wanted) - {"x", "t", "extra"}
    for value in told.values():
        assert value.shape[0] == 1 and value.shape[-1] == 128
    assert pipeline.start(2).x.shape == (2, *pipeline.diffusion.network.image_shape)
