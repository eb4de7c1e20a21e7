"""MAC counts against arithmetic, against the homework's printed totals, and against torch's own counter."""

import copy
import random
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchprofile
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from course_lib import macs
from course_lib._spy import Spy
from course_lib.macs import UncountedOperatorError, exit_macs, get_model_macs, main, total_macs
from course_lib.model import EarlyExitResNet18

PATH = (153_485_312, 287_670_272, 421_871_616, 556_035_584)
EARLY_HEADS = (65536 * 6, 32768 * 6, 16384 * 6)


@pytest.fixture(name="full_model", scope="module")
def _full_model() -> EarlyExitResNet18:
    return EarlyExitResNet18(num_classes=6, width=64)


@pytest.fixture(name="honest", scope="module")
def _honest(full_model: EarlyExitResNet18) -> tuple[int, ...]:
    return exit_macs(full_model, (3, 32, 32), all_heads=True)


@pytest.fixture(name="model")
def _model() -> EarlyExitResNet18:
    torch.manual_seed(0)
    return EarlyExitResNet18(num_classes=6, width=4)


def conv_and_linear_macs(model: EarlyExitResNet18, images: Tensor) -> int:
    """What torch counts for one call of early_train: the convolutions and the matrix products."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.early_train(images)
    return counter.get_total_flops() // 2  # it counts a multiplication and an addition apart


def elements_of_batchnorm_and_pool(width: int) -> int:
    """Elements that the BatchNorms and the last exit's pool put out for one image."""
    return (
        5 * width * 32 * 32  # stem and two blocks
        + 5 * 2 * width * 16 * 16  # two blocks and the shortcut, here and below
        + 5 * 4 * width * 8 * 8
        + 5 * 8 * width * 4 * 4
        + 8 * width  # the pool
    )


def test_the_table_of_the_full_network_is_the_published_one(full_model: EarlyExitResNet18):
    assert exit_macs(full_model, (3, 32, 32)) == PATH


def test_all_heads_adds_the_heads_on_the_way(honest: tuple[int, ...]):
    assert honest == tuple(PATH[k] + sum(EARLY_HEADS[:k]) for k in range(4))
    assert honest[3] == 556_035_584 + 688_128


def test_the_honest_count_is_torchs_own_plus_batchnorm_and_pool(full_model: EarlyExitResNet18, honest: tuple[int, ...]):
    counted_by_torch = conv_and_linear_macs(full_model.eval(), torch.zeros(1, 3, 32, 32))
    assert counted_by_torch == 556_108_800
    assert honest[3] == counted_by_torch + elements_of_batchnorm_and_pool(width=64)


@pytest.mark.parametrize(("width", "num_classes"), [(4, 6), (6, 10)])
def test_the_two_counters_agree_at_any_width_and_class_count(width: int, num_classes: int):
    model = EarlyExitResNet18(num_classes, width).eval()

    honest = exit_macs(model, (3, 32, 32), all_heads=True)
    by_torch = conv_and_linear_macs(model, torch.zeros(1, 3, 32, 32))
    assert honest[3] == by_torch + elements_of_batchnorm_and_pool(width)


def test_the_table_is_what_the_seeds_call_counts(model: EarlyExitResNet18):
    images = torch.rand(1, 3, 32, 32)
    table = exit_macs(model, (3, 32, 32))

    assert get_model_macs(model, (images, 100.0)) == table[0]
    assert get_model_macs(model, (images, 0.0)) == table[3]
    assert get_model_macs(model, (images, 0, False)) == table[3]
    assert get_model_macs(model.stem, images) == 4 * 32 * 32 * 3 * 3 * 3 + 4 * 32 * 32


@pytest.mark.parametrize("zero", [np.float32(0), np.float64(0), np.int64(0), torch.tensor(0.0)])
def test_a_tolerance_out_of_an_array_counts_as_a_number(model: EarlyExitResNet18, zero):
    images = torch.rand(1, 3, 32, 32)

    assert get_model_macs(model, (images, zero)) == exit_macs(model, (3, 32, 32))[3]


def test_when_heads_decide_to_go_on_then_the_seeds_call_misses_them(model: EarlyExitResNet18):
    images = torch.rand(1, 3, 32, 32)
    honest = exit_macs(model, (3, 32, 32), all_heads=True)

    missed = honest[3] - get_model_macs(model, (images, 0.0))
    assert missed == 6 * (4 * 32 * 32 + 8 * 16 * 16 + 16 * 8 * 8)


def test_the_seeds_call_counts_the_whole_batch_and_the_table_one_image(model: EarlyExitResNet18):
    table = exit_macs(model, (7, 3, 32, 32))

    assert table == exit_macs(model, (3, 32, 32))
    assert get_model_macs(model, (torch.rand(7, 3, 32, 32), 0.0)) == 7 * table[3]


def test_any_network_with_stem_stages_and_heads_is_counted():
    class TwoExits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Flatten()
            self.stages = nn.ModuleList([nn.Linear(12, 5), nn.Linear(5, 7)])
            self.heads = nn.ModuleList([nn.Linear(5, 2), nn.Linear(7, 2)])

    assert exit_macs(TwoExits(), (3, 2, 2)) == (12 * 5 + 5 * 2, 12 * 5 + 5 * 7 + 7 * 2)
    assert exit_macs(TwoExits(), (3, 2, 2), all_heads=True)[1] == 12 * 5 + 5 * 2 + 5 * 7 + 7 * 2


def test_a_network_of_known_layers_is_counted_once_and_of_each_size_anew(monkeypatch: pytest.MonkeyPatch):
    first = exit_macs(EarlyExitResNet18(6, 4), (3, 32, 32))
    wider, fewer_classes = (
        exit_macs(EarlyExitResNet18(6, 8), (3, 32, 32)),
        exit_macs(EarlyExitResNet18(3, 4), (3, 32, 32)),
    )
    monkeypatch.setattr("course_lib.macs._parts", None)

    assert len({first, wider, fewer_classes}) == 3
    assert exit_macs(EarlyExitResNet18(6, 4), (9, 3, 32, 32)) == first
    with pytest.raises(TypeError):
        exit_macs(EarlyExitResNet18(6, 4), (3, 64, 64))


@pytest.mark.parametrize("where", ["a class of the notebook's own", "forward of one layer replaced"])
def test_a_layer_that_may_cost_anything_is_counted_each_time(model: EarlyExitResNet18, where: str):
    class Head(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(calls):
                logits = super().forward(x)
            return sum([logits, *(super(Head, self).forward(x) for _ in range(calls - 1))])

    model, table = copy.deepcopy(model), exit_macs(model, (3, 32, 32))
    if where.startswith("a class"):
        model.heads[0] = Head(*model.heads[0])
    else:
        head = model.heads[0]
        usual = head.forward
        head.forward = lambda x: sum(usual(x) for _ in range(calls))
    calls = 1
    assert exit_macs(model, (3, 32, 32)) == table
    calls = 3
    assert exit_macs(model, (3, 32, 32))[0] > table[0]


def small_network(*stem: nn.Module) -> nn.Module:
    """One of torch's layers alone, but for the stem."""
    model = nn.Module()
    model.stem, model.stages, model.heads = nn.Sequential(*stem), nn.ModuleList(), nn.ModuleList()
    model.stages.append(nn.Conv2d(2, 2, 1, bias=False))
    model.heads.append(nn.Flatten())
    return model


def test_a_network_whose_weights_were_cut_down_is_counted_anew():
    model = small_network(nn.Conv2d(1, 4, 1, bias=False), nn.Conv2d(4, 2, 1, bias=False))
    assert exit_macs(model, (1, 4, 4)) == (4 * 16 + 8 * 16 + 4 * 16,)

    model.stem[0].weight = nn.Parameter(model.stem[0].weight[:3])
    model.stem[1].weight = nn.Parameter(model.stem[1].weight[:, :3])
    assert exit_macs(model, (1, 4, 4)) == (3 * 16 + 6 * 16 + 4 * 16,)


def test_a_pool_that_rounds_up_is_not_taken_for_one_that_rounds_down():
    assert exit_macs(small_network(nn.AvgPool2d(2)), (2, 5, 5)) == (2 * 4 + 4 * 4,)
    assert exit_macs(small_network(nn.AvgPool2d(2, ceil_mode=True)), (2, 5, 5)) == (2 * 9 + 4 * 9,)


def test_when_a_kind_of_layer_computes_something_else_now_then_it_is_counted_anew(monkeypatch: pytest.MonkeyPatch):
    model, forward = small_network(nn.Conv2d(2, 2, 1, bias=False)), nn.Conv2d.forward
    assert exit_macs(model, (2, 4, 4)) == (2 * 4 * 16,)

    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: forward(self, forward(self, x)))
    assert exit_macs(model, (2, 4, 4)) == (4 * 4 * 16,)


def test_another_counter_counts_anew(model: EarlyExitResNet18, monkeypatch: pytest.MonkeyPatch):
    table = exit_macs(model, (3, 32, 32))
    monkeypatch.setattr(torchprofile, "profile_macs", lambda *words: 1)

    assert exit_macs(model, (3, 32, 32)) == (3, 4, 5, 6) != table


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The MACs of each trace from now on."""
    made: list[int] = []
    real = torchprofile.profile_macs

    def counted(*words: object) -> int:
        made.append(real(*words))
        return made[-1]

    monkeypatch.setattr(torchprofile, "profile_macs", counted)
    return made


def test_the_same_way_with_as_many_images_is_traced_once(traces: list[int]):
    model, images = EarlyExitResNet18(6, 4), torch.rand(5, 3, 32, 32)
    ways = [(images, 0.0), (images, 9.0), (images, 0.0, False), (images[:2], 0.0), (images[:2], 9.0)]

    first = [get_model_macs(model, way) for way in ways]
    again = [get_model_macs(EarlyExitResNet18(6, 4), way) for way in ways]

    assert first == again == traces
    assert len(set(first)) == 4  # heads on the way are not counted
    assert get_model_macs(EarlyExitResNet18(6, 8), ways[0]) == traces[5] > first[0]


def test_what_no_returned_tensor_needs_stays_uncounted(traces: list[int]):
    class TwoHeads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.ModuleList([nn.Linear(4, 3), nn.Linear(4, 3)])

        def forward(self, x: Tensor, returned: int) -> Tensor | list[Tensor]:
            answers = [head(x) for head in self.heads]
            return answers if returned == 2 else answers[returned]

    counts = [get_model_macs(TwoHeads(), (torch.rand(1, 4), returned)) for returned in (0, 1, 2, 0, 1, 2)]

    assert counts == [12, 12, 24, 12, 12, 24]
    assert len(traces) == 3


def test_a_function_that_gives_the_same_at_another_price_is_traced_anew():
    class Pool(nn.Module):
        def forward(self, x: Tensor, own: bool) -> Tensor:
            return x.mean((2, 3), keepdim=True) if own else F.adaptive_avg_pool2d(x, 1)

    images = torch.rand(2, 3, 4, 4)
    traced = [torchprofile.profile_macs(Pool(), (images, own)) for own in (True, False)]

    assert [get_model_macs(Pool(), (images, own)) for own in (True, False)] == traced


def test_what_is_written_into_a_tensor_counts_like_what_is_returned():
    class Layer(nn.Module):
        def forward(self, x: Tensor, write: bool) -> Tensor:
            found, product = torch.zeros(4, 4), x @ x
            if write:
                found[:] = product
            return found + x

    traced = [torchprofile.profile_macs(Layer(), (torch.rand(4, 4), write)) for write in (True, False)]

    assert [get_model_macs(Layer(), (torch.rand(4, 4), write)) for write in (True, False)] == traced == [64, 0]


def test_a_forward_that_computes_more_now_is_traced_anew():
    class Layer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(times):
                x = x @ x
            return x

    for times in (1, 3, 1):
        assert get_model_macs(Layer(), torch.rand(4, 4)) == times * 4**3


def test_a_model_that_takes_another_way_each_time_is_not_remembered(traces: list[int]):
    class Restless(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            Restless.calls += 1
            return x @ x if Restless.calls % 2 else x @ x @ x

    counts = [get_model_macs(Restless(), torch.rand(4, 4)) for _ in range(4)]

    assert counts == traces == [128, 128, 128, 128]  # of each pair of calls the second, which is traced


def test_a_hook_sees_one_call_for_each_count(traces: list[int]):
    model, seen = EarlyExitResNet18(6, 4), []
    model.stem.register_forward_hook(lambda *words: seen.append(1))

    counts = [get_model_macs(model, (torch.rand(1, 3, 32, 32), 0.0)) for _ in range(3)]

    assert len(seen) == 3
    assert counts == traces


def test_a_spied_network_is_remembered(traces: list[int]):
    model = EarlyExitResNet18(6, 4)
    get_model_macs(model, (torch.rand(3, 3, 32, 32), 0.0))
    Spy(model)

    assert len({get_model_macs(model, (torch.rand(3, 3, 32, 32), 0.0)) for _ in range(3)}) == len(traces) == 1


def test_autocast_counts_as_without_it(model: EarlyExitResNet18):
    way = (torch.rand(6, 3, 32, 32), 0.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = get_model_macs(model, way)

    assert found == get_model_macs(model, way)


def test_what_flows_through_a_single_number_counts():
    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 100)

        def forward(self, x: Tensor) -> Tensor:
            one, other = self.a(x), self.b(x)
            return x * (one.max() if x[0, 0] > 0 else other.max())

    images = [sign * torch.ones(2, 8) for sign in (1, -1, 1)]
    traced = [torchprofile.profile_macs(Layer(), one) for one in images]

    assert [get_model_macs(Layer(), one) for one in images] == traced
    assert traced[0] != traced[1]


def test_a_model_that_grows_is_not_remembered(traces: list[int]):
    class Memory(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kept, self.linear = torch.zeros(0, 4), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            self.kept = torch.cat([self.kept, x])
            return self.linear(self.kept)

    assert [get_model_macs(Memory(), torch.rand(2, 4)) for _ in range(2)] == [64, 64] == traces


@pytest.mark.parametrize("seed", range(5))
def test_a_way_that_is_drawn_is_drawn_once(seed: int):
    class Sampled(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[F.dropout(x[:, 0], 0.5, True) > 0] @ x.transpose(0, 1)

    torch.manual_seed(seed)
    wanted, state = torchprofile.profile_macs(Sampled(), torch.ones(16, 4)), torch.get_rng_state()
    for _ in range(2):  # traced, and from memory
        torch.manual_seed(seed)
        assert get_model_macs(Sampled(), torch.ones(16, 4)) == wanted
        assert torch.equal(torch.get_rng_state(), state)


def test_any_hook_may_be_there():
    layer = nn.Linear(2, 2)
    layer.register_forward_pre_hook({}.setdefault)  # of no module

    assert get_model_macs(layer, torch.rand(1, 2)) == 4


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(macs, "MOST_KNOWN", 3)
    monkeypatch.setattr(macs, "_macs", {})

    assert [get_model_macs(nn.Linear(1, 1), torch.rand(size, 1)) for size in range(1, 9)] == list(range(1, 9))
    assert len(macs._macs) <= 3


def test_a_models_own_warnings_are_not_shown():
    class Loud(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            warnings.warn("loud", stacklevel=1)
            return x @ x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get_model_macs(Loud(), torch.rand(2, 2)) == 8


def test_counting_leaves_the_model_and_the_generators_as_they_were(model: EarlyExitResNet18):
    model.train()
    model.stages[1].eval()  # modes that differ inside one model come back too
    images = torch.rand(2, 3, 32, 32)
    modes = [module.training for module in model.modules()]
    state = copy.deepcopy(model.state_dict())
    generators = (torch.get_rng_state(), str(np.random.get_state()), random.getstate())

    get_model_macs(model, (images, 0.05))
    exit_macs(model, (3, 32, 32))
    exit_macs(model, (3, 32, 32), all_heads=True)

    assert modes == [module.training for module in model.modules()]
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert torch.equal(generators[0], torch.get_rng_state())
    assert generators[1:] == (str(np.random.get_state()), random.getstate())


def test_when_the_call_raises_then_the_mode_comes_back(model: EarlyExitResNet18):
    model.train()

    with pytest.raises(ValueError, match="shape"):
        get_model_macs(model, (torch.rand(2, 32, 32), 0.05))
    assert all(module.training for module in model.modules())
    assert torch.is_grad_enabled()


def test_when_warnings_are_errors_then_counting_still_works(model: EarlyExitResNet18):
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        assert get_model_macs(model, (torch.rand(1, 3, 32, 32), 0.0)) > 0


def test_when_an_operator_is_unknown_then_it_is_an_error_and_not_zero():
    class Unusual(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.erf(x) + torch.cumsum(x, dim=1)

    for _ in range(2):  # Python shows a warning once: the second count must not pass in silence
        with pytest.raises(UncountedOperatorError, match="aten::cumsum, aten::erf") as error:
            get_model_macs(Unusual(), torch.rand(2, 3))
    assert error.value.operators == ("aten::cumsum", "aten::erf")


def test_when_the_input_shape_is_no_image_then_the_error_shows_it(model: EarlyExitResNet18):
    with pytest.raises(ValueError, match=r"got \(32, 32\)"):
        exit_macs(model, (32, 32))


def test_the_homeworks_totals_follow_from_the_table_to_the_unit():
    # 46 batches of 128 and one of 112 images; (16, 3, 6, 22) batches by exit, the short one at exit 3.
    early = total_macs(PATH, (16 * 128, 3 * 128, 6 * 128, 21 * 128 + 112))
    whole = total_macs(PATH, {3: 6000})

    assert whole == 3_336_213_504_000
    assert early == 2_305_700_339_712
    assert whole / early == 1.446941498224665


def test_numpy_and_torch_integers_do_not_overflow():
    images = 10_000_000_000_000

    assert total_macs(np.array(PATH), np.array([images, 0, 0, 0])) == PATH[0] * images
    assert total_macs(PATH, torch.tensor([images, 0, 0, 0])) == PATH[0] * images
    assert type(total_macs(np.array(PATH), np.array([1, 0, 0, 0]))) is int


@pytest.mark.parametrize("counts", [(1, 2, 3), (1, 2, 3, 4, 5), {4: 1}, {-1: 1}])
def test_when_the_counts_are_for_other_exits_then_the_error_says_which(counts):
    with pytest.raises(ValueError, match=r"exits 0 to 3, but the counts are for exits \["):
        total_macs(PATH, counts)


def test_when_a_count_is_a_fraction_then_it_is_refused():
    with pytest.raises(TypeError, match="float"):
        total_macs(PATH, {0: 0.5})


def test_main_prints_the_homeworks_numbers_next_to_ours(capsys: pytest.CaptureFixture[str]):
    main()

    printed = capsys.readouterr().out
    for count in PATH:
        assert printed.count(f"{count:,}") >= 2
    assert printed.count("3,336,213,504,000") == 3
    assert printed.count("2,305,700,339,712") == 2
    assert printed.count("1.446941") == 2
