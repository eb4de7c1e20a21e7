def predict_with_compaction(model, images, tolerance):
    model.eval()
    with torch.no_grad():
        exit_outputs = model.early_train(images)
    exits = per_sample_exits(exit_outputs, tolerance)
    logits = torch.stack(exit_outputs)[exits, torch.arange(len(images), device=images.device)]
    return logits, exits
