"""A student's Markdown -> HTML that can hold no tag, attribute, picture or address of the student's choosing.

mistune parses it, as it does for nbconvert; what it makes of each part is written here or escaped by it. Formulas stay
as they were typed, because a page that is read offline has nothing that could draw them.
"""

from collections.abc import Mapping
from typing import Any

import mistune
from markupsafe import Markup, escape

from autograder.pictures import Picture

MAX_MARKDOWN = 25_000  # characters; records/work.py shortens before
WEB = ("https://", "http://", "mailto:")
ATTACHED = "attachment:"


def safe_html(source: str, pictures: Mapping[str, Picture] | None = None) -> Markup:
    """The Markdown as HTML; as plain text where it is too long or nested too deep for that.

    Args:
        pictures: Name -> picture that the text may show as ``attachment:<name>``.
    """
    if len(source) > MAX_MARKDOWN:
        return as_typed(source)
    markdown = mistune.create_markdown(renderer=_Safe(pictures or {}), plugins=["table", "strikethrough", "math"])
    try:
        return Markup(markdown(source))
    except RecursionError:
        return as_typed(source)


def as_typed(source: str) -> Markup:
    """The text, escaped, with its own line breaks."""
    return Markup('<pre class="typed">') + escape(source) + Markup("</pre>")


class _Safe(mistune.HTMLRenderer):
    """mistune's, with nothing in it that could load or run, and one kind of heading: those of the page are above it."""

    def __init__(self, pictures: Mapping[str, Picture]) -> None:
        super().__init__(escape=True)
        self._pictures = pictures

    def link(self, text: str, url: str, title: str | None = None) -> str:
        if not url.lower().startswith(WEB):
            return text
        return f'<a href="{escape(url)}" rel="noopener noreferrer">{text}</a>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        found = self._pictures.get(url.removeprefix(ATTACHED)) if url.startswith(ATTACHED) else None
        if found is None:
            return f"[{text or 'picture'}]"
        return f'<img src="data:{found.mime};base64,{found.base64}" alt="Picture in this answer">'

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        return f"<h3>{text}</h3>\n"

    def block_code(self, code: str, info: str | None = None) -> str:
        return f"<pre><code>{escape(code)}</code></pre>\n"

    def block_math(self, text: str) -> str:
        return f'<code class="math block">{escape(text.strip())}</code>'

    def inline_math(self, text: str) -> str:
        return f'<code class="math">{escape(text)}</code>'

    def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
        tag = "th" if head else "td"
        return f"<{tag}>{text}</{tag}>\n"
