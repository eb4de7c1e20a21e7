"""Outputs of a cell -> those that may be kept and shown: text and pictures, nothing that a browser could run.

Outputs come from a kernel or a file that a student controls; every value is untrusted, its type included. Markdown
cannot start an HTML tag, a picture from elsewhere, or a link to anything but the web. A picture that is left out leaves
a line in its place.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from autograder.pictures import MAX_BYTES, Picture, picture

APART = "\u200b"  # zero-width space
TEX = "href|url|style|class|cssId|require|data|html|mmlToken|csname|bbox"  # what in a formula can make a link or load
MAX_TEXT = 200_000  # characters of one output
MAX_OUTPUTS = 200  # of one cell
SHOWN = ("image/png", "image/jpeg")  # what nbconvert's pages show of an output
NOT_SHOWN = ("image/svg+xml", "image/gif", "application/pdf")
MAX_MARKDOWN = 20_000  # characters; what turns it into a page takes time that grows with the square
MAX_ALT = 1_000  # characters


def safe_outputs(outputs: Iterable[Any]) -> list[dict[str, Any]]:
    """The outputs that may be shown, in nbformat 4 form, shortened where they are long."""
    kept: list[dict[str, Any]] = []
    for output in outputs:
        safe = _safe(output) if isinstance(output, dict) else None
        if safe is None:
            continue
        last = kept[-1] if kept else {}
        if safe["output_type"] == "stream" and last.get("name") == safe["name"]:
            if len(last["text"]) <= MAX_TEXT:  # not beyond: thousands of pieces would be copied again and again
                last["text"] = shortened(last["text"] + safe["text"])
        elif len(kept) < MAX_OUTPUTS:
            kept.append(safe)
    return kept


def harmless_markdown(source: str) -> str:
    """Markdown that can start no HTML tag, no picture from elsewhere and no link but to the web.

    nbgrader's pages pass raw HTML through unchanged, and make links of any scheme. A character of no width breaks up
    what could start one. So the text reads as it was written, also in code and in formulas.
    """
    source = shortened(source, MAX_MARKDOWN)
    source = re.sub(r"<(?=[A-Za-z/!?])", "<" + APART, source)
    source = source.replace("![", "!" + APART + "[")
    source = re.sub(r"\](?=\(\s*(?!https?://|mailto:))", "]" + APART, source)
    source = re.sub(r"\](?=:\s*(?!https?://|mailto:))", "]" + APART, source)
    return re.sub(rf"\\(?=({TEX})\b)", lambda _: "\\" + APART, source)


def _safe(output: dict[str, Any]) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if "stderr" in (output.get("name"), output.get("stream")) else "stdout"
        return {"output_type": "stream", "name": name, "text": _text(output.get("text"))}
    if kind in ("error", "pyerr"):
        trace = output.get("traceback")
        return {
            "output_type": "error",
            "ename": _text(output.get("ename"))[:200],
            "evalue": _text(output.get("evalue"))[:2000],
            "traceback": [_text(line) for line in trace[:100]] if isinstance(trace, list) else [],
        }
    if kind in ("display_data", "execute_result", "pyout"):
        bundle = output.get("data")
        if bundle is None:  # format 3 kept them next to the type, under short names
            names = {"text": "text/plain", "png": "image/png", "jpeg": "image/jpeg", "svg": "image/svg+xml"}
            bundle = {mime: output.get(name, "") for name, mime in names.items()}
        data, left_out = _safe_bundle(bundle) if isinstance(bundle, dict) else ({}, "")
        # The plain text of a picture is its description. It becomes an attribute in a page: no quotes, no brackets.
        alt = re.sub("[<>&\"'`]", " ", data.get("text/plain", "")[:MAX_ALT])
        metadata: dict[str, Any] = {mime: {"alt": alt} for mime in SHOWN if alt and mime in data}
        if left_out:
            data["text/plain"] = f"{data.get('text/plain', '')}\n[a picture was left out: {left_out}]".strip()
            metadata = {"left_out": left_out}
        return {"output_type": "display_data", "data": data, "metadata": metadata} if data else None
    return None


def loses_a_picture(outputs: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a picture was left out of outputs that :func:`safe_outputs` gave."""
    return any("left_out" in output.get("metadata", ()) for output in outputs)


def _safe_bundle(bundle: dict[str, Any]) -> tuple[dict[str, str], str]:
    """The text and the first picture that can be shown; why there is none, "" if none is in it."""
    data, left_out = {}, ""
    if plain := _text(bundle.get("text/plain")):
        data["text/plain"] = plain
    for mime in (*SHOWN, *NOT_SHOWN):
        if not (encoded := _text(bundle.get(mime), limit=2 * MAX_BYTES)):
            continue
        found = picture(mime, encoded) if mime in SHOWN else f"it is {mime.partition('/')[2][:3].upper()}"
        if isinstance(found, Picture) and found.mime in SHOWN:
            return data | {found.mime: found.base64}, ""
        left_out = left_out or (found if isinstance(found, str) else "it is GIF")
    return data, left_out


def _text(value: object, limit: int = MAX_TEXT) -> str:
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return shortened(value.encode("utf-8", "replace").decode(), limit) if isinstance(value, str) else ""


def shortened(text: str, limit: int = MAX_TEXT) -> str:
    """The text, or its first ``limit`` characters and a word that says so."""
    return text if len(text) <= limit else text[:limit] + "\n[shortened]"
