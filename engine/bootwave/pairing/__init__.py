"""Who may have which document: pure decisions over records, instants passed in."""
