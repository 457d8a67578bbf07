"""What a reader sees of the charts, as Vega draws them."""
