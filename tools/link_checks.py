"""For mkdocs: the id of a check, such as `djwto.W034`, links to its row in `docs/checks.md`.

An id without a row is a broken link, at which `mkdocs build --strict` fails.
"""

import re
from typing import Any

_ID = re.compile(r"(?<!\[)`djwto\.([EW]\d{3})`")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Give the text of a page with these links."""
    if page.file.src_uri == "checks.md":
        return markdown
    return _ID.sub(lambda match: f"[{match[0]}](checks.md#{match[1].lower()})", markdown)
