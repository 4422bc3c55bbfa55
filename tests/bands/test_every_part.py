"""No chapter slips through: each part of the course has one file here that shows its chapters untrained."""

from pathlib import Path

from band_check import PARTS, chapters_of

from diffusion_course.course.manifest import load_manifest


def test_every_chapter_is_shown_untrained_by_one_file():
    shown = [chapter_id for file in PARTS for chapter_id in chapters_of(file)]
    assert shown == [chapter.id for chapter in load_manifest().chapters]
    assert sorted(PARTS) == sorted(p.stem for p in Path(__file__).parent.glob("test_part*.py"))
