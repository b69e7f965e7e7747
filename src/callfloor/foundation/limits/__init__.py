"""A limit by client address that holds across server processes, and the blocks an operator sees and lifts."""
