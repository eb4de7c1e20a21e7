"""The pages of this repository: links lead somewhere, and what pages say of commands and limits is so."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from sample_class import ROOT

from autograder.box.stream import all_bytes
from autograder.cli import main
from autograder.config import Limits
from autograder.deadlines_file import load_deadlines
from autograder.results import Verdict

PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "autograder").rglob("*.md"), *(ROOT / "tests").rglob("*.md"))
    if "submissions" not in path.parts
)
CODE = re.compile(r"^ {4,}(.+)$|`([^`\n]+)`", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert target.resolve().is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = (link.partition("#")[0] for link in LINK.findall(page.read_text()) if not re.match(r"[a-z]+:", link))
        waiting += [(page.parent / link).resolve() for link in links if link]

    assert reached == set(PAGES)


def test_every_page_that_the_code_names_is_there() -> None:
    others = (ROOT / name for name in ("Makefile", "Dockerfile", "pyproject.toml"))
    for module in (*(ROOT / "autograder").rglob("*.py"), *others):
        for path in re.findall(r"autograder/[\w/]*\.md", module.read_text()):
            assert (ROOT / path).is_file(), f"{named(module)} names {path}"


def verbs(group: click.Group = main, name: str = "autograder") -> Iterator[tuple[str, click.Command]]:
    """Every command, by what one types."""
    yield name, group
    for word, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def options(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")}


def typed(page: Path) -> Iterator[str]:
    """What a page tells to type: lines and pieces of code."""
    for line, piece in CODE.findall(page.read_text()):
        yield re.sub(r"\s#.*", "", line or piece).strip()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_commands_and_options_that_a_page_tells_to_type_exist(page: Path) -> None:
    known = dict(verbs())
    for text in typed(page):
        for command in re.findall(r"\bautograder(?: +[-\w./:~*]+)+", text):
            words = command.split()
            verb = next(" ".join(words[:n]) for n in (3, 2, 1) if " ".join(words[:n]) in known)
            assert verb != "autograder" or words[1] in ("--version", "--help"), text
            asked = {word for word in words if word.startswith("--")} - {"--help", "--version"}
            assert asked <= options(known[verb]), text


@pytest.mark.parametrize(("verb", "command"), list(verbs()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_and_each_of_its_options_is_on_a_page(verb: str, command: click.Command) -> None:
    told = "\n".join(page.read_text() for page in PAGES if page.name == "README.md")

    assert verb in told
    assert [option for option in options(command) if not re.search(rf"{option}\b(?!-)", told)] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_targets_of_make_that_a_page_names_exist(page: Path) -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for text in typed(page):
        for words in re.findall(r"^make ((?:\w+ ?)+)", text):
            assert {word for word in words.split() if word.islower()} <= set(targets), text


def test_the_page_of_the_machine_shows_each_limit_as_it_is() -> None:
    page = (ROOT / "autograder" / "box" / "README.md").read_text()
    units = {"s": 1, "MiB": 1 << 20, "GiB": 1 << 30, "": 1}
    rows = re.findall(r"^\| `(\w+)` \| .* \| (\d+) ?(\w*) \|$", page, re.MULTILINE)

    assert {name: int(value) * units[unit] for name, value, unit in rows} == dataclasses.asdict(Limits())
    assert f"A box that sends more than {all_bytes(Limits()) // units['MiB']} MiB in all is cut off." in page


def test_the_manual_explains_every_verdict() -> None:
    explained = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", (ROOT / "autograder" / "README.md").read_text(), re.M)

    assert sorted(re.findall(r"\w+", " ".join(explained))) == sorted(verdict.value for verdict in Verdict)


def test_the_example_of_deadlines_can_be_used_as_it_is(tmp_path: Path) -> None:
    page = (ROOT / "autograder" / "export" / "README.md").read_text()
    (example,) = re.findall(r"(?:^    (?=timezone).*\n)(?:^(?:    .*)?\n)+", page, re.MULTILINE)
    file = tmp_path / "deadlines.toml"
    file.write_text(re.sub(r"^    ", "", example, flags=re.MULTILINE))

    deadlines = load_deadlines(file, ["early_exit"])

    assert deadlines is not None
    rule = deadlines.rules["early_exit"]
    assert deadlines.late_days == 4 and {*rule.exemptions} == {"doejane_1234"} and {*rule.submitted} == {"Max Roe_77"}
