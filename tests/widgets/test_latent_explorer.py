"""The explorer's wiring without a browser: what travels, what comes back, and the still picture."""

import base64
import io
import json
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
from PIL import Image

from diffusion_course.widgets import latent_explorer

NAMES = ["Bag", "Boot"]
POINTS = np.random.default_rng(0).normal(size=(4000, 2))
LABELS = (POINTS[:, 0] > 0).astype(int)


def decode(z):
    """A picture whose grey is a known function of z."""
    grey = 1 / (1 + np.exp(-z[0, 0] - 2 * z[0, 1]))
    return np.full((1, 28, 28, 1), grey)


@pytest.fixture
def explorer():
    return latent_explorer(decode, POINTS, LABELS, NAMES)


def test_first_picture_is_decoded_at_the_start(explorer):
    assert explorer.z == (0, 0)
    assert explorer.picture.shape == (28, 28) and (explorer.picture == 128).all()
    other = latent_explorer(decode, POINTS, LABELS, NAMES, start=(1, 0.5))
    assert other.z == (1, 0.5) and other.picture[0, 0] == round(255 / (1 + np.exp(-2)))


def test_what_travels_is_small_and_matches(explorer):
    points = np.frombuffer(explorer.points, "<f4").reshape(-1, 2)
    labels = np.frombuffer(explorer.labels, np.uint8)
    assert len(points) == len(labels) == 3000
    np.testing.assert_array_equal(labels, points[:, 0] > 0)
    json.dumps(explorer.scene)


def test_a_request_is_answered_with_pixels_and_words(explorer):
    explorer.request = {"id": "7", "x": 0.5, "y": -1}
    assert explorer.answer["id"] == "7" and explorer.z == (0.5, -1)
    assert explorer.picture[0, 0] == round(255 / (1 + np.exp(1.5)))
    assert explorer.answer["text"].startswith("Nearest coded picture: Boot")
    nearest = POINTS[np.linalg.norm(POINTS - [0.5, -1], axis=1).argmin()]
    assert explorer.answer["near"] == pytest.approx(nearest.tolist())


def test_pixels_and_words_travel_in_one_message(explorer, wired):
    wire = wired(explorer)
    explorer.move(1, 1)
    assert wire.sent == [{"pixels", "answer"}]


def test_a_request_outside_the_map_is_moved_onto_it(explorer):
    explorer.request = {"id": "1", "x": 1e9, "y": 0}
    assert explorer.z == (explorer.scene["limits"][1], 0)


@pytest.mark.parametrize(
    "ask", [{"id": "1"}, {"id": "1", "x": float("nan"), "y": 0}, {"id": "1", "x": "a", "y": 0}]
)
def test_a_broken_request_is_answered_with_an_error(explorer, ask):
    before = explorer.pixels
    explorer.request = ask
    assert explorer.answer["id"] == "1" and explorer.answer["error"]
    assert explorer.pixels == before and explorer.z == (0, 0)


def test_a_decoder_that_fails_later_is_reported_and_recovers():
    broken = []

    def fragile(z):
        if broken:
            raise RuntimeError("no weights")
        return decode(z)

    explorer = latent_explorer(fragile, POINTS, LABELS, NAMES)
    broken.append(True)
    explorer.request = {"id": "1", "x": 1, "y": 1}
    assert explorer.answer["error"] == "RuntimeError: no weights"
    broken.clear()
    explorer.request = {"id": "2", "x": 1, "y": 1}
    assert explorer.answer["error"] is None and explorer.z == (1, 1)


def test_the_bundle_holds_view_picture_and_words(explorer):
    data, metadata = explorer._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    png = base64.b64decode(data["image/png"])
    assert len(png) < 80_000
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert picture.shape[1] > 600
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10
    alt = metadata["image/png"]["alt"]
    assert "4000 pictures in 2 classes" in alt and "A: the start, at (0.00, 0.00)" in alt
    assert data["text/plain"] == alt


def test_the_still_picture_does_not_move_the_point(explorer):
    explorer.move(0.25, 0.5)
    explorer._repr_mimebundle_()
    assert explorer.z == (0.25, 0.5)


def test_other_picture_shapes():
    wide = latent_explorer(lambda z: np.zeros((1, 4, 6, 1)), POINTS, LABELS, NAMES, image_shape=(4, 6))
    assert wide.picture.shape == (4, 6)
    assert (wide.scene["height"], wide.scene["width"]) == (4, 6)
    wide._repr_mimebundle_()


def test_tensors_are_pictures_too():
    import keras

    explorer = latent_explorer(lambda z: keras.ops.ones((1, 28, 28, 1)), POINTS, LABELS, NAMES)
    assert (explorer.picture == 255).all()


def test_bad_input_fails_in_the_learners_cell():
    with pytest.raises(TypeError, match="`decode`.*Received: str"):
        latent_explorer("decoder", POINTS, LABELS, NAMES)
    with pytest.raises(ValueError, match="shape=\\(1, 784\\)"):
        latent_explorer(lambda z: np.zeros((1, 784)), POINTS, LABELS, NAMES)
    with pytest.raises(ValueError, match="1 to 50 names. Received: 0"):
        latent_explorer(decode, POINTS, LABELS, [])
    with pytest.raises(ValueError, match="`start`"):
        latent_explorer(decode, POINTS, LABELS, NAMES, start=(0,))
    with pytest.raises(ValueError, match="finite number"):
        latent_explorer(decode, POINTS, LABELS, NAMES).move(float("inf"), 0)


def test_assets_are_in_the_package(explorer):
    package = files("diffusion_course.widgets")
    for name, sent in (("latent_explorer.js", explorer._esm), ("latent_explorer.css", explorer._css)):
        text = package.joinpath(name).read_text(encoding="utf-8")
        assert text == sent and len(text) > 500
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text


@pytest.mark.parametrize(
    "first", ["import diffusion_course.widgets.latent_explorer", "import diffusion_course.widgets as w"]
)
def test_the_name_is_the_function_whoever_imports_first(first):
    code = f"{first}\nfrom diffusion_course.widgets import latent_explorer\nimport sys\n"
    code += "assert callable(latent_explorer)\nassert 'ipywidgets' not in sys.modules, 'not lazy'"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_prompt_connection_is_one_the_server_accepts():
    from jupyter_server.serverapp import ServerApp

    from diffusion_course.tools.lab import SERVER_OPTIONS
    from diffusion_course.tools.prompt_connection import PromptConnection

    server = ServerApp()
    server.parse_command_line(list(SERVER_OPTIONS))
    assert server.kernel_websocket_connection_class is PromptConnection
