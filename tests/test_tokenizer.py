"""The tokenizer: ids of the published one, a round trip for any text, merges that follow their definition."""

import gzip
import json
import random
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest

from diffusion_course.tokenizer import (
    CLIP_MERGES,
    END,
    START,
    Tokenizer,
    TruncationWarning,
    byte_symbols,
    clean,
    learn_merges,
    load_clip_tokenizer,
    merge,
    split,
    symbols_of,
)

PUBLISHED = json.loads((Path(__file__).parent / "reference" / "clip_tokens.json").read_text(encoding="utf-8"))
SENTENCES = json.loads(
    (Path(__file__).parent / "reference" / "clip_sentences.json").read_text(encoding="utf-8")
)
MERGES = [tuple(line.split(" ")) for line in PUBLISHED["merges"]]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(MERGES)


@pytest.mark.parametrize("case", PUBLISHED["cases"], ids=lambda case: ascii(case["text"][:20]))
@pytest.mark.filterwarnings("ignore::diffusion_course.tokenizer.TruncationWarning")
def test_ids_are_those_of_the_published_tokenizer(tokenizer, case):
    """See tests/reference/make_clip_tokens.py for where they come from."""
    expected = case["ids"] + [PUBLISHED["symbols"] - 1] * (77 - len(case["ids"]))
    ids = tokenizer.encode(case["text"])
    assert ids.dtype == np.int32 and ids.tolist() == [expected]


def test_vocabulary_has_the_published_order(tokenizer):
    """256 bytes, 256 at the end of a word, merges, start, end; CLIP's "a" and "a" at the end are 64 and 320."""
    symbols = tokenizer.symbols
    assert (symbols[64], symbols[320]) == ("a", "a</w>")
    assert symbols[512 : 512 + len(MERGES)] == [left + right for left, right in MERGES]
    assert (symbols[tokenizer.start_id], symbols[tokenizer.end_id]) == (START, END)
    assert tokenizer.end_id == len(symbols) - 1 == tokenizer.vocabulary_size - 1
    assert 512 + CLIP_MERGES + 2 == 49_408


def test_letters_numbers_and_the_rest_are_unicodes():
    """Each character between two letters: a letter joins them, a number or a sign stands alone."""
    chars = [chr(code) for code in (*range(0xD800), *range(0xE000, 0x40000), 0xE0041, 0x10FFFF)]
    expected = []
    for char in chars:
        kind = unicodedata.category(char)[0]
        if kind == "L":
            expected.append(f"a{char}b")
        else:
            expected += ["a", "b"] if char.isspace() else ["a", char, "b"]
    assert split(" ".join(f"a{char}b" for char in chars)) == expected


@pytest.mark.parametrize(
    "text, words",
    [
        ("it's they'll we're", ["it", "'s", "they", "'ll", "we", "'re"]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("1984!?", ["1", "9", "8", "4", "!?"]),
        ("a_b", ["a", "_", "b"]),
        ("<|endoftext|>x", [END, "x"]),
        ("", []),
    ],
)
def test_split(text, words):
    assert split(text) == words


def test_clean():
    assert clean("  A\t red\n\u3000RING &amp;amp; &lt;b&gt; ") == "a red ring & <b>"
    assert clean("x\ud800y") == "x\ufffdy"


def test_symbols_are_bytes():
    assert symbols_of("red") == ("r", "e", "d</w>")
    assert len(symbols_of("é")) == 2 and len(symbols_of("红")) == 3
    assert len(set(byte_symbols())) == 256 and not any(symbol.isspace() for symbol in byte_symbols())


def random_text(rng: random.Random) -> str:
    """Characters of all kinds, half of them from where words, signs and spaces are."""
    codes = [
        rng.choice([rng.randrange(0x110000), rng.randrange(0x20, 0x250)]) for _ in range(rng.randrange(12))
    ]
    return "".join(map(chr, codes))


def test_any_text_comes_back(tokenizer):
    rng = random.Random(0)
    texts = [random_text(rng) for _ in range(3000)]
    for text, back in zip(texts, tokenizer.decode(tokenizer.encode(texts)), strict=True):
        words = split(clean(text))
        assert back == " ".join(words)
        assert back.replace(" ", "") == clean(text).replace(" ", "")  # nothing but spaces was lost


def test_start_end_padding_and_the_empty_text():
    for pad_id, pad in ((None, 513), (0, 0)):
        ids = Tokenizer([], length=6, pad_id=pad_id).encode(["", "ab"])
        assert ids.tolist() == [[512, 513, pad, pad, pad, pad], [512, 64, 321, 513, pad, pad]]
    assert Tokenizer([], pad_id=0).decode(ids) == ["", "ab"]
    assert Tokenizer([]).encode([]).shape == (0, 77)


def test_truncation_says_what_was_cut():
    tokenizer = Tokenizer(MERGES, length=6)
    with pytest.warns(TruncationWarning, match="has 7 tokens, of which 4 fit. Cut off: 'on the left'"):
        ids = tokenizer.encode("a large red star on the left")
    assert tokenizer.decode(ids) == ["a large red star"] and ids[0, -1] == tokenizer.end_id
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert tokenizer.decode(tokenizer.encode("a large red star")) == ["a large red star"]


def test_learned_merges_follow_the_definition():
    """In "ab ab ab ac": "a b</w>" three times, then "a c</w>" once; nothing is left to merge."""
    assert learn_merges(["ab ac", "ab", "ab"], 10) == [("a", "b</w>"), ("a", "c</w>")]
    assert learn_merges(["ab ac", "ab", "ab"], 1) == [("a", "b</w>")]
    # "aaa" is a, a, a</w>; equally frequent pairs go by the alphabet.
    assert learn_merges(["aaa"], 5) == [("a", "a"), ("aa", "a</w>")]
    assert learn_merges([], 5) == []


def test_each_learned_merge_joins_the_most_frequent_pair():
    texts = [
        "the noise is added to the picture",
        "the network takes the noise away",
        "this is the latent space",
    ]
    merges = learn_merges(texts, 25)
    for i, best in enumerate(merges):
        ranks = {pair: rank for rank, pair in enumerate(merges[:i])}
        counts = {}
        for word in " ".join(texts).split():
            symbols = merge(symbols_of(word), ranks)
            for pair in zip(symbols, symbols[1:], strict=False):
                counts[pair] = counts.get(pair, 0) + 1
        assert counts[best] == max(counts.values())


def test_learning_ignores_the_order_of_texts():
    texts = ["a red ring above a star", "a blue star", "an orange ring below a cross"]
    assert learn_merges(texts, 30) == learn_merges(texts[::-1], 30)


def test_frequent_words_become_one_token():
    texts = ["a large red star on a blue background", "a small red ring on a white background"]
    tokenizer = Tokenizer(learn_merges(texts, 1000))
    assert tokenizer.tokens("a RED background") == ["a</w>", "red</w>", "background</w>"]
    assert len(tokenizer.tokens("zebra")) > 1


def test_saved_state_is_complete(tmp_path, tokenizer):
    path = tmp_path / "tokenizer.json"
    one = Tokenizer(MERGES[:100], length=9, pad_id=0)
    one.save(path)
    two = Tokenizer.load(path)
    assert (two.merges, two.length, two.pad_id, two.symbols) == (one.merges, 9, 0, one.symbols)
    tokenizer.save(path)  # replaces it
    assert Tokenizer.load(path).pad_id == tokenizer.end_id
    assert [file.name for file in tmp_path.iterdir()] == ["tokenizer.json"]


def test_broken_files_are_refused_by_name(tmp_path, tokenizer):
    path = tmp_path / "tokenizer.json"
    tokenizer.save(path)
    whole = path.read_text(encoding="utf-8")
    for text in (
        whole[:-100],
        "{}",
        "[]",
        whole.replace("tokenizer 1", "tokenizer 9"),
        whole.replace("77", "[]"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="tokenizer.json must be a file written by"):
            Tokenizer.load(path)


@pytest.mark.parametrize("name", ["bpe_simple_vocab_16e6.txt", "bpe_simple_vocab_16e6.txt.gz", "merges.txt"])
def test_published_files_load(tmp_path, tokenizer, name):
    path, vocabulary = tmp_path / name, tmp_path / "vocab.json"
    text = "\n".join(['"bpe_simple_vocab_16e6.txt#version: 0.2', *PUBLISHED["merges"]]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    symbols = {symbol: i for i, symbol in enumerate(tokenizer.symbols)}
    vocabulary.write_text(json.dumps(symbols), encoding="utf-8")
    loaded = Tokenizer.from_clip_files(path, vocabulary, pad_id=0)
    assert (loaded.merges, loaded.symbols, loaded.pad_id) == (tokenizer.merges, tokenizer.symbols, 0)

    vocabulary.write_text(json.dumps(symbols | {"a</w>": 5}), encoding="utf-8")
    with pytest.raises(ValueError, match="vocab.json must give the ids that follow"):
        Tokenizer.from_clip_files(path, vocabulary)


def test_only_the_merges_that_count_are_read(tmp_path):
    """The published file has 262,000 lines, of which 48,894 are in the vocabulary: here, pairs of pairs of letters."""
    letters = byte_symbols()[ord("!") : ord("~") + 1]
    pairs = [(a, b) for a in letters for b in letters]
    lines = [f"{a} {b}" for a, b in pairs]
    lines += [f"{a}{b} {c}" for a, b in pairs for c in letters][: CLIP_MERGES - len(lines)]
    assert len(lines) == CLIP_MERGES
    path = tmp_path / "merges.txt"
    path.write_text("\n".join(["#version: 0.2", *lines, "this line is not read"]) + "\n", encoding="utf-8")
    assert Tokenizer.from_clip_files(path).vocabulary_size == 49_408


def test_damaged_published_files_are_refused(tmp_path):
    text = "\n".join(["#version: 0.2", *PUBLISHED["merges"]]).encode()
    for content, problem in (
        (text.split(b"\n", 1)[1], "must begin with a line '#version'"),
        (text.replace(b"\n", b"\nqq zz</w>\n", 1), r"merge 0 is on line 2\): Merge 0 must join two symbols"),
        (b"\xff\xfe" + text, "must be whole, and text in UTF-8"),
    ):
        (tmp_path / "merges.txt").write_bytes(content)
        with pytest.raises(ValueError, match=f"merges.txt .*{problem}|merges.txt {problem}"):
            Tokenizer.from_clip_files(tmp_path / "merges.txt")
    packed = gzip.compress(text)
    (tmp_path / "merges.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ValueError, match="merges.gz must be whole"):
        Tokenizer.from_clip_files(tmp_path / "merges.gz")


def test_a_thousand_sentences_get_the_published_ids():
    """See tests/reference/make_clip_sentences.py for where they come from."""
    short = load_clip_tokenizer()
    assert (short.vocabulary_size, short.start_id, short.end_id, short.pad_id) == (
        49_408,
        49_406,
        49_407,
        49_407,
    )
    tokenizer = Tokenizer(short.merges, length=2 + max(len(ids) for _, ids in SENTENCES))
    found = tokenizer.encode([text for text, _ in SENTENCES])
    assert len(SENTENCES) == 1000
    wrong = []
    for (text, ids), row in zip(SENTENCES, found.tolist(), strict=True):
        wanted = [49_406, *ids, 49_407]
        if row != wanted + [49_407] * (len(row) - len(wanted)):
            wrong.append(text)
    assert wrong == []


def test_the_published_tokenizer_pads_as_each_release_does():
    hookah = "a caterpillar smoking a hookah while sitting on a mushroom"
    for pad_id, pad in ((None, 49_407), (0, 0)):
        ids = load_clip_tokenizer(pad_id=pad_id).encode(hookah)[0]
        assert ids[:5].tolist() == [49_406, 320, 27_111, 9_038, 320] and ids[11] == 49_407
        assert (ids[12:] == pad).all() and ids.shape == (77,)


def test_bad_requests_are_refused():
    tokenizer = Tokenizer([])
    for call, problem in (
        (lambda: Tokenizer([("a", "bc")]), "Merge 0 must join two symbols made before it"),
        (lambda: Tokenizer([("a</w>", "b")]), "Merge 0"),
        (lambda: Tokenizer([], length=1), "at least 2, for start and end. Received: 1"),
        (lambda: Tokenizer([], pad_id=514), "from 0 to 513, or None. Received: 514"),
        (lambda: learn_merges([], -1), "must not be negative. Received: -1"),
        (lambda: tokenizer.decode([[514]]), "from 0 to 513. Received: 514 to 514"),
        (lambda: tokenizer.decode([1, 2]), r"shape \(B, L\). Received: int64, shape \(2,\)"),
        (lambda: tokenizer.decode([[1.0]]), "must be integers"),
    ):
        with pytest.raises(ValueError, match=problem):
            call()
