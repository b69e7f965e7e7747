"""The limits of the APIs, held across server processes, and the blocks an operator sees and lifts."""
