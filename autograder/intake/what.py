"""What a file is that was handed in and is no notebook, in words for the student and the instructor."""

import re

# How a file of each kind begins.
BEGINNINGS = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"{\\rtf": "a text document",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"version https://git-lfs.github.com/spec": "a pointer of Git LFS; the file itself was not handed in",
}
ENDINGS = {
    "ipynb": "a notebook",
    "pdf": "a PDF",
    "py": "a Python script",
    "html": "a web page",
    "htm": "a web page",
    "webarchive": "a web page",
    "doc": "an office document",
    "docx": "an office document",
    "odt": "an office document",
    "pages": "an office document",
    "csv": "a table",
    "xls": "a table",
    "xlsx": "a table",
    "txt": "a text",
    "md": "a text",
    "png": "a picture",
    "jpg": "a picture",
    "jpeg": "a picture",
    "heic": "a picture",
    "zip": "a zip archive",
    "rar": "an archive that is no zip",
    "7z": "an archive that is no zip",
    "tar": "an archive that is no zip",
    "gz": "an archive that is no zip",
    "tgz": "an archive that is no zip",
    "bz2": "an archive that is no zip",
    "xz": "an archive that is no zip",
    "lnk": "a link of Windows, without the file",
    "url": "a link to a web page",
    "webloc": "a link to a web page",
    "gdoc": "a link to Google's drive",
    "part": "a download that broke off",
    "crdownload": "a download that broke off",
}
# No line of JSON can begin so: a string holds no line end. Not a pattern, which takes 10 ms for a notebook of 1 MB.
CONFLICT = (b"<<<<<<< ", b">>>>>>> ")
PYTHON = re.compile(rb"^(import|from|def|class) \w|^print\(", re.MULTILINE)
WEB_PAGE = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")


def by_name(name: str) -> str:
    """What a file of this name is; "a file of another kind" where the name does not say it."""
    return ENDINGS.get(name.lower().rpartition(".")[2], "a file of another kind")


def instead_of_a_notebook(data: bytes) -> str:
    """What the content of a file is that is called a notebook; "" where it may be one."""
    start = data[:4096].removeprefix(b"\xef\xbb\xbf")
    if start.lstrip().lower().startswith(WEB_PAGE):
        return "a web page"
    if not start.lstrip().startswith(b"{") and PYTHON.search(start):
        return "a Python script"
    if data.startswith(CONFLICT) or any(b"\n" + mark in data for mark in CONFLICT):
        return "left in a merge conflict: Git's marks <<<<<<< and >>>>>>> are still in it"
    return next((what for head, what in BEGINNINGS.items() if start.startswith(head)), "")
