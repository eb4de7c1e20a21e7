"""The study's trainings: an interrupted run ends as an uninterrupted one, and each recipe does what it says."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from study import export, training
from study.runs import EQUAL, LONG, PLAIN, RECIPES, TAUGHT, Phase, Run, full_runs, small_runs, wide_runs

TINY = Run("shapes", "mixed", 3, width=8, images=480, epochs=1)


def test_every_run_has_a_name_of_its_own() -> None:
    names = [run.name for run in small_runs() + full_runs() + wide_runs()]
    assert len(names) == len(set(names))
    assert Run("shapes", TAUGHT, 1).name == "shapes-w8-warm-s1"
    assert Run("shapes", TAUGHT, 1, 64, epochs=LONG).name == "shapes-w64-e10-warm-s1"


def test_no_wide_run_begins_with_weights_of_one_that_comes_later() -> None:
    names = [run.name for run in wide_runs()]
    assert all(run.starts_from.name in names[: names.index(run.name)] for run in wide_runs() if run.starts_from)


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path) -> None:
    whole = training.train(TINY, folder=tmp_path / "whole")
    assert training.train(TINY, folder=tmp_path / "parts", stop_after=3) is None  # in the first phase
    assert training.train(TINY, folder=tmp_path / "parts", stop_after=6) is None  # in the second
    resumed = training.train(TINY, folder=tmp_path / "parts")
    assert whole is not None and resumed is not None
    assert (whole["losses"], whole["accuracies"]) == (resumed["losses"], resumed["accuracies"])
    weights = [load_file(tmp_path / part / f"{TINY.name}.safetensors") for part in ("whole", "parts")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not list((tmp_path / "parts").glob("*.pt")), "the state of a finished run is in nobody's use"


def test_when_the_time_is_over_then_nothing_is_begun_and_what_runs_is_kept(tmp_path) -> None:
    assert training.train(TINY, folder=tmp_path, until=0.0) is None
    assert not list(tmp_path.glob("*.pt"))
    trainer = training.Trainer(TINY, training.load(TINY), tmp_path)
    assert not trainer.finish(until=0.0)
    assert training.Trainer(TINY, training.load(TINY), tmp_path).step == 1


def test_a_training_goes_on_where_it_began(tmp_path) -> None:
    torch.save({"run": vars(TINY), "device": "cuda"}, tmp_path / f"{TINY.name}.pt")
    with pytest.raises(ValueError, match="a training on a cuda device, and this machine trains on cpu"):
        training.Trainer(TINY, training.load(TINY), tmp_path, on=torch.device("cpu"))


def test_a_run_is_copied_with_those_that_begin_with_its_weights_or_not_at_all(tmp_path) -> None:
    runs = [replace(TINY, recipe=recipe) for recipe in ("plain", "seed", "equal", "warm", "plain again")]
    kept, out = tmp_path / "kept", tmp_path / "out"
    kept.mkdir()
    for run in (runs[0], runs[1], runs[3]):
        (kept / f"{run.name}.json").write_text("{}")
        (kept / f"{run.name}.logits.safetensors").write_text("")
        (kept / f"{run.name}.safetensors").write_text("large")
    export.without_weights(runs, out, kept)
    assert sorted(file.name for file in out.iterdir()) == [f"{runs[1].name}.json", f"{runs[1].name}.logits.safetensors"]

    (kept / f"{runs[4].name}.json").write_text("{}")
    export.without_weights(runs, out, kept)
    assert {file.stem for file in out.glob("*.json")} == {runs[place].name for place in (0, 1, 3, 4)}


def test_a_finished_run_is_read_and_not_run_again(tmp_path) -> None:
    record = vars(TINY) | {"kept": True}
    (tmp_path / f"{TINY.name}.json").write_text(json.dumps(record))
    assert training.train(TINY, folder=tmp_path) == record


def test_what_was_trained_with_other_settings_is_not_taken_for_the_run(tmp_path) -> None:
    (tmp_path / f"{TINY.name}.json").write_text(json.dumps(vars(TINY) | {"epochs": 7}))
    with pytest.raises(ValueError, match="was trained with other settings"):
        training.train(TINY, folder=tmp_path)
    state = {"run": vars(TINY) | {"epochs": 7}}
    torch.save(state, tmp_path / f"{TINY.name}.pt")
    with pytest.raises(ValueError, match="is of a training with other settings"):
        training.Trainer(TINY, training.load(TINY), tmp_path)


def test_a_warm_start_begins_with_the_plain_networks_weights(tmp_path) -> None:
    run = replace(TINY, recipe="warm")
    assert run.starts_from is not None and replace(TINY, recipe="seed").starts_from is None
    splits = training.load(run)
    plain = training.Trainer(run.starts_from, splits, tmp_path)
    torch.nn.init.constant_(plain.model.heads[3][-1].bias, 7.0)
    weights = {name: value.contiguous() for name, value in plain.model.state_dict().items()}
    training.save_file(weights, tmp_path / f"{run.starts_from.name}.safetensors")
    assert (training.Trainer(run, splits, tmp_path).model.heads[3][-1].bias == 7.0).all()


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_phases_of_a_recipe_use_up_the_run(recipe) -> None:
    assert sum(phase.share for phase in RECIPES[recipe].phases) == 1


def test_the_joint_loss_is_the_weighted_sum_of_cross_entropies() -> None:
    torch.manual_seed(0)
    outputs, labels = [torch.randn(9, 6) for _ in range(4)], torch.randint(6, (9,))
    each = [F.cross_entropy(logits, labels) for logits in outputs]
    got = training.joint_loss(outputs, labels, Phase((1.0, 0.3, 0.2, 0.1)))
    assert got.item() == pytest.approx((each[0] + 0.3 * each[1] + 0.2 * each[2] + 0.1 * each[3]).item())
    assert training.joint_loss(outputs[-1:], labels, Phase(PLAIN)).item() == pytest.approx(each[3].item())


def test_distilling_adds_nothing_where_all_exits_agree_and_teaches_no_teacher() -> None:
    logits, labels = torch.randn(5, 6), torch.randint(6, (5,))
    same = training.joint_loss([logits] * 4, labels, Phase(EQUAL, distilled=1.0))
    assert same.item() == pytest.approx(4 * F.cross_entropy(logits, labels).item(), rel=1e-5)
    outputs = [torch.randn(5, 6, requires_grad=True) for _ in range(4)]
    with_it, without = (
        torch.autograd.grad(training.joint_loss(outputs, labels, Phase(EQUAL, distilled=d)), outputs)
        for d in (1.0, 0.0)
    )
    assert not torch.allclose(with_it[0], without[0]) and torch.equal(with_it[3], without[3])
