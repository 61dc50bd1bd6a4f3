"""Frozen values of the domain; they know no clock, no network and no database."""
