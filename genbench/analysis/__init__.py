"""What is said about samples and models beyond bits."""
