"""Keeps Business Central and Dynamics 365 Sales records coupled and in step."""

__version__ = "0.1.0"
