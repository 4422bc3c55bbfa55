import pytest

from diffusion_course.course.manifest import (
    PROFILES,
    Expectation,
    UnknownChapter,
    check_profile,
    load_manifest,
)
from diffusion_course.course.paths import course_root, notebooks_dir

CHAPTER = """
[[preprocessor.course.chapter]]
id = "{id}"
notebook = "{id}_a.ipynb"
title = "T"
part = "P"
promise = "p"
minutes = {{ quick = 1 }}
"""


@pytest.fixture
def read(tmp_path):
    def write_and_load(text):
        path = tmp_path / "book.toml"
        path.write_text('[book]\ntitle = "T"\n' + text, encoding="utf-8")
        return load_manifest(path)

    return write_and_load


def test_folder_and_manifest_name_the_same_notebooks_in_the_same_order():
    listed = [chapter.notebook for chapter in load_manifest().notebooks]
    assert listed == sorted(path.name for path in notebooks_dir().glob("*.ipynb"))


def test_every_chapter_has_minutes_within_the_promises():
    for chapter in load_manifest().notebooks:
        assert set(chapter.minutes) == set(PROFILES), chapter.id
        assert 0 < chapter.minutes["quick"] <= 1, f"{chapter.id}: quick takes at most a minute"
        assert 0 < chapter.minutes["standard"] <= 10, f"{chapter.id}: standard takes at most ten minutes"
    assert sum(chapter.minutes["quick"] for chapter in load_manifest().chapters) <= 12
    assert sum(chapter.minutes["standard"] for chapter in load_manifest().chapters) <= 150


def test_every_chapter_promises_something_in_quick_and_standard():
    for chapter in load_manifest().chapters:
        for profile in ("quick", "standard"):
            judged = [name for name, promise in chapter.expect.items() if profile in promise.bands]
            assert judged, f"chapter {chapter.id} promises no result in profile {profile}"


def test_chapters_build_on_earlier_ones_only():
    seen = set()
    for chapter in load_manifest().chapters:
        assert set(chapter.needs) <= seen, chapter.id
        assert chapter.title and chapter.promise.endswith("."), chapter.id
        seen.add(chapter.id)


def test_parts_are_not_scattered():
    parts = [chapter.part for chapter in load_manifest().chapters]
    changes = [part for i, part in enumerate(parts) if i == 0 or parts[i - 1] != part]
    assert len(changes) == len(set(changes))


def test_unknown_chapter_and_profile_are_refused_with_the_valid_ones():
    with pytest.raises(UnknownChapter, match=r"one of 00, 01.*'99'"):
        load_manifest().chapter("99")
    with pytest.raises(ValueError, match="quick, standard, full.*'slow'"):
        check_profile("slow")


def test_band_is_inclusive_and_nan_is_outside():
    promise = Expectation("m", "m", "", {"quick": (0.0, 1.0)})
    verdicts = [
        promise.verdict(value, "quick") for value in (0.0, 1.0, 1.001, -0.001, float("nan"), float("inf"))
    ]
    assert verdicts == ["ok", "ok", "outside", "outside", "outside", "outside"]
    assert promise.verdict(5.0, "full") == "not judged"


@pytest.mark.parametrize("band", ["[1.0, 0.0]", "[0.0]", "[0.0, inf]", "[nan, 1.0]"])
def test_impossible_band_is_refused(read, band):
    with pytest.raises(ValueError, match="chapter 01, m: a band must be"):
        read(CHAPTER.format(id="01") + f'expect.m = {{ label = "m", quick = {band} }}')


@pytest.mark.parametrize("band", ["[0.0, 1.0]", "[0.5, 0.7]", "[0.3, 0.5]"])
def test_band_that_an_untrained_model_reaches_is_refused(read, band):
    entry = CHAPTER.format(id="01") + f'expect.m = {{ label = "m", untrained = 0.5, quick = {band} }}'
    with pytest.raises(ValueError, match="chapter 01, m: a band must exclude .* 0.5. Received: quick"):
        read(entry)


@pytest.mark.parametrize("untrained", ["0.5", "nan", "-inf", "1"])
def test_untrained_value_stands_beside_the_bands(read, untrained):
    entry = f'expect.m = {{ label = "m", untrained = {untrained}, quick = [0.6, 0.7] }}'
    (chapter,) = read(CHAPTER.format(id="01") + entry).chapters
    assert str(chapter.expect["m"].untrained) == str(float(untrained))
    (chapter,) = read(CHAPTER.format(id="01") + 'expect.m = { label = "m" }').chapters
    assert chapter.expect["m"].untrained is None


@pytest.mark.parametrize("ids", [("02", "01"), ("01", "01")])
def test_doubled_or_disordered_ids_are_refused(read, ids):
    with pytest.raises(ValueError, match="unique and in order"):
        read("".join(CHAPTER.format(id=name) for name in ids))


def test_incomplete_chapter_and_wrong_file_name_are_refused(read):
    with pytest.raises(ValueError, match="chapter 01: a chapter must have"):
        read(CHAPTER.format(id="01").replace('title = "T"\n', ""))
    with pytest.raises(ValueError, match="must start with its id"):
        read(CHAPTER.format(id="01").replace("01_a", "1_a"))
    with pytest.raises(ValueError, match="A profile must be"):
        read(CHAPTER.format(id="01").replace("quick = 1", "slow = 1"))


def test_an_appendix_comes_after_the_chapters_and_has_no_number(read):
    appendix = CHAPTER.replace(".chapter]]", ".appendix]]").format(id="x").replace("x_a.ipynb", "x.ipynb")
    manifest = read(appendix + CHAPTER.format(id="01"))
    assert [c.id for c in manifest.chapters] == ["01"] and [c.id for c in manifest.notebooks] == ["01", "x"]
    assert [c.name for c in manifest.notebooks] == ["01 T", "T"]
    assert manifest.chapter("x").notebook == "x.ipynb"
    with pytest.raises(UnknownChapter, match="one of 01, x"):
        manifest.chapter("y")
    for wrong in (
        appendix.replace("x.ipynb", "y.ipynb"),
        appendix.replace('"x', '"9x'),
        appendix + 'expect.m = { label = "m" }',
    ):
        with pytest.raises(ValueError, match="an appendix must have"):
            read(CHAPTER.format(id="01") + wrong)


@pytest.mark.parametrize("chapter", load_manifest().notebooks, ids=lambda chapter: chapter.id)
def test_readme_lists_the_chapter_with_its_minutes(chapter):
    readme = (course_root() / "README.md").read_text(encoding="utf-8")
    times = " | ".join(f"{chapter.minutes[profile]:g} min" for profile in ("quick", "standard"))
    row = f"| [{chapter.name}](notebooks/{chapter.notebook}) | {times} | {chapter.promise} |"
    assert row in readme
