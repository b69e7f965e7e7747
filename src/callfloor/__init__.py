"""Callfloor: the self-hosted platform of a call centre."""
