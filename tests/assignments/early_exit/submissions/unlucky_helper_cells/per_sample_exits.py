def per_sample_exits(exit_outputs, tolerance):
    sure = torch.stack([entropy_of(o) < tolerance for o in exit_outputs])
    sure[-1] = True
    return sure.int().argmax(dim=0)
