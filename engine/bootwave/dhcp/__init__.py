"""What DHCP servers are to tell phones: options out, fragments of their files out."""
