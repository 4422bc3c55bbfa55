"""Files of published weights: every number format, and refusal by name of what is wrong, cut short or damaged."""

import json
import struct
from functools import partial

import numpy as np
import pytest
from published_folders import TEXT_BLOCK, keras_file, text_layers
from random_weights import tensor
from safetensors.numpy import save_file

from diffusion_course.course.files import DamagedFile, MissingFile, sha256_of
from diffusion_course.models import published, stable_diffusion
from diffusion_course.models.published import fill, load_published
from diffusion_course.models.published_files import KERAS_FILES, what_is_needed
from diffusion_course.models.published_names import text_parts
from diffusion_course.models.tensor_files import KerasFile, SafetensorsFile, known_checksum

WIDTH = 8
SIZES = {"vocabulary_size": 20, "width": WIDTH, "depth": 1, "heads": 2, "length": 6, "end_id": 19}


def shapes():
    yield "text_model.embeddings.token_embedding.weight", (20, WIDTH)
    yield "text_model.embeddings.position_embedding.weight", (6, WIDTH)
    for part in TEXT_BLOCK:
        inner = {"mlp.fc1": (4 * WIDTH, WIDTH), "mlp.fc2": (WIDTH, 4 * WIDTH)}.get(part, (WIDTH, WIDTH))
        yield f"text_model.encoder.layers.0.{part}.weight", (WIDTH,) if "norm" in part else inner
        yield f"text_model.encoder.layers.0.{part}.bias", inner[:1]
    yield "text_model.final_layer_norm.weight", (WIDTH,)
    yield "text_model.final_layer_norm.bias", (WIDTH,)


TENSORS = {name: tensor(name, shape) for name, shape in shapes()}


@pytest.fixture(scope="module")
def encoder():
    return stable_diffusion.text_encoder("sd-1", **SIZES)


@pytest.fixture
def unchanged(encoder):
    """The encoder, which must come out of the test as it went in."""
    before = encoder.get_weights()
    yield encoder
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def write(path, tensors=TENSORS):
    save_file(tensors, path)
    return path


def write_bfloat16(path):
    """By hand: NumPy does not know the type."""
    header, data = {}, b""
    for name, value in TENSORS.items():
        raw = (value.view("uint32") >> 16).astype("<u2").tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": value.shape,
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    header = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    return path


def read_into(encoder, path, sha256=None):
    fill(encoder, text_parts(encoder), SafetensorsFile(path, sha256))


def kernel(encoder):
    return encoder.get_layer("text_block_0").mlp.kernel


def test_every_number_format_is_read(encoder, tmp_path):
    wanted = TENSORS["text_model.encoder.layers.0.mlp.fc1.weight"].T
    for dtype, bound in (("float16", 2**-11), ("float32", 0), ("float64", 0)):
        path = write(tmp_path / f"{dtype}.safetensors", {n: v.astype(dtype) for n, v in TENSORS.items()})
        read_into(encoder, path)
        assert np.abs(np.asarray(kernel(encoder)) - wanted).max() <= bound
    read_into(encoder, write_bfloat16(tmp_path / "bfloat16.safetensors"))
    difference = np.abs(np.asarray(kernel(encoder)) - wanted)
    assert 0 < difference.max() and (difference <= np.abs(wanted) * 2**-7).all()


def test_older_files_hold_the_places_too(encoder, tmp_path):
    places = {"text_model.embeddings.position_ids": np.arange(6)[None]}
    read_into(encoder, write(tmp_path / "model.safetensors", {**TENSORS, **places}))


def changed(name, value):
    return {**TENSORS, name: value}


NORM, DENSE = "text_model.final_layer_norm.weight", "text_model.encoder.layers.0.mlp.fc1.weight"


@pytest.mark.parametrize(
    "tensors, message",
    [
        ({n: v for n, v in TENSORS.items() if n != NORM}, "must hold exactly the tensors .* without .*final_layer"),
        (changed("more", np.zeros(3, "float32")), r"in excess \['more'\]"),
        (changed(NORM, np.ones(WIDTH + 1, "float32")), r"text_norm/gamma, must have shape \(8,\). Received: \(9,\)"),
        (changed(DENSE, TENSORS[DENSE].T), r"mlp/kernel, must have shape \(32, 8\).* Received: \(8, 32\)"),
        (changed(NORM, np.full(WIDTH, np.nan, "float32")), "final_layer_norm.weight must be finite"),
        (changed(DENSE, np.full((32, 8), np.inf, "float16")), "mlp.fc1.weight must be finite"),
        (changed(NORM, np.ones(WIDTH, "int32")), "must be of type .* Received: I32"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_by_name(unchanged, tmp_path, tensors, message):
    tensors = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    path = write(tmp_path / "model.safetensors", tensors)
    with pytest.raises(DamagedFile, match=f"model.safetensors.*{message}"):
        read_into(unchanged, path)


def places(size: int, count: int) -> list[int]:
    """Places all over a file, its first and last bytes among them."""
    inner = np.random.default_rng(0).integers(0, size, count).tolist()
    return sorted({0, 1, 7, 8, 9, size - 2, size - 1, *inner})


@pytest.mark.parametrize("kind", ["keras", "safetensors"])
def test_no_flip_and_no_cut_passes_where_the_checksum_is_known(unchanged, tmp_path, kind):
    path = tmp_path / f"file.{kind}"
    if kind == "keras":
        keras_file(path, text_layers(1), TENSORS)
    else:
        write(path)
    whole, sha256 = path.read_bytes(), sha256_of(path)
    tries = [whole[:n] for n in places(len(whole), 60)] + [b"", whole + b"\0"]
    for place in places(len(whole), 120):
        for bit in (0, 6):
            tries.append(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
    for content in tries:
        path.write_bytes(content)
        with pytest.raises(DamagedFile, match=f"file.{kind} must have sha256 {sha256}. Received: "):
            (KerasFile if kind == "keras" else SafetensorsFile)(path, sha256)


def test_without_a_checksum_every_cut_and_every_other_length_is_noticed(unchanged, tmp_path):
    path = write(tmp_path / "file.safetensors")
    whole = path.read_bytes()
    for content in [whole[:n] for n in places(len(whole), 200)] + [b"", whole + b"\0"]:
        path.write_bytes(content)
        with pytest.raises(DamagedFile, match="file.safetensors must be a whole safetensors file"):
            read_into(unchanged, path)


def test_without_a_checksum_a_flip_in_the_header_changes_no_weight_unnoticed(encoder, tmp_path):
    """It is refused, unless what it changes has no meaning: then the weights are as they would be without it."""
    path = write(tmp_path / "file.safetensors")
    read_into(encoder, path)
    before = encoder.get_weights()
    whole, refused = path.read_bytes(), 0
    header = 8 + int.from_bytes(whole[:8], "little")
    tries = [(place, bit) for place in places(header, 150) if place < header for bit in (0, 3, 6)]
    for place, bit in tries:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        try:
            read_into(encoder, path)
        except DamagedFile as error:
            assert "file.safetensors" in str(error)
            refused += 1
        for old, new in zip(before, encoder.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    assert refused > 0.95 * len(tries)


def test_checksums_are_known_from_a_list_or_from_the_hubs_cache(tmp_path):
    folder = tmp_path / "snapshot"
    (folder / "unet").mkdir(parents=True)
    (tmp_path / "blobs").mkdir()
    blob = write(tmp_path / "blobs" / ("ab" * 32))
    path = folder / "unet" / "model.safetensors"
    path.symlink_to(blob)
    assert known_checksum(path, folder) == "ab" * 32
    path.unlink()
    write(path)
    assert known_checksum(path, folder) is None
    (folder / "SHA256SUMS").write_text(f"{'cd' * 32}  ./unet/model.safetensors\n", encoding="utf-8")
    assert known_checksum(path, folder) == "cd" * 32
    (folder / "SHA256SUMS").write_text(f"{'cd' * 32}  other\n", encoding="utf-8")
    with pytest.raises(DamagedFile, match="must name unet/model.safetensors"):
        known_checksum(path, folder)


def test_another_keras_file_is_refused(unchanged, tmp_path):
    path = keras_file(tmp_path / "file.h5", text_layers(1)[:-1], TENSORS)
    with pytest.raises(
        DamagedFile, match="file.h5 must hold exactly the tensors of text_encoder, 20. Received: 18"
    ):
        fill(unchanged, text_parts(unchanged), KerasFile(path, sha256_of(path)))
    path.write_bytes(b"text")
    with pytest.raises(DamagedFile, match="must be a Keras file of weights"):
        KerasFile(path, sha256_of(path))


# --- Folders


def test_folders_without_the_files_say_what_is_needed(tmp_path):
    for name, files in KERAS_FILES.items():
        with pytest.raises(MissingFile) as error:
            load_published(name, tmp_path)
        assert str(error.value).startswith(what_is_needed(name)) and str(tmp_path) in str(error.value)
        for file in files.values():
            for fact in (file.name, file.size, file.sha256, file.where):
                assert fact in what_is_needed(name)
        assert "CreativeML Open RAIL" in what_is_needed(name)
    with pytest.raises(ValueError, match="must be one of sd-1, sd-2. Received: 'sd-3'"):
        load_published("sd-3", tmp_path)
    with pytest.raises(ValueError, match="must be a multiple of 64. Received: 500"):
        load_published("sd-1", tmp_path, side=500)


def test_keras_files_are_refused_before_anything_is_built(tmp_path, monkeypatch):
    files = KERAS_FILES["sd-1"]
    monkeypatch.setattr(stable_diffusion, "unet", None)
    (tmp_path / files["unet"].name).write_bytes(b"damaged")
    with pytest.raises(MissingFile, match="(?s)without.*kcv_encoder.h5.*vae_encoder.h5.*kcv_decoder.h5"):
        load_published("sd-1", tmp_path)
    for file in files.values():
        (tmp_path / file.name).write_bytes(b"damaged")
    with pytest.raises(DamagedFile, match=r"kcv_encoder\.h5 must have sha256 4789e63e"):
        load_published("sd-1", tmp_path)


def test_folders_of_diffusers_are_refused_before_anything_is_built(tmp_path, monkeypatch):
    monkeypatch.setattr(stable_diffusion, "unet", None)
    load = partial(load_published, "sd-1", tmp_path)
    (tmp_path / "unet").mkdir()
    with pytest.raises(
        MissingFile, match="must hold .*diffusion_pytorch_model.safetensors or .*fp16.* neither"
    ):
        load()
    for part, names in published.DIFFUSERS_FILES.items():
        (tmp_path / part).mkdir(exist_ok=True)
        write(tmp_path / part / names[1], {"conv_in.weight": np.zeros((2, 7, 3, 3), "float32")})
    with pytest.raises(DamagedFile, match="must be of a network with 4 or 9 channels. Received: 7"):
        load()
    (tmp_path / "scheduler").mkdir()
    scheduler = tmp_path / "scheduler" / "scheduler_config.json"
    for text, message in (
        ('{"prediction_type": "flow"}', "must say scaled_linear, 1000 and one of .* flow"),
        ('{"beta_schedule": "linear"}', "must say scaled_linear"),
        ('{"beta', "must be JSON"),
        ("[]", "must be a JSON object"),
    ):
        scheduler.write_text(text, encoding="utf-8")
        with pytest.raises(DamagedFile, match=f"scheduler_config.json {message}"):
            load()
