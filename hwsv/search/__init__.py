"""Design-space search: foldings over rates and resource prices, each with exact cycles and estimated resources."""
