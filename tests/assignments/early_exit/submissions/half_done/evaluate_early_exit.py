@torch.no_grad()
def evaluate_early_exit(model, loader, tolerance, device):
    model = model.eval()
    exits, entropies, right, seen, total_macs = [], [], 0, 0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        logits, exit_index, entropy = model(images, tolerance)
        right += int((logits.argmax(1) == labels).sum())
        seen += labels.numel()
        exits.append(exit_index)
        entropies.append(entropy)
        total_macs += get_model_macs(model, (images, tolerance))
    return right / seen, {k: exits.count(k) for k in range(4)}, entropies, total_macs
