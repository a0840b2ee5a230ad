"""What every algorithm shares; knows neither environments nor algorithms."""
