"""The engine paints what pipelines paint, tells of each step, and shows each word's map."""

import base64
import json

import numpy as np
import painters
import pytest
from painters import PROMPTS

from diffusion_course.pipelines.image_to_image import ImageToImagePipeline
from diffusion_course.pipelines.inpaint import InpaintPipeline
from diffusion_course.pipelines.word_maps import watch, word_map, words_of
from diffusion_course.studio.engine import EMPTY, Engine
from diffusion_course.studio.still import most_looked_at, over, still_figure

RNG = np.random.default_rng(5)
PICTURE = RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)
MASK = np.zeros((8, 8), np.uint8)
MASK[2:5, 1:4] = 1
EDIT = {
    "picture": base64.b64encode(PICTURE.tobytes()).decode(),
    "mask": base64.b64encode(MASK.tobytes()).decode(),
}


def as_kind(pipeline, kind):
    return kind(pipeline.diffusion, pipeline.text_encoder, pipeline.tokenizer, pipeline.autoencoder)


@pytest.fixture(scope="module")
def pipeline():
    return painters.latents()


@pytest.fixture(scope="module")
def engine(pipeline):
    return Engine(lambda name, kind: as_kind(pipeline, kind), model="tiny")


def events(engine, **asked):
    told = list(engine.paint(engine.check({"steps": 3, **asked})))
    json.dumps(told)
    return told


def unpacked(text, *shape, kind="u1"):
    return np.frombuffer(base64.b64decode(text), kind).reshape(shape) / np.iinfo(kind).max


def test_it_paints_what_the_pipeline_paints_and_tells_of_each_step(engine, pipeline):
    how = {"steps": 3, "seed": 7, "sampler": "ddim", "negative": "a blue ring"}
    began, *frames, done = events(engine, prompt=PROMPTS[0], guidance=2.0, **how)
    expected = list(pipeline.film(PROMPTS[0], guidance_scale=2.0, **how))
    believed = list(pipeline.film(PROMPTS[0], guidance_scale=2.0, show="x0_hat", **how))
    assert began == {"kind": "began", "words": [["a", True], ["red", True], ["star", True]], "warnings": []}
    assert [(f["kind"], f["step"], f["steps"]) for f in frames] == [("frame", k, 3) for k in (1, 2, 3)]
    for frame, noisy, belief in zip(frames, expected, believed, strict=True):
        np.testing.assert_allclose(unpacked(frame["noisy"], 8, 8, 3), noisy[0], atol=0.6 / 255)
        np.testing.assert_allclose(unpacked(frame["belief"], 8, 8, 3), belief[0], atol=0.6 / 255)
    np.testing.assert_allclose(unpacked(done["picture"], 8, 8, 3), expected[-1][0], atol=0.6 / 255)
    assert done["kind"] == "done" and done["seconds"] >= 0


def test_the_maps_are_those_of_the_words(engine, pipeline):
    _, *frames, done = events(engine, prompt=PROMPTS[0], seed=1)
    looks = list(watch(pipeline, PROMPTS[0], steps=3, seed=1))
    means = []
    for frame, look in zip(frames, looks, strict=True):
        maps = np.stack(
            [word_map(look.maps, c, (8, 8))[0] for _, c in words_of(pipeline.tokenizer, PROMPTS[0])]
        )
        np.testing.assert_allclose(unpacked(frame["maps"], 3, 8, 8, kind="<u2"), maps, atol=1e-5)
        means.append(maps)
    np.testing.assert_allclose(unpacked(done["maps"], 3, 8, 8, kind="<u2"), np.mean(means, axis=0), atol=1e-5)


def test_from_a_picture_by_strength(engine, pipeline):
    editing = as_kind(pipeline, ImageToImagePipeline)
    _, *frames, done = events(engine, prompt=PROMPTS[1], begin="picture", strength=0.67, **EDIT)
    expected = editing.generate(PROMPTS[1], pictures=PICTURE.astype("float32") / 255, strength=0.67, steps=3)
    assert len(frames) == 2
    np.testing.assert_allclose(unpacked(done["picture"], 8, 8, 3), expected[0], atol=0.6 / 255)
    _, only, done = events(engine, prompt=PROMPTS[1], begin="picture", strength=0, **EDIT)
    assert only["maps"] is None and done["maps"] is None and (only["step"], only["steps"]) == (0, 0)


def test_outside_of_the_hole_every_pixel_stays_at_every_step(engine, pipeline):
    _, *frames, done = events(engine, prompt=PROMPTS[1], begin="hole", **EDIT)
    filling = as_kind(pipeline, InpaintPipeline)
    expected = filling.generate(PROMPTS[1], pictures=PICTURE.astype("float32") / 255, mask=MASK, steps=3)
    np.testing.assert_allclose(unpacked(done["picture"], 8, 8, 3), expected[0], atol=0.6 / 255)
    for frame in frames:
        for name in ("noisy", "belief"):
            kept = np.frombuffer(base64.b64decode(frame[name]), np.uint8).reshape(8, 8, 3)
            np.testing.assert_array_equal(kept[MASK == 0], PICTURE[MASK == 0])
    assert frames[-1]["step"] == frames[-1]["steps"] == len(frames)


def test_a_network_trained_for_holes_is_taken_where_there_is_one(pipeline):
    asked = []

    def load(name, kind):
        asked.append((name, kind))
        return painters.latents(InpaintPipeline, extra_channels=3) if name == "filler" else pipeline

    engine = Engine(load, model="painter", hole_model="filler")
    assert [name for name, _ in asked] == ["painter", "filler"] and engine.about()["hole_model"] == "filler"
    (_, *frames, _) = events(engine, prompt=PROMPTS[0], begin="hole", **EDIT)
    assert len(frames) == 3, "RePaint would walk back and forth"


def test_what_is_odd_is_painted_and_told(engine):
    assert events(engine, prompt="  ")[0] == {"kind": "began", "words": [], "warnings": [EMPTY]}
    long = events(engine, prompt="red " * 500, guidance=1)
    (warning,) = long[0]["warnings"]
    assert "tokens" in warning and long[0]["words"][-1] == ["red", False] and long[-1]["kind"] == "done"
    assert events(engine, prompt="一颗星")[-1]["kind"] == "done"


def test_about_says_what_a_face_needs(engine):
    about = engine.about()
    json.dumps(about)
    assert (about["height"], about["width"]) == (8, 8) and about["samplers"][0] == about["defaults"][
        "sampler"
    ]
    for name, limits in about["numbers"].items():
        assert limits["min"] <= about["defaults"][name] <= limits["max"] and limits["step"] > 0


def test_still_shows_the_walk_and_the_words():
    from matplotlib import pyplot as plt

    figure, alt = still_figure(Engine(lambda name, kind: painters.pixels(kind), model="tiny"), "a red star")
    assert "a, red, star" in alt and len(figure.axes[0].images) >= 1
    plt.close(figure)
    maps = np.zeros((4, 2, 2))
    maps[1, 0, 0], maps[3, 1, 1] = 1, 0.5
    chosen = most_looked_at(maps, ["a", "red", "a", "star"], count=2)
    assert list(chosen) == ["red", "star"]
    np.testing.assert_allclose(over(np.ones((2, 2, 3)), chosen["star"])[..., 0], [[0.2, 0.2], [0.2, 1.0]])
