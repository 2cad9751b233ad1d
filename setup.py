"""Compiles every ``.pyx`` under ``src/share``; everything else is in ``pyproject.toml``.

``SHARE_TESTPOINTS=1`` builds the variant with named test points; ``SHARE_SANITIZE=address,undefined``
adds the sanitizers of those names, ``SHARE_SANITIZE=thread`` that for threads (see ``_atomic.h``).
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

ROOT = Path(__file__).parent
SOURCE = ROOT / "src"

macros: list[tuple[str, str | None]] = []
flags = ["-O2", "-g0", "-fno-strict-aliasing", "-Wall", "-Wno-unused-function", "-Wno-unused-variable"]
links: list[str] = []
if os.environ.get("SHARE_TESTPOINTS") == "1":
    macros.append(("SHARE_TESTPOINTS", "1"))
if names := os.environ.get("SHARE_SANITIZE"):
    flags += [f"-fsanitize={names}", "-fno-omit-frame-pointer", "-g"]
    links += [f"-fsanitize={names}"]
    if "undefined" in names:
        # cerial stores numbers where they come, aligned or not; the processors that we run on do that.
        flags += ["-fno-sanitize=alignment"]


def extension(path: Path) -> Extension:
    module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    return Extension(
        module,
        [str(path.relative_to(ROOT))],
        include_dirs=["src/share"],
        depends=["src/share/_atomic.h"],
        define_macros=macros,
        extra_compile_args=flags,
        extra_link_args=links,
    )


os.chdir(ROOT)
setup(
    options={"build_ext": {"parallel": os.cpu_count()}},
    ext_modules=cythonize(
        [extension(path) for path in sorted(SOURCE.rglob("*.pyx"))],
        include_path=["src"],
        force=bool(macros or links),  # what is there may be of another variant
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "embedsignature": True,
            "freethreading_compatible": False,
        },
    ),
)
