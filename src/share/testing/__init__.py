"""What the crash tests and the soak share: a load whose every command can be accounted for."""
