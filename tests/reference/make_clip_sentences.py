"""Makes clip_sentences.json: ids of 1,000 varied sentences by the tokenizer that OpenAI published, on its vocabulary.

Run it once, in an environment of its own; the tests need none of it. The file was made with Python 3.11,
openai-clip 1.0.1, ftfy 6.3.1 and regex 2026.11.19:

    python -m venv /tmp/clip && /tmp/clip/bin/pip install ftfy regex && /tmp/clip/bin/pip install --no-deps openai-clip
    PYTHONPATH=lib /tmp/clip/bin/python tests/reference/make_clip_sentences.py

ftfy's repair of garbled text is switched off, as in `make_clip_tokens.py`. The script prints for how many of the
sentences it would have changed the ids: 53 of 1,000, most of them for curly quotation marks.
"""
# ruff: noqa: E501  sentences stay whole

import importlib.util
import json
import random
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COUNT = 1000

WORDS = """
a large red star at the top left on blue background|painting of castle hill by candle light highly detailed artstation
der große rote Stern über dem schönen Fluß bei Nacht Übung Äpfel öffnen süß|un château près de la forêt où l'élève rêve Noël
una niña pequeña come jalapeños en el jardín mañana ¿qué ¡hola|um coração não é só pão irmão às três manhãs
il gatto è più veloce però perché città virtù|een koe in de wei zoë geïnteresseerd coöperatie
sjö björn ångström räksmörgås över älv|rødgrød fløde ærlig åben være blå
hyvää päivää yö äiti järvi pöytä|íslenska þorn eð ævintýri höfuðborg
zażółć gęślą jaźń łódź święto źdźbło|příliš žluťoučký kůň úpěl ďábelské ódy
árvíztűrő tükörfúrógép könyv őszi|çocuk güneş ığdır şehir öğrenci İstanbul
đẹp quá Việt Nam phở bò tiếng người|ăn încă și țară frumoasă mâine
красный круг на синем фоне ёлка съезд|синій кит їжак ґанок пиріг
зелена трева жълт цвят|ћирилица љубав његош џеп
ένα κόκκινο αστέρι στον ουρανό θάλασσα|κύκλος ΠΆΝΩ σίγμα τελικός
כוכב אדום על רקע כחול|שלום עולם תפוח
نجمة حمراء على خلفية زرقاء|ستاره سرخ در آسمان پرنده گربه
سرخ ستارہ نیلے آسمان|لال तारा नीला आकाश सुंदर
लाल तारा नीले आकाश में पक्षी|লাল তারা নীল আকাশ
சிவப்பு நட்சத்திரம் நீல வானம்|ఎరుపు నక్షత్రం నీలి ఆకాశం
ดาวสีแดงบนท้องฟ้า แมว|ດາວສີແດງ ໃນທ້ອງຟ້າ
ကြယ်နီ ကောင်းကင်|ផ្កាយ ក្រហម មេឃ
წითელი ვარსკვლავი ცა|կարմիր աստղ երկինք
ቀይ ኮከብ ሰማይ|nyota nyekundu angani paka mzuri
红色的星星在蓝色的背景上 扩散模型 自编码器|紅色的星星 臺灣 圖像
赤い星と青い空 ネコ かわいい|빨간 별 파란 하늘 고양이
""".strip().splitlines()
ENTITIES = "&amp; &lt; &gt; &quot; &#39; &eacute; &amp;amp; &amp;lt;b&amp;gt; &nbsp; &#x1F600; &copy; AT&T &unknown; &amp".split()
EMOJI = "🙂 🔴 👩‍🚀 👩🏽‍🚀 🏳️‍🌈 🇩🇪 ❤️ ☃ ✨✨ 1️⃣ 🟦🟥 👨‍👩‍👧‍👦 ™ ♪♫ (╯°□°)╯︵┻━┻".split()
NUMBERS = "0 7 42 1984 3.14159 1,000 50% 1/2 ½ x² Ⅷ ٣٤ 四 4k 8K 512x512 1e-5 #1 -3".split()
SIGNS = list("!?.,;:-–—()[]{}<>@#$€£%^&*+=~`|\\/\"'“”‘’…·•_") + [
    "...",
    "!!!",
    "?!",
    "---",
    "::",
    "((",
    "))",
    ":)",
]
ENGLISH = "it's we'll they're I've I'm he'd don't IT'S 'quoted' rock'n'roll o'clock y'all's <|endoftext|> ſ 's 't".split()
SPACES = [" ", "  ", "\t", "\n", "\u00a0", "\u2003", "\u3000", "\u200b", ""]


def sentences():
    rng, made = random.Random(0), []
    languages = [part.split() for line in WORDS for part in line.split("|")]
    while len(made) < COUNT:
        words = []
        for _ in range(rng.randint(1, 14)):
            kind = rng.random()
            pool = rng.choice(languages) if kind < 0.1 else languages[len(made) % len(languages)]
            if kind > 0.7:
                pool = rng.choice([EMOJI, ENTITIES, NUMBERS, SIGNS, ENGLISH])
            word = rng.choice(pool)
            words.append(rng.choice([word, word, word, word.upper(), word.title()]))
        gaps = [rng.choice(SPACES) if rng.random() < 0.15 else " " for _ in words]
        text = "".join(word + gap for word, gap in zip(words, gaps, strict=True))
        if text not in made:
            made.append(text)
    return made


def published():
    """OpenAI's module by itself: its package imports torch."""
    package = importlib.util.find_spec("clip").submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location("simple_tokenizer", Path(package, "simple_tokenizer.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    module = published()
    texts, tokenizer = sentences(), module.SimpleTokenizer()
    repaired = [tokenizer.encode(text) for text in texts]
    module.ftfy.fix_text = lambda text: text
    ids = [tokenizer.encode(text) for text in texts]
    rows = ",\n ".join(
        json.dumps([text, row], ensure_ascii=True) for text, row in zip(texts, ids, strict=True)
    )
    (HERE / "clip_sentences.json").write_text(f"[\n {rows}\n]\n", encoding="utf-8")
    changed = [text for text, a, b in zip(texts, ids, repaired, strict=True) if a != b]
    print(f"{len(texts)} sentences, {sum(map(len, ids))} ids, {len(set(sum(ids, [])))} different")
    print(f"ftfy would change the ids of {len(changed)}, e.g. {changed[:5]}", file=sys.stderr)


if __name__ == "__main__":
    main()
