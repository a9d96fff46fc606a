"""What phones are served from, and what they cause to be written.

A ``Reader`` gives complete records by MAC, many in one query; a ``Writer`` commits in
groups what phones do (``phonewrites``).  Both are of one process and made after fork.
Nothing here waits for an administrator, and nobody else writes on the phone's path.
"""
