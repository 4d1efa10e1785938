"""Golden flows: what a run of each must do, told in the notes of the flow itself."""
