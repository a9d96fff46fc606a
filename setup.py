"""Compile ext/*.pyx into bootwave.native; all other metadata is in pyproject.toml.

NATIVE_BUILD chooses how: "release" (the default), "debug" (bounds checks and C
assertions stay in), or "sanitize" (debug, with ASan and UBSan).  Setting it, to
anything, rebuilds every module; leaving it unset rebuilds only what changed.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

PROFILE = os.environ.get("NATIVE_BUILD", "release")
FORCED = "NATIVE_BUILD" in os.environ  # neither Cython nor distutils sees new flags
CHECKED = PROFILE in ("debug", "sanitize")
SANITIZERS = ["-fsanitize=address,undefined"] if PROFILE == "sanitize" else []
CFLAGS = {
    "release": ["-O3", "-g0"],
    "debug": ["-O0", "-g", "-UNDEBUG"],
    # Python's own flags contain -fwrapv, which would hide signed overflow.
    "sanitize": ["-O1", "-g", "-UNDEBUG", "-fno-wrapv", "-fno-omit-frame-pointer"],
}[PROFILE]

extensions = [
    Extension(
        f"bootwave.native.{source.stem}",
        [str(source)],
        extra_compile_args=[*CFLAGS, "-Wall", "-Wextra", *SANITIZERS],
        extra_link_args=SANITIZERS,
    )
    for source in sorted(Path("ext").glob("*.pyx"))
]

setup(
    ext_modules=cythonize(
        extensions,
        include_path=["ext"],  # so that ext/scan.pxd is `cimport scan`
        build_dir="build/cython",  # generated C never lands beside its source
        force=FORCED,
        annotate=PROFILE == "debug",  # build/cython/ext/*.html
        compiler_directives={
            "language_level": 3,
            "embedsignature": True,
            "autotestdict": False,  # no __test__, so stubtest needs no allow list
            "boundscheck": CHECKED,
            "initializedcheck": CHECKED,
            "wraparound": False,
        },
    ),
    options={"build_ext": {"force": FORCED}},
)
