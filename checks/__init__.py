"""The house rules that no tool knows: each a module, run together by `python -m checks`."""
