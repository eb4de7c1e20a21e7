@torch.no_grad()
def evaluate_early_exit(model, loader, tolerance, device):
    model.eval()
    table = exit_macs(model, (3, 32, 32))
    counts, entropies, right, seen, macs = dict.fromkeys(range(4), 0), [], 0, 0, 0
    for images, labels in loader:
        _, k, entropy = model(images.to(device), tolerance)
        best = model(images.to(device), tolerance, early_exit=False)
        counts[k] += 1
        entropies.append(entropy)
        right += (best.argmax(1).cpu() == labels).sum().item()
        seen += len(labels)
        macs += len(labels) * table[k]
    return right / seen, counts, entropies, macs
