"""Inpainting: what is known stays, RePaint is the paper's, and a trained network gets mask and masked latents."""

import numpy as np
import painters
import pytest
from helpers import numpy
from painters import PROMPTS

from diffusion_course.models.inpainting import latent_mask
from diffusion_course.pipelines.inpaint import InpaintPipeline

RNG = np.random.default_rng(1)
PICTURES = RNG.uniform(0, 1, (3, 8, 8, 3)).astype("float32")
MASK = np.zeros((8, 8), "uint8")
MASK[1:5, 2:7] = 1
HOLE = MASK == 1


@pytest.fixture(scope="module")
def small():
    return painters.pixels(InpaintPipeline)


@pytest.fixture(scope="module")
def trained():
    return painters.latents(InpaintPipeline, extra_channels=3)


@pytest.mark.parametrize("make", [painters.pixels, painters.latents])
def test_known_pixels_are_unchanged_and_the_others_are_painted(make):
    pipeline = make(InpaintPipeline)
    made = pipeline.generate(PROMPTS, pictures=PICTURES, mask=MASK, steps=4, resample=(2, 2))
    assert made.dtype == np.float32 and 0 <= made.min() <= made.max() <= 1
    np.testing.assert_array_equal(made[:, ~HOLE], PICTURES[:, ~HOLE])
    assert np.abs(made[:, HOLE] - PICTURES[:, HOLE]).mean() > 0.05


def test_the_hole_is_filled_with_what_the_prompt_says():
    answers = {text: RNG.uniform(-1, 1, (8, 8, 3)) for text in PROMPTS}
    pipeline = painters.oracle(answers, InpaintPipeline)
    made = pipeline.generate(PROMPTS, pictures=PICTURES, mask=MASK, steps=3, guidance_scale=1)
    for picture, known, text in zip(made, PICTURES, PROMPTS, strict=True):
        wanted = np.where(HOLE[..., None], (answers[text] + 1) / 2, known)
        np.testing.assert_allclose(picture, wanted, atol=1e-5)


def test_the_network_sees_the_known_part_at_the_level_of_each_step():
    """In the mean over many pictures: signal x_0, with a spread of sigma, drawn anew for each picture and step."""
    seen, count = [], 400
    pipeline = painters.counting(painters.oracle({"": 0 * PICTURES[0]}, InpaintPipeline), seen)
    how = {"steps": 4, "guidance_scale": 1, "batch_size": count, "resample": None}
    pipeline.generate([""] * count, pictures=PICTURES[0], mask=MASK, **how)
    table, known = pipeline.sampler().table(4), (2 * PICTURES[0] - 1)[~HOLE]
    assert len(seen) == 4
    before = None
    for i, (_, x, _) in zip((2, 1, 0), seen[1:], strict=True):
        signal, sigma = np.sqrt(table["alpha_bar"][i]), np.sqrt(1 - table["alpha_bar"][i])
        z = (x[:, ~HOLE] - signal * known) / sigma
        assert abs(z.mean()) < 0.02 and abs(z.std() - 1) < 0.02
        assert np.abs(z.mean(axis=0)).max() < 5 / np.sqrt(count)
        if before is not None:
            assert abs(np.corrcoef(z.ravel(), before.ravel())[0, 1]) < 0.03
        before = z


def test_resampling_walks_back_and_forth():
    for resample, calls in ((None, 6), ((3, 3), 6 + 2 * 3), ((2, 2), 6 + 2 + 2)):
        seen, told = [], []
        pipeline = painters.counting(painters.oracle({"": PICTURES[0]}, InpaintPipeline), seen)
        how = {
            "steps": 6,
            "guidance_scale": 1,
            "resample": resample,
            "callback": lambda *n, told=told: told.append(n),
        }
        frames = list(pipeline.film("", pictures=PICTURES[0], mask=MASK, **how))
        assert len(seen) == len(frames) == len(told) == calls
        assert told[-1] == (calls, calls)


def test_pictures_do_not_depend_on_the_batch_and_a_film_ends_with_them(small):
    how = {"pictures": PICTURES, "mask": MASK, "steps": 4, "resample": (2, 2), "seed": 5}
    whole = small.generate(PROMPTS, **how)
    np.testing.assert_allclose(small.generate(PROMPTS, batch_size=2, **how), whole, atol=1e-5)
    for show in ("x", "x0_hat"):
        frames = list(small.film(PROMPTS, show=show, **how))
        np.testing.assert_array_equal(frames[-1], whole)
        np.testing.assert_array_equal(frames[0][:, ~HOLE], PICTURES[:, ~HOLE])


def test_a_mask_may_be_of_each_picture(small):
    masks = np.stack([MASK, 1 - MASK, 0 * MASK])
    made = small.generate(PROMPTS, pictures=PICTURES, mask=masks, steps=2, resample=None)
    assert np.array_equal(made[masks == 0], PICTURES[masks == 0]) and not np.array_equal(made, PICTURES)
    np.testing.assert_array_equal(made[2], PICTURES[2])


def test_a_trained_network_gets_the_mask_and_the_masked_latents_at_their_scale(trained):
    seen = []
    pipeline = painters.counting(painters.latents(InpaintPipeline, extra_channels=3), seen)
    pipeline.generate(PROMPTS, pictures=PICTURES, mask=MASK, steps=2, guidance_scale=2.0)
    assert len(seen) == 2  # no resampling
    for rows, _, told in seen:
        assert rows == 6 and set(told) == {"context", "pooled", "extra"}
        extra = told["extra"]
        assert extra.shape == (6, 4, 4, 3)
        np.testing.assert_array_equal(extra[:3], extra[3:])  # the same on both sides of guidance
        np.testing.assert_array_equal(extra[0, ..., 0], latent_mask(MASK[None, ..., None], 2)[0, ..., 0])
        masked = (2 * PICTURES - 1) * ~HOLE[..., None]
        codes = numpy(pipeline.autoencoder.encode(masked)[0])
        np.testing.assert_allclose(extra[:3, ..., 1:], pipeline.autoencoder.latent_scale * codes, atol=1e-4)


def test_what_lies_under_the_mask_tells_a_trained_network_nothing(trained):
    other = np.where(HOLE[..., None], 1 - PICTURES, PICTURES)
    how = {"mask": MASK, "steps": 2}
    a, b = (trained.generate(PROMPTS, pictures=pictures, **how) for pictures in (PICTURES, other))
    np.testing.assert_array_equal(a, b)
    assert np.array_equal(a[:, ~HOLE], PICTURES[:, ~HOLE]) and np.abs(a - PICTURES).max() > 0.01


def test_refuses(small):
    with pytest.raises(
        ValueError, match="`extra` must have 3 channels, a mask and what it leaves. Received: 5"
    ):
        painters.latents(InpaintPipeline, extra_channels=5)
    for mask, message in (
        (MASK[:4], r"`mask` must have the pictures' size, \(8, 8\).*Received: \(4, 8\)"),
        (np.stack([MASK] * 2), r"Received: \(2, 8, 8\)"),
        (0.5 * MASK, r"1 where to paint and 0 elsewhere. Received: float64, values \[0.0, 0.5\]"),
        (255 * MASK, "values .0, 255."),
        (np.where(HOLE, np.nan, 0), "nan"),
    ):
        for call in (small.generate, small.film):
            with pytest.raises(ValueError, match=message):
                call(PROMPTS, pictures=PICTURES, mask=mask)
    with pytest.raises(ValueError, match="`pictures` must have shape"):
        small.generate(PROMPTS, pictures=PICTURES[:, :4], mask=MASK)
    with pytest.raises(ValueError, match="`resample` must be .length, times., both 1 or more"):
        small.generate(PROMPTS, pictures=PICTURES, mask=MASK, resample=(0, 2))
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        small.generate(PROMPTS, pictures=PICTURES, mask=MASK, seed=1.5)
