"""The notebook's figures: what is on them, and that nothing else is shown."""

import base64
import io
import json
import re

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.patches import FancyArrowPatch
from PIL import Image

from course_lib import plots
from course_lib.data import ImageSet
from course_lib.reference import Band

NAMES = ("circle", "square")
ROWS = [(0.0, 0.9, 1000), (0.5, 0.8, 600), (1.8, 0.5, 300)]


def image_set(count=12, factors=None):
    """Images that can be told apart: image i is uniformly as bright as i / count."""
    images = (torch.arange(count) / count).view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
    return ImageSet(images, torch.arange(count) % 2, factors or {})


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def brightness(figure, row, column, *, captions=False):
    """The brightness of the image at a place of a picture of images."""
    picture = figure.axes[0].images[0].get_array()
    down, across = (32 + plots.CAPTION, 32 + plots.BESIDE) if captions else (34, 34)
    return float(picture[row * down + 16, column * across + 16])


def test_when_a_figure_is_returned_then_pyplot_holds_no_second_copy():
    plots.exit_bars({0: 1, 1: 2, 2: 3, 3: 4}, unit="batches")
    assert plt.get_fignums() == []


def test_when_classes_are_shown_then_each_has_a_row_of_its_own_images():
    figure = plots.class_grid(image_set(), NAMES, columns=3)
    assert texts(figure) == ["circle", "square"]
    assert brightness(figure, 1, 2) == pytest.approx(5 / 12)  # the third image of the second class


def test_when_a_class_has_too_few_images_then_its_row_ends_early():
    figure = plots.class_grid(image_set(count=3), NAMES, columns=2)
    assert brightness(figure, 1, 1) == 1.0  # white


def test_when_factors_are_shown_then_images_run_from_small_to_large_by_magnitude():
    rotation = np.array([-90.0, 0, 10, 0, -20, 0, 30, 0, 40, 0, 50, 0])
    figure = plots.factor_rows(image_set(factors={"rotation": rotation}), label=0, columns=3)
    assert texts(figure) == ["rotation (degrees)\n10 to 90"]
    assert [brightness(figure, 0, column) for column in range(3)] == pytest.approx([2 / 12, 6 / 12, 0])


def test_when_no_factors_are_known_then_both_figures_of_them_say_so():
    with pytest.raises(ValueError, match="no difficulty factors"):
        plots.factor_rows(image_set(), label=0)
    with pytest.raises(ValueError, match="no difficulty factors"):
        plots.factors_by_exit({}, torch.zeros(3, dtype=torch.int64))


def test_when_losses_are_drawn_then_axes_have_units_and_a_guess_is_marked():
    figure = plots.loss_curves({"a": [2.0] * 100, "b": [1.0] * 100}, at_start={"a": 1.79})
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("training step", "loss (nats)")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert axes.lines[0].get_linestyle() != axes.lines[2].get_linestyle()  # told apart without colour
    assert texts(figure) == ["a guess"]


def test_when_one_loss_is_given_then_it_is_drawn():
    (axes,) = plots.loss_curves({"a": [2.0]}).axes
    assert axes.lines[0].get_ydata().tolist() == [2.0]


def test_when_exits_are_counted_then_every_bar_carries_its_number():
    figure = plots.exit_bars({0: 5, 1: 0, 2: 7, 3: 1}, unit="images")
    assert texts(figure) == ["5", "0", "7", "1"]
    assert figure.axes[0].get_ylabel() == "images"


def test_when_a_sweep_is_drawn_then_rows_are_in_order_and_in_percent_and_per_image():
    above, below = plots.sweep(ROWS[::-1], target=0.88, images=10).axes
    assert above.lines[0].get_xdata().tolist() == [0.0, 0.5, 1.8]
    assert above.lines[0].get_ydata() == pytest.approx([90, 80, 50])
    assert below.lines[0].get_ydata() == pytest.approx([1000 / 10 / 1e6, 600 / 10 / 1e6, 300 / 10 / 1e6])


def test_when_a_frontier_is_drawn_then_cost_is_a_share_of_the_full_network():
    (axes,) = plots.frontier({"one": ROWS, "other": ROWS[:2]}, full_macs=1000).axes
    assert list(axes.lines[0].get_xdata()) == pytest.approx([30, 60, 100])
    assert list(axes.lines[1].get_ydata()) == pytest.approx([80, 90])
    assert axes.lines[0].get_marker() != axes.lines[1].get_marker()


def test_when_a_gallery_is_drawn_then_the_surest_come_first_and_wrong_answers_show_the_right_one():
    exits = torch.tensor([0] * 6 + [3] * 6)
    confidence = torch.arange(12) / 12
    predictions = torch.zeros(12, dtype=torch.int64)  # "circle", which is right for every other image
    figure = plots.gallery(image_set(), NAMES, exits, predictions, confidence, columns=2)
    assert [text for text in texts(figure) if text.startswith("exit")] == ["exit 0", "exit 1", "exit 2", "exit 3"]
    assert brightness(figure, 0, 0, captions=True) == pytest.approx(5 / 12)
    assert brightness(figure, 0, 4, captions=True) == pytest.approx(0)
    assert brightness(figure, 1, 0, captions=True) == 1.0  # nobody left at exit 1
    assert texts(figure).count("circle") == 4
    assert texts(figure).count("circle\n(square)") == 4


def test_when_factors_are_drawn_by_exit_then_only_exits_taken_have_a_box():
    factors = {"size": np.arange(6.0), "noise": np.arange(6.0)}
    figure = plots.factors_by_exit(factors, torch.tensor([0, 0, 0, 3, 3, 3]))
    assert [axes.get_title() for axes in figure.axes] == ["size (pixels)", "noise"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0", "3"]


def test_when_reference_runs_are_given_then_their_band_lies_behind_the_curve():
    band = Band(x=(0.0, 1.0), low=(1.0, 0.4), high=(2.0, 0.6))
    (axes,) = plots.loss_curves({"a": [1.5] * 40}, reference=band).axes
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[:, 0].max() == 40 and (corners[:, 1].min(), corners[:, 1].max()) == (0.4, 2.0)
    assert axes.collections[0].get_zorder() < axes.lines[0].get_zorder()
    (axes,) = plots.frontier({"one": ROWS}, full_macs=1000, reference=band).axes
    assert axes.collections[0].get_paths()[0].vertices[:, 1].max() == 200  # in percent, as the curve is


def test_when_other_networks_are_compared_then_each_is_one_point_of_the_frontier():
    (axes,) = plots.frontier({"one": ROWS}, full_macs=1000, points={"small": (0.7, 400), "large": (0.9, 1000)}).axes
    assert [(line.get_label(), *line.get_xydata()[0]) for line in axes.lines[1:]] == [
        ("small", 40, 70),
        ("large", 100, 90),
    ]
    assert axes.lines[1].get_marker() != axes.lines[2].get_marker()


def test_when_overthinking_is_shown_then_images_stand_where_they_were_right_last():
    answers = torch.tensor([[0, 1, 0, 0], [1, 1, 0, 1], [1, 0, 1, 1]])  # of three exits; labels 0, 1, 0, 1
    figure = plots.overthinking(image_set(4), NAMES, answers)
    assert [text for text in texts(figure) if text.startswith("right")] == [
        "right until\nexit 0",
        "right until\nexit 1",
    ]
    assert brightness(figure, 0, 0, captions=True) == 0  # image 0: right at exit 0 alone
    second = [brightness(figure, 1, column, captions=True) for column in range(3)]
    assert second == [0.25, 0.5, 1.0]  # images 1 and 2, nothing
    assert texts(figure).count("circle\n→ square") == 2
    assert "1 right until exit 0; 2 right until exit 1" in figure.description


def test_when_depths_are_drawn_then_each_exit_has_a_bar_that_adds_up():
    figure = plots.depths_by_exit(torch.tensor([0, 0, 1, 4]), torch.tensor([0, 0, 3, 3]))
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["exit 0", "exit 3"]
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([100, 0, 0, 0, 0, 0, 50, 0, 0, 50])
    assert "exit 3: 0 % at depth 0, mean 2.50" in figure.description


def test_when_a_notebook_shows_a_figure_then_its_description_goes_with_it():
    figure = plots.exit_bars({0: 5, 1: 0}, unit="<images>")
    data, metadata = figure._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/png"]["alt"] == "<images> that left: 5 at exit 0, 0 at exit 1."
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert '<img alt="&lt;images&gt; that left: 5 at exit 0, 0 at exit 1." src="data:image/png' in data["text/html"]


def test_when_a_figure_is_saved_then_it_is_grey_and_fits_a_page_of_700_pixels_so_that_no_letter_shrinks():
    exits, factors = (
        torch.tensor([0, 1, 2, 3] * 3),
        {name: np.arange(12.0) for name in ("size", "rotation", "c", "n", "o")},
    )
    for figure in (
        plots.gallery(image_set(), NAMES, exits, torch.zeros(12, dtype=torch.int64), torch.rand(12)),
        plots.overthinking(image_set(), NAMES, torch.randint(2, (4, 12))),
        plots.class_grid(image_set(), NAMES),
        plots.factors_by_exit(factors, exits),
        plots.network((30, 53, 77, 100), (6, 3, 2, 1)),
    ):
        picture = Image.open(io.BytesIO(base64.b64decode(figure._repr_mimebundle_()[0]["image/png"])))
        assert (picture.mode, picture.width <= 700) == ("L", True)
        sizes = [text.get_fontsize() for axes in figure.axes for text in axes.texts]
        assert min(sizes, default=9) >= 8


def test_when_a_notebook_shows_a_figure_then_the_picture_is_drawn_once():
    shell = InteractiveShell.instance()
    try:
        shell.display_formatter.formatters["image/png"].for_type(plt.Figure, lambda _: "the inline backend's")
        figure = plots.exit_bars({0: 5}, unit="images")
        data, metadata = shell.display_formatter.format(figure)
    finally:
        InteractiveShell.clear_instance()
    assert data["image/png"] in data["text/html"]
    assert metadata["image/png"]["alt"] == figure.description


def explorer(**changes):
    exits_at = {1.0: torch.zeros(12, dtype=torch.int64), 0.0: torch.full((12,), 3), 0.5: torch.tensor([0, 3] * 6)}
    labels = torch.arange(12) % 2
    predictions = torch.stack([torch.zeros(12, dtype=torch.int64), labels, labels, labels])
    figure = plots.tolerance_explorer(image_set(), exits_at, predictions, (25, 50, 75, 100), start=0.4, **changes)
    return figure, figure._repr_mimebundle_()[0]["text/html"]


def test_when_the_explorer_is_made_then_it_holds_the_outcome_of_every_tolerance():
    figure, page = explorer(shown=4)
    data = json.loads(re.search(r"const data = (.*);", page)[1])

    assert data["tolerances"] == [0.0, 0.5, 1.0]
    assert data["accuracy"] == [1.0, 1.0, 0.5]  # exit 0 answers class 0 alone
    assert data["share"] == [1.0, 0.625, 0.25]
    assert data["counts"] == [[0, 0, 0, 12], [6, 0, 0, 6], [12, 0, 0, 0]]
    assert data["exits"] == ["300", "330", "300", "330"]  # of the four images that are shown, by tolerance
    assert data["right"] == ["1111", "0111", "1111", "0111"]  # by exit
    assert data["start"] == 1
    assert "6 images leave at exit 0, 0 images leave at exit 1" in figure.description


def test_when_scripts_are_off_then_the_still_picture_of_the_explorer_is_seen_and_nothing_is_fetched():
    _, page = explorer()
    picture, interactive = page.split('<div data-explorer="', 1)
    assert picture.startswith('<img alt="Accuracy against MACs')
    assert " hidden>" in interactive.split("\n")[0]
    assert "@" not in re.sub(r"@media", "", interactive)  # every place was filled in
    assert not re.search(r"(?:src|href|url)\W{1,3}(?!data:)\w+:", interactive.replace("http://www.w3.org/2000/svg", ""))


def test_when_the_network_is_drawn_then_arrows_are_as_thick_as_there_are_images():
    figure = plots.network((25, 50, 75, 100), (60, 0, 20, 20))
    widths = [patch.get_linewidth() for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    assert widths == pytest.approx([14, 8.4, 5.6, 5.6, 2.8, 2.8, 2.8])  # to stage 0, exit 0, stage 1, stage 2, ...
    assert "exit 0\n60 images" in texts(figure)
    assert "exit 1 after 50%" in figure.description and "0 at exit 1" in figure.description
    assert "images" not in plots.network((1, 2)).description


def test_when_any_figure_is_made_then_it_describes_itself():
    exits, factors = torch.tensor([0, 3] * 6), {"size": np.arange(12.0)}
    for figure in (
        plots.class_grid(image_set(), NAMES),
        plots.factor_rows(image_set(factors=factors), label=0),
        plots.loss_curves({"a": [2.0, 1.0]}),
        plots.sweep(ROWS, target=0.8, images=10),
        plots.frontier({"one": ROWS}, full_macs=1000),
        plots.gallery(image_set(), NAMES, exits, torch.zeros(12, dtype=torch.int64), torch.rand(12)),
        plots.factors_by_exit(factors, exits),
    ):
        assert len(figure.description) > 20 and figure.description.endswith(".")
