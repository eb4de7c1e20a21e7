"""The clock times ways that give the same answers, and the controls' rank correlation is Spearman's."""

import numpy as np
import pytest
import torch

from study import clock, controls


def test_the_tuned_way_answers_as_the_lessons(model) -> None:
    images = torch.rand(70, 3, 32, 32)
    with torch.no_grad():
        entropies = torch.stack([-(p * p.log()).sum(1) for p in (x.softmax(1) for x in model.early_train(images))])
    tolerance = entropies[:3].median().item()
    (lesson, whole, early), (fused, whole_in_chunks, in_chunks) = clock.ways(model).values()
    with torch.no_grad():
        assert torch.allclose(whole(images), whole_in_chunks(images), atol=1e-5)
        logits, exits = early(lesson, images, tolerance)
        logits_in_chunks, exits_in_chunks = in_chunks(fused, images, tolerance)
    assert len(exits.unique()) > 1
    # An image whose entropy is within rounding of the tolerance may leave elsewhere; this median is one image's.
    same = exits == exits_in_chunks
    assert same.sum() >= len(exits) - 1
    assert torch.allclose(logits[same], logits_in_chunks[same], atol=1e-5)


def test_a_comparison_gives_the_mac_ratio_of_the_exits_taken(model, monkeypatch) -> None:
    monkeypatch.setattr(clock, "TURNS", 2)
    monkeypatch.setattr(clock, "BATCHES", {8: 16})
    everyone_first = clock.compare(model, torch.rand(16, 3, 32, 32), 8, 9.0, (25, 50, 75, 100))
    nobody = clock.compare(model, torch.rand(16, 3, 32, 32), 8, 0.0, (25, 50, 75, 100))
    assert [row["way"] for row in everyone_first] == ["lesson", "tuned"]
    assert [row["mac_ratio"] for row in everyone_first] == [4.0, 4.0]
    assert [row["mac_ratio"] for row in nobody] == [1.0, 1.0]
    assert all(row["speed_up"] > 1 for row in everyone_first)
    assert everyone_first[0]["left"] == [1, 0, 0, 0] and nobody[0]["left"] == [0, 0, 0, 1]


def test_ties_share_their_mean_rank() -> None:
    assert controls.ranks(np.array([3, 1, 3, 2, 3])).tolist() == [3, 0, 3, 1, 3]


def test_rank_correlation_sees_order_alone() -> None:
    x = np.array([0.1, 0.5, 0.2, 0.9])
    assert controls.rank_correlation(x, np.exp(9 * x)) == pytest.approx(1)
    assert controls.rank_correlation(x, -(x**3)) == pytest.approx(-1)
    assert controls.rank_correlation(np.array([1, 2, 3, 4]), np.array([1, 3, 2, 4])) == pytest.approx(0.8)
