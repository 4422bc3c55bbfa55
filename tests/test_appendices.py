"""Appendices: what must hold for every committed notebook, without the template and the promises of chapters."""

import re

import pytest
from test_notebooks import (  # noqa: F401  their `chapter` is the one below
    code_cells,
    notebook,
    test_cells_that_only_draw_are_folded_in_the_book_and_in_jupyterlab,
    test_every_picture_has_words_for_those_who_do_not_see_it,
    test_executed_from_top_to_bottom_without_an_error,
    test_is_clean_and_small,
    test_messages_of_native_code_are_not_committed,
    test_names_no_machine,
    test_one_parameters_cell_reads_the_profile_from_the_environment,
)

from diffusion_course.course.manifest import load_manifest


@pytest.fixture(params=load_manifest().appendices, ids=lambda appendix: appendix.id)
def chapter(request):
    return request.param


def test_has_its_title_starts_as_itself_and_reports(chapter, notebook):  # noqa: F811
    code = "\n".join(cell.source for cell in code_cells(notebook))
    assert notebook.cells[0].source.startswith(f"# {chapter.title}\n")
    assert re.findall(r'course\.start\(\s*"(\w+)"', code) == [chapter.id]
    assert code.count("course.report(") == 1
