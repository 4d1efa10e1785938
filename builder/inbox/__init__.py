"""What people are asked by runs that wait for them, and how they answer."""
