"""Tests of teams, seats, people and billing."""
