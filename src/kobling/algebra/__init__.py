"""Pure, total functions over the model: convert, filter, resolve, plan."""
