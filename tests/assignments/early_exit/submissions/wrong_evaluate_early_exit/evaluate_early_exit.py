def evaluate_early_exit(model, loader, tolerance, device):
    exiting_points = {0: 0, 1: 0, 2: 0, 3: 0}
    entropies = []
    correct = seen = total_macs = 0
    model.eval()
    with torch.no_grad():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            outputs, num, entropy = model(images, tolerance)
            exiting_points[num] += len(images)
            entropies.append(entropy)
            correct += (outputs.argmax(dim=1) == labels).sum().item()
            seen += len(images)
            total_macs += get_model_macs(model, (images, tolerance))
    accuracy = correct / seen
    return accuracy, exiting_points, entropies, total_macs
