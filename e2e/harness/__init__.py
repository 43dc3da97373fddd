"""What the tests start: the binary under test and the world around it."""
