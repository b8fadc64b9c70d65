"""Reports on tests in the forms that people and build servers read. Runs and decides nothing."""
