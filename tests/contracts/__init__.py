"""What must hold for all: checks of the wire contracts, written from the contracts only."""
