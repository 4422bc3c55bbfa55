"""The command `paint`, with tiny untrained networks: files, sizes, films, editing, and what it refuses."""

import subprocess
import sys

import numpy as np
import painters
import pytest
from PIL import Image
from typer.testing import CliRunner

from diffusion_course import cli
from diffusion_course.course.files import MissingFile
from diffusion_course.datasets.scene_captions import unknown_words
from diffusion_course.pipelines import text_to_image
from diffusion_course.tools import paint

MADE = {}


def tiny(name, kind):
    """An untrained pipeline of 8 x 8 pixels, one for each kind: new ones would compile anew."""
    if kind not in MADE:
        base = painters.pixels(kind)
        MADE[kind] = kind(base.diffusion, base.text_encoder, base.tokenizer, hint=unknown_words)
    return MADE[kind]


@pytest.fixture
def call(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        text_to_image, "load_text_to_image", lambda name, kind: asked.append(name) or tiny(name, kind)
    )
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        result = CliRunner().invoke(cli.app, ["paint", "--steps", "2", *map(str, arguments)])
        result.asked = asked
        return result

    return run


def read(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


def test_paints_what_the_pipeline_paints(call, tmp_path):
    out = tmp_path / "new folder" / "star.png"
    result = call("a red star", "--out", out, "--seed", 3, "--guidance", 2, "--negative", "a blue ring")
    assert result.exit_code == 0 and "star.png" in result.output.replace("\n", ""), result.output
    expected = tiny("", text_to_image.TextToImagePipeline).generate(
        "a red star", steps=2, seed=3, guidance_scale=2.0, negative="a blue ring"
    )
    np.testing.assert_array_equal(read(out), np.round(255 * expected[0]))
    assert [path.name for path in out.parent.iterdir()] == ["star.png"]
    call("a red star", "--out", out, "--seed", 3, "--guidance", 2, "--negative", "a blue ring", "--size", 24)
    large = read(out)
    assert large.shape == (24, 24, 3)
    np.testing.assert_array_equal(large[1::3, 1::3], np.round(255 * expected[0]))
    np.testing.assert_array_equal(large, large[1::3, 1::3].repeat(3, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize("out", ["pictures", "pictures/star.png"])
def test_a_file_of_prompts_gives_a_picture_for_each_line(call, tmp_path, out):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a red star\n\na blue ring\n", encoding="utf-8")
    result = call("--prompts", prompts, "--out", out)
    assert result.exit_code == 0 and "3 files" in result.output, result.output
    made = sorted((tmp_path / "pictures").iterdir())
    assert [path.name for path in made] == ["0000.png", "0001.png", "0002.png"]
    pipeline = tiny("", text_to_image.TextToImagePipeline)
    expected = pipeline.generate(["a red star", "", "a blue ring"], steps=2)
    np.testing.assert_array_equal(np.stack([read(path) for path in made]), np.round(255 * expected))


def test_a_film_shows_the_steps_and_ends_with_the_picture(call, tmp_path):
    for name in ("film.gif", "film.png"):
        result = call("a red star", "--out", "star.png", "--film", name, "--size", 16)
        assert result.exit_code == 0, result.output
        with Image.open(tmp_path / name) as film:
            assert film.n_frames == 2 and film.size == (16, 16)
            film.seek(1)
            last = np.array(film.convert("RGB")).astype(int)
        if name.endswith("png"):  # a GIF has its colours only nearly
            np.testing.assert_array_equal(last, read(tmp_path / "star.png"))
        assert np.abs(last - read(tmp_path / "star.png")).max() < 60


def test_begins_with_a_picture(call, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype("uint8")
    Image.fromarray(picture).save(tmp_path / "init.png")
    Image.fromarray(picture.repeat(4, axis=0).repeat(4, axis=1)).save(tmp_path / "large.png")
    for init in ("init.png", "large.png"):
        assert call("star", "--init", init, "--strength", 0, "--out", "same.png").exit_code == 0
        np.testing.assert_array_equal(read("same.png"), picture)
    assert call("star", "--init", "init.png", "--out", "other.png").exit_code == 0
    assert np.abs(read("other.png").astype(int) - picture).max() > 10


def test_transparent_pixels_are_white(call, tmp_path):
    clear = np.zeros((8, 8, 4), "uint8")
    clear[2:4, :, :] = 0, 0, 255, 255
    Image.fromarray(clear).save(tmp_path / "clear.png")
    expected = np.full((8, 8, 3), 255)
    expected[2:4] = 0, 0, 255
    assert call("star", "--init", "clear.png", "--strength", 0, "--out", "same.png").exit_code == 0
    np.testing.assert_array_equal(read("same.png"), expected)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("kind", ["png", "gif", "jpeg", "bmp", "tiff", "webp"])
def test_a_damaged_picture_is_refused_or_read_and_never_an_error_of_its_own(tmp_path, kind):
    rng, path = np.random.default_rng(0), tmp_path / f"picture.{kind}"
    Image.fromarray(rng.integers(0, 256, (8, 8, 3), "uint8")).save(path)
    whole, refused = path.read_bytes(), 0
    for trial in range(60):
        damaged = bytearray(whole[: rng.integers(len(whole))] if trial % 2 else whole)
        for place in rng.integers(max(len(damaged), 1), size=4 * bool(damaged)):
            damaged[place] = rng.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            assert paint._open("--init", path).mode == "RGB"
        except paint.Refused as error:
            assert str(error).startswith("--init must")
            refused += 1
    assert refused > 20


def test_paints_in_a_hole_and_nowhere_else(call, tmp_path):
    rng = np.random.default_rng(1)
    picture, hole = rng.integers(0, 256, (8, 8, 3)).astype("uint8"), np.zeros((8, 8), bool)
    hole[2:6, 3:] = True
    Image.fromarray(picture).save(tmp_path / "init.png")
    Image.fromarray((255 * hole).astype("uint8")).save(tmp_path / "mask.png")
    result = call("star", "--init", "init.png", "--mask", "mask.png", "--out", "init.png", "--film", "f.gif")
    assert result.exit_code == 0, result.output
    made = read("init.png")
    np.testing.assert_array_equal(made[~hole], picture[~hole])
    assert np.abs(made[hole].astype(int) - picture[hole]).max() > 10


def test_long_and_foreign_prompts_warn_and_are_painted(call):
    result = call("ein mauve star " + "star " * 500, "--out", "a.png")
    assert result.exit_code == 0 and read("a.png").shape == (8, 8, 3)
    text = " ".join(result.output.split())
    assert "no word 'ein', 'mauve'" in text
    assert text.count("Warning: The text has 50") == 1 and text.count("Warning:") == 2
    result = call("", "--out", "b.png")
    assert result.exit_code == 0 and "Warning" not in result.output and read("b.png").shape == (8, 8, 3)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((), "either a prompt or --prompts FILE. Received: neither"),
        (("star", "--prompts", "text.txt"), "Received: both"),
        (("", "--prompts", "text.txt"), "Received: both"),
        (("--prompts", "two.txt", "--out", "fold"), "must not be a folder. Received: fold/0001.png"),
        (("star", "--out", "fold/0001.png"), "must not be a folder. Received: fold/0001.png"),
        (("star", "--out", 300 * "a" + ".png"), "must have a name that this system takes"),
        (("star", "--out", 245 * "a" + ".png"), "must be a folder that may be written"),
        (("star", "--film", 300 * "a" + ".gif"), "must have a name that this system takes"),
        (("star", "--out", "star.jpg"), "--out must end in .png. Received: 'star.jpg'"),
        (("star", "--out", "text.txt/star.png"), "text.txt, which is a file"),
        (("--prompts", "none.txt"), "--prompts must be a text file"),
        (("--prompts", "empty.txt"), "at least one line"),
        (("--prompts", "small.png"), "--prompts must be a text file in UTF-8"),
        (("star", "--film", "film.mp4"), "--film must end in .gif or .png. Received: film.mp4"),
        (("star", "--out", "a.png", "--film", "./a.png"), "must be two files"),
        (("star", "--mask", "small.png"), "--mask needs --init"),
        (("star", "--strength", "0.5"), "--strength needs --init"),
        (("star", "--init", "small.png", "--strength", "1.5"), "--strength must be from 0 to 1. Received: 1.5"),
        (("star", "--init", "small.png", "--strength", "nan"), "from 0 to 1. Received: nan"),
        (("star", "--init", "small.png", "--mask", "small.png", "--strength", "1"), "--strength with --mask"),
        (("star", "--init", "text.txt"), "--init must be a picture"),
        (("star", "--init", "none.png"), "--init must be a picture"),
        (("star", "--init", "deep.png"), "--init must have 8 bits per colour. Received: mode 'I"),
        (("star", "--init", "small.png", "--mask", "wide.png"), "the size of --init, 8 x 8. Received: 12 x 8"),
        (("star", "--init", "small.png", "--mask", "small.png"), "greys such as 100 of 255"),
        (("star", "--init", "wide.png", "--mask", "wide.png"), "--mask must be white in at least one pixel"),
        (("star", "--init", "wide.png"), "must have 8 x 8 pixels or a multiple, such as 32 x 32. Received: 12 x 8"),
        (("star", "--size", "20"), "--size must be a multiple of 8, up to 4096. Received: 20"),
        (("star", "--size", "0"), "Received: 0"),
        (("star", "--size", "8000"), "Received: 8000"),
        (("star", "--steps", "51"), "must be an integer from 1 to 50. Received: steps=51"),
        (("star", "--guidance", "nan"), "--guidance must be from -100 to 100. Received: nan"),
        (("star", "--guidance", "1e39"), "--guidance must be from -100 to 100. Received: 1e+39"),
        (("star", "--guidance", "-1e9"), "--guidance must be from -100 to 100. Received: -1000000000.0"),
        (("star", "--seed", "-1"), "`seed` must be an integer of 0 or more"),
        (("star", "--sampler", "euler"), "A sampler must be one of dpm, dpm-ode, ddim, ddpm"),
    ],
)  # fmt: skip
def test_refuses_and_writes_nothing(call, tmp_path, arguments, message):
    (tmp_path / "text.txt").write_text("a red star\n", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("", encoding="utf-8")
    Image.fromarray(np.full((8, 8), 100, "uint8")).save(tmp_path / "small.png")
    Image.fromarray(np.zeros((8, 12), "uint8")).save(tmp_path / "wide.png")
    Image.fromarray(np.full((8, 8), 40_000, "uint16")).save(tmp_path / "deep.png")
    (tmp_path / "two.txt").write_text("a red star\na blue ring\n", encoding="utf-8")
    (tmp_path / "fold" / "0001.png").mkdir(parents=True)
    (tmp_path / "painting.png").write_bytes(b"mine")
    before = sorted(tmp_path.rglob("*"))
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.split()), result.output
    assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "painting.png").read_bytes() == b"mine"


def test_a_failure_on_the_way_leaves_the_old_files(call, tmp_path, monkeypatch):
    (tmp_path / "0000.png").write_bytes(b"mine")
    (tmp_path / "prompts.txt").write_text("star\nring\n", encoding="utf-8")
    png = paint.png

    def png_in_a_full_folder(picture):
        (tmp_path / "0001.png").mkdir(exist_ok=True)  # somebody makes it while it paints
        return png(picture)

    monkeypatch.setattr(paint, "png", png_in_a_full_folder)
    result = call("--prompts", "prompts.txt", "--out", tmp_path)
    assert result.exit_code == 1 and "0001.png" in result.output.replace("\n", "")
    assert (tmp_path / "0000.png").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0000.png", "0001.png", "prompts.txt"]

    def missing(name, kind):
        raise MissingFile("data/weights/x must be there.")

    monkeypatch.setattr(text_to_image, "load_text_to_image", missing)
    result = call("star")
    assert result.exit_code == 1 and "Error: data/weights/x must be there." in result.output


def test_paints_with_the_best_model_there_is(call, tmp_path, monkeypatch):
    monkeypatch.setattr(paint, "data_dir", lambda: tmp_path)
    weights = tmp_path / "weights"
    weights.mkdir()
    assert (paint.best_model(), paint.best_model(hole=True)) == ("unet-scenes-pixels",) * 2
    (weights / "unet-scenes.safetensors").touch()
    assert (paint.best_model(), paint.best_model(hole=True)) == ("unet-scenes",) * 2
    (weights / "unet-scenes-inpaint.safetensors").touch()
    assert (paint.best_model(), paint.best_model(hole=True)) == ("unet-scenes", "unet-scenes-inpaint")
    assert call("star", "--model", "mine").asked == ["mine"]
    assert call("star", "--model", "").asked == ["mine", ""], (
        "no name is a name that is refused, not the best one"
    )


def test_a_published_model_paints_at_its_own_size_with_its_own_settings(tmp_path):
    """The folder and the side go to where the weights are read; what the user does not say is as published."""
    asked, how = [], {}

    class Recording(text_to_image.TextToImagePipeline):
        def generate(self, prompts, **given):
            how.update(given)
            return super().generate(prompts, **{**given, "steps": 2})

    def load(name, folder, kind, *, side):
        asked.append((name, folder, kind.__name__, side))
        base = painters.pixels(Recording)
        return Recording(base.diffusion, base.text_encoder, base.tokenizer)

    for given, wanted in (({}, (50, 7.5, "ddim")), ({"steps": 3, "guidance_scale": 1.0}, (3, 1.0, "ddim"))):
        job = paint.order(
            "a red star", None, tmp_path / "star.png", model="sd-1", weights=tmp_path, size=64, **given
        )
        assert paint.paint(job, load_weights=load) == [tmp_path / "star.png"]
        assert (how["steps"], how["guidance_scale"], how["sampler"]) == wanted
        assert read(tmp_path / "star.png").shape == (
            8,
            8,
            3,
        )  # not enlarged: the model was asked for the size
    assert asked == [("sd-1", tmp_path, "TextToImagePipeline", 64)] * 2


def test_a_published_model_without_its_files_says_which_and_under_what_licence(call, tmp_path):
    result = call("a red star", "--model", "sd-1")
    text = " ".join(result.output.split())
    assert result.exit_code == 2 and not list(tmp_path.iterdir())
    for fact in (
        "kcv_diffusion_model.h5, 3,439,090,152 bytes, sha256 8799ff97",
        "CreativeML Open RAIL-M",
        "--weights",
    ):
        assert fact in text, text
    result = call("a red star", "--model", "sd-2", "--weights", tmp_path)
    assert result.exit_code == 1 and "diffusion_model_v2_1.h5" in result.output, result.output
    for arguments, message in (
        (("--weights", tmp_path), "--weights needs --model sd-1 or sd-2. Received: --model None"),
        (("--model", "sd-1", "--weights", "none"), "--weights must be a folder. Received: none"),
    ):
        result = call("a red star", *arguments)
        assert result.exit_code == 2 and message in " ".join(result.output.split()), result.output


def test_a_reduced_hole_covers_what_was_marked():
    mask = np.zeros((16, 16), bool)
    mask[3, 5] = True
    small = paint.reduced_hole(mask, 8, 8)
    assert small.sum() == 1 and small[1, 2]


def test_a_sheet_holds_all_pictures_in_reading_order():
    pictures = np.arange(5, dtype="float32")[:, None, None, None] * np.ones((5, 2, 2, 3), "float32") / 10
    sheet = paint.tiled(pictures)
    assert sheet.shape == (4, 6, 3)
    np.testing.assert_allclose(sheet[::2, ::2, 0], [[0, 0.1, 0.2], [0.3, 0.4, 1]], atol=1e-6)


def test_help_and_refusals_load_no_learning_library():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom diffusion_course import cli\n"
        "run = CliRunner().invoke\n"
        "assert run(cli.app, ['paint', '--help']).exit_code == 0\n"
        "assert run(cli.app, ['paint', 'star', '--out', 'star.jpg']).exit_code == 2\n"
        "assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
