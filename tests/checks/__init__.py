"""Each house rule catches the breach planted for it, and lets its lawful neighbor stand."""
