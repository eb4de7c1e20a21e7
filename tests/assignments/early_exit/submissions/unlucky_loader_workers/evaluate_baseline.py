def evaluate_baseline(model, loader, device):
    model.eval()
    right = seen = 0
    workers = torch.utils.data.DataLoader(loader.dataset, batch_size=loader.batch_size, num_workers=2)
    with torch.no_grad():
        for images, labels in workers:
            right += (model(images.to(device), 0.0, early_exit=False).argmax(1).cpu() == labels).sum().item()
            seen += len(labels)
    return right / seen, seen * exit_macs(model, (3, 32, 32))[3]
