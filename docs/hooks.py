"""What mkdocs does beside its plugins: it shows CONTRIBUTING.md, which lies outside `docs`, as a page."""

from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The text of a page; that of contributing.md is the file in the root, with its links as seen from here."""
    if page.file.src_uri != "contributing.md":
        return markdown
    return (ROOT / "CONTRIBUTING.md").read_text().replace("](docs/", "](")
