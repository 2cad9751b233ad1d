"""Checks what is in a wheel and that it is what is installed: python check_wheel.py WHEEL."""

import sys
import zipfile
from pathlib import Path

import share

SOURCE = Path(__file__).parents[2] / "src"


def main(wheel: str) -> int:
    names = set(zipfile.ZipFile(wheel).namelist())
    unwanted = {name for name in names if name.endswith((".c", ".o", ".pyx"))}
    unwanted |= {name for name in names if not name.startswith(("share/", "share_state-"))}
    problems = [f"{name} does not belong into a wheel" for name in unwanted]
    for path in SOURCE.rglob("*"):
        relative = path.relative_to(SOURCE)
        if path.suffix in {".py", ".pyi", ".pxd", ".h", ".toml", ".html"} or path.name == "py.typed":
            if str(relative) not in names and relative.parts[0] == "share":
                problems.append(f"{relative} is missing")
        elif path.suffix == ".pyx":
            compiled = f"{relative.with_suffix('')}.cpython-"
            if not any(name.startswith(compiled) and name.endswith(".so") for name in names):
                problems.append(f"{relative} has not been compiled")
    if SOURCE in Path(share.__file__).parents:
        problems.append(f"share was imported from {share.__file__}, not from the installed wheel")
    print(*problems or [f"{len(names)} files, none missing, none too many"], sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
