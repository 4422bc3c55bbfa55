"""Training for holes: holes of every kind in their shares, and examples that are what the pipeline will show."""

import numpy as np
import painters
import pytest
from painters import PROMPTS

from diffusion_course.models.inpainting import extra_channels
from diffusion_course.pipelines.diffusion import DiffusionPipeline
from diffusion_course.pipelines.inpaint import InpaintPipeline
from diffusion_course.schedules import NoiseSchedule
from diffusion_course.training import inpainting
from diffusion_course.training.diffusion import DiffusionTrainer, train_diffusion
from diffusion_course.training.inpainting import MASK_SHARES, inpainting_examples, random_masks, widened

PICTURES = np.random.default_rng(3).uniform(-1, 1, (6, 8, 8, 3)).astype("float32")


def test_masks_are_holes_of_all_kinds():
    masks = random_masks(2_000, (32, 32), seed=1)
    assert masks.shape == (2_000, 32, 32) and set(np.unique(masks)) == {0, 1}
    assert sum(MASK_SHARES.values()) == pytest.approx(1)
    share = masks.mean(axis=(1, 2))
    assert share.min() > 0
    assert abs((share == 1).mean() - MASK_SHARES["whole"]) < 0.03
    # a rectangle is the product of its shadows
    product = masks.max(axis=2)[:, :, None] * masks.max(axis=1)[:, None]
    assert abs(((product == masks).all(axis=(1, 2)) & (share < 1)).mean() - MASK_SHARES["rectangle"]) < 0.04
    # every pixel is hidden now and then, and seen now and then
    assert 0.15 < masks.mean(axis=0).min() and masks.mean(axis=0).max() < 0.8


@pytest.mark.parametrize(
    "kind, least, most", [("rectangle", 0.05, 0.75), ("half plane", 0.1, 0.9), ("stroke", 0.01, 0.7)]
)
def test_no_kind_hides_nothing_or_all(kind, least, most, monkeypatch):
    monkeypatch.setattr(inpainting, "MASK_SHARES", {kind: 1.0})
    share = random_masks(500, (32, 32)).mean(axis=(1, 2))
    assert least < share.min() and share.max() < most


def test_a_mask_depends_on_its_number_alone():
    whole = random_masks(9, (8, 12), seed=4)
    np.testing.assert_array_equal(random_masks(4, (8, 12), seed=4, first=5), whole[5:])
    assert (random_masks(9, (8, 12), seed=5) != whole).any()


@pytest.mark.parametrize("autoencoder", [painters.autoencoder(), None])
def test_examples_are_each_picture_with_its_mask_as_the_pipeline_shows_them(autoencoder, monkeypatch):
    monkeypatch.setattr(inpainting, "_BLOCK", 4)  # two blocks
    extra = inpainting_examples(autoencoder, PICTURES, seed=7)
    masks = random_masks(6, (8, 8), seed=7)
    np.testing.assert_allclose(extra, extra_channels(autoencoder, PICTURES, masks[..., None]), atol=1e-5)
    shape = (8, 8, 3) if autoencoder is None else autoencoder.latent_shape
    seen, clip = [], (-1.0, 1.0) if autoencoder is None else None
    diffusion = DiffusionPipeline(
        widened(painters.unet(shape), 1 + shape[-1]), NoiseSchedule.cosine(50), "velocity", clip
    )
    pipeline = InpaintPipeline(diffusion, painters.text_encoder(), painters.tokenizer(), autoencoder)
    painters.counting(pipeline, seen)
    pipeline.generate(
        PROMPTS * 2, pictures=(PICTURES + 1) / 2, mask=masks.astype("uint8"), steps=1, guidance_scale=1
    )
    np.testing.assert_allclose(seen[0][2]["extra"], extra, atol=1e-4)


def test_a_wider_network_learns_what_lies_around_the_hole():
    """Grey pictures, each of its own brightness: only who looks at the known part knows which."""
    grey = np.linspace(-0.9, 0.9, 64, dtype="float32")[:, None, None, None] * np.ones((1, 8, 8, 3), "float32")
    network = widened(painters.unet((8, 8, 3)), 4)
    rng = np.random.default_rng(0)
    conditions = {
        "context": np.zeros((64, 3, painters.WIDTH), "float32"),
        "pooled": np.zeros((64, painters.WIDTH), "float32"),
        "extra": inpainting_examples(None, grey, seed=1),
    }
    trainer = DiffusionTrainer(network, NoiseSchedule.cosine(50), prediction="x0")
    train_diffusion(
        trainer, grey, conditions=conditions, steps=150, batch_size=16, warmup=20, optimizer="muon"
    )
    half = np.zeros((64, 8, 8, 1), "float32")
    half[:, :, 4:] = 1
    told = {"x": rng.normal(size=grey.shape), "t": np.full(64, 49), **conditions}

    def error(extra):
        return np.square(network.predict({**told, "extra": extra}, verbose=0) - grey)[:, :, 4:].mean()

    shown = extra_channels(None, grey, half)
    assert error(shown) < 0.5 * error(np.roll(shown, 32, axis=0))


def test_refuses():
    for pictures, received in ((PICTURES * 2, "from -1.9"), (PICTURES[:0], r"shape \(0, 8, 8, 3\)")):
        with pytest.raises(
            ValueError, match=rf"`pictures` must be .* in \[-1, 1\], and some. Received: .*{received}"
        ):
            inpainting_examples(None, pictures)
