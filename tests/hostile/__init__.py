"""What the tests of hostile input share: bodies of every shape, and an oracle that knows nothing of the decoder."""
