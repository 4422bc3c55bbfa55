"""Image to image: the strength says where the walk starts; none of it gives the picture back."""

import numpy as np
import painters
import pytest
from painters import PROMPTS

from diffusion_course.pipelines.image_to_image import ImageToImagePipeline, steps_to_skip

RNG = np.random.default_rng(0)
PICTURES = RNG.uniform(0, 1, (3, 8, 8, 3)).astype("float32")


@pytest.fixture(scope="module")
def small():
    return painters.pixels(ImageToImagePipeline)


def test_strength_says_how_many_steps_are_taken_and_from_where(small):
    for strength, taken in ((1.0, 10), (0.64, 6), (0.5, 5), (0.1, 1)):
        seen = []
        pipeline = painters.counting(painters.oracle({"": PICTURES[0]}, ImageToImagePipeline), seen)
        pipeline.generate("", pictures=PICTURES[0], strength=strength, steps=10, guidance_scale=1, seed=4)
        assert len(seen) == taken
        schedule, noise = pipeline.diffusion.schedule, pipeline.diffusion.noise(1, 4)
        t = pipeline.sampler().table(10)["t"][taken - 1]
        x_t = schedule.signal[t] * (2 * PICTURES[:1] - 1) + schedule.sigma[t] * noise
        np.testing.assert_allclose(seen[0][1], x_t, atol=1e-5)


def test_without_strength_the_picture_comes_back(small):
    np.testing.assert_allclose(small.generate(PROMPTS, pictures=PICTURES, strength=0), PICTURES, atol=1e-6)
    frames = list(small.film(PROMPTS, pictures=PICTURES, strength=0.01, steps=25))
    assert len(frames) == 1
    through = painters.latents(ImageToImagePipeline)
    expected = (np.clip(through.autoencoder.predict(2 * PICTURES - 1, verbose=0), -1, 1) + 1) / 2
    np.testing.assert_allclose(through.generate(PROMPTS, pictures=PICTURES, strength=0), expected, atol=1e-4)


def test_with_all_strength_the_picture_counts_as_much_as_the_schedule_leaves_of_it(small):
    how = {"steps": 4, "seed": 6, "sampler": "ddim"}
    grey = np.full((8, 8, 3), 0.5)  # 0 for the network: nothing is left of nothing
    sigma = small.diffusion.schedule.sigma[-1]
    whole = small.generate(PROMPTS, pictures=grey, strength=1, **how)
    start = small.start(3, 6)
    (walk,) = painters.TextToImagePipeline.walks(
        small, PROMPTS, start=type(start)((sigma * start.x).astype("float32")), **how
    )
    np.testing.assert_allclose(whole, small.decode(list(walk)[-1].x), atol=1e-5)
    assert sigma > 0.999 and small.diffusion.schedule.signal[-1] < 0.05


def test_more_strength_leads_further_from_the_picture():
    target = np.full((8, 8, 3), -1.0)
    pipeline = painters.oracle({"": target}, ImageToImagePipeline)
    x0 = []
    for strength in (0.0, 0.5, 1.0):
        made = pipeline.generate("", pictures=PICTURES[0], strength=strength, steps=4, guidance_scale=1)
        x0.append(np.abs(made - PICTURES[0]).mean())
    assert x0[0] < 1e-6 and min(x0[1:]) > 0.3
    np.testing.assert_allclose(made, 0, atol=1e-6)


def test_batches_do_not_matter_and_one_picture_serves_all(small):
    how = {"strength": 0.6, "steps": 5, "seed": 3}
    whole = small.generate(PROMPTS, pictures=PICTURES, **how)
    np.testing.assert_allclose(
        small.generate(PROMPTS, pictures=PICTURES, batch_size=2, **how), whole, atol=1e-5
    )
    one = small.generate(PROMPTS, pictures=PICTURES[0], **how)
    np.testing.assert_allclose(one[0], whole[0], atol=1e-5)
    assert np.abs(one[1] - whole[1]).max() > 0.01


def test_refuses(small):
    for strength in (-0.1, 1.01, float("nan")):
        with pytest.raises(
            ValueError, match=f"`strength` must be from 0 to 1. Received: strength={strength}"
        ):
            small.generate(PROMPTS, pictures=PICTURES, strength=strength)
    with pytest.raises(
        ValueError, match=r"`pictures` must have shape \(3, 8, 8, 3\).*Received: \(2, 8, 8, 3\)"
    ):
        small.film(PROMPTS, pictures=PICTURES[:2])
    with pytest.raises(ValueError, match="`steps` must be an integer from 1 to 50. Received: steps=80"):
        small.generate(PROMPTS, pictures=PICTURES, steps=80)
    with pytest.raises(ValueError, match="`seed` must be an integer of 0 or more. Received: seed=-3"):
        small.generate(PROMPTS, pictures=PICTURES, seed=-3)


def test_every_share_of_the_steps():
    assert [steps_to_skip(i / 10, 10) for i in range(11)] == list(range(10, -1, -1))
    assert steps_to_skip(0.29, 100) == 71  # 0.29 * 100 is a little less than 29
