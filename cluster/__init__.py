"""Running it all: configuration, plan, storage, executors and the command line. The only folder that knows Ray."""
