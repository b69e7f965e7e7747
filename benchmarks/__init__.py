"""Programs that print ratios to bounds and peers, each runnable alone: `python -m benchmarks.seats`."""
