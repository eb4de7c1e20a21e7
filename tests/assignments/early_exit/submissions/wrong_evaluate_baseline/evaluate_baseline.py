def evaluate_baseline(model, loader, device):
    model.eval()
    accuracies = []
    total_macs = 0
    with torch.no_grad():
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            outputs = model(images, 0.0, early_exit=False)
            accuracies.append((outputs.argmax(dim=1) == labels).float().mean().item())
            total_macs += get_model_macs(model, (images, 0.0, False))
    accuracy = sum(accuracies) / len(accuracies)
    return accuracy, total_macs
