"""What the API shows and changes, one module for each kind of thing."""
