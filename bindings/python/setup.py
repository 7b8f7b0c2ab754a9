"""Puts what the package needs of the C ABI into it: the library, and the header's declarations.

The library is built by cargo from this repository, or is the one that the variable BURNCHAT_LIBRARY names.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from cffi import FFI
from setuptools import Command, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build import build

HERE = Path(__file__).resolve().parent
WORKSPACE = HERE.parents[1]
HEADER = HERE.parent / "c" / "include" / "burnchat.h"
LIBRARY = {"darwin": "libburnchat.dylib", "win32": "burnchat.dll"}.get(sys.platform, "libburnchat.so")


def declarations(header: str) -> str:
    """What cffi reads of the header: its types, functions and numbers, without the preprocessor's work."""
    header = re.sub(r"//.*", "", header)
    header = re.sub(r'#ifdef __cplusplus\s.*?#endif', "", header, flags=re.DOTALL)
    header = header.replace("UINT64_MAX", hex(2**64 - 1))
    # cffi knows `#define NAME number`; the C types' names it has without their headers.
    return re.sub(r"^#(?!define BC_\w+ \S).*$", "", header, flags=re.MULTILINE)


def built_library() -> Path:
    """The library that is named, or else the one that cargo builds."""
    named = os.environ.get("BURNCHAT_LIBRARY")
    if named:
        return Path(named)
    if shutil.which("cargo") is None:
        raise SystemExit("burnchat's library is built by cargo, which is not installed: https://rustup.rs")
    command = ["cargo", "build", "--release", "--locked", "--package", "burnchat-ffi", "--lib"]
    # Its artefacts are named in messages: where they lie is for cargo's configuration to say.
    said = subprocess.run(
        [*command, "--message-format=json-render-diagnostics"], cwd=WORKSPACE, check=True, stdout=subprocess.PIPE
    )
    for line in said.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "burnchat":
            for name in message["filenames"]:
                if Path(name).suffix == Path(LIBRARY).suffix:
                    return Path(name)
    raise SystemExit("cargo has built no shared library")


def has(library: object, function: str) -> bool:
    """Whether a declared function is in the library, too."""
    try:
        getattr(library, function)
    except AttributeError:
        return False
    return True


class BuildNative(Command):
    """The step of the build that brings library and declarations. In an editable install they lie among the sources."""

    description = "bring in the C ABI"
    user_options: list[tuple[str, str, str]] = []

    def initialize_options(self) -> None:
        self.build_lib: str | None = None
        self.editable_mode = False

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        if not HEADER.exists():
            raise SystemExit("burnchat is built from its repository: ../c is missing (pip older than 21.3 copies it away)")
        folder = (HERE / "src" if self.editable_mode else Path(str(self.build_lib))) / "burnchat" / "core"
        folder.mkdir(parents=True, exist_ok=True)
        ffi = FFI()
        ffi.set_source("burnchat.core._declarations", None)
        ffi.cdef(declarations(HEADER.read_text(encoding="utf-8")))
        ffi.emit_python_code(str(folder / "_declarations.py"))
        library = built_library()
        # A named one may be older than the header.
        loaded = ffi.dlopen(str(library))
        missing = [name for name in dir(loaded) if name.startswith("bc_") and not has(loaded, name)]
        if missing:
            raise SystemExit(f"the library lacks what the header declares: {', '.join(missing)}")
        shutil.copyfile(library, folder / LIBRARY)

    def get_outputs(self) -> list[str]:
        folder = Path(str(self.build_lib)) / "burnchat" / "core"
        return [str(folder / name) for name in ("_declarations.py", LIBRARY)]

    def get_output_mapping(self) -> dict[str, str]:
        return {}

    def get_source_files(self) -> list[str]:
        return []


class Build(build):
    sub_commands = [*build.sub_commands, ("build_native", None)]


class Wheel(bdist_wheel):
    """One wheel for every Python 3 of a platform: the library is loaded, not linked to the interpreter."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


def version() -> str:
    """That of the workspace."""
    manifest = WORKSPACE / "Cargo.toml"
    if not manifest.exists():
        raise SystemExit("burnchat is built from its repository: ../../Cargo.toml is missing")
    package = manifest.read_text(encoding="utf-8").split("[workspace.package]", 1)[1]
    found = re.search(r'^version = "(.+)"', package, flags=re.MULTILINE)
    if not found:
        raise SystemExit("the workspace has no version")
    return found[1]


setup(version=version(), cmdclass={"build": Build, "build_native": BuildNative, "bdist_wheel": Wheel})
