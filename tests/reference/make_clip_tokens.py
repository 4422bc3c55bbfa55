"""Makes clip_tokens.json: ids of sentences by the published CLIP tokenizer, on a small vocabulary of our own.

Run it once, in an environment of its own; the tests need none of it. The file was made with Python 3.11,
transformers 4.57.6, ftfy 6.3.1 and regex 2026.11.19:

    python -m venv /tmp/clip && /tmp/clip/bin/pip install "transformers<5" ftfy numpy
    PYTHONPATH=lib /tmp/clip/bin/python tests/reference/make_clip_tokens.py

The merges are learned by ours from the text below; all ids are the published tokenizer's. Two of its habits are not
ours: ftfy's repair of garbled text (curly quotes made straight, and so on), which is switched off here, and its leaving
HTML entities alone, which OpenAI's own tokenizer resolves: it is given the resolved text.
"""

import html
import importlib.util
import json
import tempfile
from pathlib import Path

from transformers import CLIPTokenizer
from transformers.models.clip.tokenization_clip import bytes_to_unicode

HERE = Path(__file__).resolve().parent

# Learned from: words of the course, and enough of other scripts for merges of bytes within a character.
TEXT = """
a large red star at the top left on a blue background. a yellow ring above a black square on an orange background
a small green triangle in the center on a white background. the purple cross to the right of the orange circle
don't, it's, we're, I've, I'm, they'll, he'd: the model doesn't know what it hasn't seen, and that's what we'll show
noise is added step by step until nothing of the picture is left; the network learns to take the noise away again
the encoder makes a picture small and the decoder makes it large again; between them lies the latent space
attention lets every pixel of the image look at every word of the caption, and take from it what it needs
painting of a castle on a hill, by candle light, with 4 towers and 12 windows, 1920 x 1080, highly detailed!!!
пример текста на русском языке: красный круг на синем фоне. красный квадрат, синий круг, белый фон
一个红色的圆 在 蓝色的背景上 自编码器 变分自编码器 扩散模型 前向过程 反向过程 文本 图像 噪声
café naïve jalapeño élève über größe straße été déjà vu
"""
MERGES = 600

SENTENCES = [
    "",
    " ",
    "a large red star at the top left on a blue background",
    "A Yellow RING above a black square,   on an orange\tbackground.\n",
    "a caterpillar smoking a hookah while sitting on a mushroom",
    "it's what we'll see; they're sure I've said I'm done, he'd say, and she doesn't",
    "IT'S 'Quoted' ''double'' don''t 's't",
    "1234 pictures of 32x32, 3.14159 and 1/2 of 100%",
    "½ of x² is Ⅷ, ٣ and 四",
    "wow!!! --- really?! (yes) [no] {maybe} <tag> #hash @at a_b_c",
    "café CAFÉ cafe\u0301 naïve Straße ÉLÈVE",
    "красный круг на синем фоне",
    "一个红色的圆在蓝色的背景上, 扩散模型",
    "赤い星 빨간 별 نجمة حمراء लाल तारा",
    "🙂 👩‍🚀🏽 a red 🔴 on a blue 🟦",
    "&lt;b&gt;bold&lt;/b&gt; &amp;amp; &amp;lt; AT&amp;T &eacute;",
    "<|endoftext|> a ring <|startoftext|> a star",
    "non\u00a0breaking\u2003spaces\u3000of many widths",
    "the zero width\u200bspace and the soft\u00adhyphen",
    "'\u017f is an old s",
    "an astonishingly unpronounceable xqzjkvwpfgh",
    "a red ring " * 40,
    "红" * 30,
]


def main() -> None:
    spec = importlib.util.spec_from_file_location(
        "tokenizer", HERE.parents[1] / "lib/diffusion_course/tokenizer.py"
    )
    ours = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ours)
    merges = [" ".join(pair) for pair in ours.learn_merges(TEXT.strip().split("\n"), MERGES)]

    letters = list(bytes_to_unicode().values())
    symbols = letters + [letter + "</w>" for letter in letters] + [line.replace(" ", "") for line in merges]
    symbols += ["<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, lines = Path(folder, "vocab.json"), Path(folder, "merges.txt")
        vocabulary.write_text(
            json.dumps(dict(zip(symbols, range(len(symbols)), strict=True))), encoding="utf-8"
        )
        lines.write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
        published = CLIPTokenizer(str(vocabulary), str(lines))
    published.fix_text = lambda text: text

    cases = []
    for text in SENTENCES:
        plain = html.unescape(html.unescape(text))
        ids = published(plain, padding="max_length", max_length=77, truncation=True)["input_ids"]
        # The rest is padding with the end token, which the test puts back.
        while len(ids) > 1 and ids[-2:] == [len(symbols) - 1] * 2:
            ids.pop()
        cases.append({"text": text, "ids": ids})
    body = ",\n  ".join(json.dumps(case, ensure_ascii=True) for case in cases)
    (HERE / "clip_tokens.json").write_text(
        f'{{\n "merges": {json.dumps(merges, ensure_ascii=False)},\n "symbols": {len(symbols)},\n'
        f' "cases": [\n  {body}\n ]\n}}\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
