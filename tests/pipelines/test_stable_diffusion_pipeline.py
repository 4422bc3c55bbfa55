"""The published networks as a pipeline: which tokenizer it takes. What it paints is tested in tests/parity."""

import gzip
import json
import lzma

import pytest

from diffusion_course.course.files import DamagedFile, MissingFile, read_verified
from diffusion_course.pipelines.stable_diffusion import clip_tokenizer, load_stable_diffusion
from diffusion_course.tokenizer import CLIP_FILE, load_clip_tokenizer

MERGES = lzma.decompress(read_verified(CLIP_FILE))


def test_the_tokenizer_is_the_folders_or_else_the_courses(tmp_path):
    ours = load_clip_tokenizer()
    for name, pad_id in (("sd-1", 49_407), ("sd-2", 0)):
        tokenizer = clip_tokenizer(name, tmp_path)
        assert (tokenizer.merges, tokenizer.pad_id, tokenizer.length) == (ours.merges, pad_id, 77)
    (tmp_path / "tokenizer").mkdir()
    few = b"".join(MERGES.splitlines(keepends=True)[:101])
    (tmp_path / "tokenizer" / "merges.txt").write_bytes(few)
    tokenizer = clip_tokenizer("sd-2", tmp_path)
    assert (tokenizer.merges, tokenizer.pad_id) == (ours.merges[:100], 0)
    vocabulary = tmp_path / "tokenizer" / "vocab.json"
    vocabulary.write_text(
        json.dumps({symbol: i for i, symbol in enumerate(tokenizer.symbols)}), encoding="utf-8"
    )
    assert clip_tokenizer("sd-2", tmp_path).vocabulary_size == 614
    for text in (json.dumps({"a": 0}), "[1]", "{"):
        vocabulary.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="vocab.json must"):
            clip_tokenizer("sd-2", tmp_path)


def test_the_published_vocabulary_must_have_its_checksum(tmp_path):
    (tmp_path / "bpe_simple_vocab_16e6.txt.gz").write_bytes(gzip.compress(MERGES))
    with pytest.raises(DamagedFile, match="bpe_simple_vocab_16e6.txt.gz must have sha256 924691ac"):
        clip_tokenizer("sd-1", tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(MissingFile, match="sd-1 must be given a folder with published weights"):
        load_stable_diffusion("sd-1", tmp_path)
    with pytest.raises(ValueError, match="must be one of sd-1, sd-2. Received: 'unet-scenes'"):
        load_stable_diffusion("unet-scenes", tmp_path)
