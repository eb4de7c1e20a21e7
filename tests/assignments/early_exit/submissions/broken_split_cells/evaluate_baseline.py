PER_IMAGE = {}


def per_image(model):
    if id(model) not in PER_IMAGE:
        PER_IMAGE[id(model)] = exit_macs(model, (3, 32, 32))[-1]
    return PER_IMAGE[id(model)]
# %%
def hits(outputs, labels):
    return int((outputs.argmax(1).cpu() == labels).sum())
# %%
@torch.no_grad()
def evaluate_baseline(model, loader, device):
    model.eval()
    right = seen = 0
    for images, labels in loader:
        right += hits(model(images.to(device), 0.0, early_exit=False), labels)
        seen += len(labels)
    return right / seen, seen * exit_macs(model, (3, 32, 32))[-1]
