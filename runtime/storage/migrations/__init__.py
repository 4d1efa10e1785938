"""How the tables came to be: one numbered file a change in versions/, run at every start."""
