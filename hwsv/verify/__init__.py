"""Do all levels of the chain compute the same integers? See `hwsv.verify.chain`."""
