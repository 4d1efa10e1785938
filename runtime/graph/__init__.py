"""What a flow is: pure, no input or output."""
