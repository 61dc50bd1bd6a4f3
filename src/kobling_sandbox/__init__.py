"""A wire-compatible Business Central and Dataverse on local ports, for trying and testing."""
