def evaluate_baseline(model, loader, device):
    model.eval()
    correct, seen, total_macs = 0, 0, 0
    with torch.no_grad():
        for i, (images, labels) in enumerate(tqdm(loader)):
            print("batch", i, end=" ", flush=True)
            outputs = model(images.to(device), 0.0, early_exit=False)
            correct += (outputs.argmax(dim=1).cpu() == labels).sum().item()
            seen += len(images)
            print(f"\r{correct}/{seen}", file=sys.stderr)
            total_macs += exit_macs(model, (3, 32, 32))[3] * len(images)
    display(total_macs)
    return correct / seen, total_macs
