"""The part of the editor that runs in the browser, and the component by which Reflex places it."""
