"""Vendors KaTeX for the book: one style sheet with its fonts inside, one script, the licence.

Run ``python -m diffusion_course.tools.book_katex PATH_OF_THE_KATEX_TARBALL`` after a new release.
"""

import base64
import hashlib
import json
import os
import re
import sys
import tarfile
from pathlib import Path

from diffusion_course.course.paths import course_root

_FACE_SOURCES = re.compile(r"src:url\(fonts/([\w-]+\.woff2)\) format\(\"woff2\"\)[^;}]*")


def inline_fonts(css: str, font) -> str:
    """Puts the WOFF2 fonts into a KaTeX style sheet and drops the older font formats.

    Browsers refuse fonts from other folders on pages opened as files, so the fonts must be in the sheet.

    Args:
        css: the text of ``katex.min.css``.
        font: callable, file name -> bytes of that font.

    Returns:
        The style sheet; it refers to no file.

    Raises:
        ValueError: some reference to a file is left, so the release's layout has changed.
    """

    def embed(match: re.Match) -> str:
        data = base64.b64encode(font(match[1])).decode("ascii")
        return f'src:url(data:font/woff2;base64,{data}) format("woff2")'

    inlined = _FACE_SOURCES.sub(embed, css)
    left = re.findall(r"url\((?!data:)[^)]*\)", inlined)
    if left:
        raise ValueError(f"The style sheet must refer to no file. Received: {left[:3]}")
    return inlined


def vendor(tarball: Path, folder: Path) -> list[Path]:
    """Writes ``katex.min.css``, ``katex.min.js``, ``LICENSE`` and ``PROVENANCE.txt`` from a release of KaTeX.

    Args:
        tarball: the package ``katex`` as published (``.tgz``).
        folder: where the files go; must exist.

    Returns:
        The files written.
    """
    with tarfile.open(tarball) as archive:

        def member(name: str) -> bytes:
            return archive.extractfile(f"package/{name}").read()

        css = inline_fonts(member("dist/katex.min.css").decode("utf-8"), lambda n: member(f"dist/fonts/{n}"))
        version = json.loads(member("package.json"))["version"]
        digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
        files = {
            "katex.min.css": css.encode("utf-8"),
            "katex.min.js": member("dist/katex.min.js"),
            "LICENSE": member("LICENSE"),
            "PROVENANCE.txt": (
                f"KaTeX {version}, package `katex`, sha256 of the tarball:\n{digest}\n\n"
                "katex.min.js and LICENSE are unchanged. In katex.min.css the WOFF2 fonts are inlined and the\n"
                "older font formats dropped: python -m diffusion_course.tools.book_katex PATH_OF_THE_TARBALL\n"
            ).encode(),
        }
    for name, content in files.items():
        aside = folder / f"{name}.part"
        aside.write_bytes(content)
        os.replace(aside, folder / name)
    return [folder / name for name in files]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m diffusion_course.tools.book_katex PATH_OF_THE_KATEX_TARBALL")
    for written in vendor(Path(sys.argv[1]), course_root() / "book" / "katex"):
        print(written.relative_to(course_root()), written.stat().st_size)
