"""The levels of the chain, one file each; `hwsv.verify.level` holds the contract and finds them."""
