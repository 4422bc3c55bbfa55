r"""Text to token ids and back: byte-pair encoding as CLIP and Stable Diffusion use it (chapter 12).

In five stages, each a function or a method that reads alone:

1. `clean` the text: HTML entities, spaces, lower case.
2. `split` it into words.
3. Write a word as bytes, each byte as one visible character, the last one marked: `symbols_of`.
4. `merge` pairs of symbols that were frequent where the merges were learned (`learn_merges`).
5. Look the symbols up, and put start, end and padding around them: `Tokenizer.encode`.

    >>> tokenizer = Tokenizer(learn_merges(["a red star", "a red ring", "a blue ring"], 12))
    >>> tokenizer.tokens("A red  ring!")
    ['a</w>', 'red</w>', 'ring</w>', '!</w>']
    >>> tokenizer.decode(tokenizer.encode("A red  ring!"))
    ['a red ring !']

Unlike the published tokenizer this one does not repair garbled text (its optional library `ftfy` does).

Reference: Sennrich, Haddow and Birch, "Neural machine translation of rare words with subword units", 2016
(arXiv:1508.07909), for byte-pair encoding; Radford et al., "Learning transferable visual models from natural language
supervision", 2021 (arXiv:2103.00020), section 2.4, for this tokenizer.
"""

import gzip
import html
import json
import lzma
import re
import unicodedata
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from diffusion_course.course.files import read_verified
from diffusion_course.course.trained import read_trained
from diffusion_course.course.writing import write_whole

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"
CLIP_MERGES = 49_408 - 2 * 256 - 2  # of the published file only so many lines count
# Of that file, bpe_simple_vocab_16e6.txt.gz.
CLIP_VOCABULARY_SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
CLIP_FILE = "clip_vocabulary/merges.txt.xz"
SHIPPED = ("scenes",)
_FORMAT = "diffusion_course tokenizer 1"

Pair = tuple[str, str]


class TruncationWarning(UserWarning):
    """A text has more tokens than fit; the message says what was cut off."""


# --- Stage 1: clean


def clean(text: str) -> str:
    """Lower case, HTML entities resolved (twice: "&amp;lt;" is "<"), runs of spaces made one, none at the ends.

    Half a surrogate pair, which is no character, becomes U+FFFD.
    """
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return " ".join(html.unescape(html.unescape(text)).split()).lower()


# --- Stage 2: split into words


@lru_cache
def _pattern() -> re.Pattern:
    """CLIP's pattern. Python's `re` has no classes for letters and numbers, so they are listed here, once."""
    # The first letter of each character's Unicode category; planes beyond the third hold neither letters nor numbers.
    categories = "".join(unicodedata.category(chr(code))[0] for code in range(0x40000))
    letters, numbers = (
        "".join(f"\\U{run.start():08x}-\\U{run.end() - 1:08x}" for run in re.finditer(kind + "+", categories))
        for kind in "LN"
    )
    return re.compile(
        # The two special tokens, if someone writes them, and endings. CLIP's pattern ignores case, which after `clean`
        # means only that the old long s is an s.
        f"(?i:{re.escape(START)}|{re.escape(END)}|'s|'t|'re|'ve|'m|'ll|'d)"
        f"|[{letters}]+"
        f"|[{numbers}]"  # digits one by one
        rf"|[^\s{letters}{numbers}]+"
    )


def split(text: str) -> list[str]:
    """Words of a cleaned text: runs of letters, single digits, runs of signs, and endings such as 's.

    Nothing but spaces is lost.
    """
    return _pattern().findall(text)


# --- Stage 3: bytes as symbols


@lru_cache
def byte_symbols() -> tuple[str, ...]:
    """One visible character for each byte: itself where it is one, else one from U+0100 on. In order of the byte."""
    visible = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    hidden = [byte for byte in range(256) if byte not in visible]
    return tuple(chr(byte) if byte in visible else chr(256 + hidden.index(byte)) for byte in range(256))


def symbols_of(word: str) -> tuple[str, ...]:
    """The bytes of a word (UTF-8) as symbols; the last is marked: "red" gives ("r", "e", "d</w>")."""
    *start, last = (byte_symbols()[byte] for byte in word.encode("utf-8"))
    return (*start, last + WORD_END)


# --- Stage 4: merges


def replace_pair(symbols: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    """Symbols in which each place where the pair stands, from the left, has become one symbol."""
    merged, i = [], 0
    while i < len(symbols):
        if symbols[i : i + 2] == pair:
            merged.append(pair[0] + pair[1])
            i += 2
        else:
            merged.append(symbols[i])
            i += 1
    return tuple(merged)


def learn_merges(captions: Iterable[str], count: int) -> list[Pair]:
    """Learns byte-pair merges: again and again, the most frequent pair of neighbouring symbols becomes one symbol.

    Args:
        captions: texts to learn from.
        count: how many merges, at least 0.

    Returns:
        At most ``count`` pairs, in the order learned; fewer once every word is one symbol. Of pairs that are equally
        frequent the first in the alphabet is taken, so the result does not depend on the order of the texts.

    Raises:
        ValueError: a negative count.

    Reference: Sennrich et al. 2016, algorithm 1.
    """
    if count < 0:
        raise ValueError(f"`count` must not be negative. Received: {count}")
    # Pairs never cross words, so each different word is looked at once, with its frequency.
    frequency = Counter(word for text in captions for word in split(clean(text)) if word not in (START, END))
    words = {symbols_of(word): n for word, n in frequency.items()}
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for symbols, n in words.items():
            for pair in pairwise(symbols):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        words = {replace_pair(symbols, best): n for symbols, n in words.items()}
    return merges


def merge(symbols: tuple[str, ...], ranks: dict[Pair, int]) -> tuple[str, ...]:
    """Applies merges to the symbols of a word, the earliest learned first.

    Args:
        symbols: as `symbols_of` gives them.
        ranks: when each pair was learned.
    """
    while len(symbols) > 1:
        best = min(pairwise(symbols), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        symbols = replace_pair(symbols, best)
    return symbols


# --- Stage 5: ids


class Tokenizer:
    """Texts to (B, 77) token ids and back.

    The ids are CLIP's: 256 bytes inside a word, 256 at its end, one for each merge, then start and end.

    Args:
        merges: pairs of symbols in the order learned.
        length: tokens of a text, start and end included, at least 2.
        pad_id: what fills a short text up; None for the end token, as CLIP and Stable Diffusion 1 do; 0 for Stable
            Diffusion 2.

    Attributes:
        symbols: what each id stands for.
        start_id, end_id: ids of the two special tokens, the last of all.
        merges, length, pad_id: as given; ``pad_id`` is always a number.

    Raises:
        ValueError: a merge joins what is no symbol yet, or a number breaks its rule.
    """

    def __init__(self, merges: Iterable[Pair], *, length: int = 77, pad_id: int | None = None):
        self.merges = [tuple(pair) for pair in merges]
        # Published order of the bytes: visible ones first. It is that of their symbols' code points.
        letters = sorted(byte_symbols())
        self.symbols = [*letters, *(letter + WORD_END for letter in letters)]
        known = set(self.symbols)
        for i, pair in enumerate(self.merges):
            # What ends a word can only stand on the right.
            if len(pair) != 2 or not known.issuperset(pair) or pair[0].endswith(WORD_END):
                raise ValueError(f"Merge {i} must join two symbols made before it. Received: {pair}")
            known.add(pair[0] + pair[1])
            self.symbols.append(pair[0] + pair[1])
        self.symbols += [START, END]
        self._ids = {symbol: i for i, symbol in enumerate(self.symbols)}
        self._ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._words = {START: (START,), END: (END,)}  # words met so far, merged
        self.start_id, self.end_id = len(self.symbols) - 2, len(self.symbols) - 1
        if length < 2:
            raise ValueError(f"`length` must be at least 2, for start and end. Received: {length}")
        if pad_id is not None and not 0 <= pad_id < len(self.symbols):
            raise ValueError(f"`pad_id` must be from 0 to {self.end_id}, or None. Received: {pad_id}")
        self.length, self.pad_id = length, self.end_id if pad_id is None else pad_id

    @property
    def vocabulary_size(self) -> int:
        """Number of ids: 514 + the number of merges."""
        return len(self.symbols)

    def tokens(self, text: str) -> list[str]:
        """The tokens of a text as symbols, without start, end and truncation: to look at."""
        tokens = []
        for word in split(clean(text)):
            if word not in self._words:
                self._words[word] = merge(symbols_of(word), self._ranks)
            tokens += self._words[word]
        return tokens

    def encode(self, texts: str | Sequence[str]) -> np.ndarray:
        """Ids of texts: start, tokens, end, padding.

        Args:
            texts: B texts; a single one is a batch of 1. The empty text is start, end and padding.

        Returns:
            (B, length), int32.

        Warns:
            TruncationWarning: a text has more than ``length - 2`` tokens; names it and what was cut off.
        """
        texts = [texts] if isinstance(texts, str) else list(texts)
        ids = np.full((len(texts), self.length), self.pad_id, "int32")
        for row, text in zip(ids, texts, strict=True):
            tokens = [self._ids[token] for token in self.tokens(text)]
            kept, cut = tokens[: self.length - 2], tokens[self.length - 2 :]
            if cut:
                warnings.warn(
                    f"The text has {len(tokens)} tokens, of which {len(kept)} fit. "
                    f"Cut off: {self._text(cut)!r}. Text: {text!r}",
                    TruncationWarning,
                    stacklevel=2,
                )
            row[: len(kept) + 2] = [self.start_id, *kept, self.end_id]
        return ids

    def decode(self, ids) -> list[str]:
        """Texts of ids: cleaned, with one space between words, as `clean` and `split` see them.

        Args:
            ids: (B, L) integers; L need not be ``length``. Start is left out, and all from the first end on.

        Returns:
            B texts. Bytes that are no UTF-8, as a cut may leave them, become U+FFFD.

        Raises:
            ValueError: another shape, or an id that does not exist.
        """
        ids = np.asarray(ids)
        if ids.ndim != 2 or not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(
                f"`ids` must be integers of shape (B, L). Received: {ids.dtype}, shape {ids.shape}"
            )
        if ids.size and not (ids.min() >= 0 and ids.max() <= self.end_id):
            raise ValueError(f"Ids must be from 0 to {self.end_id}. Received: {ids.min()} to {ids.max()}")
        texts = []
        for row in ids.tolist():
            row = row[: row.index(self.end_id)] if self.end_id in row else row
            texts.append(self._text([i for i in row if i != self.start_id]))
        return texts

    def _text(self, ids: Iterable[int]) -> str:
        raw = bytearray()
        for symbol in (self.symbols[i] for i in ids):
            if symbol in (START, END):
                raw += symbol.encode() + b" "
                continue
            ends = symbol.endswith(WORD_END)
            raw += bytes(_byte_of()[letter] for letter in symbol.removesuffix(WORD_END))
            raw += b" " * ends
        return raw.decode("utf-8", errors="replace").strip(" ")

    # --- Files

    def as_bytes(self) -> bytes:
        """Everything that `from_bytes` needs, as JSON."""
        state = {
            "format": _FORMAT,
            "length": self.length,
            "pad_id": self.pad_id,
            "merges": [" ".join(pair) for pair in self.merges],
        }
        return (json.dumps(state, ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the file") -> "Tokenizer":
        """The tokenizer that `as_bytes` wrote.

        Args:
            data: the whole content.
            name: how errors call it.

        Raises:
            ValueError: the content is another one, or cut short; the message names it.
        """
        try:
            state = json.loads(data.decode())
            if state["format"] != _FORMAT:
                raise ValueError(f"its format is {state['format']!r}, not {_FORMAT!r}")
            merges = [tuple(line.split(" ")) for line in state["merges"]]
            return cls(merges, length=state["length"], pad_id=state["pad_id"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{name} must be a file written by `Tokenizer.save`. Received: {error}"
            ) from error

    def save(self, path) -> None:
        """Writes everything that `load` needs as JSON; a file of that name is replaced once the new one is whole."""
        write_whole(Path(path), self.as_bytes())

    @classmethod
    def load(cls, path) -> "Tokenizer":
        """The tokenizer that `save` wrote.

        Raises:
            ValueError: the file is no such file, or cut short; the message names it.
        """
        return cls.from_bytes(Path(path).read_bytes(), str(path))

    @classmethod
    def from_clip_files(cls, merges_path, vocabulary_path=None, **settings) -> "Tokenizer":
        """A tokenizer from files in CLIP's published form; for what comes with the course see `load_clip_tokenizer`.

        Args:
            merges_path: ``bpe_simple_vocab_16e6.txt``, also with ``.gz``, or ``merges.txt``: a first line with
                "#version", then a merge a line, two symbols and a space between. At most 48,894 count: 49,408 ids.
            vocabulary_path: ``vocab.json`` if there is one; it is compared with the ids that follow from the merges.
            settings: ``length`` and ``pad_id``, as for `Tokenizer`.

        Raises:
            ValueError: a file has another form, or the two do not agree; the message names file and line.
        """
        merges_path = Path(merges_path)
        content = merges_path.read_bytes()
        try:
            content = gzip.decompress(content) if merges_path.suffix == ".gz" else content
            merges = read_merges(content, str(merges_path))
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{merges_path} must be whole. Received: {error}") from error
        try:
            tokenizer = cls(merges, **settings)
        except ValueError as error:
            raise ValueError(f"{merges_path} (merge 0 is on line 2): {error}") from error
        if vocabulary_path is not None:
            try:
                vocabulary = json.loads(Path(vocabulary_path).read_text(encoding="utf-8"))
                vocabulary = dict(vocabulary)
            except (ValueError, TypeError) as error:
                raise ValueError(f"{vocabulary_path} must be a JSON object. Received: {error}") from error
            if vocabulary != tokenizer._ids:
                differ = dict(vocabulary.items() ^ tokenizer._ids.items())
                raise ValueError(
                    f"{vocabulary_path} must give the ids that follow from {merges_path}. "
                    f"Received: {len(differ)} that differ, e.g. {next(iter(differ))!r}"
                )
        return tokenizer


def load_tokenizer(name: str = "scenes") -> Tokenizer:
    """The tokenizer with which a shipped text encoder was trained.

    Args:
        name: "scenes", that of `clip-scenes`: 128 merges learned from captions, 32 tokens a text.

    Raises:
        MissingFile, DamagedFile: its file is absent, or fails its checksum.
        ValueError: an unknown name.
    """
    if name not in SHIPPED:
        raise ValueError(f"A tokenizer must be one of {', '.join(SHIPPED)}. Received: {name!r}")
    file = f"weights/tokenizer-{name}.json"
    return Tokenizer.from_bytes(read_trained(file), file)


def load_clip_tokenizer(*, pad_id: int | None = None) -> Tokenizer:
    """The published tokenizer of CLIP and of Stable Diffusion, whose merges come with the course: 49,408 ids.

    Args:
        pad_id: as for `Tokenizer`: None for CLIP and Stable Diffusion 1, 0 for Stable Diffusion 2.

    Raises:
        MissingFile, DamagedFile: the file of the merges is absent, or fails its checksum.
    """
    return Tokenizer(read_merges(lzma.decompress(read_verified(CLIP_FILE)), CLIP_FILE), pad_id=pad_id)


def read_merges(content: bytes, name: str) -> list[Pair]:
    """The merges of a file in CLIP's published form, at most 48,894.

    Args:
        content: a first line with "#version", then a merge a line; UTF-8.
        name: how errors call it.

    Raises:
        ValueError: the content has another form.
    """
    try:
        header, *lines = content.decode().strip().split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} must be whole, and text in UTF-8. Received: {error}") from error
    if "#version" not in header:
        raise ValueError(f"{name} must begin with a line '#version'. Received: {header[:60]!r}")
    return [tuple(line.split()) for line in lines[:CLIP_MERGES]]


@lru_cache
def _byte_of() -> dict[str, int]:
    return {symbol: byte for byte, symbol in enumerate(byte_symbols())}
