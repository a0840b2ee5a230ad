"""The rollout engine, its jitted form, and demonstrations: where batches come from."""
