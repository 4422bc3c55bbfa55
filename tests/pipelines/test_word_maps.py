"""Words and pixels: which columns are whose, maps that add up, and a watched walk that paints what another one does."""

import numpy as np
import painters
import pytest
from helpers import numpy
from painters import PROMPTS

from diffusion_course.models.attention_maps import attention_maps
from diffusion_course.pipelines.image_to_image import ImageToImagePipeline
from diffusion_course.pipelines.inpaint import InpaintPipeline
from diffusion_course.pipelines.word_maps import watch, word_map, words_of

RNG = np.random.default_rng(2)


def test_the_columns_of_words_are_those_of_their_tokens():
    tokenizer = painters.tokenizer()
    for prompt in (*PROMPTS, "", "A  Red starlet, 42 &amp; blue"):
        ids = tokenizer.encode(prompt)[0] if len(tokenizer.tokens(prompt)) <= 8 else None
        words = words_of(tokenizer, prompt)
        spoken = (
            [tokenizer.symbols[ids[c]] for _, columns in words for c in columns] if ids is not None else []
        )
        assert ids is None or spoken == tokenizer.tokens(prompt)
        for word, columns in words:
            if columns and ids is not None:
                assert tokenizer.decode([[ids[c] for c in columns]]) == [word]
    cut = words_of(tokenizer, "red " * 20)
    assert [columns for _, columns in cut[:8]] == [[i] for i in range(1, 9)]
    assert all(columns == [] for _, columns in cut[8:]) and len(cut) == 20


def test_maps_add_to_one_over_all_columns_and_have_the_picture_size():
    maps = {"a": RNG.random((2, 3, 16, 5)), "b": RNG.random((2, 3, 4, 5))}
    maps = {name: w / w.sum(axis=-1, keepdims=True) for name, w in maps.items()}
    total = word_map(maps, range(5), (8, 8))
    assert total.shape == (2, 8, 8) and total.dtype == np.float32
    np.testing.assert_allclose(total, 1, atol=1e-6)
    word = word_map(maps, [1, 3], (8, 8))
    a, b = (maps[name][..., [1, 3]].sum(axis=-1).mean(axis=1) for name in "ab")
    # pixel (5, 2) lies in row 2, column 1 of 4 x 4, and in row 1, column 0 of 2 x 2
    np.testing.assert_allclose(word[:, 5, 2], (a[:, 2 * 4 + 1] + b[:, 1 * 2 + 0]) / 2, atol=1e-6)
    wide = {"c": RNG.random((1, 1, 8, 5))}
    np.testing.assert_allclose(word_map(wide, [0], (2, 4))[0].ravel(), wide["c"][0, 0, :, 0], atol=1e-6)


def test_a_watched_walk_paints_the_same_and_shows_the_maps_before_each_step():
    pipeline = painters.latents()
    how = {"steps": 3, "seed": 4, "guidance_scale": 2.0, "sampler": "ddim"}
    looks = list(watch(pipeline, PROMPTS, **how))
    np.testing.assert_allclose(looks[-1].pictures, pipeline.generate(PROMPTS, **how), atol=1e-5)
    assert [look.t for look in looks] == sorted((look.t for look in looks), reverse=True) and len(looks) == 3
    (walk,) = pipeline.walks(PROMPTS, **how)
    first = next(walk)
    states = [pipeline.start(3, 4).x, numpy(first.x)]
    for look, x in zip(looks, states, strict=False):
        conditions = {name: numpy(value) for name, value in pipeline.conditions(PROMPTS).items()}
        told = {"x": x, "t": np.full(3, look.t, "int32"), **conditions}
        expected = attention_maps(pipeline.diffusion.network, told)
        assert set(look.maps) == set(expected) == {"middle_attention"}
        np.testing.assert_allclose(look.maps["middle_attention"], expected["middle_attention"], atol=1e-4)


def test_refuses():
    with pytest.raises(ValueError, match="at least one layer"):
        word_map({}, [1], (8, 8))
    with pytest.raises(ValueError, match=r"multiple of the layers' pixels. Received: \(8, 8\), a: 9"):
        word_map({"a": np.ones((1, 1, 9, 2))}, [1], (8, 8))
    with pytest.raises(ValueError, match="SpatialTransformer with a context"):
        next(watch(painters.oracle({"": np.zeros((8, 8, 3))}), ""))


@pytest.mark.parametrize("kind", [ImageToImagePipeline, InpaintPipeline])
@pytest.mark.parametrize("guidance_scale", [1.0, 3.0])
def test_editing_can_be_watched_too(kind, guidance_scale):
    pipeline = painters.latents(kind)
    pictures = RNG.random((2, 8, 8, 3), dtype="float32")
    edit = {"pictures": pictures, "seed": 1, "steps": 4, "guidance_scale": guidance_scale}
    edit |= {"strength": 0.5} if kind is ImageToImagePipeline else {"mask": np.eye(8), "resample": None}
    looks = list(watch(pipeline, PROMPTS[:2], **edit))
    assert len(looks) == (2 if kind is ImageToImagePipeline else 4)
    (walk,) = pipeline.walks(PROMPTS[:2], **edit)
    for look, point in zip(looks, walk, strict=True):
        np.testing.assert_allclose(numpy(look.x), numpy(point.x), atol=1e-5)
        (weights,) = look.maps.values()
        assert weights.shape[0] == 2
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)


def test_a_walk_of_no_steps_has_no_maps():
    pipeline = painters.latents(ImageToImagePipeline)
    picture = np.full((8, 8, 3), 0.5, "float32")
    (look,) = watch(pipeline, "a red star", pictures=picture, strength=0.0)
    assert look.maps == {} and look.pictures.shape == (1, 8, 8, 3)
