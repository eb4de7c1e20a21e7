"""What a browser would make of a page: its tags, attributes and text."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """A page as it is read: tags and attributes in order, and all text but that of styles and scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._code = False
        self.feed(str(page))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._code = tag in ("style", "script")
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += "" if self._code else data

    def handle_endtag(self, tag: str) -> None:
        self._code = False
