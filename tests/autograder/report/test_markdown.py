"""Students' Markdown as HTML: readable, and with no tag, attribute or address of the student's choosing."""

import random
import re
import time

import pytest
from read_page import Page

from autograder.pictures import Picture
from autograder.report.markdown import MAX_MARKDOWN, safe_html

PNG = Picture("image/png", "iVBORw0KGgo=")
TAGS = set(re.findall(r"\w+", "p em strong del code pre ul ol li table thead tbody tr th td h3 blockquote hr br a img"))


def test_what_people_write_is_laid_out():
    typed = "# One\n\n##### One\n\n**two** *three* `four`\n\n- five\n\n|a|b|\n|-|:-:|\n|6|7|\n"
    typed += "\n> eight\n\n```\n<nine>\n```"
    read = Page(safe_html(typed))

    assert set(read.tags) <= TAGS
    assert read.tags.count("h3") == 2, "right below the headings of the page"
    assert {"strong", "em", "code", "li", "th", "td", "blockquote", "pre"} <= set(read.tags)
    assert "<nine>" in read.text
    assert read.attributes == [], "the policy of the page lets no style through"


def test_formulas_stay_as_they_were_typed():
    html = safe_html("so $a_1 < b_2*c$ and\n\n$$\n\\frac{1}{2}\n$$\n")

    assert '<code class="math">a_1 &lt; b_2*c</code>' in html
    assert '<code class="math block">\\frac{1}{2}</code>' in html


@pytest.mark.parametrize(
    "evil",
    [
        "<script>x</script>",
        "a <img src=x onerror=y> b",
        "[a](javascript:x)",
        "[a](JaVaScRiPt:x)",
        "[a](data:text/html,x)",
        "[a](../index.html)",
        "[a](//host/x)",
        "<javascript:x>",
        "![a](https://host/x.png)",
        "![a](data:image/png;base64,AAAA)",
        "![a](attachment:other)",
        "[a][r]\n\n[r]: javascript:x",
        "![a][r]\n\n[r]: https://host/x",
        "$<script>x</script>$",
        "```\n</code></pre><script>x</script>",
        "```html onload=x\ny\n```",
        "|<script>|\n|-|\n|<script>|",
        "<!-- <script> -->",
        "&lt;script&gt;",
        "# <b>x</b>",
    ],
)
def test_nothing_runs_loads_or_leads_elsewhere(evil: str):
    read = Page(safe_html(evil, {"mine": PNG}))

    assert set(read.tags) <= TAGS - {"a", "img"}
    assert {name for name, _ in read.attributes} <= {"class"}


def test_a_link_to_the_web_is_a_link_and_tells_nobody_where_it_is_from():
    assert dict(Page(safe_html('[a](https://host/x?"y)')).attributes) == {
        "href": "https://host/x?%22y",
        "rel": "noopener noreferrer",
    }


def test_a_picture_of_the_answer_is_shown():
    read = Page(safe_html("![x](attachment:picture-1)", {"picture-1": PNG}))

    assert dict(read.attributes)["src"] == "data:image/png;base64,iVBORw0KGgo="
    assert dict(read.attributes)["alt"]


def test_what_is_too_long_is_shown_as_it_was_typed():
    assert safe_html("*" * (MAX_MARKDOWN + 1)) == f'<pre class="typed">{"*" * (MAX_MARKDOWN + 1)}</pre>'


def test_random_marks_make_harmless_pages():
    rng = random.Random(5)
    signs = [
        "*",
        "_",
        "`",
        "[",
        "]",
        "(",
        ")",
        "!",
        "<",
        ">",
        "|",
        "-",
        "\n",
        "\n\n",
        "    ",
        "$",
        "$$",
        "#",
        "1.",
        "a",
        "&",
    ]
    for _ in range(60):
        read = Page(safe_html("".join(rng.choices([*signs, "<b>", "javascript:", "http://h", '"'], k=400))))
        assert set(read.tags) <= TAGS
        assert all(value.startswith(("http", "noopener")) for name, value in read.attributes if name != "class")


@pytest.mark.parametrize(
    "sign", ["[", "![", "*a ", "**a", "`", "> ", "[a](", "<a ", "$a ", "- ", "|a", "1. a\n", "<!--"]
)
def test_odd_texts_take_no_time(sign: str):
    begin = time.process_time()
    safe_html((sign * MAX_MARKDOWN)[:MAX_MARKDOWN])

    assert time.process_time() - begin < 2, "a tenth of a second, on a machine that does nothing else"
