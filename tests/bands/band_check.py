"""Every expectation in book.toml means something: a model that was never trained misses it in every profile.

One test file per part, so that none grows without end and several can run at a time.
"""

from diffusion_course.course.manifest import load_manifest

# Which file shows it for which parts of the course.
PARTS = {
    "test_part1": ("Before you begin", "Part I: autoencoders"),
    "test_part2": ("Part II: diffusion",),
}


def chapters_of(file: str) -> list[str]:
    """Ids of the chapters that one of the test files must show untrained."""
    return [c.id for c in load_manifest().chapters if c.part in PARTS[file]]


def assert_every_band_missed(chapter_id: str, values: dict) -> None:
    """Fails unless ``values`` names exactly the promised metrics and lies outside each of their bands."""
    expect = load_manifest().chapter(chapter_id).expect
    assert expect and set(values) == set(expect)
    for metric, expectation in expect.items():
        assert {"quick", "standard"} <= set(expectation.bands), metric
        for profile in expectation.bands:
            assert expectation.verdict(float(values[metric]), profile) == "outside", (metric, profile, values)
