"""The page of the first administrator, which resources/setuppage.py shows."""
