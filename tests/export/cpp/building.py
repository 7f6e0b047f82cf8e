"""How tests build the C++ library, and what they need for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from xec_export.prediction.runtime import onnxruntime
from xec_geometry.exports import export_geometry

ROOT = Path(__file__).parents[3]
CPP = ROOT / "tools" / "cpp"
READMES = (ROOT / "packages" / "xec-export" / "README.md", CPP / "README.md")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
HEADERS = CACHE / "xec" / "onnxruntime-headers"
SYSTEM_HEADERS = tuple(Path("/usr/include") / name for name in ("onnxruntime", "onnxruntime/core/session"))
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")

PROJECT = """
cmake_minimum_required(VERSION 3.18)
project(analyzer CXX)
add_subdirectory("CPP" xec)
foreach(name NAMES)
  add_executable(${name} ${name}.cpp)
  target_include_directories(${name} PRIVATE .)
  target_link_libraries(${name} PRIVATE xec-network)
  target_compile_options(${name} PRIVATE WARNINGS)
endforeach()
"""


def header_folder() -> Path | None:
    """Where the headers of ONNX Runtime stand; its wheels have none."""
    named = os.environ.get("XEC_ONNXRUNTIME_INCLUDE_DIR")
    folders = [Path(named)] if named else [HEADERS, *SYSTEM_HEADERS]
    return next((folder for folder in folders if (folder / "onnxruntime_cxx_api.h").is_file()), None)


def missing() -> str | None:
    for program in ("cmake", "c++"):
        if shutil.which(program) is None:
            return f"no {program} to build the library with"
    folder = header_folder()
    if folder is None:
        return (
            f"no C++ headers of ONNX Runtime; tools/cpp/onnxruntime_headers.sh {HEADERS} gets them, "
            "XEC_ONNXRUNTIME_INCLUDE_DIR names another folder"
        )
    version = re.search(r"#define ORT_API_VERSION (\d+)", (folder / "onnxruntime_c_api.h").read_text())
    installed = int(onnxruntime().__version__.split(".")[1])
    if version is None or int(version[1]) > installed:
        return f"the headers in {folder} are newer than the installed ONNX Runtime, 1.{installed}"
    return None


def programs() -> dict[str, str]:
    """The complete programs in the READMEs, and one of the tests."""
    blocks = [
        block
        for readme in READMES
        for block in re.findall(r"```cpp\n(.*?)```", readme.read_text(encoding="utf-8"), re.DOTALL)
    ]
    checks = Path(__file__).with_name("checks.cpp").read_text(encoding="utf-8")
    names = ("export_readme", "cpp_readme", "cpp_readme_inpainter")
    return {**dict(zip(names, blocks, strict=True)), "checks": checks}


def run(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )


def build_programs(folder: Path) -> None:
    """Build a project that uses the library, as a user's would, with the programs of the READMEs."""
    (folder / "xec_geometry.hpp").write_text(export_geometry("cpp"))
    for name, text in programs().items():
        (folder / f"{name}.cpp").write_text(text)
    replaced = PROJECT.replace("CPP", str(CPP)).replace("NAMES", " ".join(programs()))
    (folder / "CMakeLists.txt").write_text(replaced.replace("WARNINGS", " ".join(WARNINGS)))
    configure = ["cmake", "-S", folder, "-B", folder / "build", "-DXEC_STRICT=ON", "-DXEC_WITH_TORCH=ON"]
    configure += [f"-DONNXRUNTIME_INCLUDE_DIR={header_folder()}", f"-DXEC_PYTHON={sys.executable}"]
    result = run(*configure)
    assert result.returncode == 0, result.stderr
    result = run("cmake", "--build", folder / "build", "--parallel", "2")
    assert result.returncode == 0, result.stdout + result.stderr


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("xec-validate: error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr
