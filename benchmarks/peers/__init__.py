"""The same work as the documentation of widely used libraries shows it; each in a process and on a copy of its own."""
