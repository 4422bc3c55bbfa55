"""Every expectation in book.toml means something: a model that was never trained misses it in every profile.

`load_manifest` refuses a band that contains its untrained value; `test_untrained.py` measures the values again.
"""

import pytest

from diffusion_course.course.manifest import load_manifest


@pytest.mark.parametrize("chapter", load_manifest().chapters, ids=lambda chapter: chapter.id)
def test_every_judged_metric_has_an_untrained_value_outside_its_bands(chapter):
    assert chapter.expect
    for metric, expectation in chapter.expect.items():
        assert {"quick", "standard"} <= set(expectation.bands), metric
        assert expectation.untrained is not None, metric
        for profile in expectation.bands:
            assert expectation.verdict(expectation.untrained, profile) == "outside", (metric, profile)
